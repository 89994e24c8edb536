"""Outside hosts that may have an address of the inside: overlapping networks, of which one side has other names."""

from collections.abc import Iterator

from doorman.config.access_lists import AccessEntry
from doorman.config.model import Config
from doorman.config.statics import StaticHost, StaticNetwork
from doorman.net.addresses import Address, Prefix

Range = tuple[Address, Address]
"""Addresses from the first to the last, both included."""


def overlapping_names(config: Config) -> list[Range]:
    """What such hosts are called inside; none where no outside host can have an inside address."""
    return [*_of_statics(config), *_of_lists(config)]


def lies_inside(config: Config, address: Address) -> bool:
    """Whether an address is in a network of the inside."""
    return any(address in network for network in config.networks("inside"))


def _of_statics(config: Config) -> Iterator[Range]:
    for rule in config.outside_statics:
        if isinstance(rule, StaticNetwork):
            real, named = rule.prefix("local"), rule.prefix("global")
        else:
            host = rule.local if isinstance(rule, StaticHost) else rule.local.address
            real, named = Prefix(host, 32), Prefix(rule.global_ or host, 32)
        if any(real.network in network or network.network in real for network in config.networks("inside")):
            yield ends_of(named)


def _of_lists(config: Config) -> Iterator[Range]:
    lists = config.lists
    for source in config.outside_sources:
        entries = lists[source.access_list].by_source or ()
        if any(entry.permit and _meets(entry, network) for entry in entries for network in config.networks("inside")):
            yield from config.pools[source.pool].ranges


def _meets(entry: AccessEntry, network: Prefix) -> bool:
    """Whether a line is about an address of a network."""
    wildcard, address = (int.from_bytes(one, "big") for one in (entry.wildcard, entry.address))
    host_bits = (1 << 32 - network.length) - 1
    return not (address ^ int.from_bytes(network.network, "big")) & ~(wildcard | host_bits) & 0xFFFFFFFF


def ends_of(prefix: Prefix) -> Range:
    """The first and the last address of a network."""
    last = int.from_bytes(prefix.network, "big") | (1 << 32 - prefix.length) - 1
    return prefix.network, Address(last.to_bytes(4, "big"))
