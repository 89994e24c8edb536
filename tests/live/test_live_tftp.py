"""TFTP through `doorman run` by real programs: two servers on either side, three clients, reading and writing."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from doorman.lab.tftp import TFTP_PORT, atftpd, tftpd_hpa
from kit.lab import Lab, eventually
from kit.tftp import data, request
from kit.tftp_programs import CLIENTS, PUT, need_tftp, run

CONTENT = bytes(range(256)) * 50
OTHER_PORT = 6969
SERVERS = ["tftpd-hpa outside", "atftpd outside", "tftpd-hpa inside", "atftpd inside"]


class Served(NamedTuple):
    """A server: where clients are and what they call it, and the folder that it serves."""

    clients: str
    host: str
    port: int
    files: Path


@pytest.fixture(scope="module")
def servers(shared_lab: Lab) -> Iterator[dict[str, Served]]:
    """Four servers, and a gateway between them and their clients."""
    need_tftp()
    net, directory = shared_lab.network, shared_lab.directory
    shared_lab.configure(f"ip nat service tftp udp port {OTHER_PORT}")
    outside, inside = (net.inside, net.outside), (net.outside, net.inside)
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        made = {}
        for name, serve, (clients, servers), host, own, port in (
            ("tftpd-hpa outside", tftpd_hpa, outside, OUTSIDE_PHONE, OUTSIDE_PHONE, TFTP_PORT),
            ("atftpd outside", atftpd, outside, PROXY, PROXY, OTHER_PORT),
            ("tftpd-hpa inside", tftpd_hpa, inside, EXCHANGE_GLOBAL, INSIDE_EXCHANGE, TFTP_PORT),
            ("atftpd inside", atftpd, inside, EXCHANGE_GLOBAL, INSIDE_EXCHANGE, OTHER_PORT),
        ):
            files = directory / name.replace(" ", "-")
            files.mkdir()
            (files / "file").write_bytes(CONTENT)
            stack.enter_context(serve(servers, own, port, directory, files))
            made[name] = Served(clients, host, port, files)
        yield made
        eventually(lambda: not shared_lab.doors("data"), "doors outlive their transfers", 3.0)


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("server", SERVERS)
def test_a_file_is_fetched(server: str, client: str, servers: dict[str, Served], tmp_path: Path) -> None:
    served = servers[server]
    run(served.clients, CLIENTS[client], served.host, served.port, "file", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT


@pytest.mark.parametrize("server", SERVERS)
def test_a_file_is_brought(server: str, servers: dict[str, Served], tmp_path: Path) -> None:
    served = servers[server]
    (tmp_path / "brought").write_bytes(CONTENT)
    run(served.clients, PUT, served.host, served.port, "brought", tmp_path / "brought")
    eventually(lambda: (served.files / "brought").read_bytes() == CONTENT, "the file is not whole", 3.0)


def test_nobody_but_the_server_comes_in(servers: dict[str, Served], shared_lab: Lab) -> None:
    """The door is there before the request is; a stranger knows its port and is not let in by it."""
    assert servers
    net = shared_lab.network
    with (
        shared_lab.udp(net.inside, INSIDE_PHONE, 40_000) as client,
        shared_lab.udp(net.outside, PROXY, 69) as server,
        shared_lab.udp(net.outside, PROXY, 31_000) as transfer,
        shared_lab.udp(net.outside, OUTSIDE_PHONE, 31_000) as stranger,
    ):
        client.sendto(request(), (PROXY, 69))
        asked, name = server.recvfrom(600)
        assert asked == request()
        stranger.sendto(data(1, b"forged"), name)
        transfer.sendto(data(1, b"true"), name)
        assert client.recvfrom(600) == (data(1, b"true"), (PROXY, 31_000))
    [asked_for] = [one for one in shared_lab.ask("show alg tftp sessions") if one["client"].endswith(":40000")]
    assert (asked_for["file"], asked_for["request"]) == ("boot.img", "RRQ")
