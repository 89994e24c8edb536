"""FTP past a firewall: which commands may pass, and data connections by their doors where no class covers them."""

from doorman.algs.ftp.fields import FtpFields
from doorman.engine.results import Side
from kit.ftp import CLIENT, OVERLOAD, SERVER, Ftp
from kit.ftp64 import HOST, V6V4, Ftp64

ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
class-map type inspect FILES
 match protocol ftp
class-map type inspect ftp match-any LOSS
 match request-command DELE rmd
policy-map type inspect ftp COMMANDS
 class type inspect ftp LOSS
  reset
  log
policy-map type inspect OUT
 class type inspect FILES
  inspect
  service-policy ftp COMMANDS
zone-pair security OUT source LAN destination WAN
 service-policy type inspect OUT
"""
NO_NAT = "".join(line + "\n" for line in OVERLOAD.splitlines() if "ip nat" not in line)


def test_commands_that_a_class_covers_end_the_connection() -> None:
    for command in ("DELE it", "dele it", "RMD there", "rMd"):
        ftp = Ftp(OVERLOAD + ZONES)
        assert ftp.says("STOR it") == "STOR it"
        assert ftp.answers("150 DELE follows") == "150 DELE follows"
        assert ftp.send(command.encode() + b"\r\n") == b""
        assert ftp.relay.close
        assert ftp.engine.drops["ftp: application-policy"] == 1
        assert ftp.engine.screen is not None
        (told,) = (one.line for one in ftp.engine.screen.firewall.told)
        verb = command.partition(" ")[0].upper()
        assert told == f"%APPFW-6-MESSAGE: class LOSS of ftp policy COMMANDS: reset {verb} {CLIENT} => {SERVER}"


def test_inner_lines_of_replies_are_no_commands() -> None:
    ftp = Ftp(OVERLOAD + ZONES)
    ftp.says("HELP")
    assert ftp.answers("214-The following commands\r\nDELE RMD\r\n214 End").endswith("214 End")
    assert not ftp.relay.close


def test_data_come_and_go_by_their_doors_with_nat_and_without() -> None:
    for base, name in ((OVERLOAD, "203.0.113.1"), (NO_NAT, "10.0.0.10")):
        ftp = Ftp(base + ZONES)
        told = ftp.says("PORT 10,0,0,10,156,67")
        assert told == f"PORT {name.replace('.', ',')},156,67"
        assert ftp.comes("198.51.100.20:20", f"{name}:40003").startswith("inside")
        assert ftp.comes("198.51.100.20:20", f"{name}:40004").startswith("dropped")
        ftp.says("PASV")
        ftp.answers("227 Entering Passive Mode (198,51,100,20,82,11)")
        assert ftp.comes("10.0.0.10:40009", "198.51.100.20:21003", Side.INSIDE).startswith("outside")
        assert ftp.comes("10.0.0.10:40010", "198.51.100.20:21004", Side.INSIDE).startswith("dropped")


def test_data_of_a_client_of_ipv6_come_and_go_by_their_doors() -> None:
    ftp = Ftp64(V6V4 + ZONES)
    assert ftp.says("EPSV") == "PASV"
    assert ftp.answers("227 Entering Passive Mode (198,51,100,20,82,11)") == "229 Entering Passive Mode (|||21003|)"
    assert ftp.comes(f"{ftp.stand_in}:40010", "198.51.100.20:21004", Side.INSIDE).startswith("dropped")
    assert ftp.comes(f"{ftp.stand_in}:40009", "198.51.100.20:21003", Side.INSIDE).startswith("outside")
    assert ftp.says(f"EPRT |2|{HOST}|40003|") == "PORT 203,0,113,1,156,67"
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003").startswith("inside")


def test_data_go_on_when_the_control_connection_is_over() -> None:
    ftp = Ftp(NO_NAT + ZONES)
    ftp.says("PASV")
    ftp.answers("227 Entering Passive Mode (198,51,100,20,82,11)")
    ends = "10.0.0.10:40009", "198.51.100.20:21003"
    ftp.comes(*ends, Side.INSIDE)
    assert not len(ftp.engine.state.doors)
    assert ftp.comes(*ends, Side.INSIDE, "A").startswith("outside")


def test_fields_of_a_line() -> None:
    line = FtpFields(b"\xff\xf4\xff\xf2abor\r\n", of_client=True)
    assert (line.kind, line.name, line.values("request-command")) == ("request", "ABOR", [b"ABOR"])
    assert FtpFields(b"DELE x\r\n", of_client=False).values("request-command") == []
    assert FtpFields(b"\r\n", of_client=True).kind == ""
    assert FtpFields(b"230 ok\r\n", of_client=False).name == "230"
