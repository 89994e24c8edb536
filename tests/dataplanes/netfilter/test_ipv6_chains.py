"""What of IPv6 passes the gateway: between zones nothing, to NAT64 only what comes by an interface that says so."""

from doorman.config.reader import read_config
from doorman.config.realms import config_of
from doorman.dataplanes.netfilter.chains.ipv6 import ipv6_chains, ipv6_lines
from kit.gateway import OVERLOAD
from kit.nat64 import CONFIG


def rules(text: str) -> dict[str, list[str]]:
    return {chain.name: chain.rules for chain in ipv6_chains(config_of(read_config(text, "t"), None))}


def test_only_by_interfaces_that_say_so() -> None:
    refused = 'counter name "nat64_not_enabled" drop'
    assert rules(CONFIG) == {
        "nat64_forward": [
            f'oifname "nat64" iifname != "lan0" {refused}',
            f'iifname "nat64" oifname != "lan0" {refused}',
        ]
    }
    assert rules(CONFIG.replace(" nat64 enable\n", "")) == {}


def test_its_device_is_in_the_zone_of_its_interfaces() -> None:
    zones = "zone security IN\nzone security OUT\n"
    text = CONFIG.replace(" nat64 enable", " nat64 enable\n zone-member security IN").replace(
        " ip nat outside", " ip nat outside\n zone-member security OUT"
    )
    (between,) = rules(zones + text)["zone_forward"]
    assert '"lan0" . "out0"' in between
    assert '"nat64" . "out0"' in between
    assert '"lan0" . "nat64"' not in between


def test_what_an_earlier_configuration_had_is_emptied() -> None:
    config = config_of(read_config(CONFIG, "t"), None)
    lines = list(ipv6_lines(config, "mine", ["nat64_forward", "zone_input"], dry=False))
    assert [line for line in lines if line.startswith("flush")] == [
        "flush chain ip6 mine zone_input",
        "flush chain ip6 mine nat64_forward",
    ]
    assert not list(ipv6_lines(config_of(read_config(OVERLOAD, "t"), None), "mine", [], dry=False))
