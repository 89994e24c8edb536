"""TCP connections that a proxy carries: who they are between, what goes through, and what does not."""

import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from doorman.algs.api import Direction, Refused
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End, Limits, Relay
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.packet import TCP
from kit.packets import endpoint
from kit.sip import GLOBAL, NO_NAT, OVERLOAD, STATIC, answer, incoming, request, sdp, show_door, sip

CLIENT, SERVER = End.CLIENT, End.SERVER
PHONE, OTHER_PHONE, PEER, STRANGER = "10.0.0.10:40000", "10.0.0.11:40000", "198.51.100.20:5060", "192.0.2.66:7777"
STATIC_PORT = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 5060 interface out0 5060\n"
TLS = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
BAD = sip("BYE sip:x SIP/2.0", "l: 3", "Content-Length: 3", length=None) + b"abc"


class Proxy:
    """An engine and a clock; connections are made by where they come from and go to."""

    def __init__(self, config: str = OVERLOAD) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.now = 1000.0

    def out(self, sender: str = PHONE, receiver: str = PEER, limits: Limits = Limits()) -> Connection:  # noqa: B008
        return connect(self.engine, endpoint(sender), endpoint(receiver), Side.INSIDE, self.now, limits=limits)

    def in_(self, sender: str = PEER, receiver: str = GLOBAL + ":5060") -> Connection:
        return connect(self.engine, endpoint(sender), endpoint(receiver), Side.OUTSIDE, self.now)

    @property
    def bindings(self) -> list[str]:
        return sorted(f"{known.local}>{known.global_}" for known in self.engine.state.bindings if not known.static)


def over_tcp(message: bytes) -> bytes:
    """A message of the phone as it stands in a connection from its port 40000."""
    return message.replace(b"SIP/2.0/UDP 10.0.0.10:5060", b"SIP/2.0/TCP 10.0.0.10:5060").replace(
        b"alice@10.0.0.10:5060", b"alice@10.0.0.10:40000;transport=tcp"
    )


INVITE = over_tcp(request("INVITE", body=sdp()))
REGISTER = over_tcp(request("REGISTER", "Expires: 600"))


def legs(connection: Connection) -> str:
    return f"{connection.source} > {connection.target}"


def test_a_connection_from_inside_gets_a_name_and_a_session() -> None:
    proxy = Proxy()
    connection = proxy.out()
    assert legs(connection) == "203.0.113.1:40000 > 198.51.100.20:5060"
    assert proxy.bindings == ["10.0.0.10:40000>203.0.113.1:40000"]
    (session,) = proxy.engine.state.sessions
    assert (session.protocol, session.alg, session.timeout) == (TCP, "sip", 86_400.0)
    assert connection.alive
    assert connection.inspected


def test_what_is_announced_in_a_stream_is_translated_and_gets_its_doors() -> None:
    proxy = Proxy()
    connection = proxy.out()
    relay = connection.receive(INVITE, CLIENT, proxy.now)
    assert b"10.0.0.10" not in relay.data
    assert b"Contact: <sip:alice@203.0.113.1:40000;transport=tcp>" in relay.data
    assert (relay.rest, relay.back, relay.close) == (b"", b"", False)
    assert [inspection.outcome.name for inspection in relay.inspections] == ["INVITE"]
    assert any("4000>10.0.0.10:4000" in show_door(door) for door in proxy.engine.state.doors)
    back = connection.receive(answer(200, body=sdp("198.51.100.20", 5000)), SERVER, proxy.now)
    assert b"From: <sip:alice@10.0.0.10>" in back.data
    assert back.inspections[0].message.direction == Direction.INBOUND


STREAM = [INVITE, b"\r\n\r\n", over_tcp(request("OPTIONS", call_id="two")), REGISTER, b"\r\n"]


