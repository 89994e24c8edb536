"""FTP through `doorman run` with NAT64: real clients that have IPv6 alone, and servers that have IPv4 alone.

One of the servers knows RFC 959 alone, neither EPSV nor EPRT. Then the other way round: a server inside that has IPv6
alone, and clients of IPv4. All with a proxy for TCP and without one (mode vtcp).
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.lab.ftp import FTP_PORT, public, pyftpdlib, vsftpd
from kit.ftp_programs import CLIENTS, UPLOAD, Client, need_ftp, run
from kit.nat64 import CONFIG, NAME, OTHER, SERVER, SERVER_V6, Network, network
from kit.vrf_live import Daemon
from kit.waiting import DEADLINE

CONTENT = bytes(range(256)) * 400
OTHER_PORT, OLD_PORT, TLS_PORT = 2121, 2122, 2123
PORTS = {"vsftpd": FTP_PORT, "pyftpdlib": OTHER_PORT, "RFC 959 alone": OLD_PORT}
_CERTIFY = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=ftp.example")
_RFC_959 = """
from pyftpdlib import __main__ as program, handlers
for command in ("EPSV", "EPRT"):
    del handlers.proto_cmds[command]
program.main()
"""


rfc_959 = partial(pyftpdlib, program=("-c", _RFC_959))
"""A server that knows neither EPSV nor EPRT."""


class Gateway(NamedTuple):
    """The network, the folder that all servers serve, and the gateway that runs."""

    network: Network
    files: Path
    daemon: Daemon


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Servers on both sides, and a gateway that inspects TCP in one mode or the other."""
    need_ftp()
    directory = tmp_path_factory.mktemp(request.param)
    files = public(directory / "files")
    (files / "file").write_bytes(CONTENT)
    ports = "".join(f"ip nat service ftp tcp port {port}\n" for port in (OTHER_PORT, OLD_PORT, TLS_PORT))
    certificate = directory / "certificate"
    subprocess.run([*_CERTIFY, "-keyout", certificate, "-out", certificate], check=True, capture_output=True)
    with ExitStack() as stack:
        net = network(stack)
        stack.enter_context(vsftpd(net.server.name, SERVER, TLS_PORT, directory, files, certificate=certificate))
        for serve, port in ((vsftpd, FTP_PORT), (pyftpdlib, OTHER_PORT), (rfc_959, OLD_PORT)):
            stack.enter_context(serve(net.server.name, SERVER, port, directory, files))
        stack.enter_context(pyftpdlib(net.host.name, OTHER, FTP_PORT, directory, files))
        config = f"{CONFIG}{ports}ip nat service ftp tcp mode {request.param}\n"
        daemon = Daemon(net.gateway, directory, config, kept=False)
        stack.callback(daemon.end)
        yield Gateway(net, files, daemon)


@pytest.mark.parametrize("client", [name for name in CLIENTS if name not in {"curl PORT", "curl PASV"}])
@pytest.mark.parametrize("server", list(PORTS))
def test_a_client_of_ipv6_fetches_a_file(server: str, client: str, gateway: Gateway, tmp_path: Path) -> None:
    inside = gateway.network.host.name
    assert run(inside, CLIENTS[client], SERVER_V6, PORTS[server], "file", tmp_path / "got") == CONTENT


@pytest.mark.parametrize("server", list(PORTS))
def test_a_client_of_ipv6_brings_a_file(server: str, gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "brought").write_bytes(CONTENT)
    name = f"incoming/{server}-{tmp_path.name}".replace(" ", "-")
    run(gateway.network.host.name, UPLOAD, SERVER_V6, PORTS[server], name, tmp_path / "brought")
    assert (gateway.files / name).read_bytes() == CONTENT


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_client_of_ipv4_fetches_a_file_of_a_server_of_ipv6(client: str, gateway: Gateway, tmp_path: Path) -> None:
    outside = gateway.network.server.name
    assert run(outside, CLIENTS[client], NAME, FTP_PORT, "file", tmp_path / "got") == CONTENT


def test_a_client_with_tls_gets_its_file_by_what_the_server_knows(gateway: Gateway, tmp_path: Path) -> None:
    """From AUTH on nothing is translated: vsftpd itself is asked by EPSV."""
    secured = Client((*CLIENTS["curl EPSV"].words, "--ssl-reqd", "--insecure"))
    inside = gateway.network.host.name
    assert run(inside, secured, SERVER_V6, TLS_PORT, "file", tmp_path / "got") == CONTENT


def said(peer: socket.socket, *lines: bytes) -> bytes:
    """What comes next, after these lines."""
    peer.sendall(b"".join(line + b"\r\n" for line in lines))
    heard = b""
    while not heard.endswith(b"\r\n"):
        heard += peer.recv(2_000)
    return heard


def test_what_is_said_by_hand(gateway: Gateway) -> None:
    """Before the login vsftpd refuses a NOOP; its client gets the gateway's answer all the same."""
    with ExitStack() as stack:
        with gateway.network.host.inside():
            client = stack.enter_context(socket.socket(socket.AF_INET6))
        client.settimeout(DEADLINE)
        client.connect((SERVER_V6, FTP_PORT))
        own, port, *_ = client.getsockname()
        assert said(client).startswith(b"220 ")
        for line, heard in (
            ("ALGS STATUS64", b"216 EPSVEPRT\r\n"),
            ("USER ftp", b"230 "),
            ("EPSV ALL", b"504 "),
            ("EPSV 1", b"522 "),
            ("EPSV", b"229 "),
            ("EPRT |2|2001:db8:1::66|40003|", b"500 "),
            (f"EPRT |2|{own}|22|", b"500 "),
            (f"EPRT |2|{own}|40003|", b"200 "),
            ("ALGS DISABLE64", b"216 NONE\r\n"),
            (f"EPRT |2|{own}|40003|", b"500 "),
            ("ALGS ENABLE64", b"216 EPSVEPRT\r\n"),
            ("EPSV 2", b"229 "),
        ):
            assert said(client, line.encode()).startswith(heard), line
        assert f"[{own}]:{port} " in gateway.daemon.ask("show alg ftp sessions")
        assert said(client, b"QUIT").startswith(b"221 ")
