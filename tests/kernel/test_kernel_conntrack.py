"""Listing, deleting and hearing of flows, with real packets; the `conntrack` program is the judge."""

import re
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from doorman.dataplanes.netfilter import conntrack
from doorman.dataplanes.netfilter.events import Event, Events, Kind
from doorman.dataplanes.netfilter.flow import CONFIRMED, DST_NAT, SEEN_REPLY, Flow, FlowKey
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.net.addresses import Endpoint, address_of
from kit.namespaces import Namespace, connect
from kit.waiting import DEADLINE, until

OURS, PLAIN, MASK = 0x00100000, 0x00400000, 0x00D00000
TABLE = """
table ip doorman {
  chain zones {
    type filter hook prerouting priority raw
    udp dport 5030 ct zone set 3
  }
  chain prerouting {
    type filter hook prerouting priority mangle
    udp dport 5000-5999 ct mark set 0x00100007
    udp dport 9000-9999 ct mark set 0x00400000
  }
  chain destination {
    type nat hook prerouting priority dstnat
    udp dport 5061 dnat to 10.0.0.2:6061
  }
}
table ip6 doorman {
  chain prerouting {
    type filter hook prerouting priority mangle
    udp dport 5000-5999 ct mark set 0x00100000
  }
}
"""
ECHO_REQUEST = bytes.fromhex("0800e5ca12340001")


