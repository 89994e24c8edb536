"""SIP over TCP inspected segment by segment: what is translated, what never is, and what ends it."""

import random

import pytest
from scapy.layers.inet import IP, TCP

from doorman.config.reader import read_config
from doorman.engine.admission import Admission
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.engine.streams import Limits
from doorman.net.fragments import fragment
from kit.packets import endpoint, icmp_error, quote_of, rebuilt, shown, tcp, udp
from kit.sip import GLOBAL, OVERLOAD, STATIC, answer, incoming, request, sdp
from kit.talk import INSIDE, OUTSIDE, Heard, Talk, dropped

PHONE, PEER = "10.0.0.10:40000", "198.51.100.20:5060"
STATIC_PORT = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 5060 interface out0 5060\n"
HAIRPIN = OVERLOAD + "ip nat inside source static tcp 10.0.0.11 5060 203.0.113.1 5060\n"
TLS = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(300)
HTTP = b"POST / HTTP/1.1\r\nHost: 198.51.100.20:5060\r\nContent-Length: 3000\r\n\r\n" + b"x" * 1_000


def over_tcp(message: bytes) -> bytes:
    """A message of the phone as it stands in a connection from its port 40000."""
    return message.replace(b"SIP/2.0/UDP 10.0.0.10:5060", b"SIP/2.0/TCP 10.0.0.10:5060").replace(
        b"alice@10.0.0.10:5060", b"alice@10.0.0.10:40000;transport=tcp"
    )


INVITE = over_tcp(request("INVITE", body=sdp()))
REGISTER = over_tcp(request("REGISTER", "Expires: 600"))
OPTIONS = over_tcp(request("OPTIONS", call_id="two"))
SLIPSTREAM = REGISTER.replace(b"10.0.0.10:40000", b"10.0.0.10:3306")


def gateway(config: str = OVERLOAD) -> Engine:
    return Engine(read_config(config, "test.cfg"), random.Random(7).random)


def talk(config: str = OVERLOAD, limits: Limits | None = None) -> Talk:
    engine = gateway(config)
    engine.splicing.limits = limits
    made = Talk(engine, PHONE, PEER)
    made.open()
    return made


def doors(engine: Engine) -> list[str]:
    return sorted(door.role for door in engine.state.doors)


def translated(message: bytes) -> bytes:
    """What a proxy makes of it."""
    engine = gateway()
    connection = connect(engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, 1000.0)
    return connection.receive(message, End.CLIENT, 1000.0).data


def test_a_message_in_one_segment() -> None:
    call = talk()
    heard = call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == translated(INVITE)
    assert (len(heard.on), heard.back, heard.result.fate) == (1, [], Fate.FORWARDED)
    assert [inspection.outcome.name for inspection in heard.result.inspections] == ["INVITE"]
    assert "rtp" in doors(call.engine)


def test_a_message_in_two_segments_is_acknowledged_by_the_gateway_and_goes_on_whole() -> None:
    call = talk()
    first = call.say(INSIDE, INVITE[:300])
    assert (first.result.fate, first.on) == (Fate.HELD, [])
    assert [(str(one.flags), one.ack) for one in first.back] == [("A", call.next[INSIDE])]
    second = call.say(INSIDE, INVITE[300:])
    assert call.heard[OUTSIDE] == translated(INVITE)
    assert second.back == []


def test_byte_by_byte_and_several_in_one() -> None:
    stream = INVITE + b"\r\n\r\n" + OPTIONS + REGISTER
    slow, quick = talk(), talk()
    for byte in stream:
        slow.say(INSIDE, bytes([byte]))
    quick.say(INSIDE, stream)
    assert slow.heard[OUTSIDE] == quick.heard[OUTSIDE] == translated(stream)


def test_the_answer_is_acknowledged_as_its_sender_numbers_it() -> None:
    call = talk()
    call.say(INSIDE, INVITE)
    ok = answer(200, body=sdp("198.51.100.20", 6000))
    call.say(OUTSIDE, ok)
    assert b"From: <sip:alice@10.0.0.10>" in call.heard[INSIDE]
    assert len(call.heard[INSIDE]) != len(ok)
    (acknowledged,) = call.send(INSIDE, "A").on
    assert acknowledged.ack == call.next[OUTSIDE] % 2**32
    assert acknowledged.seq == call.expected[OUTSIDE]


