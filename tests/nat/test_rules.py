"""Which rule an inside address falls under, and what is inside at all."""

import pytest

from doorman.config.model import Config, DynamicSource, Pool
from doorman.config.reader import read_config
from doorman.config.statics import StaticHost, Statics
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules, UnusableConfig
from doorman.net.addresses import address_of
from kit.gateway import INTERFACES, OVERLOAD, POOL, STATIC, STATIC_PORT

TWO_LISTS = (
    INTERFACES
    + "access-list 2 permit 10.0.0.0 0.255.255.255\n"
    + "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\n"
    + "ip nat inside source list 1 pool P\n"
    + "ip nat inside source list 2 pool P\n"
)

HOST = address_of("192.168.1.10")


def rules_of(config: Config) -> Rules:
    return Rules(config, Holdings(config, float))


def rules(config_text: str) -> Rules:
    return rules_of(read_config(config_text, "test.cfg"))


def is_inside(config_text: str, address: str) -> bool:
    return rules(config_text).is_inside(address_of(address))


def test_the_networks_of_inside_interfaces_are_inside() -> None:
    assert is_inside(OVERLOAD, "192.168.1.77")
    assert not is_inside(OVERLOAD, "203.0.113.77")
    assert not is_inside(OVERLOAD, "198.51.100.7")
    assert not is_inside(OVERLOAD, "2001:db8::1")


def test_so_are_networks_behind_them_that_a_list_names() -> None:
    routed = OVERLOAD + "access-list 1 permit 10.1.0.0 0.0.255.255\n"
    assert is_inside(routed, "10.1.2.3")
    assert not is_inside(routed, "10.2.2.3")


def test_permit_any_says_who_is_translated_not_where_it_is() -> None:
    anyone = OVERLOAD + "access-list 1 permit any\n"
    assert not is_inside(anyone, "198.51.100.7")
    assert is_inside(anyone, "192.168.1.77")
    excepted = INTERFACES.replace("permit 192.168.1.0 0.0.0.255", "deny 10.0.0.0 0.255.255.255")
    excepted += "access-list 1 permit any\nip nat inside source list 1 interface out0 overload\n"
    assert not is_inside(excepted, "198.51.100.7")


def test_a_static_host_is_inside_wherever_it_is() -> None:
    assert is_inside(OVERLOAD + "ip nat inside source static 172.16.0.9 203.0.113.9\n", "172.16.0.9")


def test_what_it_owns_is_the_interfaces_the_pools_and_the_statics() -> None:
    owned = {OVERLOAD: ["203.0.113.1", "192.168.1.1"], POOL: ["203.0.113.20", "203.0.113.21"], STATIC: ["203.0.113.5"]}
    for config_text, addresses in owned.items():
        assert all(rules(config_text).owns(address_of(address)) for address in addresses)
        assert not rules(config_text).owns(address_of("203.0.113.22"))
        assert not rules(config_text).owns(address_of("192.168.1.10"))


def test_the_first_rule_that_permits_a_host_is_its_own() -> None:
    of_host = rules(TWO_LISTS).dynamic_for(address_of("10.0.0.1"))
    assert of_host is not None
    assert of_host.source.access_list == "2"
    assert rules(TWO_LISTS).dynamic_for(address_of("172.16.0.1")) is None


def test_a_denied_host_is_inside_and_not_translated() -> None:
    denied = rules(OVERLOAD.replace("access-list 1", "access-list 1 deny 192.168.1.66\naccess-list 1"))
    assert denied.is_inside(address_of("192.168.1.66"))
    assert not denied.translates(address_of("192.168.1.66"))
    assert denied.translates(address_of("192.168.1.67"))
    assert not denied.translates(address_of("198.51.100.7"))


def test_a_static_port_takes_the_address_of_its_interface() -> None:
    found = rules(STATIC_PORT)
    assert found.static_port_host(address_of("192.168.1.6")) == address_of("203.0.113.1")
    assert found.static_port_host(address_of("192.168.1.7")) is None


def test_two_rules_with_one_pool_take_from_one_pool() -> None:
    first, second = (rule.pool for rule in rules(TWO_LISTS).dynamic)
    assert first is second


def test_a_pool_does_not_give_out_what_a_static_rule_has() -> None:
    whole = rules(POOL + "ip nat inside source static 192.168.1.5 203.0.113.20\n").dynamic[0].pool
    port = rules(POOL + "ip nat inside source static tcp 192.168.1.5 80 203.0.113.20 80\n").dynamic[0].pool
    assert whole.lease(HOST) == port.lease(HOST) == address_of("203.0.113.21")


def test_an_overloaded_pool_shares_an_address_of_which_only_ports_are_static() -> None:
    overload = POOL.replace("pool P\n", "pool P overload\n")
    pool = rules(overload + "ip nat inside source static tcp 192.168.1.5 80 203.0.113.20 80\n").dynamic[0].pool
    assert pool.share(address_of("192.168.1.10")) == address_of("203.0.113.20")
    pool = rules(overload + "ip nat inside source static 192.168.1.5 203.0.113.20\n").dynamic[0].pool
    assert pool.share(address_of("192.168.1.10")) == address_of("203.0.113.21")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (DynamicSource("9", pool="P"), "access list 9"),
        (DynamicSource("1", pool="Q"), "pool Q"),
        (DynamicSource("1", interface="out9"), "interface out9"),
    ],
)
def test_what_does_not_exist_cannot_be_used(source: DynamicSource, reason: str) -> None:
    config = read_config(OVERLOAD, "test.cfg")
    config.dynamic_sources = [source]
    with pytest.raises(UnusableConfig, match=reason):
        rules_of(config)


def test_a_configuration_without_nat_is_one() -> None:
    found = rules_of(Config())
    assert not found.is_inside(address_of("192.168.1.1"))
    assert not found.owns(address_of("192.168.1.1"))


def test_a_configuration_may_come_from_anywhere() -> None:
    first, last = address_of("203.0.113.20"), address_of("203.0.113.21")
    config = Config(
        pools={"P": Pool("P", ((first, last),), 24)}, statics=Statics([StaticHost(address_of("10.0.0.1"), first)])
    )
    assert rules_of(config).owns(first)
