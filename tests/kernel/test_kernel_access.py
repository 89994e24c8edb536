"""Access lists on the interfaces of a live gateway: what passes, what is counted, and what the engine must not open."""

import logging
import random
import socket
from collections.abc import Callable

import pytest

from doorman.daemon.access import access_matches, clear_matches
from doorman.daemon.clock import seconds
from doorman.daemon.packet_news import PacketNews
from doorman.dataplanes.netfilter.counters import chains_of, counts_of
from doorman.dataplanes.netfilter.packet_log import PacketLog
from doorman.engine.results import Side
from doorman.firewall.access import traffic_of
from doorman.net.packet import Packet
from kit.live import Live
from kit.packets import MAKERS, tcp
from kit.sip import GLOBAL, OVERLOAD, PEER, PHONE, answer, request, sdp

INSIDE, OUTSIDE = Side
Make = Callable[..., Live]

WIRES = " permit udp any eq discard any eq discard\n"
"""For the packets by which a test knows that all others have passed, see `kit.wires`."""


def with_list(name: str, way: str, lines: str, interface: str = "out0") -> str:
    group = f"interface {interface}\n ip access-group {name} {way}\n"
    return OVERLOAD + group + f"ip access-list extended {name}\n{lines}{WIRES}"


WORLD = """ permit udp any host 203.0.113.1 eq 5060
 deny udp any any eq 9999
 permit tcp any any established
"""
LEAVING = """ permit udp host 203.0.113.1 eq 5060 host 198.51.100.20 eq 5060
 deny udp any any eq 5060
 permit udp any any range 7000 8000
"""


def matches(live: Live, name: str) -> list[int]:
    """How often each line matched, but for the last."""
    with live.wires.gateway.inside():
        return list(access_matches(live.traffic)[name])[:-1]


def test_what_comes_in_is_judged_by_its_address_on_the_wire(make: Make) -> None:
    live = make(with_list("WORLD", "in", WORLD))
    [sent] = live.out(request())
    assert sent.sender == f"{GLOBAL}:5060"
    for number in range(3):
        assert live.in_(b"%d" % number, "198.51.100.99:7", f"{GLOBAL}:9999") == []
    assert live.in_(b"to the gateway itself", "198.51.100.99:7", f"{GLOBAL}:1") == []
    assert [told.receiver for told in live.in_(answer())] == [PHONE]
    assert live.packets(OUTSIDE, tcp(PEER, f"{GLOBAL}:80", data=b"new", flags="S")) == []
    assert matches(live, "WORLD") == [1, 3, 0]


def test_a_message_that_may_not_leave_opens_no_door(make: Make) -> None:
    live = make(with_list("LEAVING", "out", LEAVING))
    [sent] = live.out(request(body=sdp()))
    assert b"m=audio 4000" in sent.data
    assert live.out(request(body=sdp(port=4002), call_id="other"), PHONE, "198.51.100.21:5060") == []
    assert live.engine.drops["access-list"] == 1
    assert "4000" in live.elements("doors")
    assert "4002" not in live.elements("doors")
    live.out(b"media", "10.0.0.10:4000", "198.51.100.99:7000")
    assert matches(live, "LEAVING") == [1, 1, 1]


def test_what_the_gateway_itself_sends_is_not_judged(make: Make) -> None:
    live = make(with_list("LEAVING", "out", LEAVING))
    with live.wires.gateway.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.sendto(b"of the gateway", ("198.51.100.20", 5060))
    assert [packet for packet in live.wires.sync(INSIDE) if packet.endswith(b"of the gateway")]
    assert matches(live, "LEAVING") == [0, 0, 0]


def test_lines_that_stay_go_on_counting_when_a_list_changes(make: Make) -> None:
    live = make(with_list("WORLD", "in", WORLD))
    for text in (WORLD, " deny icmp any any\n" + WORLD, WORLD.replace("9999", "9998")):
        live.reconfigure(with_list("WORLD", "in", text), seconds())
        live.in_(b"denied", "198.51.100.99:7", f"{GLOBAL}:9999")
        live.in_(b"permitted", "198.51.100.99:7", f"{GLOBAL}:5060")
    assert matches(live, "WORLD") == [3, 0, 0]
    with live.wires.gateway.inside():
        assert clear_matches(live.traffic, "WORLD") == 1
        left = chains_of("doorman")
    assert matches(live, "WORLD") == [0, 0, 0]
    assert len([name for name in left if name.startswith("acl_")]) == 1 + 4 + 1, "the list, its lines, and their end"
    live.reconfigure(OVERLOAD, seconds())
    with live.wires.gateway.inside():
        assert counts_of("doorman") == {}
        assert not [name for name in chains_of("doorman") if name.startswith("acl_")]


def test_many_lines_decide_as_the_list_does(make: Make) -> None:
    """A list of maps and rules, and packets of all kinds: each line must have matched what the list says it does."""
    chance = random.Random(5)

    def line() -> str:
        hosts = [f"host 198.51.100.{chance.randrange(16)}"] * 3 + ["198.51.100.8 0.0.0.3", "198.51.100.1 0.0.0.6"]
        port = chance.choice([f" eq {chance.randrange(8)}"] * 4 + [" gt 5", " range 2 4", " neq 3"])
        action, protocol = chance.choice(["permit", "deny"]), chance.choice(["tcp", "udp", "udp", "ip", "icmp"])
        ported = f"{chance.choice(hosts)} any{port}" if protocol in {"tcp", "udp"} else f"{chance.choice(hosts)} any"
        return f" {action} {protocol} {ported}\n"

    live = make(with_list("MANY", "in", WIRES + "".join(line() for _ in range(60))))
    listed = live.config.lists["MANY"]
    wanted = [0] * len(listed.entries)
    for number in range(300):
        sender, receiver = f"198.51.100.{chance.randrange(16)}:4", f"{GLOBAL}:{chance.randrange(8)}"
        packet = MAKERS[chance.choice(["tcp", "udp"])](sender, receiver, data=b"%d" % number)
        live.wires.send(packet, OUTSIDE)
        read = Packet(packet)
        index = listed.match(traffic_of(read, read.sender, read.receiver))
        if index is not None:
            wanted[index] += 1
    live.wires.sync(OUTSIDE)
    wanted[0] += 1
    assert sum(map(bool, wanted)) > 20
    assert matches(live, "MANY") == wanted[:-1]


def test_logged_packets_are_told_of_with_the_line_that_they_matched(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    live = make(with_list("WORLD", "in", " deny udp any any eq 9999 log\n permit udp any any eq 5060 log-input\n"))
    with live.wires.gateway.inside(), PacketLog(live.plane.setting.queue) as log, caplog.at_level(logging.INFO):
        news = PacketNews(live.engine, log)
        for sender in ("198.51.100.99:7", "198.51.100.99:7", "198.51.100.98:8"):
            live.in_(b"unasked", sender, f"{GLOBAL}:9999")
        live.in_(b"OPTIONS", "198.51.100.99:7", f"{GLOBAL}:5060")
        news.on_packets()
    assert [record.getMessage() for record in caplog.records if "SEC" in record.getMessage()] == [
        "%SEC-6-IPACCESSLOGP: list WORLD denied udp 198.51.100.99(7) -> 203.0.113.1(9999), 1 packet",
        "%SEC-6-IPACCESSLOGP: list WORLD denied udp 198.51.100.98(8) -> 203.0.113.1(9999), 1 packet",
        "%SEC-6-IPACCESSLOGP: list WORLD permitted udp 198.51.100.99(7) (out0) -> 203.0.113.1(5060), 1 packet",
    ]
