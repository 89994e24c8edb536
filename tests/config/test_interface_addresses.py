"""The addresses of an interface: one, several, or whichever DHCP brings."""

import pytest

from doorman.cli.check import summary
from doorman.config.errors import ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.net.addresses import address_of, parse_prefix

TWO = (
    "interface in0\n ip address 10.0.0.1 255.255.255.0\n ip address 10.0.1.1 255.255.255.0 secondary\n ip nat inside\n"
)


def read(text: str) -> Config:
    return read_config(text, "test.cfg")


def message(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    [found] = caught.value.errors
    return found.message


def test_secondary_addresses() -> None:
    config = read(TWO)
    assert config.networks("inside") == [parse_prefix("10.0.0.0/24"), parse_prefix("10.0.1.0/24")]
    assert TWO in render(config)
    assert read(TWO + "interface in0\n no ip address 10.0.1.1 255.255.255.0 secondary\n").networks("inside") == [
        parse_prefix("10.0.0.0/24")
    ]
    other_length = read(TWO + "interface in0\n ip address 10.0.1.1 255.255.255.128 secondary\n")
    assert other_length.interfaces["in0"].secondary == ((address_of("10.0.1.1"), 25),)
    assert next(summary(config)) == "interfaces: in0 10.0.0.1/24 10.0.1.1/24 inside"


def test_what_is_refused_of_several_addresses() -> None:
    assert message(TWO + " no ip address\n") == "% Must delete secondary before deleting primary"
    assert message(TWO + " ip address 10.0.0.9 255.255.255.0 secondary\n") == "% 10.0.0.9 overlaps with in0"
    assert message(TWO + " ip address 10.0.1.9 255.255.255.0\n") == "% 10.0.1.9 overlaps with in0"
    assert message(TWO + "interface in1\n ip address 10.0.1.9 255.255.255.0\n") == "% 10.0.1.9 overlaps with in0"
    missing = " no ip address 10.0.2.1 255.255.255.0 secondary\n"
    assert message(TWO + missing) == "% 10.0.2.1 is no secondary address of in0"
    assert read(TWO + " ip address 10.0.0.9 255.255.255.0\n").interfaces["in0"].address == address_of("10.0.0.9")


def test_an_address_by_dhcp() -> None:
    text = "interface out0\n ip address dhcp\n ip nat outside\n"
    config = read(text)
    assert text in render(config)
    assert next(summary(config)) == "interfaces: out0 address by DHCP outside"
    for line in ("no ip address", "no ip address dhcp", "ip address 10.0.0.1 255.0.0.0"):
        assert not read(text + f" {line}\n").interfaces["out0"].dhcp
    assert read("interface out0\n ip address 10.0.0.1 255.0.0.0\n ip address dhcp\n").interfaces["out0"].address is None
