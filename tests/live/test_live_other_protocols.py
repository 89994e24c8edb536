"""What is no SIP on SIP's port: plain NAT, and never looked at again, whatever follows."""

import pytest

from doorman.dataplanes.netfilter.marks import INSPECTED, PLAIN
from doorman.lab.gateway import Gateway
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE
from kit.lab import Lab, queues
from kit.messages import options
from kit.waiting import DEADLINE

OTHER = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01"
"""A question for DNS."""
HTTP = b"POST /x HTTP/1.1\r\nHost: example.org\r\n\r\n"


def packets(gateway: Gateway) -> int:
    [queue] = queues(gateway)
    return queue.packets


def marks(lab: Lab) -> list[int]:
    words = (word for flow in lab.flows() if "port=5060" in flow for word in flow.split())
    return [int(word.partition("=")[2]) for word in words if word.startswith("mark=")]


@pytest.mark.parametrize("begins", ["inside", "outside"])
def test_datagrams(lab: Lab, begins: str) -> None:
    net = lab.network
    with (
        lab.serving() as gateway,
        lab.udp(net.inside, INSIDE_EXCHANGE, 5060) as inside,
        lab.udp(net.outside, OUTSIDE_PHONE, 5060) as outside,
    ):
        first, second, goal = inside, outside, OUTSIDE_PHONE
        if begins == "outside":
            first, second, goal = outside, inside, EXCHANGE_GLOBAL
        first.sendto(OTHER, (goal, 5060))
        data, back = second.recvfrom(2_000)
        assert data == OTHER
        # Nobody outside may say what an inside host speaks: with its own first word it is clear.
        looked_at = 1 if begins == "inside" else 2
        for message in [OTHER, options(sender=INSIDE_EXCHANGE)]:
            for _ in range(5):
                second.sendto(message, back)
                assert first.recv(2_000) == message
                first.sendto(message, (goal, 5060))
                assert second.recv(2_000) == message
        assert packets(gateway) == looked_at
        [mark] = marks(lab)
        assert mark & (INSPECTED | PLAIN) == PLAIN
        assert lab.ask("show alg sip statistics")["messages"] == {}


@pytest.mark.parametrize("begins", ["inside", "outside"])
def test_connections(lab: Lab, begins: str) -> None:
    net = lab.network
    inside, outside = (net.inside, INSIDE_EXCHANGE), (net.outside, OUTSIDE_PHONE)
    client, server = (inside, outside) if begins == "inside" else (outside, inside)
    goal = OUTSIDE_PHONE if begins == "inside" else EXCHANGE_GLOBAL
    message = options("TCP", INSIDE_EXCHANGE)
    with lab.serving(), lab.tcp(*server, 5060, listens=True) as listener, lab.tcp(*client) as first:
        first.connect((goal, 5060))
        second, _ = listener.accept()
        with second:
            second.settimeout(DEADLINE)
            for data in (HTTP, message):
                first.sendall(data)
                assert second.recv(2_000) == data
                second.sendall(data)
                assert first.recv(2_000) == data
        assert first.recv(2_000) == b"", "its end is not passed on"
        assert lab.ask("show alg sip statistics")["messages"] == {}


def test_a_phone_may_be_called_beside_it(lab: Lab) -> None:
    """One flow that is no SIP does not keep the next one, from another port, from being inspected."""
    net = lab.network
    with (
        lab.serving(),
        lab.udp(net.outside, OUTSIDE_PHONE, 5060) as peer,
        lab.udp(net.inside, INSIDE_PHONE, 5062) as game,
        lab.udp(net.inside, INSIDE_PHONE, 5060) as phone,
    ):
        game.sendto(OTHER, (OUTSIDE_PHONE, 5060))
        assert peer.recv(2_000) == OTHER
        phone.sendto(options(), (OUTSIDE_PHONE, 5060))
        assert INSIDE_PHONE.encode() not in peer.recv(2_000)
