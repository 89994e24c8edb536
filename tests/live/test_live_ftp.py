"""FTP through `doorman run` by real programs: two servers on either side, three clients, active and passive.

Everything is the same with a proxy for TCP and without one (mode vtcp).
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.lab.ftp import FTP_PORT, public, pyftpdlib, vsftpd
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from kit.ftp_programs import CLIENTS, UPLOAD, begin, need_ftp, run, words_of
from kit.lab import Lab, eventually
from kit.waiting import DEADLINE

CONTENT = bytes(range(256)) * 400
OTHER_PORT = 2121
SERVERS = ["vsftpd outside", "pyftpdlib outside", "vsftpd inside", "pyftpdlib inside"]


class Served(NamedTuple):
    """A server: where clients are and what they call it, and the folder that it serves."""

    clients: str
    host: str
    port: int
    files: Path


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def servers(request: pytest.FixtureRequest, shared_lab: Lab) -> Iterator[dict[str, Served]]:
    """Four servers, and a gateway that inspects TCP in one mode or the other."""
    need_ftp()
    net = shared_lab.network
    directory = shared_lab.directory / request.param
    directory.mkdir()
    shared_lab.configure(f"ip nat service ftp tcp port {OTHER_PORT}", f"ip nat service ftp tcp mode {request.param}")
    outside, inside = (net.inside, net.outside), (net.outside, net.inside)
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        made = {}
        for name, serve, (clients, servers), host, own, port in (
            ("vsftpd outside", vsftpd, outside, OUTSIDE_PHONE, OUTSIDE_PHONE, FTP_PORT),
            ("pyftpdlib outside", pyftpdlib, outside, PROXY, PROXY, OTHER_PORT),
            ("vsftpd inside", vsftpd, inside, EXCHANGE_GLOBAL, INSIDE_EXCHANGE, FTP_PORT),
            ("pyftpdlib inside", pyftpdlib, inside, EXCHANGE_GLOBAL, INSIDE_EXCHANGE, OTHER_PORT),
        ):
            files = public(directory / name.replace(" ", "-"))
            stack.enter_context(serve(servers, own, port, directory, files))
            made[name] = Served(clients, host, port, files)
        for served in made.values():
            (served.files / "file").write_bytes(CONTENT)
        yield made
        eventually(lambda: not shared_lab.doors("data"), "doors outlive their transfers", 3.0)
        eventually(lambda: not shared_lab.ask("show alg ftp sessions"), "sessions outlive their connections", 5.0)


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("server", SERVERS)
def test_a_file_is_fetched(server: str, client: str, servers: dict[str, Served], tmp_path: Path) -> None:
    served = servers[server]
    got = run(served.clients, CLIENTS[client], served.host, served.port, "file", tmp_path / "got")
    assert got == CONTENT


def test_a_file_is_brought(servers: dict[str, Served], tmp_path: Path) -> None:
    served = servers["vsftpd outside"]
    (tmp_path / "brought").write_bytes(CONTENT)
    run(served.clients, UPLOAD, served.host, served.port, "incoming/brought", tmp_path / "brought")
    assert (served.files / "incoming" / "brought").read_bytes() == CONTENT


def test_ten_transfers_at_once_on_one_control_address(servers: dict[str, Served], tmp_path: Path) -> None:
    served = servers["vsftpd outside"]
    clients = [CLIENTS["curl PORT"], CLIENTS["curl EPSV"]] * 5
    begun = [
        begin(served.clients, words_of(client, served.host, served.port, "file", tmp_path / str(number)))
        for number, client in enumerate(clients)
    ]
    for number, process in enumerate(begun):
        said = process.communicate(timeout=30)[0]
        assert process.returncode == 0, said.decode(errors="replace")
        assert (tmp_path / str(number)).read_bytes() == CONTENT


def test_a_bounce_attack_is_refused_and_the_session_goes_on(servers: dict[str, Served], shared_lab: Lab) -> None:
    served = servers["vsftpd inside"]
    assert served.port == FTP_PORT
    with shared_lab.tcp(shared_lab.network.outside, OUTSIDE_PHONE) as client:
        client.connect((EXCHANGE_GLOBAL, 21))
        assert said(client).startswith(b"220")
        for line, code in [
            (b"USER ftp", b"230"),
            (b"PORT 192,168,1,10,0,25", b"500"),
            (b"EPRT |1|192.168.1.10|66000|", b"500"),
            (b"NOOP", b"200"),
        ]:
            client.sendall(line + b"\r\n")
            assert said(client).startswith(code), line
        assert INSIDE_PHONE not in str(shared_lab.ask("show ip nat doors"))
        client.sendall(b"QUIT\r\n")
        assert said(client).startswith(b"221")


def said(client: socket.socket) -> bytes:
    """The next reply."""
    reply = client.recv(2_000)
    while not reply.endswith(b"\r\n"):
        reply += client.recv(2_000)
    return reply


def test_an_abort_with_urgent_data(servers: dict[str, Served], shared_lab: Lab) -> None:
    """As RFC 959 wants it: IAC IP, then IAC DM as urgent data, then ABOR."""
    served = servers["vsftpd outside"]
    with shared_lab.tcp(served.clients, INSIDE_PHONE) as client:
        client.connect((served.host, served.port))
        said(client)
        client.sendall(b"USER ftp\r\n")
        said(client)
        client.sendall(b"\xff\xf4")
        client.send(b"\xff", socket.MSG_OOB)
        client.sendall(b"\xf2ABOR\r\n")
        assert said(client)[:3] in {b"225", b"226"}
        client.sendall(b"NOOP\r\n")
        assert said(client).startswith(b"200")


def test_a_server_that_calls_where_the_commands_come_from(servers: dict[str, Served], shared_lab: Lab) -> None:
    """Neither end announces anything: from port 20 of the server to the client's port of the control connection."""
    assert servers
    net = shared_lab.network
    with (
        shared_lab.tcp(net.outside, PROXY, FTP_PORT, listens=True) as listener,
        shared_lab.tcp(net.inside, INSIDE_PHONE) as client,
        shared_lab.tcp(net.outside, PROXY, 20) as data,
    ):
        client.connect((PROXY, FTP_PORT))
        server, seen_as = listener.accept()
        with server, shared_lab.tcp(net.inside, *client.getsockname(), listens=True) as awaited:
            server.sendall(b"220 ready\r\n")
            assert said(client).startswith(b"220")
            client.sendall(b"RETR file\r\n")
            assert said(server) == b"RETR file\r\n"
            data.connect(seen_as)
            came, sender = awaited.accept()
            came.close()
            assert sender == (PROXY, 20)


