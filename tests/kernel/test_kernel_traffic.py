"""The whole way of a queued packet: wire, queue, engine, tables, verdict, wire."""

import gc
import os
import random
import re
import resource
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import msgpack
from scapy.layers.inet import IP, fragment

from doorman.algs.api import Door
from doorman.algs.records import as_list, as_text
from doorman.cli.gateway import NotApplied, Selection
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.daemon.clock import seconds
from doorman.daemon.gateway import Gateway
from doorman.daemon.journal import NAME as JOURNAL
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.connections import End
from doorman.engine.results import Change, IpsecChange, Side
from doorman.nat.bindings import Binding
from kit.live import Live
from kit.packets import endpoint, icmp_error, quote_of, shown, udp
from kit.sip import (
    GLOBAL,
    INTERFACES,
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    PHONE,
    POOL,
    STATIC,
    STRANGER,
    answer,
    incoming,
    request,
    sdp,
)
from kit.waiting import DEADLINE
from kit.wires import contents, ends_of

PHONE_RTP, PEER_RTP = "10.0.0.10:4000", "198.51.100.99:7000"
NAME, NAME_RTP = f"{GLOBAL}:5060", f"{GLOBAL}:4000"
INSIDE, OUTSIDE = Side


class StubbornPlane(NetfilterPlane):
    """The kernel, but it refuses as often as it is told to."""

    commits_to_refuse = tables_to_refuse = 0
    error: type[Exception] = PlaneRefused

    def commit(self, changes: Sequence[Change], now: float) -> None:
        if self.commits_to_refuse:
            self.commits_to_refuse -= 1
            raise self.error("told to refuse")
        super().commit(changes, now)

    def synchronise(
        self,
        config: Config,
        bindings: Iterable[Binding],
        doors: Iterable[Door],
        now: float,
        ipsec: Iterable[IpsecChange] = (),
    ) -> None:
        if self.tables_to_refuse:
            self.tables_to_refuse -= 1
            raise self.error("told to refuse")
        super().synchronise(config, bindings, doors, now, ipsec)


class WatchedPlane(NetfilterPlane):
    """Tells what follows each change."""

    after: Callable[[], None]

    def commit(self, changes: Sequence[Change], now: float) -> None:
        super().commit(changes, now)
        if changes:
            self.after()


