"""The queue and its rule, with real packets between two namespaces; scapy makes the packets that we send on."""

import errno
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from scapy.layers.inet import IP, UDP

from doorman.dataplanes.netfilter.errors import NetlinkError, QueueTaken
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.queue import MAX_PACKET, Queue, Statistics, statistics
from doorman.dataplanes.netfilter.queue_rule import append_queue_rule
from doorman.dataplanes.netfilter.queued_packet import QueuedPacket
from kit.namespaces import Namespace, connect
from kit.waiting import DEADLINE, until

OURS = 0x00100000
TABLE = """
table ip doorman {
  chain to_queue {
  }
  chain prerouting {
    type filter hook prerouting priority mangle
    udp dport 5060 counter jump to_queue
  }
  chain after_queue {
    type filter hook prerouting priority mangle + 1
    meta mark and 0x00100000 != 0 ct mark set ct mark or 0x00100000
  }
  chain input {
    type filter hook input priority filter
    ct mark and 0x00100000 != 0 counter
  }
}
"""
NUMBER = 7


class Wire:
    """A sender in one namespace, a receiver in another which has the table and the rule."""

    def __init__(self, sender: Namespace, receiver: Namespace, stack: ExitStack) -> None:
        self.receiver = receiver
        connect(sender, "10.0.0.1/24", receiver, "10.0.0.2/24")
        receiver.run("nft", "-f", "-", stdin=TABLE)
        with sender.inside():
            self.outgoing = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.outgoing.bind(("10.0.0.1", 5060))
            self.outgoing.connect(("10.0.0.2", 5060))
        with receiver.inside():
            self.netlink = stack.enter_context(Netlink())
            self.incoming = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.incoming.bind(("10.0.0.2", 5060))
            self.incoming.settimeout(DEADLINE)

    def rule(self, *, bypass: bool = False) -> None:
        append_queue_rule(self.netlink, "doorman", "to_queue", NUMBER, bypass=bypass, only=True)

    def arrived(self) -> list[bytes]:
        """All that has arrived and not been read."""
        found = []
        self.incoming.settimeout(0)
        try:
            while True:
                found.append(self.incoming.recv(1 << 16))
        except BlockingIOError:
            return found
        finally:
            self.incoming.settimeout(DEADLINE)


@pytest.fixture
def wire(new_namespace: Callable[[], Namespace]) -> Iterator[Wire]:
    with ExitStack() as stack:
        yield Wire(new_namespace(), new_namespace(), stack)


@pytest.fixture
def queue(wire: Wire) -> Iterator[Queue]:
    wire.rule()
    with wire.receiver.inside(), Queue.open(NUMBER, length=16, fail_open=False) as opened:
        yield opened


def queued(queue: Queue, count: int = 1) -> list[QueuedPacket]:
    found: list[QueuedPacket] = []
    while len(found) < count:
        assert select.select([queue], [], [], DEADLINE)[0], "no packet came to the queue"
        found += queue.receive()
    return found


def test_a_packet_waits_for_its_verdict_and_goes_on(wire: Wire, queue: Queue) -> None:
    wire.outgoing.send(b"INVITE")
    [packet] = queued(queue)
    assert (packet.hook, packet.mark) == (0, 0)
    with wire.receiver.inside():
        assert socket.if_indextoname(packet.in_index).startswith("v")
    read = IP(packet.data)
    assert (read.src, read.dst, read[UDP].dport, bytes(read[UDP].payload)) == ("10.0.0.1", "10.0.0.2", 5060, b"INVITE")
    assert rebuilt(packet, b"INVITE") == packet.data, "a checksum is not there"
    assert queue.statistics() == Statistics(waiting=1, dropped=0, user_dropped=0)
    assert wire.arrived() == []
    queue.accept(packet.id)
    queue.flush()
    assert wire.incoming.recv(100) == b"INVITE"
    assert queue.statistics().waiting == 0


def rebuilt(packet: QueuedPacket, payload: bytes) -> bytes:
    """The packet with another payload, lengths and checksums by scapy."""
    changed = IP(packet.data)
    changed[UDP].remove_payload()
    changed[UDP].add_payload(payload)
    del changed.len, changed.chksum, changed[UDP].len, changed[UDP].chksum
    return bytes(changed)


