"""A TCP peer that reads nothing: its sender is held up, the gateway does not grow, and nobody else notices."""

import select
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.gateway import Gateway
from doorman.lab.network import GATEWAY_GLOBAL, PROXY
from doorman.lab.plans import from_inside
from kit.lab import PACKETS, SHORT, Lab
from kit.messages import options
from kit.waiting import DEADLINE

SLOW_PHONE = "192.168.1.11"
MOST_ON_THE_WAY = 64 << 20
"""Bytes; the kernel's own buffers take some MiB on each leg."""
MOST_GROWTH = 8 << 20
BODY = "x" * 6_000
HELD_UP = 0.5
"""Seconds without room for a byte: the sender waits for somebody."""


def memory(gateway: Gateway) -> int:
    """What a process has in memory, in bytes (VmRSS)."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def send_until_held_up(sender: socket.socket, message: bytes) -> int:
    """Send a message over and over; how many of them were taken as a whole."""
    sender.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
    taken = 0
    while select.select([], [sender], [], HELD_UP)[1]:
        taken += sender.send(message[taken % len(message) :])
        assert taken < MOST_ON_THE_WAY, "the sender is not held up"
    return taken // len(message)


def read(receiver: socket.socket, messages: int) -> None:
    """Read until so many messages have come."""
    body = BODY.encode()
    come, rest = 0, b""
    while come < messages:
        *whole, rest = (rest + receiver.recv(1 << 16)).split(body)
        come += len(whole)


@pytest.mark.parametrize("slow", ["outside", "inside"])
def test_a_slow_peer(lab: Lab, slow: str) -> None:
    net = lab.network
    over_tcp = SHORT._replace(transport="tcp")
    with lab.serving() as gateway, ExitStack() as stack:
        listener = stack.enter_context(lab.tcp(net.outside, PROXY, 5060, listens=True))
        client = stack.enter_context(lab.tcp(net.inside, SLOW_PHONE, 5060))
        client.connect((PROXY, 5060))
        server, _ = listener.accept()
        stack.enter_context(server)
        server.settimeout(DEADLINE)
        sender, receiver, message = client, server, options("TCP", SLOW_PHONE, PROXY, BODY)
        if slow == "inside":
            sender, receiver, message = server, client, options("TCP", PROXY, GATEWAY_GLOBAL, BODY)
        lab.place(from_inside(net, over_tcp))
        before = memory(gateway)
        taken = send_until_held_up(sender, message)
        [leg] = lab.place(from_inside(net, over_tcp)).legs
        assert [end.received for end in leg] == [PACKETS, PACKETS]
        assert memory(gateway) - before < MOST_GROWTH
        read(receiver, taken)
        assert select.select([], [sender], [], DEADLINE)[1], "it is held up though its peer reads"