@contextmanager
def no_files() -> Iterator[None]:
    """No more files can be opened meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def watch_batches(monkeypatch: pytest.MonkeyPatch, watch: Callable[[bytes], None]) -> None:
    """Show what the journals that are opened from now on are about to write."""

    write = os.write

    def watched(descriptor: int, data: bytes) -> int:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        if path.parent.name == JOURNAL and not data.startswith(b"doorman journal"):
            watch(data[12:])  # what is before that are lengths and checksum
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)


Make = Callable[..., Live]


def in_a_call(live: Live) -> None:
    """A call that was answered; media has not come yet."""
    [sent] = live.out(request(body=sdp()))
    assert sent[:2] == (NAME, PEER)
    assert b"c=IN IP4 203.0.113.1" in sent.data
    [answered] = live.in_(answer(body=sdp("198.51.100.99", 7000)))
    assert answered[:2] == (PEER, PHONE)


def test_an_invite_leaves_translated_and_its_doors_are_there_before_it_arrives(make: Make) -> None:
    seen: list[str] = []

    def watched() -> None:
        assert not gateway.wires.arrived(OUTSIDE), "it left before its verdict"
        seen.append(gateway.elements("doors"))

    gateway = make(plane=WatchedPlane)
    assert isinstance(gateway.plane, WatchedPlane)
    gateway.plane.after = watched
    [sent] = gateway.out(request(body=sdp()))
    assert sent[:2] == (NAME, PEER)
    assert b"m=audio 4000" in sent.data
    assert b"10.0.0.10" not in sent.data
    assert "203.0.113.1 . udp . 4000" in seen[0]
    assert gateway.traffic.received == 1


def test_what_a_message_announces_is_saved_before_it_leaves(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[object] = []
    watch_batches(monkeypatch, lambda _: left.append(live.wires.arrived(OUTSIDE)))
    live = make()
    assert live.out(request(body=sdp()))
    assert left == [[]]


def test_media_never_comes_to_the_queue(live: Live) -> None:
    in_a_call(live)
    before = live.traffic.received
    assert [d[:2] for d in live.in_(b"media", PEER_RTP, NAME_RTP)] == [(PEER_RTP, PHONE_RTP)]
    for _ in range(5):
        assert [d[:2] for d in live.out(b"media", PHONE_RTP, PEER_RTP)] == [(NAME_RTP, PEER_RTP)]
    assert live.traffic.received == before
    assert live.in_(b"media", "198.51.100.99:7002", NAME_RTP) == [], "a second flow by a door that was used up"
    assert live.in_(b"media", PEER_RTP, NAME_RTP)


def test_early_media_does_not_bar_the_door(live: Live) -> None:
    live.out(request(body=sdp()))
    for _ in range(3):
        assert live.in_(b"early", PEER_RTP, NAME_RTP) == []
    assert [line for line in live.flows() if "dport=4000" in line] == []
    live.in_(answer(183, body=sdp("198.51.100.99", 7000)))
    assert [d[:2] for d in live.in_(b"early", PEER_RTP, NAME_RTP)] == [(PEER_RTP, PHONE_RTP)]


def test_a_call_that_ends_takes_its_doors_and_flows_along(live: Live) -> None:
    in_a_call(live)
    live.in_(b"media", PEER_RTP, NAME_RTP)
    live.out(
        request("BYE")
        .replace(b"CSeq: 1", b"CSeq: 2")
        .replace(b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@198.51.100.20>;tag=b")
    )
    live.in_(answer(method="BYE").replace(b"CSeq: 1", b"CSeq: 2"))
    live.wait(60)
    assert "4000" not in live.elements("doors")
    assert [line for line in live.flows() if "dport=4000" in line] == []
    assert live.in_(b"media", PEER_RTP, NAME_RTP) == []


def test_what_the_kernel_does_not_take_is_not_announced(make: Make) -> None:
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    live.plane.commits_to_refuse, live.plane.tables_to_refuse = 99, 2
    assert live.out(request(body=sdp())) == []
    assert live.engine.drops["kernel-refused"] == 1
    assert live.out(request(body=sdp())) == [], "its doors are no more there than before"
    assert live.engine.drops["kernel-refused"] == 2
    live.plane.commits_to_refuse = 0
    [sent] = live.out(request(body=sdp()))
    assert b"m=audio 4000" in sent.data
    assert "203.0.113.1 . udp . 4000" in live.elements("doors")
    in_a_call(live)


def test_a_table_that_does_not_fit_is_made_anew_at_once(make: Make) -> None:
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    live.plane.commits_to_refuse = 1
    [sent] = live.out(request(body=sdp()))
    assert b"m=audio 4000" in sent.data
    assert "203.0.113.1 . udp . 4000" in live.elements("doors")
    assert live.traffic.counters["commit-refused"] == 1


def test_messages_of_one_batch_share_its_fate(make: Make) -> None:
    """The second INVITE changes nothing in the engine: what it announces is the first one's."""
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    live.plane.commits_to_refuse = live.plane.tables_to_refuse = 1
    invite = udp(PHONE, PEER, request(body=sdp()))
    assert live.packets(INSIDE, invite, invite) == []
    assert live.engine.drops["kernel-refused"] == 2


def test_another_protocol_on_the_port_is_not_queued_for_long(live: Live) -> None:
    for number in range(5):
        [sent] = live.out(b"neither %d" % number)
        assert sent[1:] == (PEER, b"neither %d" % number)
        assert live.in_(b"answer %d" % number, PEER, sent.sender) == [(PEER, PHONE, b"answer %d" % number)]
    assert live.traffic.received == 1
    assert live.queue.statistics().dropped == 0


def test_another_protocol_without_answers_is_not_queued_either(live: Live) -> None:
    for number in range(5):
        assert len(live.out(b"neither %d" % number)) == 1
    assert live.traffic.received == 1


@pytest.mark.parametrize("vandalism", ["delete table ip doorman", "flush ruleset", "flush table ip doorman"])
def test_a_table_that_somebody_removed_is_made_anew(live: Live, vandalism: str) -> None:
    in_a_call(live)
    live.run("nft", vandalism)
    live.tick()
    assert live.traffic.counters["table-lost"] == 1
    assert [d[:2] for d in live.in_(b"media", PEER_RTP, NAME_RTP)] == [(PEER_RTP, PHONE_RTP)]
    before = live.traffic.received
    [sent] = live.out(request(call_id="two", body=sdp(port=4002)))
    assert b"10.0.0.10" not in sent.data
    assert live.traffic.received == before + 1
    live.tick()
    assert live.traffic.counters["table-lost"] == 1


