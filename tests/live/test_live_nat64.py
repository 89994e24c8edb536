"""NAT64 by `doorman run`: real programs that have IPv6 alone, and a server that has IPv4 alone."""

import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from typing import NamedTuple

import pytest

from doorman.net.addresses import address_of, address_text, parse_prefix
from doorman.net.embedding import embed
from kit.lab import eventually
from kit.namespaces import Namespace
from kit.nat64 import CONFIG, GATEWAY, HOST, NAME, OTHER, PREFIX, SERVER, SERVER_V6, Network, network, web_server
from kit.vrf_live import Daemon
from kit.waiting import DEADLINE

_MTU_DISCOVER, _NEVER = 10, 0
"""Of ip(7)."""
CONTENT = bytes(range(256)) * 8_000


class Served(NamedTuple):
    """The network, and the gateway in it."""

    net: Network
    daemon: Daemon

    def on_host(self, *command: str) -> "subprocess.CompletedProcess[str]":
        with self.net.host.inside():
            return subprocess.run([*command], capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture(scope="module")
def served(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:  # noqa: ARG001 - its check
    directory = tmp_path_factory.mktemp("nat64")
    (directory / "file").write_bytes(CONTENT)
    with ExitStack() as stack:
        net = network(stack)
        daemon = Daemon(net.gateway, directory, CONFIG, kept=False)
        stack.callback(daemon.end)
        web_server(stack, net.server, str(directory))
        yield Served(net, daemon)


def udp_socket(stack: ExitStack, where: Namespace, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with where.inside():
        made = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    made.bind((address, port))
    made.settimeout(DEADLINE)
    return made


def test_ping(served: Served) -> None:
    if which("ping") is None:
        pytest.skip("needs ping (iputils-ping)")
    for size in ("56", "1400"):
        done = served.on_host("ping", "-c", "2", "-i", "0.2", "-s", size, SERVER_V6)
        assert " 0% packet loss" in done.stdout, done.stdout + done.stderr


def test_curl_fetches_a_file(served: Served) -> None:
    url = f"http://[{SERVER_V6}]:8080/file"
    eventually(lambda: served.on_host("curl", "-sS", "-o", "/dev/null", url).returncode == 0, "no server", 10)
    with served.net.host.inside():
        fetched = subprocess.run(["curl", "-sS", "-m", "20", url], capture_output=True, check=True, timeout=30)
    assert fetched.stdout == CONTENT
    shown = served.daemon.ask("show nat64 translations")
    assert f"[{SERVER_V6}]:8080" in shown
    assert f"{SERVER}:8080" in shown
    counted = served.daemon.ask("show nat64 statistics")
    assert "Interfaces: lan0\nTotal hosts: 2 (1 static, 1 dynamic)\n" in counted
    assert "(IPv6 -> IPv4): 0" not in counted
    assert "Drops: 0" in counted


def test_udp_of_every_size_both_ways(served: Served, stack: ExitStack) -> None:
    host = udp_socket(stack, served.net.host, HOST, 4_000)
    server = udp_socket(stack, served.net.server, SERVER, 4_001)
    server.setsockopt(socket.IPPROTO_IP, _MTU_DISCOVER, _NEVER)  # else the first that is too long is lost
    for size in (0, 1, 1_400, 1_452, 1_460, 1_472, 4_000, 20_000):
        data = bytes(range(256)) * 80
        host.sendto(data[:size], (SERVER_V6, 4_001))
        heard, name = server.recvfrom(65_535)
        assert (heard, name[0]) == (data[:size], GATEWAY)
        server.sendto(data[:size], name)
        assert host.recvfrom(65_535)[:2] == (data[:size], (SERVER_V6, 4_001, 0, 0))


@pytest.mark.parametrize("asks", ["host", "server"])
def test_a_closed_port_is_told_of(served: Served, stack: ExitStack, asks: str) -> None:
    host, server = udp_socket(stack, served.net.host, HOST, 0), udp_socket(stack, served.net.server, SERVER, 0)
    asking, asked = {"host": (host, SERVER_V6), "server": (server, NAME)}[asks]
    asking.connect((asked, 9))
    asking.send(b"is anybody there?")
    with pytest.raises(ConnectionRefusedError):
        asking.recv(100)


def test_a_host_with_a_name_for_itself_is_called(served: Served, stack: ExitStack) -> None:
    host = udp_socket(stack, served.net.host, OTHER, 4_002)
    server = udp_socket(stack, served.net.server, SERVER, 0)
    server.sendto(b"come in", (NAME, 4_002))
    heard, caller = host.recvfrom(100)
    assert (heard, caller[0]) == (b"come in", SERVER_V6)
    host.sendto(b"thanks", caller)
    assert server.recvfrom(100) == (b"thanks", (NAME, 4_002))


def test_hosts_reach_each_other_by_their_names(served: Served, stack: ExitStack) -> None:
    one = udp_socket(stack, served.net.host, HOST, 4_004)
    other = udp_socket(stack, served.net.host, OTHER, 4_005)
    name = address_text(embed(parse_prefix(PREFIX), address_of(NAME)))
    one.sendto(b"you there", (name, 4_005))
    heard, caller = other.recvfrom(100)
    assert (heard, caller[0]) == (b"you there", address_text(embed(parse_prefix(PREFIX), address_of(GATEWAY))))
    other.sendto(b"yes", caller)
    assert one.recvfrom(100)[:2] == (b"yes", (name, 4_005, 0, 0))


def test_the_mtu_of_the_path_is_found_out(served: Served) -> None:
    """The link of the host takes less than the server sends: the server is told by the gateway's own error."""
    served.net.gateway.run("ip", "link", "set", "lan0", "mtu", "1300")
    try:
        with served.net.host.inside():
            fetched = urllib.request.urlopen(f"http://[{SERVER_V6}]:8080/file", timeout=20).read()
    finally:
        served.net.gateway.run("ip", "link", "set", "lan0", "mtu", "1500")
    assert fetched == CONTENT


def test_only_whom_a_list_permits_is_translated(served: Served, stack: ExitStack) -> None:
    served.net.gateway.run("ip", "-6", "route", "replace", "2001:db8:2::/64", "via", HOST)
    link = served.net.host.run("ip", "-o", "-6", "address", "show", "to", HOST).split()[1]
    served.net.host.run("ip", "address", "replace", "2001:db8:2::1/64", "dev", link, "preferred_lft", "0", "nodad")
    stranger = udp_socket(stack, served.net.host, "2001:db8:2::1", 0)
    server = udp_socket(stack, served.net.server, SERVER, 4_003)
    server.settimeout(0.5)
    stranger.sendto(b"let me out", (SERVER_V6, 4_003))
    with pytest.raises(TimeoutError):
        server.recv(100)


def test_messages_of_other_algs_stay_as_they_are(served: Served, stack: ExitStack) -> None:
    """What an IPv6 telephone says of itself no ALG translates, and no stand-in stands in what it hears."""
    phone = udp_socket(stack, served.net.host, HOST, 5_060)
    server = udp_socket(stack, served.net.server, SERVER, 5_060)
    said = (
        f"OPTIONS sip:server SIP/2.0\r\nVia: SIP/2.0/UDP [{HOST}]:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@[{HOST}]>;tag=1\r\nTo: <sip:server>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:a@[{HOST}]:5060>\r\nContent-Length: 0\r\n\r\n"
    )
    phone.sendto(said.encode(), (SERVER_V6, 5_060))
    heard, name = server.recvfrom(4_096)
    assert heard == said.encode()
    answer = heard.replace(b"OPTIONS sip:server SIP/2.0", b"SIP/2.0 200 OK").replace(
        b";branch", b";received=%b;rport=%d;branch" % (name[0].encode(), name[1])
    )
    server.sendto(answer, name)
    assert phone.recv(4_096) == answer


def test_it_goes_on_after_it_was_killed(root: None, stack: ExitStack, tmp_path: Path) -> None:  # noqa: ARG001
    net = network(stack)
    daemon = Daemon(net.gateway, tmp_path, CONFIG)
    stack.callback(daemon.end)
    first = udp_socket(stack, net.host, HOST, 4_000)
    server = udp_socket(stack, net.server, SERVER, 4_001)
    first.sendto(b"one", (SERVER_V6, 4_001))
    _, name = server.recvfrom(100)
    daemon.kill()
    daemon = Daemon(net.gateway, tmp_path, CONFIG)
    stack.callback(daemon.end)
    server.sendto(b"two", name)
    assert first.recv(100) == b"two"
    assert any("of stand-in" in line for line in daemon.said), daemon.said
    daemon.end()
    assert "nat64" not in net.gateway.run("ip", "link")


def test_its_device_comes_back_when_somebody_has_removed_it(
    root: None,  # noqa: ARG001 - its check
    stack: ExitStack,
    tmp_path: Path,
) -> None:
    net = network(stack)
    daemon = Daemon(net.gateway, tmp_path, CONFIG, kept=False)
    stack.callback(daemon.end)
    host = udp_socket(stack, net.host, HOST, 4_000)
    server = udp_socket(stack, net.server, SERVER, 4_001)
    net.gateway.run("ip", "link", "delete", "nat64")
    eventually(lambda: "nat64" in net.gateway.run("ip", "link"), "no device", 15)
    host.sendto(b"one", (SERVER_V6, 4_001))
    heard, name = server.recvfrom(100)
    server.sendto(b"two", name)
    assert (heard, host.recv(100)) == (b"one", b"two")


def test_what_is_in_its_way_is_told(root: None, stack: ExitStack, tmp_path: Path) -> None:  # noqa: ARG001
    net = network(stack)
    net.gateway.run("ip", "route", "add", PREFIX, "via", HOST, "metric", "1024")
    with pytest.raises(pytest.fail.Exception, match=f"a route to {PREFIX}, for NAT64, cannot be made: File exists"):
        Daemon(net.gateway, tmp_path, CONFIG, kept=False)
    net.gateway.run("ip", "route", "del", PREFIX)
    stack.callback(Daemon(net.gateway, tmp_path, CONFIG, kept=False).end)
    (tmp_path / "other").mkdir()
    with pytest.raises(
        pytest.fail.Exception, match="the device nat64, of NAT64, cannot be made: Device or resource busy"
    ):
        Daemon(net.gateway, tmp_path / "other", CONFIG, kept=False, table="other")


def test_another_configuration_ends_it_and_begins_it(root: None, stack: ExitStack, tmp_path: Path) -> None:  # noqa: ARG001
    net = network(stack)
    daemon = Daemon(net.gateway, tmp_path, CONFIG.replace(" nat64 enable\n", " ip nat inside\n"), kept=False)
    stack.callback(daemon.end)
    assert "nat64" not in net.gateway.run("ip", "link")
    host = udp_socket(stack, net.host, HOST, 4_000)
    server = udp_socket(stack, net.server, SERVER, 4_001)
    daemon.ask("configure terminal", "interface lan0", "nat64 enable", "end")
    host.sendto(b"one", (SERVER_V6, 4_001))
    heard, name = server.recvfrom(100)
    assert heard == b"one"
    daemon.ask("configure terminal", "nat64 prefix stateful 2001:db8:65::/96", "end")
    host.sendto(b"two", (SERVER_V6.replace(":64:", ":65:"), 4_001))
    assert server.recvfrom(100) == (b"two", name)
    daemon.ask("configure terminal", "interface lan0", "no nat64 enable", "end")
    assert "nat64" not in net.gateway.run("ip", "link")
    eventually(lambda: "nat64" not in net.gateway.run("nft", "list", "ruleset"), "chains that have nothing to do stay")
