"""A firewall without NAT in `doorman run`: hosts outside begin with real servers and phones inside, by their own names.

Policies let in nothing but the requests; data and media come and go by the doors of their ALGs.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorman.lab.ftp import FTP_PORT, public, vsftpd
from doorman.lab.network import INSIDE_EXCHANGE, INSIDE_LINK, OUTSIDE_LINK, OUTSIDE_PHONE
from doorman.lab.plans import from_outside
from doorman.lab.tftp import TFTP_PORT, tftpd_hpa
from kit import ftp_programs, tftp_programs
from kit.lab import LINGER, PACKETS, SHORT, Lab, eventually

NAT = "ip nat inside source list 1 interface out0 overload", "ip nat inside source static 192.168.1.5 203.0.113.5"
ZONES = f"""
class-map type inspect match-any SERVED
 match protocol sip
 match protocol ftp
 match protocol tftp
policy-map type inspect FROM-WAN
 class type inspect SERVED
  inspect
zone security LAN
zone security WAN
zone-pair security IN source WAN destination LAN
 service-policy type inspect FROM-WAN
interface {INSIDE_LINK}
 zone-member security LAN
interface {OUTSIDE_LINK}
 zone-member security WAN
"""
CONTENT = bytes(range(256)) * 50


@pytest.fixture(scope="module")
def level(shared_lab: Lab) -> Iterator[Lab]:
    """A gateway that is a firewall and nothing else, between hosts that know each other's addresses."""
    shared_lab.configure(*ZONES.splitlines(), without=NAT)
    shared_lab.in_gateway(
        "ip", "-n", shared_lab.network.outside, "route", "replace", "192.168.1.0/24", "via", "203.0.113.1"
    )
    with shared_lab.serving():
        yield shared_lab


@pytest.mark.parametrize("client", ["tftp-hpa", "curl"])
def test_a_file_of_a_tftp_server_inside(level: Lab, client: str, tmp_path: Path) -> None:
    tftp_programs.need_tftp()
    files = level.directory / f"tftp-{client}"
    files.mkdir()
    (files / "file").write_bytes(CONTENT)
    with tftpd_hpa(level.network.inside, INSIDE_EXCHANGE, TFTP_PORT, level.directory, files):
        program = tftp_programs.CLIENTS[client]
        tftp_programs.run(level.network.outside, program, INSIDE_EXCHANGE, TFTP_PORT, "file", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT


@pytest.mark.parametrize("client", ["curl PORT", "curl PASV", "curl EPSV"])
def test_a_file_of_an_ftp_server_inside(level: Lab, client: str, tmp_path: Path) -> None:
    ftp_programs.need_ftp()
    files = public(level.directory / client.replace(" ", "-"))
    (files / "file").write_bytes(CONTENT)
    with vsftpd(level.network.inside, INSIDE_EXCHANGE, FTP_PORT, level.directory, files):
        program = ftp_programs.CLIENTS[client]
        got = ftp_programs.run(level.network.outside, program, INSIDE_EXCHANGE, FTP_PORT, "file", tmp_path / "got")
    assert got == CONTENT


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_to_a_phone_inside(level: Lab, transport: str) -> None:
    report = level.place(from_outside(level.network, SHORT._replace(transport=transport), INSIDE_EXCHANGE))
    [leg] = report.legs
    assert [end.received for end in leg] == [PACKETS, PACKETS]
    eventually(lambda: not level.doors(), "doors outlive their call", LINGER + 3.0)


def test_nothing_else_comes_in(level: Lab) -> None:
    def drops() -> int:
        shown: int = level.ask("show policy-map type inspect zone-pair IN")[0]["classes"][-1]["drops"]
        return shown

    dropped = drops()
    with level.udp(level.network.outside, OUTSIDE_PHONE, 40_000) as stranger:
        stranger.sendto(b"neither", (INSIDE_EXCHANGE, 40_000))
    eventually(lambda: drops() == dropped + 1, "nothing is dropped")