class Wire:
    """A sender in one namespace; in the other, what comes is tracked and marked."""

    def __init__(self, sender: Namespace, receiver: Namespace, stack: ExitStack) -> None:
        self.sender, self.receiver, self.stack = sender, receiver, stack
        ends = connect(sender, "10.0.0.1/24", receiver, "10.0.0.2/24")
        for namespace, link, address in ((sender, ends[0], "fd00::1/64"), (receiver, ends[1], "fd00::2/64")):
            namespace.run("ip", "address", "add", address, "dev", link, "nodad")
        receiver.run("nft", "-f", "-", stdin=TABLE)
        receiver.run("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
        with receiver.inside():
            self.netlink = stack.enter_context(Netlink())

    def send(self, port: int, *, to: str = "10.0.0.2", source: int = 5060, size: int = 2) -> None:
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with self.sender.inside(), socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.bind(("fd00::1" if ":" in to else "10.0.0.1", source))
            sender.sendto(bytes(size), (to, port))

    def dump(self, mark: int = 0, mask: int = 0) -> list[Flow]:
        """What is listed, by the receiver's port."""
        with self.receiver.inside():
            return sorted(conntrack.dump(mark, mask), key=lambda flow: flow.receiver.port)

    def packets(self, count: int) -> list[Flow]:
        """All flows, as soon as they have counted so many packets."""
        until(lambda: sum(flow.packets for flow in self.dump()) >= count)
        return self.dump()


@pytest.fixture
def wire(new_namespace: Callable[[], Namespace]) -> Iterator[Wire]:
    with ExitStack() as stack:
        yield Wire(new_namespace(), new_namespace(), stack)


def endpoint(text: str, port: int) -> Endpoint:
    return Endpoint(address_of(text), port)


def told(events: Events, count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        assert select.select([events], [], [], DEADLINE)[0], f"{count} events did not come, but {found}"
        found += events.receive()
    return found


def ours(wire: Wire, family: str = "ipv4") -> dict[str, int]:
    """One flow of port 5060 as the program reads it."""
    line = wire.receiver.run("conntrack", "-L", "-f", family, "-p", "udp", "--dport", "5060", "-o", "id")
    numbers = re.findall(r"(packets|bytes|mark|id)=(\d+)", line)
    return {name: int(number) for name, number in reversed(numbers)}


@pytest.mark.parametrize(("to", "family", "header"), [("10.0.0.2", "ipv4", 28), ("fd00::2", "ipv6", 48)])
def test_a_flow_reads_as_the_program_reads_it(wire: Wire, to: str, family: str, header: int) -> None:
    for _ in range(3):
        wire.send(5060, to=to, size=100)
    [flow] = wire.packets(3)
    judged = ours(wire, family)
    sender, receiver = endpoint("fd00::1" if ":" in to else "10.0.0.1", 5060), endpoint(to, 5060)
    assert flow[:5] == (17, sender, receiver, receiver, sender)
    assert (flow.mark, flow.id) == (judged["mark"], judged["id"])
    assert (flow.packets, flow.bytes) == (judged["packets"], judged["bytes"]) == (3, 3 * (100 + header))
    assert (flow.reply_packets, flow.reply_bytes, flow.zone) == (0, 0, 0)
    assert 0 < flow.timeout <= 30
    assert flow.status & CONFIRMED
    assert not flow.status & SEEN_REPLY


def test_a_translated_flow_has_four_ends(wire: Wire) -> None:
    wire.send(5061)
    [flow] = wire.packets(1)
    assert flow.receiver == endpoint("10.0.0.2", 5061)
    assert flow.reply_sender == endpoint("10.0.0.2", 6061)
    assert flow.reply_receiver == flow.sender == endpoint("10.0.0.1", 5060)
    assert flow.status & DST_NAT


def test_the_kernel_picks_flows_by_mark(wire: Wire) -> None:
    for port in (5060, 8060, 9060, 9061):
        wire.send(port)
    assert [flow.receiver.port for flow in wire.packets(4)] == [5060, 8060, 9060, 9061]
    assert [flow.receiver.port for flow in wire.dump(OURS, MASK)] == [5060]
    assert [flow.receiver.port for flow in wire.dump(PLAIN, MASK)] == [9060, 9061]
    assert [flow.receiver.port for flow in wire.dump(0, MASK)] == [8060]
    assert [flow.receiver.port for flow in wire.dump(0x7, 0xF)] == [5060]


def test_flows_are_deleted_by_either_tuple(wire: Wire) -> None:
    for port in (5060, 5061, 5062):
        wire.send(port)
    wire.packets(3)
    sender = endpoint("10.0.0.1", 5060)
    keys = [
        FlowKey(17, sender, endpoint("10.0.0.2", 5060)),
        FlowKey(17, endpoint("10.0.0.2", 6061), sender, is_reply=True),
        FlowKey(17, sender, endpoint("10.0.0.2", 5059)),
        FlowKey(6, sender, endpoint("10.0.0.2", 5062)),
    ]
    assert conntrack.delete(wire.netlink, keys) == [True, True, False, False]
    assert conntrack.delete(wire.netlink, keys) == [False] * 4
    listed = wire.receiver.run("conntrack", "-L", "-p", "udp")
    assert [re.findall(r"dport=(\d+)", line)[0] for line in listed.splitlines()] == ["5062"]
    assert conntrack.delete(wire.netlink, []) == []


def test_a_flow_is_found_by_either_tuple(wire: Wire) -> None:
    wire.send(5061)
    wire.packets(1)
    sender, translated = endpoint("10.0.0.1", 5060), endpoint("10.0.0.2", 6061)
    found = conntrack.find(wire.netlink, FlowKey(17, translated, sender, is_reply=True))
    assert found is not None
    assert (found.receiver, found.reply_sender) == (endpoint("10.0.0.2", 5061), translated)
    assert conntrack.find(wire.netlink, found.key) is not None
    assert conntrack.find(wire.netlink, FlowKey(17, sender, translated)) is None


@pytest.mark.parametrize(("port", "to"), [(5030, "10.0.0.2"), (5060, "fd00::2")])
def test_a_listed_flow_is_deleted_by_its_key(wire: Wire, port: int, to: str) -> None:
    wire.send(port, to=to)
    [flow] = wire.packets(1)
    assert flow.zone == (3 if port == 5030 else 0)
    assert conntrack.delete(wire.netlink, [flow.key._replace(id=flow.id ^ 1), flow.key]) == [False, True]


def test_a_flow_may_be_told_to_be_silent_for_longer(wire: Wire) -> None:
    wire.send(5060)
    [flow] = wire.packets(1)
    assert flow.timeout <= 180
    absent = flow.key._replace(receiver=endpoint("10.0.0.2", 9), id=0)
    conntrack.prolong(wire.netlink, [absent, flow.key._replace(id=0)], 5_000)
    [flow] = wire.packets(1)
    assert 4_900 < flow.timeout <= 5_000


def test_an_echo_is_a_flow_with_its_identifier_as_both_ports(wire: Wire) -> None:
    with wire.sender.inside(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        for _ in range(2):
            sender.sendto(ECHO_REQUEST, ("10.0.0.2", 0))
            [flow] = wire.packets(1)
            assert flow[:3] == (1, endpoint("10.0.0.1", 0x1234), endpoint("10.0.0.2", 0x1234))
            assert flow[3:5] == (flow.receiver, flow.sender)
            reply = FlowKey(1, flow.reply_sender, flow.reply_receiver, is_reply=True)
            assert conntrack.delete(wire.netlink, [reply, flow.key]) == [True, False]


def test_many_flows_are_deleted_in_a_few_sends(wire: Wire) -> None:
    for port in range(5000, 5030):
        for source in range(2000, 2050):
            wire.send(port, source=source)
    keys = [flow.key for flow in wire.packets(1500)]
    gone = FlowKey(17, endpoint("10.0.0.9", 1), endpoint("10.0.0.9", 2))
    outcome = conntrack.delete(wire.netlink, [*keys[:1100], gone, *keys[1100:]])
    assert outcome == [True] * 1100 + [False] + [True] * 400
    assert wire.dump() == []


def test_events_tell_of_flows_with_our_mark_only(wire: Wire) -> None:
    with wire.receiver.inside(), Events(OURS) as events:
        for port in (8060, 9060, 5060):
            wire.send(port)
        [new] = told(events, 1)
        assert new.kind is Kind.NEW
        assert new.flow.receiver == endpoint("10.0.0.2", 5060)
        assert new.flow.mark == OURS | 7
        conntrack.delete(wire.netlink, [flow.key for flow in wire.dump()])
        [end] = told(events, 1)
        assert end.kind is Kind.DESTROY
        assert end.flow[:5] == new.flow[:5]
        assert (end.flow.id, end.flow.mark, end.flow.packets) == (new.flow.id, new.flow.mark, 1)
        assert events.receive() == []
        assert events.overruns == 0


def test_lost_events_are_counted_and_the_list_is_complete(wire: Wire) -> None:
    with wire.receiver.inside(), Events(OURS, buffer=10_000) as events:
        for port in range(5000, 5100):
            wire.send(port)
        keys = [flow.key for flow in wire.packets(100)]
        conntrack.delete(wire.netlink, keys)
        received = 0
        while some := events.receive():
            received += len(some)
        assert events.overruns >= 1
        assert 0 < received < 200
        wire.send(5060)
        assert told(events, 1)[0].kind is Kind.NEW