def test_a_lost_translation_is_sent_again_when_its_sender_sends_again() -> None:
    call = talk()
    (first,) = call.say(INSIDE, INVITE).on
    (again,) = call.send(INSIDE, "PA", INVITE, back=len(INVITE)).on
    assert (bytes(again.payload), again.seq) == (bytes(first.payload), first.seq)


def test_a_message_is_inspected_once_however_often_it_comes() -> None:
    call = talk()
    call.say(INSIDE, INVITE)
    heard = call.send(INSIDE, "PA", INVITE, back=len(INVITE))
    assert heard.result.inspections == ()
    assert call.engine.inspector.messages["sip"]["INVITE"] == 1


def test_other_bytes_than_before_stop_inspection() -> None:
    call = talk()
    call.say(INSIDE, OPTIONS[:200])
    call.send(INSIDE, "PA", b"X" * 100, back=100)
    call.say(INSIDE, OPTIONS[200:])
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == OPTIONS + INVITE, "what came first counts"
    assert call.engine.state.notes["tcp-contradiction"] == 1
    assert "rtp" not in doors(call.engine)


@pytest.mark.parametrize("first", [HTTP, TLS, b"\x16"])
def test_what_does_not_begin_as_sip_is_plain_for_ever(first: bytes) -> None:
    call = talk()
    call.say(INSIDE, first)
    call.say(INSIDE, TLS[1:] if first == b"\x16" else b"")
    call.say(INSIDE, SLIPSTREAM)
    assert call.heard[OUTSIDE].endswith(SLIPSTREAM)
    assert doors(call.engine) == []
    assert call.engine.inspector.messages["sip"] == {}
    call.send(OUTSIDE, "A")
    (session,) = call.engine.state.sessions
    assert (session.splice, session.plain) == (None, True)


def test_after_inspection_stops_numbers_stay_mapped() -> None:
    call = talk()
    call.say(INSIDE, INVITE)
    call.send(OUTSIDE, "A")
    call.say(INSIDE, TLS)
    call.send(OUTSIDE, "A")
    call.say(INSIDE, INVITE)
    call.say(OUTSIDE, b"whatever")
    grown = len(translated(INVITE)) - len(INVITE)
    assert call.heard == {OUTSIDE: translated(INVITE) + TLS + INVITE, INSIDE: b"whatever"}
    assert call.expected[OUTSIDE] == call.next[INSIDE] + grown
    (session,) = call.engine.state.sessions
    assert session.splice is not None
    assert not session.plain


def test_a_connection_met_in_the_middle_is_never_inspected() -> None:
    engine = gateway()
    result = engine.receive(tcp(PHONE, PEER, "PA", INVITE), Side.INSIDE, 1000.0)
    assert (result.fate, result.inspections, doors(engine)) == (Fate.FORWARDED, (), [])
    assert engine.state.notes["sip-connection-already-open"] == 1


@pytest.mark.parametrize("kind", [19, 29])
def test_a_signed_connection_is_left_alone(kind: int) -> None:
    call = Talk(gateway(), PHONE, PEER)
    call.open([(kind, bytes(16))])
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == INVITE


def test_multipath_is_not_offered_on() -> None:
    call = Talk(gateway(), PHONE, PEER)
    (syn,) = call.send(INSIDE, "S", options=[("MSS", 1_460), (30, bytes(10))]).on
    assert [option[0] for option in syn.options if option[0] != "NOP"] == ["MSS"]


def test_data_with_the_syn_follow_it() -> None:
    call = Talk(gateway(), PHONE, PEER)
    (syn,) = call.send(INSIDE, "S", INVITE, options=[("MSS", 1_460)]).on
    assert bytes(syn.payload) == b""
    call.next[INSIDE] += 1
    call.send(OUTSIDE, "SA", options=[("MSS", 1_460)])
    call.next[OUTSIDE] += 1
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == translated(INVITE)


def test_an_icmp_error_quotes_the_number_that_its_sender_knows() -> None:
    call = talk()
    call.say(INSIDE, INVITE)
    second = call.next[INSIDE]
    sent = call.say(INSIDE, OPTIONS).result.packet
    error = icmp_error("198.51.100.1", GLOBAL, sent[:28], 3, 4)
    result = call.engine.receive(error, Side.OUTSIDE, call.now)
    assert int.from_bytes(quote_of(result.packet)[24:28], "big") == second
    assert shown(result.packet).startswith("error 3")


