"""The redirect to the TCP proxy: what an operator's firewall must permit, and what is left when the gateway ends."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from doorman.lab.namespaces import run_in
from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE
from kit.lab import Lab, eventually
from kit.messages import options
from kit.waiting import DEADLINE

PEER = (OUTSIDE_PHONE, 5060)
PHONE = (INSIDE_PHONE, 45_060)
KEEP_ALIVE = b"\r\n"
FIREWALL = """
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct mark and 0x200000 != 0 accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    ct mark and 0x200000 != 0 accept
    meta mark and 0x200000 != 0 accept
  }
}
"""


@contextmanager
def connected(lab: Lab, listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection through the proxy, from a port that may have been used before."""
    with lab.tcp(lab.network.inside, *PHONE) as phone:
        phone.connect(PEER)
        phone.sendall(options("TCP"))
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(DEADLINE)
            assert INSIDE_PHONE.encode() not in peer.recv(2_000)
            yield phone, peer
        assert ends(phone)


def tables(lab: Lab) -> list[str]:
    return [line.split()[-1] for line in lab.in_gateway("nft", "list", "tables").splitlines()]


def ends(sock: socket.socket) -> bool:
    try:
        return sock.recv(100) == b""
    except ConnectionResetError:
        return True


def test_a_firewall_that_permits_what_the_manual_says(lab: Lab) -> None:
    run_in(lab.network.gateway, "nft", "-f", "-", given=FIREWALL)
    with (
        lab.serving(),
        lab.tcp(lab.network.outside, *PEER, listens=True) as listener,
        connected(lab, listener) as (phone, peer),
    ):
        peer.sendall(KEEP_ALIVE)
        assert phone.recv(100) == KEEP_ALIVE


def test_who_is_connected_when_the_gateway_is_killed_is_told_and_connects_again(lab: Lab) -> None:
    with lab.tcp(lab.network.outside, *PEER, listens=True) as listener, lab.serving() as gateway:
        with connected(lab, listener) as (phone, peer):
            gateway.program.kill()
            eventually(lambda: "doorman-proxy" not in tables(lab), "the redirect is still there")
            assert "doorman" in tables(lab)
            assert ends(phone)
            assert ends(peer)
        with lab.serving():
            for _ in range(3):
                with connected(lab, listener):
                    pass


def test_nothing_is_left_behind(lab: Lab) -> None:
    before = tables(lab)
    with lab.serving():
        assert {"doorman", "doorman-proxy"} <= set(tables(lab))
    assert tables(lab) == before
    with lab.serving("--keep-table"):
        pass
    assert tables(lab) == [*before, "doorman"]
