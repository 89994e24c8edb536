"""`ip nat outside source`, static and dynamic."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config, OutsideSource
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.statics import StaticHost
from doorman.net.addresses import address_of

LIST = (
    "ip nat pool OUT 10.99.0.1 10.99.0.9 prefix-length 24\n"
    "access-list 7 permit 198.51.100.0 0.0.0.255\n"
    "ip nat outside source list 7 pool OUT add-route\n"
)
HOST = "ip nat outside source static 198.51.100.7 10.99.0.7 add-route\n"
SEED = "ip nat pool outside 192.0.2.1 192.0.2.14 netmask 255.255.255.0\nip nat outside source list 1 pool mypool\n"


def read(text: str) -> Config:
    return read_config(text, "test.cfg")


def errors(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    return [(error.line, error.message) for error in caught.value.errors]


def test_a_host_is_where_it_is_and_has_a_name_inside() -> None:
    config = read(HOST)
    [rule] = config.outside_statics
    assert rule == StaticHost(address_of("198.51.100.7"), address_of("10.99.0.7"), extendable=False, add_route=True)
    assert HOST in render(config)
    assert len(read(HOST + "no ip nat outside source static 198.51.100.7 10.99.0.7\n").outside_statics) == 0


def test_a_name_inside_is_one_hosts() -> None:
    other = "ip nat outside source static 198.51.100.8 10.99.0.7\n"
    similar = "% similar static entry (198.51.100.7 -> 10.99.0.7) already exists"
    assert errors(HOST + other) == [(2, similar)]
    two = "ip nat outside source static 198.51.100.7 10.99.0.8"
    assert errors(HOST + f"{two}\n") == [(2, similar)]
    assert len(read(HOST.replace(" add-route", " extendable") + f"{two} extendable\n").outside_statics) == 2
    assert len(read(HOST + "ip nat inside source static 198.51.100.7 10.99.0.7\n").outside_statics) == 1


def test_lists_are_read_and_written() -> None:
    config = read(LIST)
    assert config.outside_sources == [OutsideSource("7", "OUT", add_route=True)]
    assert LIST.splitlines()[2] in render(config)
    assert errors(LIST + "ip nat outside source list 7 pool OUT\n") == [(4, "% Dynamic mapping in use, cannot change")]
    assert errors(LIST + "no ip nat pool OUT\n") == [(4, "% Pool OUT in use, cannot destroy")]
    assert errors("no ip nat outside source list 7 pool OUT\n") == [(1, "% Dynamic mapping not found")]


def test_the_printed_example_names_a_pool_and_a_list_that_do_not_exist() -> None:
    assert errors(SEED) == [(2, "% Access list 1 does not exist"), (2, "% Pool mypool does not exist")]
    corrected = SEED.replace("mypool", "outside") + "access-list 1 permit 198.51.100.0 0.0.0.255\n"
    assert read(corrected).outside_sources == [OutsideSource("1", "outside")]


def test_a_rule_without_its_pool_is_not_in_force() -> None:
    config = read(LIST)
    del config.pools["OUT"]
    working, faults = in_force(config)
    assert working.outside_sources == []
    assert faults == ["% Pool OUT does not exist"]