def test_what_was_seen_is_counted(servers: dict[str, Served], shared_lab: Lab) -> None:
    assert servers
    found = shared_lab.ask("show alg ftp statistics")
    counted = {row["name"]: row["total"] for row in found["rows"]}
    assert min(counted[name] for name in ("PORT", "EPRT", "PASV", "EPSV", "227", "229", "RETR", "STOR", "226")) > 0
    assert found["drops"] == {}
    assert set(found["totals"]) == {"sessions", "transfers"}


def test_without_a_proxy_a_control_connection_waits_for_its_transfer(lab: Lab) -> None:
    """The kernel forgets one that is silent for two seconds, but not one whose transfer goes on."""
    lab.configure("ip nat service ftp tcp mode vtcp", "ip nat translation tcp-timeout 2")
    net = lab.network
    with (
        lab.serving(),
        lab.tcp(net.outside, OUTSIDE_PHONE, FTP_PORT, listens=True) as listener,
        lab.tcp(net.inside, INSIDE_PHONE, 40_001) as idle,
        lab.tcp(net.inside, INSIDE_PHONE, 40_002) as busy,
    ):
        busy.connect((OUTSIDE_PHONE, FTP_PORT))
        server, _ = listener.accept()
        with server:
            server.settimeout(DEADLINE)
            server.sendall(b"220 ready\r\n")
            assert said(busy).startswith(b"220")
            busy.sendall(b"RETR large\r\n")
            assert said(server) == b"RETR large\r\n"
            server.sendall(b"150 here it comes\r\n")
            assert said(busy).startswith(b"150")
            idle.connect((OUTSIDE_PHONE, FTP_PORT))
            with listener.accept()[0] as other:
                other.sendall(b"220 ready\r\n")
                assert said(idle).startswith(b"220")
                eventually(lambda: "sport=40001 " not in str(lab.flows("-p", "tcp")), "an idle flow is kept", 10.0)
            assert "sport=40002 " in str(lab.flows("-p", "tcp"))
            server.sendall(b"226 done\r\n")
            assert said(busy).startswith(b"226")
