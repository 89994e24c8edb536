"""rsh, rexec and rlogin through `doorman run`: servers and a client of rsh-redone on either side, a rexec of our own.

Everything is the same with a proxy for TCP and without one (mode vtcp).
"""

import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from doorman.lab.namespaces import run_in
from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, OUTSIDE_PHONE, PROXY
from doorman.lab.rcmd import RLOGIN_PORT, RLOGIND, RSH, RSH_PORT, RSHD, rcmd_server
from kit.lab import Lab, eventually
from kit.rcmd_programs import need_rcmd, rexec_server, run

COMMAND = "echo hello; echo oops >&2"
_reserved = zip(itertools.count(1001, -2), itertools.count(1000, -2), strict=True)
_ordinary = zip(itertools.count(40_001, 2), itertools.count(40_002, 2), strict=True)
"""Ports that no connection before had, whose ends may be waiting for what is still on its way."""
SHARED_SERVER = 20
"""The number of the phone that serves at the shared address."""


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def lab(request: pytest.FixtureRequest, shared_lab: Lab) -> Iterator[Lab]:
    """Servers outside, at an exchange and at a phone inside, and a gateway in one mode of TCP or the other."""
    need_rcmd()
    net = shared_lab.network
    directory = shared_lab.directory / request.param
    directory.mkdir()
    phone = net.phone(SHARED_SERVER)
    shared_lab.configure(
        f"ip nat service rcmd tcp mode {request.param}",
        f"ip nat inside source static tcp {phone} {RSH_PORT} interface out0 {RSH_PORT}",
        f"ip nat service rcmd tcp port {RLOGIN_PORT}",
    )
    # A gateway that was here before has left flows, whose names the kernel would refuse to a client that draws them.
    shared_lab.in_gateway("conntrack", "-F")
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        for server, namespace, address, port in (
            (RSHD, net.outside, OUTSIDE_PHONE, RSH_PORT),
            (RSHD, net.inside, INSIDE_EXCHANGE, RSH_PORT),
            (RSHD, net.inside, phone, RSH_PORT),
            (RLOGIND, net.outside, OUTSIDE_PHONE, RLOGIN_PORT),
        ):
            stack.enter_context(rcmd_server(server, namespace, address, port, directory))
        yield shared_lab
        eventually(lambda: not shared_lab.doors("stderr"), "doors outlive their connections", 3.0)


def test_a_real_client(lab: Lab) -> None:
    """It fails unless the server connects to it, though it does not show what comes by that connection."""
    for _ in range(3):  # from the same ports
        assert run_in(lab.network.inside, str(RSH), "-l", "root", OUTSIDE_PHONE, COMMAND) == "hello\n"


def test_clients_inside_with_the_same_ports_at_once(lab: Lab) -> None:
    net, ports = lab.network, next(_reserved)
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(run, lab, net.inside, net.phone(number), (OUTSIDE_PHONE, RSH_PORT), COMMAND, ports=ports)
            for number in range(4)
        ]
        for one in asked:
            said = one.result()
            assert said[:2] == (b"hello\n", b"oops\n")
            assert 512 <= said.port < 1024


@pytest.mark.parametrize("server", [EXCHANGE_GLOBAL, GATEWAY_GLOBAL], ids=["with an address", "at a shared one"])
def test_a_server_inside(server: str, lab: Lab) -> None:
    """Errors come from a port of the superuser, also where the kernel gives it: a real client would not take others."""
    said = run(lab, lab.network.outside, PROXY, (server, RSH_PORT), COMMAND, ports=next(_reserved))
    assert said[:2] == (b"hello\n", b"oops\n")
    assert 512 <= said.port < 1024


def test_a_real_client_of_a_server_inside(lab: Lab) -> None:
    assert run_in(lab.network.outside, str(RSH), "-l", "root", GATEWAY_GLOBAL, COMMAND) == "hello\n"


@pytest.mark.parametrize("inside", [True, False], ids=["client inside", "client outside"])
def test_rexec(inside: bool, lab: Lab) -> None:  # noqa: FBT001 - a parameter of the test
    net = lab.network
    here, there = (net.inside, net.outside) if inside else (net.outside, net.inside)
    own, server = (net.phone(1), PROXY) if inside else (PROXY, INSIDE_EXCHANGE)
    with rexec_server(lab, there, server):
        called = (PROXY if inside else EXCHANGE_GLOBAL, 512)
        said = run(lab, here, own, called, "uname", ports=next(_ordinary), names=b"root\0secret\0")
    assert said[:2] == (b"root secret uname", b"oops\n")


def test_urgent_data_of_rlogin(lab: Lab) -> None:
    """A server asks for the size of the window by a byte that is urgent (RFC 1282)."""
    with lab.tcp(lab.network.inside, lab.network.phone(2), next(_reserved)[0]) as client:
        client.connect((OUTSIDE_PHONE, RLOGIN_PORT))
        client.sendall(b"\0root\0root\0dumb/9600\0")
        assert client.recv(1) == b"\0"
        eventually(lambda: _urgent(client) == b"\x80", "no urgent data came", 3.0)


def _urgent(client: socket.socket) -> bytes:
    try:
        return client.recv(1, socket.MSG_OOB)
    except OSError:  # there are none (yet)
        return b""


def test_what_was_counted(lab: Lab) -> None:
    assert lab.ask("show alg rcmd statistics")["drops"] == {}
