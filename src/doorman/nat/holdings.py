"""What NATs give out: the ports of global addresses, and pools. NATs of several VRFs that share an outside share it.

An inside address means something within its VRF only, but a name outside is one name, whoever has it.
"""

from collections.abc import Callable, Collection

from doorman.config.model import Config
from doorman.nat.parties import Parties
from doorman.nat.pools import AddressPool
from doorman.nat.ports import ALL_PORTS, PortSpace
from doorman.nat.sharing import is_divided, shared_run
from doorman.net.addresses import Address, Endpoint


class UnusableConfig(Exception):  # noqa: N818 - says what is wrong with what
    """The configuration is well formed but cannot be put to work; the text says why."""


class Holdings:
    """The global addresses and ports of an outside, and who of them are free.

    Args:
        config: all rules about this outside, of whatever VRF.
        chance: floats in [0, 1).
        ports_end: of shared addresses, only ports below this are given out.
        kept: nor are these.
        reserved: protocols and ports that are not given out: the gateway's own services have them.

    Attributes:
        ports_end: see above.
        parties: who of those that share this outside has what with a server.
    """

    def __init__(
        self,
        config: Config,
        chance: Callable[[], float],
        *,
        ports_end: int = ALL_PORTS,
        kept: range = range(0),
        reserved: Collection[tuple[int, int]] = (),
    ) -> None:
        self.ports_end = ports_end
        self.parties = Parties()
        self._by_kernel = ports_end != ALL_PORTS
        self._kept = kept
        self._config = config
        self._chance = chance
        self._reserved = reserved
        self._pools: dict[str, AddressPool] = {}
        self._spaces: dict[tuple[int, Address], PortSpace] = {}

    def space(self, protocol: int, address: Address) -> PortSpace:
        """The ports of an address."""
        space = self._spaces.get((protocol, address))
        if space is None:
            space = self._spaces[protocol, address] = PortSpace(self._chance, self.ports_end)
            space.claim(self._kept.start, len(self._kept))
            for reserved, port in self._reserved:
                if reserved == protocol:
                    space.claim(port)
            space.count = 0  # those are always taken
        return space

    def release(self, protocol: int, name: Endpoint) -> None:
        """Take a port back, and with the last one of an address forget them all: a pool may have many addresses."""
        space = self.space(protocol, name.address)
        space.release(name.port)
        if not space.count:
            del self._spaces[protocol, name.address]

    def pool(self, name: str) -> AddressPool:
        """A pool of what no static rule has: an address of which only ports are static can still be shared.

        Raises:
            UnusableConfig: there is none of this name.
        """
        known = self._pools.get(name)
        if known is None:
            known = self._pools[name] = self._make_pool(name)
        return known

    def _make_pool(self, name: str) -> AddressPool:
        config = self._config
        pool = config.pools.get(name)
        if pool is None:
            raise UnusableConfig(f"pool {name} of a NAT rule does not exist")
        reserved = {rule.global_ for statics in (config.statics, config.outside_statics) for rule in statics.hosts}
        if any(source.pool == name and not source.overload for source in config.dynamic_sources):
            reserved |= {rule.global_ or interface_address(config, rule.interface) for rule in config.statics.ports}
        host_bits = 32 - pool.prefix_length if pool.type == "match-host" else 0
        shared = shared_run(config, pool) if self._by_kernel or is_divided(config, name) else None
        if shared is not None and is_divided(config, name):
            reserved |= {*shared}
        return AddressPool(pool.ranges, reserved, host_bits=host_bits, shared=shared)


def interface_address(config: Config, name: str | None) -> Address:
    """The address of an interface that a rule names.

    Raises:
        UnusableConfig: it has none.
    """
    interface = config.interfaces.get(name or "")
    if interface is None or interface.address is None:
        why = "gets its address by DHCP, and it is not known" if interface and interface.dhcp else "has no address"
        raise UnusableConfig(f"interface {name} of a NAT rule {why}")
    return interface.address