def test_a_set_that_somebody_removed_is_made_anew_with_the_next_message(live: Live) -> None:
    chain = "flush chain ip doorman translate_in\n"
    live.run("nft", "-f", "-", stdin=f"{chain}delete map ip doorman doors\n")
    [sent] = live.out(request(body=sdp()))
    assert b"10.0.0.10" not in sent.data
    assert "203.0.113.1 . udp . 4000" in live.elements("doors")
    assert live.traffic.counters["commit-refused"] == 1


def bound(live: Live, address: str, port: int) -> socket.socket:
    with live.wires.gateway.inside():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    made.settimeout(DEADLINE)
    return made


@pytest.mark.parametrize("receiver", [NAME, "10.0.0.1:5060"])
def test_the_gateways_own_service_is_reached(live: Live, receiver: str) -> None:
    with bound(live, receiver.partition(":")[0], 5060) as service:
        live.out(request(), receiver=receiver)
        data, sender = service.recvfrom(2000)
        assert (data, sender[0]) == (request(), "10.0.0.10")
        if receiver == NAME:
            live.in_(incoming())
            assert service.recvfrom(2000) == (incoming(), ("198.51.100.20", 5060))


@pytest.mark.parametrize("port", [5060, 5070])
def test_the_gateways_own_client_gets_its_answers(live: Live, port: int) -> None:
    with bound(live, GLOBAL, port) as client:
        with live.wires.gateway.inside():
            client.sendto(request("OPTIONS", host=GLOBAL), ("198.51.100.20", 5060))
        [sent] = live.packets(OUTSIDE)
        assert ends_of(sent) == (f"{GLOBAL}:{port}", PEER)
        live.in_(answer(method="OPTIONS"), receiver=f"{GLOBAL}:{port}")
        assert client.recv(2000) == answer(method="OPTIONS")
    assert live.traffic.received == 0


def test_unsolicited_signalling_to_the_shared_address_is_not_queued(live: Live) -> None:
    for port in (5060, 5061, 40_000):
        live.in_(incoming(), STRANGER, f"{GLOBAL}:{port}")
    live.in_(b"scan", "192.0.2.66:5060", f"{GLOBAL}:9")
    assert live.traffic.received == 0


def test_signalling_to_a_static_host_is(make: Make) -> None:
    live = make(STATIC)
    message = incoming().replace(b"203.0.113.1:5060", b"203.0.113.100")
    [arrived] = live.in_(message, receiver="203.0.113.100:5060")
    assert arrived[:2] == (PEER, PHONE)
    assert b"sip:alice@10.0.0.10" in arrived.data
    assert live.traffic.received == 1


def test_signalling_of_a_leased_host(make: Make) -> None:
    live = make(POOL)
    [sent] = live.out(request(body=sdp()))
    assert sent.sender == "203.0.113.10:5060"
    assert b"c=IN IP4 203.0.113.10" in sent.data
    [other] = live.out(b"a question", "10.0.0.11:1234", "198.51.100.20:99")
    assert other.sender == "203.0.113.11:1234"
    received = live.traffic.received
    live.out(b"another", "10.0.0.11:1235", "198.51.100.20:99")
    assert live.traffic.received == received
    assert live.in_(b"unasked", STRANGER, "203.0.113.11:99")[0].receiver == "10.0.0.11:99"


def padded(size: int, message: bytes = request(body=sdp())) -> bytes:
    """The message with a header that makes it so long."""
    head, _, body = message.partition(b"\r\n\r\n")
    return head + b"\r\nX: " + b"x" * (size - len(message) - 5) + b"\r\n\r\n" + body


def fragments(packets: Sequence[bytes]) -> list[bytes]:
    """What a receiver makes of the fragments of packets: they are told apart by their identification alone."""
    parts: dict[int, list[IP]] = {}
    for packet in packets:
        parts.setdefault(IP(packet).id, []).append(IP(packet))
    whole = []
    for some in parts.values():
        some.sort(key=lambda part: int(part.frag))
        first = some[0].copy()
        data = b"".join(bytes(part.payload) for part in some)
        assert [part.frag * 8 for part in some[1:]] == [
            sum(len(p.payload) for p in some[: i + 1]) for i in range(len(some) - 1)
        ]
        assert [bool(part.flags.MF) for part in some] == [True] * (len(some) - 1) + [False]
        first.remove_payload()
        first.flags, first.len, first.chksum = 0, None, None
        whole.append(bytes(first / data))
    return whole


