"""TFTP and rsh through a live gateway whose policies know their requests only: what those announce passes by doors."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_LINK, INSIDE_PHONE, OUTSIDE_LINK, OUTSIDE_PHONE
from doorman.lab.rcmd import RSH_PORT, RSHD, rcmd_server
from doorman.lab.tftp import TFTP_PORT, tftpd_hpa
from kit.lab import Lab
from kit.rcmd_programs import need_rcmd
from kit.rcmd_programs import run as run_rsh
from kit.tftp_programs import CLIENTS, need_tftp, run

ZONES = f"""
class-map type inspect match-any SERVED
 match protocol tftp
 match protocol shell
policy-map type inspect P
 class type inspect SERVED
  inspect
zone security LAN
zone security WAN
zone-pair security OUT source LAN destination WAN
 service-policy type inspect P
zone-pair security IN source WAN destination LAN
 service-policy type inspect P
interface {INSIDE_LINK}
 zone-member security LAN
interface {OUTSIDE_LINK}
 zone-member security WAN
"""
NAT = "ip nat inside source list 1 interface out0 overload", "ip nat inside source static 192.168.1.5 203.0.113.5"
CONTENT = bytes(2_000)


@pytest.mark.parametrize("nat", [True, False])
def test_data_come_and_go_by_doors(lab: Lab, tmp_path: Path, *, nat: bool) -> None:
    """With NAT also those of a server inside; without, a kernel shows the engine nothing that outside hosts begin."""
    need_tftp()
    need_rcmd()
    lab.configure(*ZONES.splitlines(), without=() if nat else NAT)
    if not nat:
        lab.in_gateway("ip", "-n", lab.network.outside, "route", "replace", "192.168.1.0/24", "via", "203.0.113.1")
    net = lab.network
    ways = [(net.inside, OUTSIDE_PHONE), (net.outside, EXCHANGE_GLOBAL)][: 1 + nat]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file").write_bytes(CONTENT)
    with ExitStack() as stack:
        stack.enter_context(lab.serving())
        for namespace, address in ((net.outside, OUTSIDE_PHONE), (net.inside, INSIDE_EXCHANGE)):
            stack.enter_context(tftpd_hpa(namespace, address, TFTP_PORT, lab.directory, tmp_path / "files"))
        stack.enter_context(rcmd_server(RSHD, net.outside, OUTSIDE_PHONE, RSH_PORT, lab.directory))
        for number, (clients, server) in enumerate(ways):
            run(clients, CLIENTS["tftp-hpa"], server, TFTP_PORT, "file", tmp_path / f"got-{number}")
            assert (tmp_path / f"got-{number}").read_bytes() == CONTENT
        said = run_rsh(lab, net.inside, INSIDE_PHONE, (OUTSIDE_PHONE, RSH_PORT), "echo oops >&2", ports=(1001, 1000))
        assert said[:2] == (b"", b"oops\n")
        assert lab.ask("show ip nat statistics")["drops"] == {}