def test_urgent_data_are_data_where_a_stream_is_looked_into() -> None:
    """Else who sends could show the gateway another stream than the one that its receiver reads (RFC 6093)."""
    call = talk()
    heard = call.send(INSIDE, "PAU", INVITE, urgptr=10)
    assert (str(heard.on[0].flags), heard.on[0].urgptr) == ("PA", 0)


def test_the_end_waits_for_what_is_held_and_a_reset_does_not() -> None:
    call = talk()
    call.say(INSIDE, INVITE[:300])
    heard = call.say(INSIDE, INVITE[300:], "FPA")
    assert [str(one.flags) for one in heard.on] == ["FPA"]
    cut = talk()
    cut.say(INSIDE, INVITE[:300])
    (reset,) = cut.send(INSIDE, "RA").on
    assert (str(reset.flags), reset.seq) == ("RA", cut.expected[OUTSIDE])


def test_a_damaged_segment_is_not_taken_for_what_was_sent() -> None:
    call = talk()
    heard = call.send(INSIDE, "PA", INVITE, chksum=1)
    assert dropped(heard) == "damaged-segment"
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == translated(INVITE)


def test_a_message_that_is_too_long_resets_both_ends() -> None:
    call = talk(limits=Limits(message=300))
    heard = call.say(INSIDE, INVITE)
    assert [str(one.flags) for one in (*heard.on, *heard.back)] == ["R", "R"]
    assert (heard.on[0].seq, heard.back[0].seq) == (call.expected[OUTSIDE], call.expected[INSIDE])
    assert dropped(call.say(INSIDE, OPTIONS)) == "connection-reset"
    assert call.engine.drops["sip: message-too-long"] == 1


def test_a_message_that_is_too_long_can_pass() -> None:
    call = talk(limits=Limits(message=300, refused="pass"))
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == INVITE
    assert doors(call.engine) == []


def test_a_dropped_message_is_acknowledged_and_left_out() -> None:
    call = talk()
    unknown = over_tcp(request("FROBNICATE", call_id="x"))
    heard = call.say(INSIDE, unknown)
    assert [one.ack for one in heard.back] == [call.next[INSIDE]]
    call.say(INSIDE, OPTIONS)
    assert call.heard[OUTSIDE] == translated(OPTIONS)


def test_the_next_connection_on_the_same_ports_is_inspected_too() -> None:
    call = talk()
    for first in (HTTP, INVITE):
        call.say(INSIDE, first)
        call.send(INSIDE, "RA")
        call.next[INSIDE] += 100_000
        call.heard[OUTSIDE] = b""
        call.open()
    call.say(INSIDE, OPTIONS)
    assert call.heard[OUTSIDE] == translated(OPTIONS)


def test_a_splice_goes_with_its_session() -> None:
    call = talk()
    (session,) = call.engine.state.sessions
    assert session.splice is not None
    call.engine.state.end_session(session, call.now)
    assert session.splice is None


def test_from_the_outside_to_a_static_name() -> None:
    call = Talk(gateway(STATIC_PORT), "10.0.0.10:5060", "192.0.2.66:7777", seen_as=GLOBAL + ":5060", client=OUTSIDE)
    call.open()
    call.say(OUTSIDE, incoming("OPTIONS")[:100])
    call.say(OUTSIDE, incoming("OPTIONS")[100:])
    assert call.heard[INSIDE].startswith(b"OPTIONS sip:alice@10.0.0.10:5060 SIP/2.0")


def test_switched_off_over_tcp_only_headers_are_translated() -> None:
    call = talk(OVERLOAD + "no ip nat service sip tcp port 5060\n")
    call.say(INSIDE, INVITE)
    assert call.heard[OUTSIDE] == INVITE


def test_a_post_whose_later_segment_begins_like_sip_opens_no_door() -> None:
    for cut in (len(HTTP), 20):
        call = talk(STATIC)
        for data in (HTTP[:cut], HTTP[cut:], SLIPSTREAM, SLIPSTREAM):
            call.say(INSIDE, data)
        assert call.heard[OUTSIDE] == HTTP + SLIPSTREAM * 2
        assert doors(call.engine) == []


def test_a_proxied_post_whose_later_segment_begins_like_sip_opens_no_door() -> None:
    engine = gateway()
    connection = connect(engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, 1000.0)
    for data in (HTTP, SLIPSTREAM):
        assert connection.receive(data, End.CLIENT, 1000.0).data == data
    assert doors(engine) == []