def test_a_message_that_grows_over_the_mtu_arrives_in_fragments(live: Live) -> None:
    message = padded(1470)
    sent = [udp(PHONE, PEER, padded(1470, request(call_id=call_id, body=sdp())), flags="DF", id=0) for call_id in "ab"]
    assert len(sent[0]) == 1498
    left = live.packets(INSIDE, *sent)
    assert max(map(len, left)) <= 1500
    assert len(left) == 4
    first, second = fragments(left)
    assert ends_of(first) == ends_of(second) == (NAME, PEER)
    assert len(contents(first)) > len(message)
    assert b"Call-ID: a\r\n" in contents(first)
    assert b"Call-ID: b\r\n" in contents(second)


def test_a_message_that_does_not_grow_keeps_its_flag(live: Live) -> None:
    [left] = live.packets(INSIDE, udp(PHONE, PEER, padded(1400), flags="DF"))
    [other] = live.packets(INSIDE, udp(PHONE, PEER, request(), flags="DF"))
    assert not IP(left).flags.DF
    assert IP(other).flags.DF


@pytest.mark.parametrize("side", [INSIDE, OUTSIDE])
def test_a_message_in_fragments_comes_whole(live: Live, side: Side) -> None:
    if side == OUTSIDE:
        in_a_call(live)
        packet = udp(PEER, NAME, padded(3000, incoming("INFO")))
    else:
        packet = udp(PHONE, PEER, padded(3000))
    before = live.traffic.received
    parts = [bytes(part) for part in fragment(IP(packet), 1000)]
    assert len(parts) > 2
    random.Random(1).shuffle(parts)
    [whole] = fragments(live.packets(side, *parts))
    assert live.traffic.received == before + 1
    assert ends_of(whole) == ((NAME, PEER) if side == INSIDE else (PEER, PHONE))
    assert len(contents(whole)) > 2900


def test_a_message_too_long_for_a_verdict_takes_nobody_along(live: Live) -> None:
    [sent] = live.out(request(body=sdp()))
    growth = len(sent.data) - len(request(body=sdp()))
    long = udp(PHONE, PEER, padded(65_533 - 28 - growth))
    parts = [bytes(part) for part in fragment(IP(long), 1480)]
    left = live.packets(INSIDE, *parts, udp(OTHER_PHONE, PEER, request(host="10.0.0.11", call_id="other")))
    assert [ends_of(packet)[1] for packet in left if len(packet) < 1000 and not IP(packet).frag] == [PEER]
    assert live.queue.statistics().waiting == 0
    assert live.engine.drops["sip: message-too-long"] == 1


def test_an_error_in_one_message_takes_nobody_along(live: Live) -> None:
    def failing() -> float:
        raise RuntimeError("an error of ours")

    assert live.out(request())
    live.chance = failing  # asked for a port: the one that this phone would keep is the first one's
    [left] = live.packets(INSIDE, udp(OTHER_PHONE, PEER, request(host="10.0.0.11")), udp(PHONE, PEER, request()))
    assert b"INVITE" in left
    assert live.queue.statistics().waiting == 0
    assert live.engine.drops["internal-error"] == 1


def test_what_a_configuration_ends_is_cut_in_the_kernel(live: Live) -> None:
    in_a_call(live)
    live.in_(b"media", PEER_RTP, NAME_RTP)
    assert [line for line in live.flows() if "dport=4000" in line]
    live.reconfigure(OVERLOAD.replace("permit 10.0.0.0 0.0.0.255", "permit host 10.0.0.11"), seconds())
    assert [line for line in live.flows() if "dport=4000" in line or "sport=5060" in line] == []


def test_cuts_are_made_up_for_when_the_kernel_follows_again(make: Make) -> None:
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    in_a_call(live)
    live.in_(b"media", PEER_RTP, NAME_RTP)
    live.plane.commits_to_refuse = live.plane.tables_to_refuse = 1
    with live.wires.gateway.inside():
        for session in list(live.engine.state.sessions):
            live.engine.state.cut_session(session, seconds())
        assert not live.traffic.commit()
        assert live.traffic.commit()
    assert [line for line in live.flows() if "10.0.0.10" in line] == []