@example([2_948], BAD)
@given(st.lists(st.integers(0, 100_000), max_size=12), st.sampled_from([b"", TLS, BAD, INVITE[:300]]))
def test_how_a_stream_is_cut_changes_nothing_of_what_goes_on(places: list[int], tail: bytes) -> None:
    stream = b"".join(STREAM) + tail
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]

    def relayed(chunks: list[bytes]) -> tuple[bytes, bool, int, list[str]]:
        proxy = Proxy()
        connection = proxy.out()
        relays = [connection.receive(chunk, CLIENT, proxy.now) for chunk in chunks]
        relays.append(connection.finish(CLIENT, proxy.now))
        data = b"".join(relay.data for relay in relays)
        names = [inspection.outcome.name for relay in relays for inspection in relay.inspections]
        return data, any(relay.close for relay in relays), sum(proxy.engine.drops.values()), names

    whole = relayed([stream])
    assert whole[3][:3] == ["INVITE", "OPTIONS", "REGISTER"]
    assert relayed([stream[start:end] for start, end in pairwise(edges)]) == whole


def test_one_byte_after_the_other() -> None:
    proxy = Proxy()
    connection = proxy.out()
    relays = [connection.receive(bytes([byte]), CLIENT, proxy.now) for byte in INVITE]
    assert b"".join(relay.data for relay in relays[:-1]) == b""
    assert relays[-1].data == Proxy().out().receive(INVITE, CLIENT, 1000.0).data


def test_a_dropped_message_is_left_out_and_the_stream_goes_on() -> None:
    proxy = Proxy()
    connection = proxy.out()
    unknown = over_tcp(request("FROBNICATE", call_id="x"))
    relay = connection.receive(unknown + b"\r\n" + REGISTER, CLIENT, proxy.now)
    assert relay.data.startswith(b"\r\nREGISTER")
    assert relay.rest == b"\r\n"
    assert proxy.engine.drops == {"sip: unknown-method": 1}
    assert [inspection.outcome.drop for inspection in relay.inspections] == ["unknown-method", None]


def test_what_a_dropped_message_reserved_is_given_back() -> None:
    proxy = Proxy()
    connection = proxy.out()
    before = proxy.bindings
    too_far = over_tcp(request("INVITE", body=sdp("10.0.0.10", 4000, *["m=audio 65535/2 RTP/AVP 0"])))
    relay = connection.receive(too_far, CLIENT, proxy.now)
    assert (relay.data, relay.close) == (b"", False)
    assert relay.inspections[0].outcome.drop is not None
    assert proxy.bindings == before


def test_nobody_comes_in_without_a_name_or_a_door() -> None:
    proxy = Proxy()
    with pytest.raises(Refused, match="no-translation"):
        proxy.in_()
    proxy.out()
    with pytest.raises(Refused, match="no-session-or-door"):
        proxy.in_(STRANGER, GLOBAL + ":40000")
    with pytest.raises(Refused, match="spoofed-source"):
        proxy.in_(PHONE)
    assert proxy.engine.drops == {"no-translation": 1, "no-session-or-door": 1, "spoofed-source": 1}
    assert len(proxy.engine.state.sessions) == 1


def test_a_static_name_lets_in_and_is_translated() -> None:
    proxy = Proxy(STATIC_PORT)
    connection = proxy.in_(STRANGER)
    assert legs(connection) == "192.0.2.66:7777 > 10.0.0.10:5060"
    relay = connection.receive(incoming("OPTIONS"), CLIENT, proxy.now)
    assert relay.data.startswith(b"OPTIONS sip:alice@10.0.0.10:5060 SIP/2.0")
    assert relay.inspections[0].message.path.arrives_to == endpoint("10.0.0.10:5060")


def test_a_registered_contact_can_be_connected_to() -> None:
    proxy = Proxy()
    first = proxy.out()
    first.receive(REGISTER, CLIENT, proxy.now)
    first.close(proxy.now)
    assert proxy.bindings, "the registration keeps its name"
    connection = proxy.in_(PEER.replace("5060", "6000"), GLOBAL + ":40000")
    assert legs(connection) == "198.51.100.20:6000 > 10.0.0.10:40000"
    assert connection.sessions[0].alg == "sip", "the door says so; no port does"


