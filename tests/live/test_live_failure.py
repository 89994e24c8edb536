"""A gateway that is gone, or too slow for its queue: what passes meanwhile; and that all is inspected again then."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from doorman.lab.gateway import Gateway
from doorman.lab.network import GATEWAY_GLOBAL, INSIDE_PHONE, OUTSIDE_PHONE
from kit.lab import Lab, eventually, queues
from kit.messages import options
from kit.waiting import DEADLINE

OTHER_PHONE = "192.168.1.11"
PEER = (OUTSIDE_PHONE, 5060)
ELSEWHERE = (OUTSIDE_PHONE, 7)
"""A port that nobody inspects."""
KEEP_ALIVE = b"\r\n\r\n"
"""What SIP sends to keep a NAT awake (RFC 5626, section 3.5.1)."""
FIRST_ORDINARY_PORT = 32_768
"""Below are the names that the gateway gives; above, what the kernel translates on its own."""
QUEUE_LENGTH = 8_192

policies = pytest.mark.parametrize("policy", ["fail-open", "fail-closed"])


def is_translated(message: bytes, sender: tuple[str, int]) -> bool:
    return INSIDE_PHONE.encode() not in message and sender[0] == GATEWAY_GLOBAL and sender[1] < FIRST_ORDINARY_PORT


class Datagrams:
    """A phone inside and one outside, and a pair of ports beside them that nobody inspects."""

    def __init__(self, lab: Lab) -> None:
        net = lab.network
        self.phone = lab.udp(net.inside, INSIDE_PHONE, 5060)
        self.peer = lab.udp(net.outside, *PEER)
        self.marker = lab.udp(net.inside, INSIDE_PHONE, 7)
        self.elsewhere = lab.udp(net.outside, *ELSEWHERE)

    def close(self) -> None:
        for each in (self.phone, self.peer, self.marker, self.elsewhere):
            each.close()

    def sent(self) -> tuple[bytes, bytes, tuple[str, int]] | None:
        """Send an OPTIONS: what was sent, what arrived and from where; None if it was lost on the way."""
        message = options()
        self.phone.sendto(message, PEER)
        # What goes the same way behind it, and arrives, proves that it does not come any more.
        self.marker.sendto(message, ELSEWHERE)
        self.elsewhere.recv(2_000)
        self.peer.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
        try:
            arrived = self.peer.recvfrom(2_000)
        except BlockingIOError:
            return None
        return message, *arrived

    def is_inspected(self) -> bool:
        """Send until one arrives; whether that was translated. A queued packet takes its time."""
        self.phone.sendto(options(), PEER)
        self.peer.settimeout(1.0)
        try:
            return is_translated(*self.peer.recvfrom(2_000))
        except TimeoutError:
            return False


@pytest.fixture
def datagrams(lab: Lab) -> Iterator[Datagrams]:
    made = Datagrams(lab)
    yield made
    made.close()


def assert_passes_only_if_open(datagrams: Datagrams, policy: str) -> None:
    arrived = datagrams.sent()
    if policy == "fail-closed":
        assert arrived is None
        return
    assert arrived is not None
    message, received, (address, port) = arrived
    assert received == message
    assert address == GATEWAY_GLOBAL
    assert port >= FIRST_ORDINARY_PORT
    datagrams.peer.sendto(b"SIP/2.0 200 OK\r\n\r\n", (address, port))
    assert datagrams.phone.recv(2_000) == b"SIP/2.0 200 OK\r\n\r\n"


@policies
def test_signalling_while_the_gateway_is_gone(lab: Lab, datagrams: Datagrams, policy: str) -> None:
    lab.configure(f"ip nat service sip {policy}")
    with lab.serving() as gateway:
        gateway.program.kill()
        assert_passes_only_if_open(datagrams, policy)
        with lab.serving():
            eventually(datagrams.is_inspected, "the flow that began without us is not inspected")


@contextmanager
def stopped(gateway: Gateway) -> Iterator[None]:
    os.kill(gateway.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gateway.pid, signal.SIGCONT)


@policies
def test_signalling_while_the_queue_is_full(lab: Lab, datagrams: Datagrams, policy: str) -> None:
    lab.configure(f"ip nat service sip {policy}")
    with lab.serving() as gateway, lab.udp(lab.network.inside, OTHER_PHONE, 5060) as flooding:
        with stopped(gateway):
            for _ in range(2 * QUEUE_LENGTH):
                flooding.sendto(KEEP_ALIVE, PEER)
            [queue] = queues(gateway)
            assert queue.waiting == QUEUE_LENGTH
            assert (queue.dropped + queue.unread > 0) == (policy == "fail-closed")
            drain(datagrams.peer)
            assert_passes_only_if_open(datagrams, policy)
        eventually(lambda: queues(gateway)[0].waiting == 0, "the queue stays full")
        drain(datagrams.peer)
        eventually(datagrams.is_inspected, "the flow that began without us is not inspected")


def drain(receiver: socket.socket) -> None:
    """Throw away what has come."""
    receiver.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
    try:
        while True:
            receiver.recv(2_000)
    except BlockingIOError:
        receiver.settimeout(DEADLINE)


@policies
def test_connections_while_the_gateway_is_gone(lab: Lab, policy: str) -> None:
    net = lab.network
    lab.configure(f"ip nat service sip {policy}")
    with (
        lab.serving() as gateway,
        lab.tcp(net.outside, *PEER, listens=True) as peer,
        lab.tcp(net.outside, *ELSEWHERE, listens=True),
        lab.tcp(net.inside, INSIDE_PHONE) as phone,
        lab.tcp(net.inside, INSIDE_PHONE) as later,
        lab.tcp(net.inside, INSIDE_PHONE) as marker,
    ):
        gateway.program.kill()
        phone.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
        phone.connect_ex(PEER)
        marker.connect(ELSEWHERE)
        phone.settimeout(DEADLINE)
        if policy == "fail-open":
            accepted, (address, port) = peer.accept()
            with accepted:
                assert address == GATEWAY_GLOBAL
                assert port >= FIRST_ORDINARY_PORT
                assert_goes_on(lab, phone, accepted)
        else:
            peer.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
            with pytest.raises(BlockingIOError):
                peer.accept()
            phone.close()
        with lab.serving():
            peer.settimeout(DEADLINE)
            later.connect(PEER)
            later.sendall(options("TCP"))
            accepted, sender = peer.accept()
            with accepted:
                accepted.settimeout(DEADLINE)
                assert is_translated(accepted.recv(2_000), sender)


def assert_goes_on(lab: Lab, phone: socket.socket, accepted: socket.socket) -> None:
    """A connection that began without the gateway is plain NAT, also when there is one again."""
    accepted.settimeout(DEADLINE)
    message = options("TCP")
    phone.sendall(message)
    assert accepted.recv(2_000) == message
    with lab.serving():
        phone.sendall(message)
        assert accepted.recv(2_000) == message