def test_a_hairpin_from_a_port_without_a_name_goes_on(make: Make) -> None:
    """Its one half is an ordinary flow, which no binding explains; its other goes through a name of ours."""
    lease = "access-list 2 permit host 10.0.0.11\nip nat inside source list 2 pool P\n"
    pool = "ip nat pool P 203.0.113.10 203.0.113.14 prefix-length 24\n"
    live = make(INTERFACES + pool + lease + "ip nat inside source list 1 interface out0 overload\n")
    [sent] = live.out(b"a question", "10.0.0.11:1234", "198.51.100.20:53")
    name = sent.sender.partition(":")[0]
    for _ in range(2):
        [arrived] = live.out(b"hello", "10.0.0.10:1111", f"{name}:99")
        assert arrived.receiver == "10.0.0.11:99"
        assert arrived.sender.startswith(f"{GLOBAL}:")
    with live.wires.gateway.inside():
        live.traffic.compare_flows()
    assert live.traffic.counters["flows-forgotten"] == 0
    assert [line for line in live.flows() if "sport=1111" in line]


def test_a_host_that_gets_its_address_for_a_hairpin(make: Make) -> None:
    """The kernel translates its first packet, which came to the queue, as it does the others."""
    pool = "ip nat pool P 203.0.113.10 203.0.113.14 prefix-length 24\nip nat inside source list 1 pool P\n"
    live = make(INTERFACES + pool + "ip nat inside source static 10.0.0.5 203.0.113.5\n")
    for _ in range(3):
        [arrived] = live.out(b"hello", "10.0.0.10:1111", "203.0.113.5:99")
        assert arrived == ("203.0.113.10:1111", "10.0.0.5:99", b"hello")
    [answer] = live.out(b"yes", "10.0.0.5:99", "203.0.113.10:1111")
    assert answer == ("203.0.113.5:99", "10.0.0.10:1111", b"yes")


def test_hosts_of_a_rule_before_need_no_lease_and_no_look(make: Make) -> None:
    rules = "access-list 2 permit 10.0.0.0 0.0.0.255\nip nat inside source list 2 pool P\n"
    pool = "ip nat pool P 203.0.113.10 203.0.113.14 prefix-length 24\n"
    live = make(INTERFACES + pool + "ip nat inside source list 1 interface out0 overload\n" + rules)
    [sent] = live.out(b"ordinary", "10.0.0.10:1111", "198.51.100.20:99")
    assert sent.sender.startswith(f"{GLOBAL}:")
    assert live.traffic.received == 0


def test_flows_of_others_with_our_marks_are_left_alone(live: Live) -> None:
    """Another gateway in this namespace has the same marks; its names are not ours to judge."""
    live.run(
        "nft", "-f", "-",
        stdin="""
        table ip other {
          chain out {
            type nat hook postrouting priority srcnat - 1
            udp dport 7777 ct mark set 0x00100000 snat to 203.0.113.77
          }
        }
        """,
    )  # fmt: skip
    live.out(b"hello", "10.0.0.10:1111", "198.51.100.20:7777")
    assert len([line for line in live.flows() if "203.0.113.77" in line]) == 1
    with live.wires.gateway.inside():
        live.traffic.compare_flows()
    assert len([line for line in live.flows() if "203.0.113.77" in line]) == 1
    assert live.traffic.counters["flows-forgotten"] == 0


def test_flows_that_ran_untranslated_signalling_begin_anew(live: Live) -> None:
    """While the gateway was gone, SIP passed with plain NAT; its flows are decided on again."""
    live.run("nft", "flush", "chain", "ip", "doorman", "to_alg")
    [sent] = live.out(request())
    assert b"10.0.0.10" in sent.data
    live.tick()
    with live.wires.gateway.inside():
        live.traffic.forget_uninspected(live.config)
        live.traffic.compare_flows()
    [sent] = live.out(request())
    assert b"10.0.0.10" not in sent.data
    assert re.search(rb"Via: \S+ 203.0.113.1:5060", sent.data)
    assert sent.sender == NAME