def test_between_two_inside_hosts_by_a_global_name() -> None:
    proxy = Proxy(STATIC_PORT)
    connection = proxy.out(OTHER_PHONE, GLOBAL + ":5060")
    assert legs(connection) == "203.0.113.1:40000 > 10.0.0.10:5060"
    call = over_tcp(request("INVITE", body=sdp("10.0.0.11"), host="10.0.0.11")).replace(
        b"198.51.100.20", b"203.0.113.1"
    )
    relay = connection.receive(call, CLIENT, proxy.now)
    assert len(relay.inspections) == 2
    assert relay.data.startswith(b"INVITE sip:bob@10.0.0.10 ")
    assert b"c=IN IP4 10.0.0.11" in relay.data, "out and in again: inside hosts know each other by their own names"
    ok = answer(200, body=sdp("10.0.0.10", 5000)).replace(b"bob@198.51.100.20:5060", b"bob@10.0.0.10:5060")
    back = connection.receive(ok, SERVER, proxy.now)
    assert len(back.inspections) == 2
    assert b"From: <sip:alice@10.0.0.11>" in back.data
    assert b"c=IN IP4 10.0.0.10" in back.data
    connection.close(proxy.now)
    assert len(proxy.engine.state.sessions) == 0


def test_a_hairpin_that_may_not_come_in_leaves_nothing() -> None:
    proxy = Proxy()
    with pytest.raises(Refused, match="no-translation"):
        proxy.out(PHONE, GLOBAL + ":5060")
    assert proxy.bindings == []
    assert len(proxy.engine.state.sessions) == 0


@pytest.mark.parametrize(
    ("config", "inspections"), [(NO_NAT, 1), (OVERLOAD.replace("10.0.0.0 0.0.0.255", "10.9.0.0 0.0.255.255"), 1)]
)
def test_without_a_translation_it_is_inspected_all_the_same(config: str, inspections: int) -> None:
    proxy = Proxy(config)
    connection = proxy.out()
    assert legs(connection) == f"{PHONE} > {PEER}"
    relay = connection.receive(INVITE, CLIENT, proxy.now)
    assert (relay.data, len(relay.inspections)) == (INVITE, inspections)
    relay = connection.receive(answer(), SERVER, proxy.now)
    assert (relay.data, relay.rest, len(relay.inspections)) == (answer(), b"", inspections)


def test_between_strangers_everything_passes() -> None:
    proxy = Proxy()
    connection = proxy.in_(STRANGER, "192.0.2.1:5060")
    assert connection.receive(INVITE, CLIENT, proxy.now) == Relay(INVITE, INVITE)
    assert not connection.inspected


@pytest.mark.parametrize(("data", "note"), [(TLS, "tls"), (b"POST / HTTP/1.1\r\n\r\n", "not-sip")])
def test_what_is_not_sip_from_inside_passes_and_nothing_is_looked_into_again(data: bytes, note: str) -> None:
    proxy = Proxy()
    connection = proxy.out()
    assert connection.receive(b"SI", SERVER, proxy.now).data == b""
    relay = connection.receive(data, CLIENT, proxy.now)
    assert relay == Relay(data, data, back=b"SI")
    assert connection.receive(REGISTER, CLIENT, proxy.now) == Relay(REGISTER, REGISTER)
    assert connection.receive(answer(), SERVER, proxy.now) == Relay(answer(), answer())
    assert proxy.engine.state.notes == {note: 1}
    assert connection.sessions[0].alg is None
    assert list(proxy.engine.state.doors) == []


def test_nobody_outside_can_blind_the_gateway() -> None:
    proxy = Proxy()
    connection = proxy.out()
    assert connection.receive(b"SSH-2.0\r\n", SERVER, proxy.now).data == b"SSH-2.0\r\n"
    assert b"10.0.0.10" not in connection.receive(INVITE, CLIENT, proxy.now).data
    assert connection.inspected


def test_what_follows_the_last_message_and_is_not_sip_passes() -> None:
    proxy = Proxy()
    connection = proxy.out()
    relay = connection.receive(REGISTER + TLS, CLIENT, proxy.now)
    assert relay.data.endswith(TLS)
    assert relay.rest == TLS
    assert not connection.inspected


