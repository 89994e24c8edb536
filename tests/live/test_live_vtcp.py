"""TCP signalling whose segments are changed on their way (`tcp mode vtcp`): what two sockets hear of each other."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from doorman.dataplanes.netfilter.marks import INSPECTED, PLAIN, PROXIED
from doorman.lab.capture import capturing_both_sides
from doorman.lab.namespaces import run_in
from doorman.lab.network import (
    EXCHANGE_GLOBAL,
    GATEWAY_GLOBAL,
    INSIDE_EXCHANGE,
    INSIDE_LINK,
    INSIDE_PHONE,
    OUTSIDE_LINK,
    OUTSIDE_PHONE,
    PHONE_LINK,
    network,
)
from doorman.lab.wire import Faults
from kit.captures import tshark
from kit.lab import VTCP, Lab, queues
from kit.messages import message, options
from kit.waiting import DEADLINE

PEER = (OUTSIDE_PHONE, 5060)
NAMES = {INSIDE_PHONE.encode(): GATEWAY_GLOBAL.encode(), INSIDE_EXCHANGE.encode(): EXCHANGE_GLOBAL.encode()}
FIREWALL = """
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
  }
  chain output {
    type filter hook output priority filter; policy drop;
    meta mark and 0x80000 != 0 accept
    ct mark and 0x80000 != 0 accept
  }
}
"""
"""What the manual says, and no more."""
TLS = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(200)
JUDGED = ["ip.checksum.status", "tcp.checksum.status", "_ws.malformed", "ip.src", "tcp.len"]


class Ends:
    """A connection between an inside host and the outside phone.

    Attributes:
        inside, outside: its sockets.
    """

    def __init__(self, inside: socket.socket, outside: socket.socket) -> None:
        self.inside, self.outside = inside, outside
        self._rest = {inside: b"", outside: b""}

    def heard(self, by: socket.socket) -> bytes:
        """The next message that an end hears, framed as RFC 3261 (section 18.3) has it."""
        rest = self._rest[by]
        while b"\r\n\r\n" not in rest:
            rest += self._more(by)
        head, _, body = rest.partition(b"\r\n\r\n")
        [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
        while len(body) < length:
            body += self._more(by)
        self._rest[by] = body[length:]
        return head + b"\r\n\r\n" + body[:length]

    def read(self, by: socket.socket, size: int) -> bytes:
        """The next bytes that an end hears."""
        rest = self._rest[by]
        while len(rest) < size:
            rest += self._more(by)
        self._rest[by] = rest[size:]
        return rest[:size]

    def close(self) -> None:
        self.inside.close()
        self.outside.close()

    def _more(self, by: socket.socket) -> bytes:
        data = by.recv(1 << 16)
        assert data, "the stream ended early"
        return data


@contextmanager
def connected(lab: Lab, begins: str = "inside", *, port: int = 0) -> Iterator[Ends]:
    """A connection that one side begins; by the outside, to the exchange."""
    net = lab.network
    inside, outside = (net.inside, INSIDE_PHONE, port), (net.outside, OUTSIDE_PHONE, 0)
    with ExitStack() as stack:
        if begins == "inside":
            listener = stack.enter_context(lab.tcp(*outside[:2], 5060, listens=True))
            client = stack.enter_context(lab.tcp(*inside))
            client.connect(PEER)
        else:
            listener = stack.enter_context(lab.tcp(net.inside, INSIDE_EXCHANGE, 5060, listens=True))
            client = stack.enter_context(lab.tcp(*outside))
            client.connect((EXCHANGE_GLOBAL, 5060))
        server, _ = listener.accept()
        listener.close()
        stack.enter_context(server)
        server.settimeout(DEADLINE)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Ends(client, server) if begins == "inside" else Ends(server, client)


def about(host: str, size: int = 0) -> bytes:
    """A message of an inside host, which is longer or shorter outside."""
    return options("TCP", host, body="x" * size)


def outside_of(sent: bytes) -> bytes:
    """What the outside hears of it, but for the port of the contact."""
    for own, name in NAMES.items():
        sent = sent.replace(own, name)
    return sent


def is_translated(heard: bytes, sent: bytes) -> bool:
    ports = b"\r\n".join(line for line in heard.split(b"\r\n") if not line.startswith((b"Via", b"Contact")))
    wanted = b"\r\n".join(line for line in outside_of(sent).split(b"\r\n") if not line.startswith((b"Via", b"Contact")))
    return ports == wanted and not any(own in heard for own in NAMES)


def answer(heard: bytes) -> bytes:
    """A 200 to a request as it was heard."""
    copied = [
        line for line in heard.decode().split("\r\n") if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))
    ]
    return message("SIP/2.0 200 OK", *copied, "Subject: " + "y" * 40)


def marks(lab: Lab) -> list[int]:
    words = (word for flow in lab.flows("-p", "tcp") if "port=5060" in flow for word in flow.split())
    return [int(word.partition("=")[2]) for word in words if word.startswith("mark=")]


def mark(lab: Lab) -> int:
    [only] = marks(lab)
    return only & (INSPECTED | PLAIN | PROXIED)


@pytest.fixture
def vtcp(lab: Lab) -> Lab:
    lab.configure(VTCP)
    return lab


def exchange(ends: Ends, host: str, count: int, size: int = 0) -> None:
    """Requests of an inside host and answers to them, one by one."""
    for _ in range(count):
        request = about(host, size)
        ends.inside.sendall(request)
        heard = ends.heard(ends.outside)
        assert is_translated(heard, request)
        ends.outside.sendall(answer(heard))
        back = ends.heard(ends.inside)
        assert host.encode() in back
        assert not any(name in back for name in NAMES.values())


@pytest.mark.parametrize("begins", ["inside", "outside"])
def test_messages_in_both_directions(vtcp: Lab, begins: str) -> None:
    host = INSIDE_PHONE if begins == "inside" else INSIDE_EXCHANGE
    with (
        vtcp.serving(),
        capturing_both_sides(vtcp.network, vtcp.directory) as captures,
        connected(vtcp, begins) as ends,
    ):
        exchange(ends, host, 20, 3_000)
        assert mark(vtcp) == INSPECTED
        counters = vtcp.ask("show ip nat statistics")["counters"]
        assert counters["TCP segments"]["connections"] == 1
        assert counters["TCP proxy"] == {"none": 0}
    for capture in captures:
        frames = tshark(capture, *JUDGED)
        assert max(int(length) for frame in frames for length in frame["tcp.len"]) > 1_000
        # A slow machine has its kernel send again, not always cut alike: nothing is wrong with that.
        assert [f for f in frames if f["_ws.malformed"] and "retransmission?" not in str(f["_ws.malformed"])] == []
        assert [frame for frame in frames for field in JUDGED[:2] if "0" in frame[field]] == []
    assert b"192.168.1." not in Path(captures[1]).read_bytes()


def test_a_message_byte_by_byte(vtcp: Lab) -> None:
    with vtcp.serving(), connected(vtcp) as ends:
        for _ in range(2):
            request = about(INSIDE_PHONE)
            for byte in request:
                ends.inside.sendall(bytes((byte,)))
            heard = ends.heard(ends.outside)
            assert is_translated(heard, request)
            for byte in answer(heard):
                ends.outside.sendall(bytes((byte,)))
            assert INSIDE_PHONE.encode() in ends.heard(ends.inside)


@pytest.mark.parametrize("begins", ["inside", "outside"])
def test_many_messages_at_once(vtcp: Lab, begins: str) -> None:
    host = INSIDE_PHONE if begins == "inside" else INSIDE_EXCHANGE
    with vtcp.serving(), connected(vtcp, begins) as ends:
        requests = [about(host, size) for size in (0, 10, 4_000, 0, 1_400, 700, 0, 0)]
        for _ in range(3):
            ends.inside.sendall(b"\r\n\r\n" + b"".join(requests))
            assert ends.read(ends.outside, 4) == b"\r\n\r\n"
            heard = [ends.heard(ends.outside) for _ in requests]
            assert all(map(is_translated, heard, requests))
            ends.outside.sendall(b"".join(map(answer, heard)))
            assert all(host.encode() in ends.heard(ends.inside) for _ in requests)


def test_a_firewall_that_permits_what_the_manual_says(vtcp: Lab) -> None:
    run_in(vtcp.network.gateway, "nft", "-f", "-", given=FIREWALL)
    with vtcp.serving() as gateway, connected(vtcp) as ends:
        exchange(ends, INSIDE_PHONE, 2, 4_000)
        gateway.program.kill()
        assert is_reset(ends.inside)


def test_an_end_that_closes_and_one_that_breaks_off(vtcp: Lab) -> None:
    with vtcp.serving():
        for closes, other in (("inside", "outside"), ("outside", "inside")):
            with connected(vtcp) as ends:
                exchange(ends, INSIDE_PHONE, 3)
                getattr(ends, closes).close()
                assert getattr(ends, other).recv(10) == b""
        for breaks, other in (("inside", "outside"), ("outside", "inside")):
            with connected(vtcp) as ends:
                exchange(ends, INSIDE_PHONE, 3)
                broken = getattr(ends, breaks)
                broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                broken.close()
                with pytest.raises(ConnectionResetError):
                    getattr(ends, other).recv(10)


def send(sender: socket.socket, data: bytes) -> threading.Thread:
    thread = threading.Thread(target=sender.sendall, args=(data,))
    thread.start()
    return thread


@pytest.mark.parametrize("offload", ["off", "on"])
def test_what_is_no_sip_is_left_to_the_kernel(vtcp: Lab, offload: str) -> None:
    net = vtcp.network
    for namespace, link in ((net.inside, PHONE_LINK), (net.gateway, INSIDE_LINK), (net.gateway, OUTSIDE_LINK)):
        run_in(namespace, "ethtool", "-K", link, "tx", offload, "gso", offload, "gro", offload)
    with vtcp.serving() as gateway, connected(vtcp) as ends:
        data = TLS + os.urandom(8 << 20)
        sending = send(ends.inside, data)
        assert ends.read(ends.outside, len(data)) == data
        sending.join()
        assert mark(vtcp) == PLAIN
        [queue] = queues(gateway)
        before = queue.packets
        ends.outside.sendall(about(OUTSIDE_PHONE))
        assert ends.heard(ends.inside)
        [queue] = queues(gateway)
        assert queue.packets == before < 200


@pytest.mark.parametrize("offload", ["off", "on"])
@pytest.mark.parametrize("sender", ["inside", "outside"])
def test_what_comes_behind_messages_keeps_its_numbers_mapped(vtcp: Lab, sender: str, offload: str) -> None:
    net = vtcp.network
    links = [(net.inside, PHONE_LINK), (net.gateway, INSIDE_LINK), (net.gateway, OUTSIDE_LINK)]
    for namespace, link in [*links, (net.outside, PHONE_LINK)]:
        run_in(namespace, "ethtool", "-K", link, "tx", offload, "gso", offload, "gro", offload)
    with vtcp.serving(), connected(vtcp) as ends:
        exchange(ends, INSIDE_PHONE, 3, 100)
        data = TLS + os.urandom(2 << 20)
        here, there = (ends.inside, ends.outside) if sender == "inside" else (ends.outside, ends.inside)
        sending = send(here, data)
        assert ends.read(there, len(data)) == data
        sending.join()
        assert mark(vtcp) == INSPECTED
        there.sendall(TLS)
        assert ends.read(here, len(TLS)) == TLS


@pytest.mark.parametrize("seed", [1, 2])
def test_a_lossy_link(root: None, tmp_path: Path, seed: int) -> None:  # noqa: ARG001 - its check
    faults = Faults(loss=5, delay=3, reorder=5, seed=seed)
    with network(f"doorman-lossy-{os.getpid()}", faults=faults, directory=tmp_path) as net:
        lab = Lab(net, tmp_path, None)  # type: ignore[arg-type]  # nobody speaks
        lab.configure(VTCP)
        with lab.serving(), connected(lab) as ends:
            ends.inside.settimeout(30.0)
            ends.outside.settimeout(30.0)
            requests = [about(INSIDE_PHONE, size) for size in (0, 2_000, 0, 500, 4_000) for _ in range(6)]
            sending = send(ends.inside, b"".join(requests))
            heard = [ends.heard(ends.outside) for _ in requests]
            sending.join()
            assert all(map(is_translated, heard, requests))
            sending = send(ends.outside, b"".join(map(answer, heard)))
            assert all(INSIDE_PHONE.encode() in ends.heard(ends.inside) for _ in requests)
            sending.join()


def test_inside_hosts_that_know_each_other_by_global_names(vtcp: Lab) -> None:
    net = vtcp.network
    with (
        vtcp.serving(),
        vtcp.tcp(net.inside, INSIDE_EXCHANGE, 5060, listens=True) as listener,
        vtcp.tcp(net.inside, INSIDE_PHONE) as phone,
    ):
        phone.connect((EXCHANGE_GLOBAL, 5060))
        exchange_side, _ = listener.accept()
        with exchange_side:
            exchange_side.settimeout(DEADLINE)
            ends = Ends(phone, exchange_side)
            for _ in range(5):
                request = options("TCP", INSIDE_PHONE, EXCHANGE_GLOBAL, body="x" * 3_000)
                phone.sendall(request)
                heard = ends.heard(exchange_side)
                assert b"From: <sip:alice@%b>" % GATEWAY_GLOBAL.encode() in heard
                assert b"To: <sip:bob@%b>" % INSIDE_EXCHANGE.encode() in heard
                exchange_side.sendall(answer(heard))
                assert INSIDE_PHONE.encode() in ends.heard(phone)


def is_reset(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"\r\n")
        return sock.recv(10) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True


def test_a_gateway_that_is_asked_to_end_resets_both_ends(vtcp: Lab) -> None:
    with vtcp.serving() as gateway, connected(vtcp) as ends:
        exchange(ends, INSIDE_PHONE, 2)
        gateway.program.terminate_if_running()
        for end in (ends.inside, ends.outside):
            with pytest.raises(ConnectionResetError):
                end.recv(10)


@pytest.mark.parametrize("again", [False, True], ids=["while it is gone", "once it is back"])
def test_connections_of_a_gateway_that_was_killed_are_reset(vtcp: Lab, again: bool) -> None:  # noqa: FBT001
    with ExitStack() as stack:
        gateway = stack.enter_context(vtcp.serving())
        ends = stack.enter_context(connected(vtcp, port=45_060))
        exchange(ends, INSIDE_PHONE, 2)
        gateway.program.kill()
        if again:
            stack.enter_context(vtcp.serving())
        assert is_reset(ends.inside)
        assert is_reset(ends.outside)
        ends.close()
        with connected(vtcp, port=45_060) as others:
            request = about(INSIDE_PHONE)
            others.inside.sendall(request)
            assert (INSIDE_PHONE.encode() in others.heard(others.outside)) != again
            if not again:
                stack.enter_context(vtcp.serving())
                assert is_reset(others.inside), "it began while nobody looked, and nobody ever will"
        with connected(vtcp) as others:
            exchange(others, INSIDE_PHONE, 2)


@pytest.mark.parametrize("how", ["clear ip nat translation *", "conntrack -F"])
def test_connections_that_are_forgotten_are_reset(vtcp: Lab, how: str) -> None:
    with vtcp.serving(), connected(vtcp) as ends:
        exchange(ends, INSIDE_PHONE, 2)
        if how.startswith("clear"):
            vtcp.order(how)
        else:
            vtcp.in_gateway(*how.split())
        assert is_reset(ends.inside)


def test_fail_closed(vtcp: Lab) -> None:
    vtcp.configure(VTCP, "ip nat service sip fail-closed")
    with ExitStack() as stack:
        gateway = stack.enter_context(vtcp.serving())
        with connected(vtcp) as ends:
            exchange(ends, INSIDE_PHONE, 2)
        gateway.program.kill()
        client = stack.enter_context(vtcp.tcp(vtcp.network.inside, INSIDE_PHONE))
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.connect(PEER)


def test_both_modes_one_after_the_other(lab: Lab) -> None:
    with lab.serving(), ExitStack() as stack:
        made: list[Ends] = []
        for line, kind in (("", PROXIED), (VTCP, INSPECTED), ("", PROXIED), (VTCP, INSPECTED)):
            lab.configure(line)
            lab.order("reload")
            made.append(stack.enter_context(connected(lab)))
            for ends in made:
                exchange(ends, INSIDE_PHONE, 2)
            assert any(each & kind for each in marks(lab))
        assert [each & INSPECTED for each in marks(lab)].count(INSPECTED) == 2
