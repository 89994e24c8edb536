"""DNS through `doorman run` by real programs: dnsmasq outside, named inside, dig and nsupdate on either side.

The exchange inside, 192.168.1.5, is 203.0.113.5 outside; it serves DNS, and the telephones share 203.0.113.1.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from doorman.lab.dns import dnsmasq, named
from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from kit.captures import missing
from kit.lab import Lab

PROGRAMS = ("dnsmasq", "named", "dig", "nsupdate")
ZONES = {
    "example.net": {
        "pbx": ("A", INSIDE_EXCHANGE),
        "phone": ("A", INSIDE_PHONE),
        "far": ("A", "192.0.2.1"),
        "alias": ("CNAME", "pbx"),
    },
    "1.168.192.in-addr.arpa": {"5": ("PTR", "pbx.example.net."), "10": ("PTR", "phone.example.net.")},
}
TRANSPORTS = pytest.mark.parametrize("transport", ["+notcp", "+tcp"])


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def served(request: pytest.FixtureRequest, shared_lab: Lab) -> Iterator[Lab]:
    """A server on either side, and a gateway that inspects TCP in one mode or the other."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")
    lab, net = shared_lab, shared_lab.network
    directory = lab.directory / request.param
    directory.mkdir()
    lab.configure(f"ip nat service dns tcp mode {request.param}")
    hosts = {"pbx.example.org": EXCHANGE_GLOBAL, "www.example.org": PROXY}
    with ExitStack() as stack:
        stack.enter_context(lab.serving())
        stack.enter_context(dnsmasq(net.outside, OUTSIDE_PHONE, directory, hosts))
        stack.enter_context(named(net.inside, INSIDE_EXCHANGE, directory, ZONES))
        yield lab


def dig(namespace: str, server: str, *words: str) -> list[str]:
    """What dig finds, a line each."""
    command = [
        "ip",
        "netns",
        "exec",
        namespace,
        "dig",
        f"@{server}",
        "+noall",
        "+answer",
        "+time=3",
        "+tries=2",
        *words,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    return [" ".join(line.split()) for line in done.stdout.splitlines() if line]


@TRANSPORTS
def test_hosts_inside_ask_outside(served: Lab, transport: str) -> None:
    inside = served.network.inside
    assert dig(inside, OUTSIDE_PHONE, "pbx.example.org", transport) == [f"pbx.example.org. 0 IN A {INSIDE_EXCHANGE}"]
    assert dig(inside, OUTSIDE_PHONE, "www.example.org", transport) == [f"www.example.org. 0 IN A {PROXY}"]
    assert dig(inside, OUTSIDE_PHONE, "-x", INSIDE_EXCHANGE, transport) == [
        "5.1.168.192.in-addr.arpa. 0 IN PTR pbx.example.org."
    ]


@TRANSPORTS
def test_hosts_outside_ask_inside(served: Lab, transport: str) -> None:
    outside = served.network.outside
    assert dig(outside, EXCHANGE_GLOBAL, "alias.example.net", transport) == [
        "alias.example.net. 300 IN CNAME pbx.example.net.",
        f"pbx.example.net. 300 IN A {EXCHANGE_GLOBAL}",
    ]
    assert dig(outside, EXCHANGE_GLOBAL, "phone.example.net", transport) == (
        [f"phone.example.net. 300 IN A {GATEWAY_GLOBAL}"]
    )
    assert dig(outside, EXCHANGE_GLOBAL, "-x", EXCHANGE_GLOBAL, transport) == [
        "5.113.0.203.in-addr.arpa. 300 IN PTR pbx.example.net."
    ]


def test_a_zone_is_fetched(served: Lab) -> None:
    found = dig(served.network.outside, EXCHANGE_GLOBAL, "example.net", "AXFR")
    addresses = {line.split()[0]: line.split()[-1] for line in found if " A " in line}
    assert addresses["pbx.example.net."] == EXCHANGE_GLOBAL
    assert addresses["phone.example.net."] == GATEWAY_GLOBAL
    assert addresses["far.example.net."] == "192.0.2.1"
    assert INSIDE_EXCHANGE not in str(found)


def test_a_zone_is_changed_from_outside(served: Lab) -> None:
    said = f"server {EXCHANGE_GLOBAL}\nzone example.net\nupdate add new.example.net 60 A {EXCHANGE_GLOBAL}\nsend\n"
    words = ["ip", "netns", "exec", served.network.outside, "nsupdate"]
    subprocess.run(words, input=said, check=True, text=True, timeout=20)
    known = dig(served.network.inside, INSIDE_EXCHANGE, "new.example.net")
    assert known == [f"new.example.net. 60 IN A {INSIDE_EXCHANGE}"]


def test_what_was_seen_is_counted(served: Lab) -> None:
    dig(served.network.outside, EXCHANGE_GLOBAL, "none.example.net", "+tcp")
    found = served.ask("show alg dns statistics")
    counted = {row["name"]: row["total"] for row in found["rows"]}
    assert min(counted["query"], counted["NOERROR"], counted["NXDOMAIN"], counted["update"]) > 0
    assert found["drops"] == {}