def test_an_answer_on_a_flow_that_nobody_saw_begin_ends_it(live: Live) -> None:
    """It was translated by the kernel alone: what it answers has the wrong addresses in it."""
    live.run("nft", "flush", "chain", "ip", "doorman", "to_alg")
    [sent] = live.out(request())
    live.tick()
    assert live.in_(answer(), receiver=sent.sender) == []
    [again] = live.out(request())
    assert again.sender == NAME
    assert b"10.0.0.10" not in again.data
    assert len(live.in_(answer())) == 1


def test_so_does_one_whose_news_was_lost(live: Live) -> None:
    live.run("nft", "flush", "chain", "ip", "doorman", "to_alg")
    live.wires.send(udp(PHONE, PEER, request()), INSIDE)
    [sent] = live.wires.sync(INSIDE)
    assert live.events.receive()
    live.tick()
    assert live.in_(answer(), receiver=ends_of(sent)[0]) == []
    [again] = live.out(request())
    assert again.sender == NAME


def test_flows_whose_news_did_not_fit_are_found(make: Make) -> None:
    static = OVERLOAD + "ip nat inside source static udp 10.0.0.10 4000 203.0.113.6 4000\n"
    live = make(static, news_buffer=1)
    peers = [f"198.51.100.99:{port}" for port in range(7000, 7100)]
    live.packets(INSIDE, *(udp(PHONE_RTP, peer, b"media") for peer in peers))
    assert live.events.overruns
    assert {str(session.outside_global) for session in live.engine.state.sessions} == set(peers)


def test_a_flow_whose_packet_came_just_now_is_not_missed(live: Live) -> None:
    live.out(request())
    [session] = live.engine.state.sessions
    live.run("conntrack", "-F")
    with live.wires.gateway.inside():
        live.traffic.compare_flows()
    assert list(live.engine.state.sessions) == [session]


def test_what_is_sent_twice_in_a_batch_leaves_twice(live: Live) -> None:
    """Both are the first packet of a flow that is in no table yet."""
    invite = udp(PHONE, PEER, request(body=sdp()))
    assert [ends_of(packet) for packet in live.packets(INSIDE, invite, invite, invite)] == [(NAME, PEER)] * 3
    assert len([line for line in live.flows() if "10.0.0.10" in line]) == 1


def test_an_error_about_a_message_reaches_its_sender(live: Live) -> None:
    [left] = live.packets(INSIDE, udp(PHONE, PEER, request()))
    [arrived] = live.packets(OUTSIDE, icmp_error("198.51.100.20", GLOBAL, left))
    assert shown(arrived) == "error 3 198.51.100.20 > 10.0.0.10"
    quoted = quote_of(arrived)
    assert ends_of(quoted) == (PHONE, PEER)


def test_a_call_between_two_phones_by_their_global_names(live: Live) -> None:
    """From one to the contact that the other has registered outside; so both names are translated twice."""
    other = request("REGISTER", host="10.0.0.11", call_id="r")
    [sent] = live.out(other, OTHER_PHONE)
    assert len(live.in_(answer(method="REGISTER", call_id="r"), receiver=sent.sender)) == 1
    [arrived] = live.out(request(body=sdp(), call_id="hairpin"), receiver=sent.sender)
    assert arrived.receiver == OTHER_PHONE
    assert arrived.sender.startswith(f"{GLOBAL}:")
    reply = answer(call_id="hairpin").replace(b"203.0.113.1:5060", arrived.sender.encode())
    [back] = live.out(reply, OTHER_PHONE, arrived.sender)
    assert back[:2] == (sent.sender, PHONE)
    assert live.traffic.counters["flows-forgotten"] == 0


