"""TFTP and rsh past a zone-based firewall: what their requests announce comes in by its door, and nothing else does."""

import pytest

from doorman.engine.results import Side
from kit.rcmd import Rcmd
from kit.sip import OVERLOAD
from kit.tftp import CLIENT, FORWARDED, SERVED, STRANGER, Tftp, ack, data, request

ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
class-map type inspect match-any SERVED
 match protocol tftp
 match protocol shell
policy-map type inspect P
 class type inspect SERVED
  inspect
zone-pair security OUT source LAN destination WAN
 service-policy type inspect P
zone-pair security IN source WAN destination LAN
 service-policy type inspect P
"""
NO_NAT = "".join(line + "\n" for line in OVERLOAD.splitlines() if "ip nat" not in line)
bases = pytest.mark.parametrize(("base", "name"), [(OVERLOAD, "203.0.113.1"), (NO_NAT, "10.0.0.10")])


@bases
def test_tftp_of_a_client_inside(base: str, name: str) -> None:
    tftp = Tftp(base + ZONES)
    assert tftp.out(request()) == f"outside: udp {name}:40000 > 198.51.100.20:69"
    server = "198.51.100.20:31000"
    assert tftp.in_(data(1), f"{STRANGER}:31000", f"{name}:40000").startswith("dropped: ")
    assert tftp.in_(data(1), server, f"{name}:40000") == f"inside: udp {server} > {CLIENT}"
    assert tftp.out(ack(1), receiver=server).startswith("outside: ")
    assert tftp.in_(data(1), "198.51.100.20:31001", f"{name}:40000").startswith("dropped: ")


@pytest.mark.parametrize(
    ("base", "name"), [(NO_NAT, "10.0.0.10"), (SERVED, "203.0.113.100"), (FORWARDED, "203.0.113.1")]
)
def test_tftp_of_a_server_inside(base: str, name: str) -> None:
    """The server's answer goes out to a port that no policy knows: by a door for the client outside."""
    tftp = Tftp(base + ZONES)
    client = "198.51.100.20:50000"
    assert tftp.out(data(1), "10.0.0.10:31000", client).startswith("dropped: ")
    assert tftp.in_(request(), client, f"{name}:69").startswith("inside: ")
    assert tftp.out(data(1), "10.0.0.11:31000", client).startswith("dropped: ")
    assert tftp.out(data(1), "10.0.0.10:31000", client) == f"outside: udp {name}:31000 > {client}"
    assert tftp.in_(ack(1), client, f"{name}:31000").startswith("inside: ")
    assert tftp.doors == []


@bases
def test_rsh_of_a_client_inside(base: str, name: str) -> None:
    rsh = Rcmd(base + ZONES)
    assert rsh.begins(b"1022") == b"1022"
    assert rsh.comes("198.51.100.20:1021", f"{name}:1023").startswith("dropped: ")
    assert rsh.comes("198.51.100.20:1021", f"{name}:1022") == "inside: tcp 198.51.100.20:1021 > 10.0.0.10:1022"
    assert rsh.doors == []


def test_rsh_of_a_server_inside() -> None:
    rsh = Rcmd(NO_NAT + ZONES, server_inside=True, server="10.0.0.10:514")
    assert rsh.comes("10.0.0.10:1021", "198.51.100.20:1022", Side.INSIDE).startswith("dropped: ")
    assert rsh.begins(b"1022") == b"1022"
    left = rsh.comes("10.0.0.10:1021", "198.51.100.20:1022", Side.INSIDE)
    assert left == "outside: tcp 10.0.0.10:1021 > 198.51.100.20:1022"
