"""NetBIOS through `doorman run` by real programs: Samba's name server outside, and a host of Samba's inside."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from doorman.lab.namespaces import entered
from doorman.lab.netbios import DATAGRAM_PORT, NAME_PORT, nmbd, smbd
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, OUTSIDE_PHONE, PROXY
from doorman.net.addresses import address_text
from doorman.wire.netbios import read_origin
from kit.captures import missing
from kit.lab import Lab, eventually
from kit.waiting import DEADLINE

PROGRAMS = ("nmbd", "nmblookup", "smbd", "smbclient")


@pytest.fixture(scope="module")
def hosts(shared_lab: Lab) -> Iterator[bytes]:
    """The host inside, 192.168.1.5, is called FRED and registers that; the first datagram that it sent to the proxy."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")
    net, directory = shared_lab.network, shared_lab.directory
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        with entered(net.outside):
            proxy = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        proxy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # nmbd listens there for broadcasts
        proxy.bind((PROXY, DATAGRAM_PORT))
        proxy.settimeout(DEADLINE)
        stack.enter_context(nmbd(net.outside, "WINS", OUTSIDE_PHONE, directory, "wins support = yes"))
        more = f"wins server = {OUTSIDE_PHONE}\nremote announce = {PROXY}"
        stack.enter_context(nmbd(net.inside, "FRED", INSIDE_EXCHANGE, directory, more))
        data, (address, _) = proxy.recvfrom(2_000)
        assert address == EXCHANGE_GLOBAL
        yield data


def looked_up(namespace: str, server: str, name: str, *words: str) -> str:
    """What nmblookup says."""
    command = ["ip", "netns", "exec", namespace, "nmblookup", *words, "--unicast", server, name]
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False).stdout


def test_a_datagram_says_who_sent_it(hosts: bytes) -> None:
    origin = read_origin(hosts)
    assert origin is not None
    assert (address_text(origin.endpoint.address), origin.endpoint.port) == (EXCHANGE_GLOBAL, DATAGRAM_PORT)
    assert b"FRED" in hosts[82:]  # the announcement itself, behind header and names


def test_a_registered_host_is_found_from_either_side(hosts: bytes, shared_lab: Lab) -> None:
    assert hosts
    net = shared_lab.network
    found = f"{EXCHANGE_GLOBAL} FRED<00>"
    eventually(lambda: found in looked_up(net.outside, OUTSIDE_PHONE, "FRED", "--recursion"), "is not registered")
    assert f"{INSIDE_EXCHANGE} FRED<00>" in looked_up(net.inside, OUTSIDE_PHONE, "FRED", "--recursion")


def test_it_answers_for_itself(hosts: bytes, shared_lab: Lab) -> None:
    assert hosts
    net = shared_lab.network
    assert f"{EXCHANGE_GLOBAL} FRED<00>" in looked_up(net.outside, EXCHANGE_GLOBAL, "FRED")
    assert "FRED            <20>" in looked_up(net.outside, EXCHANGE_GLOBAL, "FRED", "--status")


def test_its_files_are_reached_in_a_session(hosts: bytes, shared_lab: Lab) -> None:
    assert hosts
    net = shared_lab.network
    with smbd(net.inside, "FRED", INSIDE_EXCHANGE, shared_lab.directory):
        command = ["ip", "netns", "exec", net.outside, "smbclient", "-N", "-p", "139", "-I", EXCHANGE_GLOBAL]
        command += ["--option=client min protocol=NT1", "//FRED/files", "-c", "get smb.conf -"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    assert "netbios name = FRED" in done.stdout, done.stdout + done.stderr


def test_what_was_seen_is_counted(hosts: bytes, shared_lab: Lab) -> None:
    assert hosts
    counted: dict[tuple[str, str], int] = {}
    for alg in ("netbios-ns", "netbios-dgm", "netbios-ssn"):
        statistics = shared_lab.ask(f"show alg {alg} statistics")
        assert statistics["drops"] == {}
        counted |= {(alg, row["name"]): row["total"] for row in statistics["rows"]}
    assert counted["netbios-ns", "registration-request"] == counted["netbios-ns", "registration-response"] > 0
    assert counted["netbios-ns", "query-response"] > 0
    assert counted["netbios-dgm", "direct-group"] > 0
    assert counted["netbios-ssn", "request"] == counted["netbios-ssn", "positive-response"] == 1
    told = shared_lab.order("show platform hardware qfp active feature alg statistics netbios")
    registrations = counted["netbios-ns", "registration-request"]
    assert f"    Registration req packets                      :{registrations}\n" in told
    flows = shared_lab.flows("-p", "udp", "--orig-port-dst", str(NAME_PORT))
    assert any(f"src={INSIDE_EXCHANGE}" in flow for flow in flows)