def test_a_port_that_is_served_from_now_on_is_inspected_on_running_flows(live: Live, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
    elsewhere = "198.51.100.20:5070"
    [sent] = live.out(request(), "10.0.0.10:5070", elsewhere)
    assert b"10.0.0.10" in sent.data
    with live.wires.gateway.inside():
        gateway.apply(read_config(OVERLOAD + "ip nat service sip udp port 5070\n", "test.cfg"))
    [sent] = live.out(request(), "10.0.0.10:5070", elsewhere)
    assert b"10.0.0.10" not in sent.data


def lasting(live: Live) -> str:
    return re.sub(r"expires \S+", "", live.elements("doors"))


def test_a_configuration_that_the_kernel_refuses_touches_no_call(live: Live, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
    in_a_call(live)
    live.in_(b"media", PEER_RTP, NAME_RTP)
    before = lasting(live), live.engine.state.rules, list(live.engine.state.sessions)
    with live.wires.gateway.inside():
        for bad in (OVERLOAD.replace(" ip nat outside\n", ""), OVERLOAD.replace("in0", "GigabitEthernet0/0/0")):
            with pytest.raises(NotApplied):
                gateway.apply(read_config(bad, "test.cfg"))
    assert (lasting(live), live.engine.state.rules, list(live.engine.state.sessions)) == before
    assert live.in_(b"media", PEER_RTP, NAME_RTP)
    assert live.out(b"media", PHONE_RTP, PEER_RTP)


def test_an_error_in_the_plane_leaves_no_packet_without_a_verdict(make: Make) -> None:
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    live.plane.error = ZeroDivisionError
    live.plane.commits_to_refuse, live.plane.tables_to_refuse = 1, 1
    assert live.out(request(body=sdp())) == []
    with live.wires.gateway.inside():
        assert live.queue.statistics().waiting == 0
    [sent] = live.out(request(body=sdp()))
    assert b"m=audio 4000" in sent.data
    assert "203.0.113.1 . udp . 4000" in live.elements("doors")


def test_no_more_files_is_a_refusal_and_no_error(live: Live) -> None:
    with live.wires.gateway.inside(), no_files(), pytest.raises(PlaneRefused, match="Too many open files"):
        live.plane.synchronise(live.config, [], [], seconds())
    with live.wires.gateway.inside(), no_files():
        live.traffic.on_time()
    in_a_call(live)


def test_the_collector_is_spared_what_came_in_numbers_within_a_second(live: Live) -> None:
    before = gc.get_threshold()
    gc.set_threshold(10_000_000)
    try:
        many = [[number] for number in range(60_000)]
        live.tick()
        assert gc.get_count()[0] < len(many) // 2
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_an_error_of_who_watches_disturbs_nobody(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    def watch(_: object) -> None:
        raise ZeroDivisionError

    live.traffic.watchers.append(watch)
    in_a_call(live)
    assert [d[:2] for d in live.in_(b"media", PEER_RTP, NAME_RTP)] == [(PEER_RTP, PHONE_RTP)]
    assert live.traffic.counters["doors-promoted"] == 1
    assert "ZeroDivisionError" in caplog.text


def kinds_of(batch: bytes) -> list[str]:
    """The kinds of the records that are saved, or taken away, at once."""
    return [as_text(as_list(name, 2)[0]) for name in msgpack.decode(batch)]


def test_what_a_connection_announces_is_saved_when_it_is_committed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[str] = []
    watch_batches(monkeypatch, lambda batch: saved.extend(kinds_of(batch)))
    live = make()
    with live.wires.gateway.inside():
        part = live.parts[None]
        connection = part.connect(endpoint(PHONE), endpoint(PEER), INSIDE)
        assert part.commit(())
        saved.clear()
        assert part.commit(connection.receive(request(body=sdp()), End.CLIENT, seconds()).inspections)
    assert {"doors", "sip"} <= set(saved)


def test_what_ends_a_call_is_saved_at_once_and_what_goes_on_a_moment_later(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    watch_batches(monkeypatch, lambda batch: saved.extend(kinds_of(batch)))
    live = make()
    in_a_call(live)
    saved.clear()
    to = b"To: <sip:bob@198.51.100.20>"
    assert live.out(request("ACK").replace(to, to + b";tag=b"))
    assert saved == []
    assert live.out(request("BYE").replace(to, to + b";tag=b"))
    assert sorted(saved) == ["doors", "sip"]


def test_a_configuration_that_the_kernel_refuses_in_the_end_leaves_the_engine_as_it_was(
    make: Make, tmp_path: Path
) -> None:
    live = make(plane=StubbornPlane)
    assert isinstance(live.plane, StubbornPlane)
    in_a_call(live)
    other = OVERLOAD + "ip nat inside source static 10.0.0.50 203.0.113.50\nip nat service sip udp port 5070\n"
    live.plane.tables_to_refuse = 1
    with live.wires.gateway.inside():
        gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
        with pytest.raises(NotApplied, match="told to refuse"):
            gateway.apply(read_config(other, "test.cfg"))
    assert gateway.config == live.config
    assert live.engine.state.rules.static_hosts == []
    assert [d[:2] for d in live.in_(b"media", PEER_RTP, NAME_RTP)] == [(PEER_RTP, PHONE_RTP)]


def test_an_interface_that_comes_anew_is_known_by_its_new_number(live: Live, tmp_path: Path) -> None:
    veth = ("ip", "link", "add", "new0", "type", "veth", "peer", "name", "new1")
    config = read_config(OVERLOAD + "interface new0\n ip nat inside\n", "test.cfg")
    with live.wires.gateway.inside():
        gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
        gateway.apply(config)
        before = set(live.traffic.sides)
        numbers = set()
        for _ in range(2):
            live.run(*veth)
            gateway.refresh()
            [number] = live.traffic.sides.keys() - before
            numbers.add(number)
            live.run("ip", "link", "del", "new0")
            live.run(*veth)
            gateway.refresh()
            [number] = live.traffic.sides.keys() - before
            numbers.add(number)
            live.run("ip", "link", "del", "new0")
    assert len(numbers) == 4


def test_commands_of_other_features_are_told_and_never_written_over(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"version 17.3\n{OVERLOAD}router ospf 1\n")
    gateway = Gateway(path, live.config, live.parts, tmp_path / "traces")
    with live.wires.gateway.inside():
        told = gateway.reload()
        with pytest.raises(NotApplied, match="would be lost, in lines 1, "):
            gateway.write_memory()
        assert [line.splitlines()[1] for line in told if "% Warning" in line] == ["  version 17.3", "  router ospf 1"]
        assert path.read_text().startswith("version 17.3\n")
        with pytest.raises(NotApplied, match="Invalid input"):
            Gateway(path, live.config, live.parts, tmp_path / "traces", strict=True).reload()
        path.write_text(OVERLOAD)
        gateway.write_memory()


def test_names_and_ordinary_flows_beyond_the_limit_are_refused(live: Live, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
    with live.wires.gateway.inside():
        gateway.apply(read_config(OVERLOAD + "ip nat translation max-entries 2\n", "test.cfg"))
    assert live.out(request(body=sdp()), PHONE, PEER) == []
    assert live.engine.drops["sip: max-entries"] == 1
    passed = [bool(live.out(b"ordinary", f"10.0.0.10:{port}", "198.51.100.20:9")) for port in range(4000, 4005)]
    assert passed == [True, True, False, False, False], "the kernel counts those that it names itself"


def test_names_that_nobody_uses_are_cleared_by_force(live: Live, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
    in_a_call(live)
    with live.wires.gateway.inside():
        gateway.clear_translations(Selection(), forced=True)
        kept = {str(one.local) for one in live.engine.state.bindings}
        gateway.clear_translations(Selection(), forced=False)
    assert {str(one.local) for one in live.engine.state.bindings} == kept
    assert live.in_(b"media", PEER_RTP, NAME_RTP)  # its door is open: the name is in use


def test_all_names_of_a_host_have_one_address(make: Callable[..., Live]) -> None:
    """Of a pool with several addresses the engine gives a host the one that the kernel picks (RFC 4787, REQ-2)."""
    live = make(POOL.replace("pool P\n", "pool P overload\n"))
    for number in range(10, 22):
        host = f"10.0.0.{number}"
        [signalling] = live.out(request(host=host, call_id=host), f"{host}:5060")
        [ordinary] = live.out(b"ordinary", f"{host}:7000", "198.51.100.20:9")
        assert ordinary.sender.partition(":")[0] == signalling.sender.partition(":")[0]
    assert len({binding.global_.address for binding in live.engine.state.bindings}) > 3
    [before] = live.out(b"first", "10.0.0.40:7000", "198.51.100.20:9")
    [after] = live.out(request(host="10.0.0.40", call_id="after"), "10.0.0.40:5060")
    assert before.sender.partition(":")[0] == after.sender.partition(":")[0]


def test_a_host_with_a_static_name_asks_for_no_lease(make: Callable[..., Live]) -> None:
    """Its new flows are the kernel's, though the list of a rule that leases permits it."""
    live = make(POOL + "ip nat inside source static 10.0.0.10 203.0.113.100\n")
    [sent] = live.out(b"ordinary", "10.0.0.10:7000", "198.51.100.20:9")
    asked = [live.traffic.received]
    [leased] = live.out(b"ordinary", "10.0.0.11:7000", "198.51.100.20:9")
    assert (sent.sender, leased.sender) == ("203.0.113.100:7000", "203.0.113.10:7000")
    assert [*asked, live.traffic.received] == [0, 1]
