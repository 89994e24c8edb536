"""What ordinary flows of inside hosts are called outside, by the dynamic rules: `ip nat inside source list …`.

source_N   is the sender one of rule N's? -> pool_N; where rules look at flows, see `flow_names`
pool_N     the name: an address of the pool or the interface, with a port that the engine gives nobody

Each question has a chain of its own, so that a line that denies can return from it.
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.chains.expressions import Chain, UnsupportedConfig, match_address
from doorman.dataplanes.netfilter.chains.flows import choosing, looks_at_flows
from doorman.dataplanes.netfilter.chains.limits import LimitChains
from doorman.engine.plan import DELEGATED_PORTS_END, DELEGATED_RESERVED
from doorman.nat.sharing import longest_run, shared_run
from doorman.net.addresses import PRIVILEGED_END, address_text


class SourceChains:
    """The chains of the dynamic rules of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._looks_at_flows = looks_at_flows(config)

    def chains(self) -> Iterator[Chain]:
        """All of them.

        Raises:
            UnsupportedConfig: an interface that gives its address to a rule has none.
        """
        for index, source in enumerate(self._config.dynamic_sources):
            if not self._looks_at_flows:
                yield from senders(self._config, source, f"source_{index}", f"goto pool_{index}")
            yield Chain(f"pool_{index}", list(self._pool(source)))

    def _pool(self, source: DynamicSource) -> Iterator[str]:
        if leases(source):
            yield "counter drop"  # it has no lease: the pool is exhausted, or nobody is there to give one
            return
        to = self._addresses(source)
        statics = {rule.global_port for rule in (*self._config.statics.ports, *self._config.others.ports)}
        ports = longest_run(DELEGATED_PORTS_END, 65_535, statics)
        reserved = longest_run(DELEGATED_RESERVED[0], DELEGATED_RESERVED[-1], statics)
        if not to or ports is None:
            yield "counter drop"
            return
        asked = LimitChains(self._config).ask
        if asked:
            yield asked
        if reserved is not None:
            below = f"meta l4proto {{ tcp, udp }} th sport < {PRIVILEGED_END}"
            yield f"{below} snat to {to}:{reserved[0]}-{reserved[1]} persistent"
        yield f"meta l4proto {{ tcp, udp }} snat to {to}:{ports[0]}-{ports[1]} persistent"
        yield f"snat to {to} persistent"

    def _addresses(self, source: DynamicSource) -> str:
        """What ordinary flows are called outside; empty if static hosts have it all."""
        if source.pool is not None:
            run = shared_run(self._config, self._config.pools[source.pool])
            return "-".join(dict.fromkeys(map(address_text, run or ())))
        interface = self._config.interfaces[source.interface or ""]
        if interface.address is None:
            raise UnsupportedConfig(f"interface {interface.name} of a NAT rule has no address")
        return address_text(interface.address)


def senders(config: Config, source: DynamicSource, name: str, then: str) -> Iterator[Chain]:
    """The chains that find out whether a sender is one of a rule's, which looks at nothing else; the first by its name.

    `then` is what happens to its packets.
    """
    if source.route_map is not None:
        yield from choosing(config, source.chooser, name, f"goto {name}_chosen")
        yield Chain(f"{name}_chosen", [then])
        return
    lines = config.lists[source.access_list].by_source or ()
    yield Chain(name, [f"{match_address('saddr', line)}{then if line.permit else 'return'}" for line in lines])


def leases(source: DynamicSource) -> bool:
    """Whether each host gets an address of its own by a rule."""
    return source.pool is not None and not source.overload
