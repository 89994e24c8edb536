"""Bindings of before: adopted one by one after a restart, or taken over from rules that were others."""

import random

import pytest

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.nat.bindings import WHOLE_HOST, Binding, BindingFreed, BindingMade, Bindings
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules
from doorman.net.addresses import Endpoint, address_of, endpoints_from
from doorman.net.packet import ICMP, TCP, UDP
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL, STATIC, STATIC_PORT
from kit.packets import endpoint

PHONE, NAME = "192.168.1.10:5000", "203.0.113.1:5000"
END = 32_768


class Journal:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, change: BindingMade | BindingFreed) -> None:
        self.lines.append(f"{type(change).__name__} {change.binding.local} {change.binding.global_}")


def bindings(config_text: str, journal: Journal | None = None) -> Bindings:
    config = read_config(config_text, "test.cfg")
    holdings = Holdings(config, random.Random(1).random, ports_end=END)
    return Bindings(Rules(config, holdings), holdings, journal=journal)


def adopt(table: Bindings, local: str, name: str, protocol: int = UDP) -> Binding:
    return table.adopt(protocol, endpoint(local), endpoint(name))


def test_names_are_given_below_the_end() -> None:
    table = bindings(OVERLOAD)
    for port in (1024, 32_767, 32_768, 65_535):
        for protocol in (UDP, TCP, ICMP):
            [made] = table.bind(protocol, Endpoint(address_of("192.168.1.10"), port))
            assert (made.global_.port == port) == (port < END)
            assert made.global_.port < END
    pair = table.bind_run(UDP, endpoints_from(endpoint("192.168.1.11:32767"), 2))
    assert [binding.global_.port < END for binding in pair] == [True, True]
    with pytest.raises(Refused, match="port-pair-unavailable"):
        table.bind_to(UDP, endpoint("192.168.1.11:7"), endpoint("203.0.113.1:32768"), pair[0])


def test_an_adopted_one_is_like_one_that_was_made() -> None:
    journal = Journal()
    table = bindings(OVERLOAD, journal)
    binding = adopt(table, PHONE, "203.0.113.1:6000")
    assert not binding.static
    assert table.by_local(UDP, endpoint(PHONE)) is binding
    assert table.by_global(UDP, endpoint("203.0.113.1:6000")) is binding
    assert table.global_host(address_of("192.168.1.10")) == address_of("203.0.113.1")
    assert journal.lines == [f"BindingMade {PHONE} 203.0.113.1:6000"]
    assert str(table.bind(UDP, endpoint("192.168.1.11:6000"))[0].global_) != "203.0.113.1:6000"
    table.free(binding)
    assert table.by_local(UDP, endpoint(PHONE)) is None
    assert str(table.bind(UDP, endpoint("192.168.1.12:6000"))[0].global_) == "203.0.113.1:6000"


def test_a_lease_is_adopted() -> None:
    table = bindings(POOL)
    adopt(table, "192.168.1.10:0", "203.0.113.21:0", WHOLE_HOST)
    assert table.local_host(address_of("203.0.113.21")) == address_of("192.168.1.10")
    assert str(table.bind(UDP, endpoint("192.168.1.11:1"))[0].global_) == "203.0.113.20:0"
    with pytest.raises(Refused, match="pool-exhausted"):
        table.bind(UDP, endpoint("192.168.1.12:1"))


@pytest.mark.parametrize(
    ("config", "local", "name", "protocol", "reason"),
    [
        (INTERFACES, PHONE, NAME, UDP, "no-translation"),
        (OVERLOAD, "192.168.2.10:5000", NAME, UDP, "no-translation"),
        (OVERLOAD, PHONE, "203.0.113.2:5000", UDP, "no-translation"),
        (OVERLOAD, PHONE, "203.0.113.1:0", UDP, "no-translation"),
        (OVERLOAD, PHONE, "203.0.113.1:32768", UDP, "no-translation"),
        (OVERLOAD, "192.168.1.10:0", "203.0.113.1:0", WHOLE_HOST, "no-translation"),
        (POOL, PHONE, "203.0.113.20:5000", UDP, "no-translation"),
        (POOL, "192.168.1.10:0", "203.0.113.99:0", WHOLE_HOST, "no-translation"),
        (STATIC, "192.168.1.5:5000", "203.0.113.1:5000", UDP, "name-taken"),
        (STATIC_PORT, PHONE, "203.0.113.1:8080", TCP, "name-taken"),
    ],
)
def test_what_no_rule_of_today_makes_is_refused(config: str, local: str, name: str, protocol: int, reason: str) -> None:
    table = bindings(config)
    before = list(table)
    with pytest.raises(Refused, match=reason):
        adopt(table, local, name, protocol)
    assert list(table) == before
    assert table.global_host(address_of("192.168.1.10")) is None


def test_a_name_has_one_host_and_a_host_one_address() -> None:
    table = bindings(SHARED_POOL)
    adopt(table, PHONE, "203.0.113.20:5000")
    for local, name in (
        ("192.168.1.11:5000", "203.0.113.20:5000"),
        (PHONE, "203.0.113.20:5001"),
        ("192.168.1.10:5001", "203.0.113.21:5001"),
    ):
        with pytest.raises(Refused, match="name-taken"):
            adopt(table, local, name)
    adopt(table, "192.168.1.10:5001", "203.0.113.20:5001")
    adopt(table, "192.168.1.11:5000", "203.0.113.21:5000")


def test_those_that_stay_are_the_same_objects() -> None:
    old = bindings(STATIC + STATIC_PORT.removeprefix(OVERLOAD))
    [made] = old.bind(UDP, endpoint(PHONE))
    made.sessions = 3
    journal = Journal()
    new = bindings(STATIC, journal)
    lost = new.take_over(old)
    assert [str(binding.local) for binding in lost] == ["192.168.1.6:80"]
    assert {id(binding) for binding in new} == {id(binding) for binding in old if binding not in lost}
    assert journal.lines == ["BindingFreed 192.168.1.6:80 203.0.113.1:8080"]
    assert new.by_local(UDP, endpoint("192.168.1.5:1")) is old.by_local(UDP, endpoint("192.168.1.5:1"))
    new.free(made)
    assert journal.lines[1:] == [f"BindingFreed {PHONE} {NAME}"]
    assert str(new.bind(UDP, endpoint(PHONE))[0].global_) == NAME


def test_the_new_rule_keeps_the_books_of_an_old_lease() -> None:
    old = bindings(POOL)
    [lease] = old.bind(UDP, endpoint(PHONE))
    new = bindings(POOL)
    assert new.take_over(old) == []
    new.free(lease)
    assert [str(new.bind(UDP, endpoint(f"192.168.1.{host}:1"))[0].global_) for host in (11, 12)] == [
        "203.0.113.20:0",
        "203.0.113.21:0",
    ]


def test_new_statics_are_told_of() -> None:
    journal = Journal()
    new = bindings(STATIC, journal)
    assert journal.lines == []
    assert new.take_over(bindings(OVERLOAD)) == []
    assert journal.lines == ["BindingMade 192.168.1.5:0 203.0.113.5:0"]
