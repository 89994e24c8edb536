"""The commands about IPsec: how they are written back, and what is wrong with some."""

import pytest

from doorman.cli.check import summary
from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.ipsec import Ipsec
from doorman.config.model import Config
from doorman.config.reader import Reader, read_config
from doorman.config.render import render
from doorman.net.addresses import address_of

ALL = """\
interface out0
 ip address 203.0.113.1 255.255.255.0
no ip nat service ipsec-esp enable
ip nat service list 2 esp spi-match
ip nat service list 10 esp spi-match
ip nat service list 10 IKE preserve-port
ip nat inside source static esp 192.168.1.5 interface out0
crypto ipsec nat-transparency spi-matching
access-list 2 permit any
access-list 10 permit 192.168.1.0 0.0.0.255
"""


def errors(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigErrors) as caught:
        read_config(text, "gw.conf")
    return [(error.line, error.column, error.message) for error in caught.value.errors]


def test_they_say_what_becomes_of_esp_and_ike() -> None:
    assert read_config(ALL, "gw.conf").ipsec == Ipsec(
        esp=False,
        spi_match=("2", "10"),
        preserve_port=("10",),
        inward=(("out0", address_of("192.168.1.5")),),
        ends_match=True,
    )


def test_they_are_written_back_as_they_were_read() -> None:
    text = render(read_config(ALL, "gw.conf"))
    assert [line for line in text.splitlines() if "esp" in line or "IKE" in line or "crypto" in line] == [
        "no ip nat service ipsec-esp enable",
        "ip nat service list 2 esp spi-match",
        "ip nat service list 10 esp spi-match",
        "ip nat service list 10 IKE preserve-port",
        "ip nat inside source static esp 192.168.1.5 interface out0",
        "crypto ipsec nat-transparency spi-matching",
    ]


def test_the_documents_own_example_loads() -> None:
    config = read_config(
        "interface gigabitethernet 0/0/0\ninterface gigabitethernet 0/0/1\n"
        "ip nat inside source static esp 192.0.2.23 interface gigabitethernet 0/0/0\n"
        "ip nat inside source static esp 192.0.2.21 interface gigabitethernet 0/0/1\n"
        "ip nat service list 10 esp spi-match\nno ip nat service list 10 esp spi-match\n",
        "seed.cfg",
    )
    assert [address_of("192.0.2.23"), address_of("192.0.2.21")] == [local for _, local in config.ipsec.inward]
    assert not config.ipsec.spi_match


def test_a_check_says_what_they_do_and_what_has_no_effect() -> None:
    assert list(summary(read_config(ALL, "gw.conf")))[-1] == (
        "ipsec: no ESP through shared addresses, ESP to out0 leads to 192.168.1.5, SPIs of list 2 10 are matched, "
        "IKE of list 10 keeps its port, crypto ipsec nat-transparency spi-matching is for the ends of a tunnel and has "
        "no effect here"
    )
    assert not any(line.startswith("ipsec") for line in summary(Config()))


def test_other_commands_about_cryptography_are_still_passed_over() -> None:
    reader = Reader("gw.conf")
    reader.read(
        "crypto isakmp policy 3\n authentication pre-share\ncrypto ipsec transform-set T esp-aes\n"
        "no crypto ipsec nat-transparency udp-encapsulation\ncrypto ipsec nat-transparency spi-matching\n"
    )
    assert [warning.line for warning in reader.warnings] == [1, 3, 4]


def test_an_interface_leads_to_one_host_and_a_host_has_one_interface() -> None:
    interfaces = "interface out0\ninterface out1\nip nat inside source static esp 10.0.0.1 interface out0\n"
    again = interfaces + "ip nat inside source static esp"
    similar = "% similar static entry"
    assert read_config(f"{again} 10.0.0.1 interface out0\n", "gw.conf").ipsec.inward
    assert errors(f"{again} 10.0.0.2 interface out0\n") == [(4, 52, f"{similar} (esp 10.0.0.1 -> out0) already exists")]
    assert errors(f"{again} 10.0.0.1 interface out1\n") == [(4, 33, f"{similar} (esp 10.0.0.1) already exists")]
    assert errors(f"no {again.splitlines()[-1]} 10.0.0.1 interface out0\n") == [(1, 1, "% Translation not found")]


def test_what_they_name_must_be_there() -> None:
    text = (
        "ip nat service list 10 esp spi-match\nip nat service list 11 IKE preserve-port\n"
        "ip nat inside source static esp 10.0.0.1 interface out0\n"
    )
    assert errors(text) == [
        (1, 21, "% Access list 10 does not exist"),
        (2, 21, "% Access list 11 does not exist"),
        (3, 52, "% Interface out0 does not exist"),
    ]


def test_what_names_nothing_is_not_in_force() -> None:
    config = read_config(ALL, "gw.conf")
    del config.access_lists["10"], config.interfaces["out0"]
    working, told = in_force(config)
    assert working.ipsec == Ipsec(esp=False, spi_match=("2",), ends_match=True)
    assert len(told) == 3