@pytest.mark.parametrize("payload", [b"I", b"longer than it was", bytes(1400)])
def test_a_packet_goes_on_with_other_contents(wire: Wire, queue: Queue, payload: bytes) -> None:
    wire.outgoing.send(b"INVITE")
    [packet] = queued(queue)
    queue.accept(packet.id, rebuilt(packet, payload))
    queue.flush()
    assert wire.incoming.recv(2000) == payload


def test_the_mark_of_a_verdict_reaches_the_conntrack_entry_of_a_first_packet(wire: Wire, queue: Queue) -> None:
    wire.outgoing.send(b"INVITE")
    [packet] = queued(queue)
    assert not wire.receiver.run("conntrack", "-L"), "the entry is confirmed already"
    queue.accept(packet.id, rebuilt(packet, b"BYE"), mark=OURS)
    queue.flush()
    assert wire.incoming.recv(100) == b"BYE"
    assert "counter packets 1 bytes 31" in wire.receiver.run("nft", "list", "chain", "ip", "doorman", "input")
    assert f"mark={OURS}" in wire.receiver.run("conntrack", "-L", "-p", "udp")
    wire.outgoing.send(b"again")
    [packet] = queued(queue)
    queue.accept(packet.id)
    queue.flush()
    assert wire.incoming.recv(100) == b"again"
    assert "counter packets 2" in wire.receiver.run("nft", "list", "chain", "ip", "doorman", "input")


def test_verdicts_are_gathered_until_they_are_sent(wire: Wire, queue: Queue) -> None:
    for number in range(10):
        wire.outgoing.send(b"%d" % number)
    for number, packet in enumerate(queued(queue, 10)):
        if number % 2:
            queue.drop(packet.id)
        else:
            queue.accept(packet.id)
    assert wire.arrived() == []
    queue.flush()
    assert wire.arrived() == [b"0", b"2", b"4", b"6", b"8"]
    assert queue.statistics() == Statistics(0, 0, 0)
    queue.flush()
    assert queue.refused_verdicts == 0


def test_a_verdict_on_no_packet_is_counted(wire: Wire, queue: Queue) -> None:
    queue.accept(bytes(4))
    queue.flush()
    assert queue.receive() == []
    assert queue.refused_verdicts == 1
    wire.outgoing.send(b"still here")
    queue.accept(queued(queue)[0].id)
    queue.flush()
    assert wire.incoming.recv(100) == b"still here"


def test_fragments_come_whole_and_too_long_packets_cut_short(wire: Wire, queue: Queue) -> None:
    wire.outgoing.send(bytes(20_000))
    [packet] = queued(queue)
    assert len(packet.data) == 20_028
    queue.accept(packet.id, packet.data)
    queue.flush()
    assert wire.incoming.recv(1 << 16) == bytes(20_000)
    wire.outgoing.send(bytes(65_507))
    [packet] = queued(queue)
    assert len(packet.data) == MAX_PACKET == 65_531
    assert int.from_bytes(packet.data[2:4]) == 65_535
    with pytest.raises(ValueError, match="65531"):
        queue.accept(packet.id, bytes(65_535))
    queue.accept(packet.id)
    queue.flush()
    assert wire.incoming.recv(1 << 16) == bytes(65_507)


@pytest.mark.parametrize(("fail_open", "passed"), [(False, 0), (True, 8)])
def test_a_full_queue_drops_or_lets_pass(wire: Wire, fail_open: bool, passed: int) -> None:  # noqa: FBT001
    wire.rule()
    with wire.receiver.inside(), Queue.open(NUMBER, length=16, fail_open=fail_open) as queue:
        for _ in range(24):
            wire.outgoing.send(b"INVITE")
        arrived: list[bytes] = []

        def all_decided() -> bool:
            arrived.extend(wire.arrived())
            return queue.statistics().waiting == 16 and queue.statistics().dropped + len(arrived) == 8

        until(all_decided)
        assert len(arrived) == passed
        for packet in queued(queue, 16):
            queue.drop(packet.id)
        queue.flush()


def test_what_becomes_of_packets_that_find_it_full_can_be_changed(wire: Wire) -> None:
    wire.rule()
    with wire.receiver.inside(), Queue.open(NUMBER, length=2, fail_open=True) as queue:
        for accept in (False, True, False):
            queue.when_full(accept=accept)
            for _ in range(2):
                wire.outgoing.send(b"fills it")
            until(lambda: queue.statistics().waiting == 2)
            dropped = queue.statistics().dropped
            wire.outgoing.send(b"too much")
            if accept:
                assert wire.incoming.recv(100) == b"too much"
            else:
                until(lambda before=dropped: queue.statistics().dropped == before + 1)  # type: ignore[misc]  # a default
            for packet in queued(queue, 2):
                queue.drop(packet.id)
            queue.flush()
        assert wire.arrived() == []
        assert queue.refused_verdicts == 0


