"""A router's configuration with other features in it: what is passed over, what is told, and what stays an error."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import Reader, read_config

ROUTER = """\
version 17.3
service timestamps debug datetime msec
no ip http server
hostname GW
banner motd ^C
interface eth9
 shutdown
end
^C
crypto pki certificate chain TP-1
 certificate self-signed 01
  30820330 30820218
  \tquit
!
interface in0
 ip address 10.0.0.1 255.255.255.0
 negotiation auto
 ip nat inside
 service-policy output VOICE
!
router bgp 65000
 description not ours
 !
 address-family ipv4
  shutdown
 exit-address-family
!
ip route 0.0.0.0 0.0.0.0 203.0.113.254
line vty 0 4
 login
end
rubbish
"""
OURS = """\
hostname GW
interface in0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
"""


def read(text: str, *, strict: bool = False) -> tuple[Config, Reader]:
    reader = Reader("gw.conf", strict=strict)
    return reader.read(text), reader


def test_the_rest_is_read_as_if_it_stood_alone() -> None:
    config, _ = read(ROUTER)
    assert config == read_config(OURS, "gw.conf")


def test_each_command_gets_one_warning_with_its_place_and_the_size_of_its_section() -> None:
    _, reader = read(ROUTER)
    told = [(warning.line, warning.column) for warning in reader.warnings]
    assert told == [(1, 1), (2, 1), (3, 7), (5, 1), (10, 8), (17, 2), (19, 2), (21, 1), (28, 4), (29, 1)]
    assert str(reader.warnings[2]) == (
        "gw.conf:3:7\n  no ip http server\n        ^\n% Warning: not a command of this gateway; the line is passed over"
    )
    assert [warning.message.rpartition("with the ")[2].split()[0] for warning in reader.warnings[3:5]] == ["4", "3"]


def test_strict_makes_errors_of_them_without_their_sections() -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(ROUTER, strict=True)
    assert [error.line for error in caught.value.errors] == [1, 2, 3, 5, 10, 17, 19, 21, 28, 29]
    assert caught.value.errors[0].message == "% Invalid input detected at '^' marker."


@pytest.mark.parametrize(
    "line",
    [
        "ip nat insode source list 1 interface out0",
        "ip nat pool P 192.0.2.1 192.0.2.9 prefix 24 more",
        "no ip nat foo",
        "access-list 1 permot any",
        "interface in0\n ip address 10.0.0.1",
        "interface in0\n ip nat insode",
        "hostname",
        "%%%",
        "\x1b[2J",
    ],
)
def test_a_mistake_in_a_command_of_ours_is_an_error(line: str) -> None:
    with pytest.raises(ConfigErrors):
        read(line + "\n")


@pytest.mark.parametrize("text", ["banner motd #hello#", "banner login ^C^C", "banner #hello#"])
def test_a_banner_may_end_in_its_own_line(text: str) -> None:
    config, reader = read(f"{text}\nhostname GW\n")
    assert config.hostname == "GW"
    assert len(reader.warnings) == 1


def test_a_banner_has_any_text_up_to_its_delimiter() -> None:
    config, reader = read("banner exec @\n!\nhostname A\n\nthat is all@\nhostname B\n")
    assert config.hostname == "B"
    assert reader.warnings[0].message.endswith("with the 4 after it that belong to it")


def test_a_comment_does_not_end_a_section() -> None:
    config, _ = read("router ospf 1\n!\n shutdown\n hostname A\n")
    assert config == Config()


def test_a_section_in_an_interface_ends_with_the_next_line_of_the_interface() -> None:
    config, _ = read("interface in0\n crypto map X\n  shutdown\n ip nat inside\n")
    assert (config.interfaces["in0"].shutdown, config.interfaces["in0"].nat) == (False, "inside")


@pytest.mark.parametrize(
    "section",
    [
        "ip access-list standard PHONES\n dney 10.0.0.1\n permit any\n",
        "ip access-list extended WEB\n\tpermot tcp any any eq www\n",
        "object-group network SERVERS\n hots 10.0.0.1\n",
        "object-group service WEB\n tpc eq www\n",
        "ip nat pool SOME prefix-length 24\n adress 203.0.113.1 203.0.113.9\n",
    ],
)
def test_no_line_of_a_list_is_passed_over(section: str) -> None:
    reader = Reader("test.cfg")
    with pytest.raises(ConfigErrors) as raised:
        reader.read(f"{section}line vty 0 4\n login\n")
    assert [(error.line, error.column) for error in raised.value.errors] == [(2, 2)]
    assert [error.line for error in reader.warnings] == [len(section.splitlines()) + 1]
