"""Static translations together: what may stand beside what, and how it is said that something may not."""

import pytest
from hypothesis import given

from doorman.config.command import CommandError
from doorman.config.model import Config, Interface
from doorman.config.render import render
from doorman.config.session import Session
from doorman.config.statics import StaticNetwork, Statics
from kit.configurations import statics

HOST = "10.0.0.5 192.0.2.5"
PORT = "tcp 10.0.0.5 80 192.0.2.5 8080"


def typed(*lines: str) -> Config:
    session = Session(Config())
    for line in lines:
        session.execute(f"ip nat inside source static {line}")
    return session.config


def refusal(*lines: str) -> tuple[str, str]:
    """What is said of the last line, and the word that is to blame."""
    with pytest.raises(CommandError) as caught:
        typed(*lines)
    line = f"ip nat inside source static {lines[-1]}"
    return caught.value.message, line[caught.value.column :].split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("first", "second", "blamed"),
    [
        (HOST, "10.0.0.5 192.0.2.6", "10.0.0.5"),
        (HOST, PORT.replace("192.0.2.5", "192.0.2.6"), "10.0.0.5"),
        (HOST, PORT.replace("10.0.0.5", "10.0.0.6"), "192.0.2.5"),
        (PORT, HOST.replace("192.0.2.5", "192.0.2.6"), "10.0.0.5"),
        (PORT, HOST.replace("10.0.0.5", "10.0.0.6"), "192.0.2.5"),
        (PORT, PORT.replace("8080", "8081"), "80"),
        (PORT, "tcp 10.0.0.5 80 interface out0 80", "80"),
    ],
)
def test_names_are_shared_only_where_both_are_extendable(first: str, second: str, blamed: str) -> None:
    for pair in ((first, second), (f"{first} extendable", second), (first, f"{second} extendable")):
        message, word = refusal(*pair)
        assert message.startswith("% similar static entry (")
        assert word == blamed
    assert len(typed(f"{first} extendable", f"{second} extendable").statics) == 2


@pytest.mark.parametrize(
    ("first", "second", "blamed"),
    [
        (HOST, "10.0.0.6 192.0.2.5", "192.0.2.5"),
        (PORT, "tcp 10.0.0.6 80 192.0.2.5 8080", "8080"),
        ("tcp 10.0.0.5 80 interface out0 80", "tcp 10.0.0.6 80 interface out0 80", "80"),
        (HOST, HOST, "10.0.0.5"),
        ("network 10.0.0.0 192.0.2.0 /24", HOST, "10.0.0.5"),
        ("network 10.1.0.0 192.0.2.0 /24", PORT, "192.0.2.5"),
        (HOST, "network 10.0.0.0 192.0.3.0 /24", "10.0.0.0"),
        (PORT, "network 10.1.0.0 192.0.2.0 /24", "192.0.2.0"),
        ("network 10.0.0.0 192.0.2.0 /24", "network 10.0.0.128 192.0.3.128 /25", "10.0.0.128"),
        ("network 10.0.0.128 192.0.3.128 /25", "network 10.0.0.0 192.0.4.0 /24", "10.0.0.0"),
    ],
)
def test_a_name_outside_and_a_network_are_never_shared(first: str, second: str, blamed: str) -> None:
    for pair in ((first, second), (f"{first} extendable", f"{second} extendable")):
        message, _ = refusal(*pair)
        assert message.startswith("% similar static entry (")
    assert refusal(first, second)[1] == blamed


def test_what_was_taken_back_is_in_nobodys_way() -> None:
    session = Session(typed(f"{HOST} extendable", f"{PORT} extendable", "network 10.1.0.0 192.0.3.0 /24"))
    for line in (HOST, PORT, "network 10.1.0.0 192.0.3.0 255.255.255.0"):
        session.execute(f"no ip nat inside source static {line}")
    assert len(session.config.statics) == 0
    for line in ("10.0.0.5 192.0.2.6", "10.0.0.6 192.0.2.5", "10.1.0.1 192.0.3.1"):
        session.execute(f"ip nat inside source static {line}")


@pytest.mark.parametrize("said", ["255.255.255.0", "/24", "prefix-length 24"])
def test_the_size_of_a_network_may_be_said_in_three_ways(said: str) -> None:
    config = typed(f"network 10.1.0.0 192.0.2.0 {said} extendable")
    assert "\nip nat inside source static network 10.1.0.0 192.0.2.0 /24 extendable\n" in render(config)
    assert list(config.statics) == list(typed("network 10.1.0.0 192.0.2.0 /24 extendable").statics)


@pytest.mark.parametrize(
    ("line", "message", "blamed"),
    [
        ("network 10.1.0.5 192.0.2.0 /24", "% 10.1.0.5 is not the address of a network of /24", "10.1.0.5"),
        ("network 10.1.0.0 192.0.2.9 /24", "% 192.0.2.9 is not the address of a network of /24", "192.0.2.9"),
        ("network 10.1.0.0 224.0.2.0 /24", "% Not a valid host address - 224.0.2.0", "224.0.2.0"),
        ("network 10.0.0.0 44.0.0.0 /19", "% A network of more than 4096 addresses (/20) is not supported", "/19"),
        ("network 10.0.0.0 44.0.0.0 255.0.255.0", "% Bad mask 255.0.255.0: its bits are not contiguous", "255.0.255.0"),
        ("network 10.0.0.0 44.0.0.0 /33", "% Invalid input detected at '^' marker.", "/33"),
    ],
)
def test_a_network_that_is_none(line: str, message: str, blamed: str) -> None:
    assert refusal(line) == (message, blamed)


def test_networks_share_their_hosts_where_flows_tell_them_apart() -> None:
    one, other = (f"network 10.1.0.0 192.0.{number}.0 /24 route-map M{number}" for number in (2, 3))
    assert len(typed(one, other, "10.1.0.7 192.0.4.7 route-map M4").statics) == 3
    assert refusal(one, one.replace("M2", "M3"))[1] == "192.0.2.0"
    assert refusal(one, other.replace("M3", "M2"))[1] == "10.1.0.0"


def test_a_network_says_something_of_each_of_its_addresses() -> None:
    [rule] = typed("network 10.1.0.248 192.0.2.0 /29").statics
    assert isinstance(rule, StaticNetwork)
    hosts = list(rule.hosts)
    assert str(hosts[0]) == "10.1.0.248 -> 192.0.2.0"
    assert str(hosts[-1]) == "10.1.0.255 -> 192.0.2.7"
    assert len(hosts) == 8


@given(statics(Config(interfaces={"out0": Interface("out0")})))
def test_those_that_do_not_share_can_be_typed_in_any_order(found: Statics) -> None:
    again = Statics()
    for rule in reversed(list(found)):
        assert again.obstacle(rule) is None
        again.add(rule)
    assert sorted(map(str, again)) == sorted(map(str, found))
