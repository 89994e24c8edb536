"""`ip nat inside destination`, and the pools of real hosts."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config, DynamicDestination
from doorman.config.reader import read_config
from doorman.config.render import render

POOL = "ip nat pool REAL 192.168.1.11 192.168.1.13 prefix-length 24 type rotary\naccess-list 2 permit 203.0.113.100\n"
RULE = "ip nat inside destination list 2 pool REAL\n"


def read(text: str) -> Config:
    return read_config(text, "test.cfg")


def error(text: str) -> tuple[int, str]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    [found] = caught.value.errors
    return found.line, found.message


def test_a_rule_is_read_and_written() -> None:
    config = read(POOL + RULE)
    assert config.destinations == [DynamicDestination("2", "REAL")]
    assert RULE in render(config)
    assert read(POOL + RULE + RULE).destinations == config.destinations
    assert read(POOL + RULE + "no ip nat inside destination list 2\n").destinations == []
    assert read(POOL + RULE + f"no {RULE}").destinations == []


def test_what_a_rule_needs() -> None:
    generic = POOL.replace(" type rotary", "")
    large = POOL.replace("192.168.1.11 192.168.1.13 prefix-length 24", "10.0.0.1 10.0.4.1 prefix-length 16")
    for text, expected in (
        (RULE + "access-list 2 permit any\n", "% Pool REAL does not exist"),
        (POOL.replace("access-list 2", "access-list 3") + RULE, "% Access list 2 does not exist"),
        (generic + RULE, "% Pool REAL is not of type rotary"),
        (large + RULE, "% Pool REAL has more than 1024 addresses for real hosts"),
    ):
        line, message = error(text)
        assert message == expected
        assert text.splitlines()[line - 1] + "\n" == RULE


def test_what_cannot_be_said_of_a_rule() -> None:
    assert error(POOL + RULE + "ip nat inside destination list 2 pool OTHER\n") == (
        4,
        "% Dynamic mapping in use, cannot change",
    )
    assert error("no ip nat inside destination list 2\n") == (1, "% Dynamic mapping not found")
    assert error(POOL + RULE + "no ip nat pool REAL\n") == (4, "% Pool REAL in use, cannot destroy")


def test_a_rule_without_its_pool_is_not_in_force() -> None:
    config = read(POOL + RULE)
    del config.pools["REAL"]
    working, faults = in_force(config)
    assert working.destinations == []
    assert faults == ["% Pool REAL does not exist"]