def test_a_fragment_that_begins_like_sip_opens_no_door() -> None:
    engine = gateway()
    padding = b"POST / HTTP/1.1\r\n\r\n" + b"x" * (1_480 - 8 - 19)
    pieces = fragment(udp("10.0.0.10:5060", "198.51.100.20:5060", padding + SLIPSTREAM), 1_500, 7)
    assert pieces[1][20:].startswith(b"REGISTER")
    results = [engine.receive(piece, Side.INSIDE, 1000.0) for piece in pieces]
    assert [result.fate for result in results] == [Fate.HELD, Fate.FORWARDED]
    assert doors(engine) == []
    assert engine.state.notes["not-sip"] == 1


def orphaned() -> Talk:
    """A connection in which what the outside thinks has arrived was lost on its way to the inside."""
    call = talk()
    call.say(OUTSIDE, incoming()[:100])
    lost = call.say(INSIDE, TLS)
    assert [bytes(one.payload) for one in lost.back] == [incoming()[:100]]
    call.expected[INSIDE] -= 100
    return call


def reminded(call: Talk, after: float) -> list[str]:
    call.now += after
    return [shown(packet) for packet in call.engine.splicing.remind(call.now)]


def test_what_its_sender_thinks_has_arrived_is_sent_again_by_the_gateway() -> None:
    call = orphaned()
    assert reminded(call, 0.5) == []
    (packet,) = call.engine.splicing.remind(call.now + 0.6)
    assert (IP(packet).src, IP(packet).dst, bytes(IP(packet)[TCP].payload)) == (
        "198.51.100.20",
        "10.0.0.10",
        incoming()[:100],
    )
    assert reminded(call, 1.7) == [], "each time it waits for twice as long"
    assert len(reminded(call, 1.0)) == 1
    call.expected[INSIDE] += 100
    call.send(INSIDE, "A")
    assert reminded(call, 60.0) == []


def test_a_window_that_is_shut_is_probed() -> None:
    call = Talk(gateway(), PHONE, PEER)
    call.send(INSIDE, "S", options=[("MSS", 1_460)], window=0)
    call.next[INSIDE] += 1
    call.send(OUTSIDE, "SA", options=[("MSS", 1_460)])
    call.next[OUTSIDE] += 1
    call.send(INSIDE, "A", window=0)
    call.say(OUTSIDE, incoming()[:100])
    assert call.send(INSIDE, "PA", TLS, window=0).back == []
    (packet,) = call.engine.splicing.remind(call.now + 1.1)
    probe = IP(packet)[TCP]
    assert (str(probe.flags), probe.seq, bytes(probe.payload)) == ("A", (call.next[OUTSIDE] - 101) % 2**32, b"")


def test_a_gateway_that_ends_resets_what_it_has_spliced() -> None:
    call = talk()
    call.say(INSIDE, INVITE)
    call.send(OUTSIDE, "A")
    resets = [IP(packet) for packet in call.engine.splicing.reset()]
    assert [(one.src, one.dst, str(one[TCP].flags)) for one in resets] == [
        (GLOBAL, "198.51.100.20", "RA"),
        ("198.51.100.20", "10.0.0.10", "RA"),
    ]
    assert [one[TCP].seq for one in resets] == [call.expected[OUTSIDE], call.expected[INSIDE]]
    assert call.engine.splicing.reset() == []
    assert dropped(call.say(INSIDE, OPTIONS)) == "connection-reset"


def test_beside_a_kernel_only_what_is_configured_so_is_spliced() -> None:
    for mode, spliced in (("l4f", False), ("vtcp", True)):
        config = read_config(OVERLOAD + f"ip nat service sip tcp mode {mode}\n", "test.cfg")
        call = Talk(Engine(config, random.Random(7).random, delegated=True), PHONE, PEER)
        call.open()
        call.say(INSIDE, INVITE)
        assert (call.heard[OUTSIDE] != INVITE) == spliced
        last = call.say(INSIDE, TLS).result
        assert (last.is_of_stream, last.stopped) == (spliced, False)


def vtcp_gateway(most: int, of_host: int) -> Engine:
    config = read_config(OVERLOAD + "ip nat service sip tcp mode vtcp\n", "test.cfg")
    engine = Engine(config, random.Random(7).random, delegated=True)
    engine.splicing.admission = Admission(most, of_host)
    return engine


