"""`ip nat pool` with its ranges, and what its types mean."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.model import Config, Pool
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.net.addresses import Address, address_of

RANGES = """\
ip nat pool P prefix-length 24 type match-host
 address 192.0.2.10 192.0.2.20
 address 198.51.100.5 198.51.100.5
"""


def ends(first: str, last: str) -> tuple[Address, Address]:
    return address_of(first), address_of(last)


def read(text: str) -> Config:
    return read_config(text, "gw.conf")


def error(text: str) -> tuple[int, str]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    [found] = caught.value.errors
    return found.line, found.message


def test_a_pool_has_ranges_in_their_order() -> None:
    config = read(RANGES)
    ranges = (ends("192.0.2.10", "192.0.2.20"), ends("198.51.100.5", "198.51.100.5"))
    assert config.pools == {"P": Pool("P", ranges, 24, "match-host")}
    assert RANGES in render(config)
    assert read(RANGES.replace("prefix-length 24", "netmask 255.255.255.0")) == config


def test_a_pool_with_one_range_is_one_line() -> None:
    line = "ip nat pool P 192.0.2.10 192.0.2.20 prefix-length 24 type match-host\n"
    assert line in render(read(line))
    assert read("ip nat pool P prefix-length 24\n address 192.0.2.1 192.0.2.9\n") == read(
        "ip nat pool P 192.0.2.1 192.0.2.9 prefix-length 24 type generic\n"
    )


def test_a_range_can_be_added_and_taken_away_later() -> None:
    more = RANGES + "ip nat pool P prefix-length 24 type match-host\n no address 192.0.2.10 192.0.2.20\n"
    assert read(more).pools["P"].ranges == (ends("198.51.100.5", "198.51.100.5"),)


def test_a_pool_without_ranges_is_a_pool() -> None:
    text = "ip nat pool P prefix-length 24\nip nat inside source list 1 pool P\naccess-list 1 permit any\n"
    assert read(text).pools["P"].ranges == ()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (" address 192.0.2.20 192.0.2.30\n", "% Range overlaps with 192.0.2.10 192.0.2.20 of pool P"),
        (" address 192.0.2.9 192.0.2.1\n", "% End address less than start address"),
        (" address 192.0.2.30 192.0.3.1\n", "% Pool P mask 255.255.255.0 too small; should be at least 255.255.254.0"),
        (" address 127.0.0.1 127.0.0.2\n", "% Not a valid host address - 127.0.0.1"),
        (" no address 192.0.2.10 192.0.2.21\n", "% Pool P has no such range"),
    ],
)
def test_a_range_that_cannot_be(lines: str, message: str) -> None:
    assert error(RANGES + lines) == (4, message)


def test_a_pool_in_use_keeps_its_size_and_type() -> None:
    used = RANGES + "access-list 1 permit any\nip nat inside source list 1 pool P\n"
    for line in ("ip nat pool P prefix-length 25 type match-host", "ip nat pool P prefix-length 24"):
        assert error(f"{used}{line}\n") == (6, "% Pool P in use, cannot redefine")
    more = read(used + "ip nat pool P prefix-length 24 type match-host\n address 192.0.2.1 192.0.2.1\n")
    assert len(more.pools["P"].ranges) == 3


def test_what_a_type_does_not_allow() -> None:
    rotary = "ip nat pool P 192.0.2.1 192.0.2.9 prefix-length 24 type rotary\n"
    used = rotary + "access-list 1 permit any\nip nat inside source list 1 pool P\n"
    assert error(used) == (3, "% Pool P is of type rotary: it has real hosts, no names for them")
    shared = RANGES + "access-list 1 permit any\nip nat inside source list 1 pool P overload\n"
    assert error(shared) == (5, "% Pool P is of type match-host: its addresses are not shared")