def test_packets_that_do_not_fit_the_socket_are_a_counted_outcome(wire: Wire) -> None:
    wire.rule()
    with wire.receiver.inside(), Queue.open(NUMBER, length=100_000, fail_open=False) as queue:
        # A packet takes some 2 KiB of the receive buffer, which the kernel doubles to 16 MiB.
        for _ in range(30_000):
            wire.outgoing.send(bytes(1000))
        received = 0
        while packets := queue.receive():
            received += len(packets)
            for packet in packets:
                queue.drop(packet.id)
            queue.flush()
        assert queue.overruns >= 1
        assert 0 < received < 30_000
        assert 0 < queue.statistics().user_dropped <= 30_000 - received


def test_many_long_packets_in_one_flush(wire: Wire) -> None:
    wire.rule()
    wire.incoming.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
    with wire.receiver.inside(), Queue.open(NUMBER, length=100, fail_open=False) as queue:
        for _ in range(10):
            wire.outgoing.send(bytes(50_000))
        for packet in queued(queue, 10):
            queue.accept(packet.id, packet.data)
        queue.flush()
        assert queue.refused_verdicts == 0
        assert [len(payload) for payload in wire.arrived()] == [50_000] * 10


def test_opening_under_traffic_loses_no_contents(wire: Wire) -> None:
    wire.rule()
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            wire.outgoing.send(b"INVITE")

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(20):
            with wire.receiver.inside(), Queue.open(NUMBER, length=16, fail_open=False) as queue:
                for packet in queue.receive() or queued(queue):
                    assert packet.data.endswith(b"INVITE")
                    queue.drop(packet.id)
                queue.flush()
    finally:
        stop.set()
        sender.join()


def test_a_taken_number_says_so(wire: Wire, queue: Queue) -> None:
    with wire.receiver.inside():
        with pytest.raises(QueueTaken) as refusal:
            Queue.open(NUMBER, length=16, fail_open=False)
        assert refusal.value.errno == errno.EPERM
        with Queue.open(NUMBER + 1, length=16, fail_open=True) as other:
            assert other.number != queue.number
            assert statistics(NUMBER + 1) == Statistics(0, 0, 0)
        assert statistics(NUMBER + 1) is None


@pytest.mark.parametrize("bypass", [True, False])
def test_bypass_decides_while_nobody_listens(wire: Wire, bypass: bool) -> None:  # noqa: FBT001
    wire.rule(bypass=bypass)
    wire.outgoing.send(b"INVITE")
    until(lambda: "counter packets 1 " in wire.receiver.run("nft", "list", "chain", "ip", "doorman", "prerouting"))
    if bypass:
        assert wire.incoming.recv(100) == b"INVITE"
    assert wire.arrived() == []


def test_the_rule_lives_in_a_table_of_nft(wire: Wire) -> None:
    run = wire.receiver.run
    for number in (1, 2):
        kind = append_queue_rule(wire.netlink, "doorman", "to_queue", number, bypass=False)
        assert kind in ("queue", "target")
    assert run("nft", "-j", "list", "ruleset").count('"chain": "to_queue"') == 2
    append_queue_rule(wire.netlink, "doorman", "to_queue", 3, bypass=True, only=True)
    assert run("nft", "-j", "list", "ruleset").count('"chain": "to_queue"') == 1
    assert "chain to_queue" in run("nft", "list", "ruleset")
    run("nft", "add", "rule", "ip", "doorman", "prerouting", "counter")
    run("nft", "flush", "chain", "ip", "doorman", "to_queue")
    assert '"chain": "to_queue"' not in run("nft", "-j", "list", "ruleset")
    wire.rule()
    run("nft", "delete", "table", "ip", "doorman")
    assert run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize(("table", "chain"), [("nowhere", "to_queue"), ("doorman", "nowhere")])
def test_a_rule_for_a_missing_chain_is_refused(wire: Wire, table: str, chain: str) -> None:
    with pytest.raises(NetlinkError, match=f"chain {table} {chain} to queue 7") as refusal:
        append_queue_rule(wire.netlink, table, chain, NUMBER, bypass=True)
    assert refusal.value.errno == errno.ENOENT
