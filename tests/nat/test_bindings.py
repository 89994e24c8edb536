"""Bindings: one name for each inside endpoint, the same for everybody outside, and given back in the end."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules
from doorman.net.addresses import Endpoint, address_of, address_text, endpoints_from
from doorman.net.packet import ICMP, TCP, UDP
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL, STATIC, STATIC_PORT
from kit.packets import endpoint


def bindings(config_text: str, seed: int = 1) -> Bindings:
    config = read_config(config_text, "test.cfg")
    holdings = Holdings(config, random.Random(seed).random)
    return Bindings(Rules(config, holdings), holdings)


def bound(table: Bindings, protocol: int, local: str) -> str:
    """The global name of an inside endpoint, which may be new."""
    binding = table.by_local(protocol, endpoint(local)) or table.bind(protocol, endpoint(local))[0]
    return str(binding.outward(endpoint(local)))


def test_a_name_is_found_from_both_sides() -> None:
    table = bindings(OVERLOAD)
    assert bound(table, UDP, "192.168.1.10:5000") == "203.0.113.1:5000"
    binding = table.by_global(UDP, endpoint("203.0.113.1:5000"))
    assert binding is not None
    assert str(binding.inward(endpoint("203.0.113.1:5000"))) == "192.168.1.10:5000"
    assert list(table) == [binding]


def test_protocols_have_ports_of_their_own() -> None:
    table = bindings(OVERLOAD)
    names = {bound(table, protocol, f"192.168.1.{10 + protocol}:5000") for protocol in (UDP, TCP, ICMP)}
    assert names == {"203.0.113.1:5000"}


def test_a_host_keeps_its_address_while_it_has_a_name() -> None:
    table = bindings(SHARED_POOL)
    first = [bound(table, UDP, f"192.168.1.10:{port}") for port in (5000, 5001, 5002)]
    assert {name.partition(":")[0] for name in first} == {"203.0.113.20"}
    assert bound(table, TCP, "192.168.1.11:80") == "203.0.113.21:80"
    assert table.global_host(address_of("192.168.1.10")) == address_of("203.0.113.20")
    assert table.local_host(address_of("203.0.113.20")) is None
    for binding in list(table):
        table.free(binding)
    assert table.global_host(address_of("192.168.1.10")) is None


def test_a_pool_without_overload_gives_a_host_an_address_with_all_its_ports() -> None:
    table = bindings(POOL)
    assert bound(table, UDP, "192.168.1.10:5000") == "203.0.113.20:5000"
    assert bound(table, TCP, "192.168.1.10:22") == "203.0.113.20:22"
    assert bound(table, 47, "192.168.1.11") == "203.0.113.21:0"
    assert table.local_host(address_of("203.0.113.21")) == address_of("192.168.1.11")
    assert len(table) == 2
    with pytest.raises(Refused, match="pool-exhausted"):
        table.bind(UDP, endpoint("192.168.1.12:5000"))
    assert bound(table, UDP, "192.168.1.10:5001") == "203.0.113.20:5001"


def test_a_protocol_without_ports_cannot_share_an_address() -> None:
    with pytest.raises(Refused, match="protocol-without-ports"):
        bindings(OVERLOAD).bind(47, endpoint("192.168.1.10"))


def test_no_rule_no_name() -> None:
    assert bindings(INTERFACES).bind(UDP, endpoint("192.168.1.10:5000")) == []


def test_statics_are_there_from_the_start_and_stay() -> None:
    table = bindings(STATIC + STATIC_PORT.removeprefix(OVERLOAD))
    assert bound(table, UDP, "192.168.1.5:5060") == "203.0.113.5:5060"
    assert bound(table, TCP, "192.168.1.6:80") == "203.0.113.1:8080"
    assert bound(table, TCP, "192.168.1.10:8080") != "203.0.113.1:8080"
    statics = [binding for binding in table if binding.static]
    for binding in statics:
        assert not binding.idle
        table.free(binding)
    assert [binding for binding in table if binding.static] == statics


def test_a_run_is_in_a_row() -> None:
    table = bindings(OVERLOAD)
    bound(table, UDP, "192.168.1.10:5001")
    made = table.bind_run(UDP, endpoints_from(endpoint("192.168.1.11:5000"), 2), even=True)
    first, second = (binding.global_.port for binding in made)
    assert (first % 2, second) == (0, first + 1)
    assert [binding.local.port for binding in made] == [5000, 5001]


def test_a_name_that_was_asked_for_is_had_or_refused() -> None:
    table = bindings(STATIC_PORT)
    first = table.bind(UDP, endpoint("192.168.1.10:5000"))[0]
    beside, local = endpoint("203.0.113.1:5001"), endpoint("192.168.1.10:5003")
    assert table.bind_to(UDP, endpoint("192.168.1.10:5001"), beside, first).global_ == beside
    static = table.by_local(TCP, endpoint("192.168.1.6:80"))
    assert static is not None
    for name, like in ((beside, first), (endpoint("203.0.113.1:5009"), static), (Endpoint(beside.address, -1), first)):
        with pytest.raises(Refused, match="port-pair-unavailable"):
            table.bind_to(UDP, local, name, like)
    for binding in list(table):
        table.free(binding)
    assert list(table) == [static]
    assert table.global_host(address_of("192.168.1.10")) is None


def test_freeing_twice_harms_nobody() -> None:
    table = bindings(OVERLOAD)
    old = table.bind(UDP, endpoint("192.168.1.10:5000"))[0]
    table.free(old)
    new = table.bind(UDP, endpoint("192.168.1.10:5000"))[0]
    table.free(old)
    assert table.by_local(UDP, new.local) is new


HOSTS = st.integers(10, 13).map(lambda last: f"192.168.1.{last}")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("bind"), HOSTS, st.integers(1000, 1010), st.sampled_from([UDP, TCP, ICMP])),
        st.tuples(st.just("free"), HOSTS, st.integers(0, 20), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS, st.sampled_from([OVERLOAD, SHARED_POOL, POOL]), st.integers())
def test_names_are_unique_and_everything_comes_back(
    steps: list[tuple[str, str, int, int]], config_text: str, seed: int
) -> None:
    table = bindings(config_text, seed)
    made: list[Binding] = []
    for verb, host, number, protocol in steps:
        local = Endpoint(address_of(host), number)
        if verb == "free" and made:
            table.free(made.pop(number % len(made)))
        elif verb == "bind" and table.by_local(protocol, local) is None:
            try:
                made += table.bind(protocol, local)
            except Refused:
                assert sum(binding.protocol == WHOLE_HOST for binding in made) == 2
        names = [(binding.protocol, binding.global_) for binding in table]
        assert len(names) == len(set(names)) == len(made)
        assert all(table.by_global(*name) in made for name in names)
    for binding in made:
        table.free(binding)
    assert len(table) == 0
    assert [table.bind(UDP, Endpoint(address_of("192.168.1.99"), port)) for port in (1024, 65_535)]
    assert address_text(table.global_host(address_of("192.168.1.99")) or address_of("::")) in names_of(config_text)


def names_of(config_text: str) -> set[str]:
    return {"203.0.113.1"} if config_text == OVERLOAD else {"203.0.113.20", "203.0.113.21"}


def test_an_address_without_names_takes_no_memory() -> None:
    """A pool may have thousands; 64 kB for each of them, and each protocol, would stay for ever."""
    table = bindings(SHARED_POOL + "ip nat inside source static udp 192.168.1.6 5060 203.0.113.21 5060\n")
    for host in range(10, 20):
        made = table.bind_run(UDP, endpoints_from(endpoint(f"192.168.1.{host}:5000"), 4))
        assert {name for _, name in table.holdings._spaces} >= {made[0].global_.address}  # noqa: SLF001 - nobody else knows
        for binding in made:
            table.free(binding)
    assert set(table.holdings._spaces) == {(UDP, address_of("203.0.113.21"))}  # noqa: SLF001 - the same
