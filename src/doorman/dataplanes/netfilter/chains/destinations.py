"""Which real host a new connection to a virtual one goes to: `ip nat inside destination list ...`.

    virtual_N  is the receiver one of rule N's? -> real_N
    real_N     the next host of its pool

The turn is the rule's own: it begins anew when the configuration changes.
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicDestination
from doorman.dataplanes.netfilter.chains.expressions import OPENS, Chain, braces, interface_names, match_address
from doorman.net.addresses import Address, address_text


class DestinationChains:
    """The chains of the virtual hosts of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        for index, rule in enumerate(self._config.destinations):
            yield Chain(f"virtual_{index}", called(self._config, rule, f"goto real_{index}"))
            yield Chain(f"real_{index}", list(self._real(self._config.pools[rule.pool].ranges)))

    def lead(self) -> Iterator[str]:
        """The rules that lead new connections to these chains."""
        for index in range(len(self._config.destinations)):
            yield f"iifname {interface_names(self._config, 'outside')} {OPENS} jump virtual_{index}"

    def _real(self, ranges: tuple[tuple[Address, Address], ...]) -> Iterator[str]:
        numbers = [
            number
            for first, last in ranges
            for number in range(int.from_bytes(first, "big"), int.from_bytes(last, "big") + 1)
        ]
        hosts = [address_text(Address(number.to_bytes(4, "big"))) for number in numbers]
        if hosts:
            turns = ", ".join(f"{turn} : {host}" for turn, host in enumerate(hosts))
            yield f"dnat to numgen inc mod {len(hosts)} map {{ {turns} }}"


def called(config: Config, rule: DynamicDestination, then: str) -> list[str]:
    """The rules of a chain that does something with packets to the virtual hosts of a rule."""
    lines = config.lists[rule.access_list].by_source or ()
    return [f"{match_address('daddr', line)}{then if line.permit else 'return'}" for line in lines]


def real_hosts(config: Config) -> list[str]:
    """What matches connections that real hosts are at the inside end of."""
    ranges = [ends for rule in config.destinations for ends in config.pools[rule.pool].ranges]
    texts = dict.fromkeys("-".join(dict.fromkeys(map(address_text, ends))) for ends in ranges)
    return [f"meta l4proto tcp ip saddr {braces(texts)}"] if texts else []