def test_a_message_without_an_end_closes_the_connection() -> None:
    proxy = Proxy()
    connection = proxy.out()
    relay = connection.receive(REGISTER + BAD, CLIENT, proxy.now)
    assert relay.data.startswith(b"REGISTER")
    assert b"BYE" not in relay.data
    assert relay.close
    assert relay.inspections[1].outcome.drop == "content-length-twice"
    assert proxy.engine.drops == {"sip: content-length-twice": 1}
    assert connection.receive(b"abc", CLIENT, proxy.now) == Relay(b"", b"", close=True)
    assert connection.receive(answer(), SERVER, proxy.now) == Relay(b"", b"", close=True)


def test_or_passes_where_the_configuration_says_so() -> None:
    proxy = Proxy()
    connection = proxy.out(limits=Limits(message=500, refused="pass"))
    long = over_tcp(request("MESSAGE", body=b"x" * 600))
    relay = connection.receive(long[:450], CLIENT, proxy.now)
    assert (relay.data, relay.close) == (long[:450], False)
    assert connection.receive(long[450:], CLIENT, proxy.now).data == long[450:]
    assert relay.inspections[0].outcome.drop is None
    assert b"Call-ID: one" in relay.inspections[0].message.data
    assert proxy.engine.drops == {}
    assert proxy.engine.state.notes == {"message-too-long": 1}
    assert connection.receive(REGISTER, CLIENT, proxy.now).data == REGISTER


def test_part_of_a_message_does_not_go_on_when_its_sender_ends() -> None:
    proxy = Proxy()
    connection = proxy.out()
    connection.receive(INVITE[:200], CLIENT, proxy.now)
    relay = connection.finish(CLIENT, proxy.now)
    assert (relay.data, relay.close) == (b"", False)
    assert proxy.engine.drops == {"sip: message-cut-short": 1}
    assert connection.finish(CLIENT, proxy.now).data == b""


def test_what_was_not_decided_when_its_sender_ends_passes() -> None:
    proxy = Proxy()
    connection = proxy.out()
    connection.receive(b"HELO", CLIENT, proxy.now)
    assert connection.finish(CLIENT, proxy.now).data == b"HELO"


def test_a_message_without_content_length_ends_with_its_headers() -> None:
    proxy = Proxy()
    bare = sip("OPTIONS sip:x SIP/2.0", "Call-ID: 1", "CSeq: 1 OPTIONS", length=None)
    relay = proxy.out().receive(bare + REGISTER, CLIENT, proxy.now)
    assert len(relay.inspections) == 2
    assert proxy.engine.state.notes["no-content-length"] == 1


def test_a_connection_that_closes_gives_back_its_name() -> None:
    proxy = Proxy()
    connection = proxy.out()
    connection.close(proxy.now)
    connection.close(proxy.now)
    assert proxy.bindings == []
    assert not connection.alive
    assert connection.receive(INVITE, CLIENT, proxy.now) == Relay(b"", b"", close=True)


def test_a_connection_that_is_cleared_is_reset() -> None:
    proxy = Proxy()
    connection = proxy.out()
    other = proxy.out(OTHER_PHONE)
    proxy.engine.state.end_session(connection.sessions[0], proxy.now)
    assert connection.receive(INVITE, CLIENT, proxy.now).close
    assert other.alive


def test_a_connection_in_use_does_not_expire_a_silent_one_does() -> None:
    proxy = Proxy(OVERLOAD + "ip nat translation tcp-timeout 100\n")
    busy, silent = proxy.out(), proxy.out(OTHER_PHONE)
    for _ in range(5):
        proxy.now += 50
        proxy.engine.expire(proxy.now)
        busy.receive(b"\r\n\r\n", CLIENT, proxy.now)
    assert busy.alive
    assert not silent.alive


@given(
    st.lists(
        st.tuples(st.sampled_from(End), st.binary(max_size=60) | st.sampled_from([INVITE, REGISTER, TLS, BAD])),
        max_size=8,
    )
)
def test_any_bytes_from_either_end_are_survived(chunks: list[tuple[End, bytes]]) -> None:
    for config in (OVERLOAD, STATIC):
        proxy = Proxy(config)
        connection = proxy.out()
        for end, chunk in chunks:
            relay = connection.receive(chunk, end, proxy.now)
            assert set(relay.rest) <= set(relay.data)
        connection.close(proxy.now)
        assert len(proxy.engine.state.sessions) == 0