def test_a_host_that_floods_leaves_room_for_others() -> None:
    engine = vtcp_gateway(5, 2)
    for host, reasons in (
        (10, ["", "", "too-many-connections-of-host"]),
        (11, ["", ""]),
        (12, ["", "too-many-connections"]),
    ):
        for number, reason in enumerate(reasons):
            result = engine.receive(tcp(f"10.0.0.{host}:{40_000 + number}", PEER), Side.INSIDE, 1000.0)
            assert result.reason == reason
    assert len(engine.state.sessions) == 5, "one that was refused is known"
    assert len([binding for binding in engine.state.bindings if not binding.static]) == 5
    assert engine.receive(tcp("10.0.0.10:40000", PEER), Side.INSIDE, 1000.0).reason == "", "it is one of them"


def test_those_that_are_over_make_room() -> None:
    engine = vtcp_gateway(1, 1)
    for number in range(3):
        assert engine.receive(tcp(f"10.0.0.10:{40_000 + number}", PEER), Side.INSIDE, 1000.0 + 2 * number).reason == ""
        assert engine.receive(tcp("10.0.0.11:40000", PEER), Side.INSIDE, 1000.5 + 2 * number).reason
        (session,) = engine.state.sessions
        engine.state.end_session(session, 1001.0)


def test_it_is_told_when_a_connection_needs_no_splice_any_more() -> None:
    call = talk()
    assert not call.say(INSIDE, TLS).result.stopped
    assert call.send(OUTSIDE, "A").result.stopped
    assert not call.say(INSIDE, TLS).result.is_of_stream


def test_a_call_between_inside_hosts_by_a_global_name() -> None:
    engine = gateway(HAIRPIN)
    phone, other = "10.0.0.10:40000", "10.0.0.11:5060"
    steps = [
        (phone, "S", 100, 0, b""),
        (other, "SA", 900, 101, b""),
        (phone, "A", 101, 901, b""),
        (phone, "PA", 101, 901, INVITE[:200]),
        (phone, "PA", 301, 901, INVITE[200:]),
    ]
    heard = []
    for source, flags, seq, ack, data in steps:
        target = GLOBAL + (":5060" if source == phone else ":40000")
        packet = IP(tcp(source, target, flags, data))
        packet[TCP].seq, packet[TCP].ack = seq, ack
        result = engine.receive(rebuilt(packet), Side.INSIDE, 1000.0)
        assert not dropped(Heard(result, [], []))
        heard.append([shown(one) for one in (*result.packets, *result.back)])
    name = f"tcp {GLOBAL}:40000 > {other}"
    assert heard[:4] == [[name], [f"tcp {GLOBAL}:5060 > {phone}"], [name], [f"tcp {GLOBAL}:5060 > {phone}"]]
    assert heard[4] == [name]
    assert [inspection.message.direction for inspection in result.inspections] == [0, 1]
    assert sum(session.splice is not None for session in engine.state.sessions) == 2


def test_beside_a_kernel_segments_are_given_as_they_leave_without_one() -> None:
    phone, other = "10.0.0.10:20000", "10.0.0.11:5060"
    config = read_config(HAIRPIN + "ip nat service sip tcp mode vtcp\n", "test.cfg")
    engines = [Engine(config, random.Random(7).random, delegated=delegated) for delegated in (False, True)]
    numbers = {phone: 101, other: 901}
    for source, flags, data in [(phone, "S", b""), (other, "SA", b""), (phone, "PA", INVITE), (other, "PA", OPTIONS)]:
        target = GLOBAL + (":5060" if source == phone else ":20000")
        packet = IP(tcp(source, target, flags, data))
        packet[TCP].seq = numbers[source] - ("S" in flags)
        packet[TCP].ack = numbers[other if source == phone else phone] if "A" in flags else 0
        results = [engine.receive(rebuilt(packet), Side.INSIDE, 1000.0) for engine in engines]
        assert results[0].packets == results[1].packets != ()
        assert results[0].back == results[1].back


def test_keep_alives_pass_at_once() -> None:
    call = talk()
    call.say(INSIDE, b"\r\n\r\n")
    call.say(OUTSIDE, b"\r\n")
    assert call.heard == {OUTSIDE: b"\r\n\r\n", INSIDE: b"\r\n"}
    call.send(OUTSIDE, "A")
    (probe,) = call.send(INSIDE, "A", b"x", back=1).on
    assert (probe.seq, bytes(probe.payload)) == (call.expected[OUTSIDE] - 1, b"")
