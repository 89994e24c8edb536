"""What holds while this process lives: a table of its own, which the kernel removes when the process ends.

    prerouting  -101  lead     flows that `begin_tcp` marked arrive at the proxy's port instead
    input         -1  guard    nobody else does
    prerouting  -301  vrf_zone signalling of a VRF's inside will have a name of the engine's: its zone, see `chains.vrf`

The table has an owner (`flags owner`): the socket of a library context that is kept open for nothing else. However the
process ends, the socket ends with it, and with that the table: the next connection is not led anywhere, and the
gateway's own table, one priority behind, does with it what the configuration says.
"""

import contextlib
from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import Chain, Setting, Zone, braces_of, interface_names
from doorman.dataplanes.netfilter.chains.filling import filled
from doorman.dataplanes.netfilter.chains.vrf import both_ways
from doorman.dataplanes.netfilter.hooks import remove_tables
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.nft import Nft, NftError


class Redirect:
    """Leads signalling to the proxy and into its zone, from the first `lead` until `close`.

    Args:
        table: of the gateway; that of the redirect is named after it.

    Raises:
        NftError: libnftables is not installed.
    """

    def __init__(self, table: str) -> None:
        self._nft = Nft()
        self._table = redirect_table(table)
        self._chains: dict[str, Chain] = {}

    def lead(self, config: Config, setting: Setting) -> bool:
        """Lead what comes in by the interfaces of a configuration; whether a chain came into the road of packets.

        Raises:
            NftError: it goes on as before.
        """
        interfaces = interface_names(config, "inside", "outside")
        wanted = {chain.name: chain for chain in (*_leading(interfaces, setting), *_zones(config, setting.zone))}
        left = {name: chain._replace(rules=[]) if chain.hook else chain for name, chain in self._chains.items()}
        place, chains = f"ip {self._table}", left | wanted
        lines = list(filled(place, chains.values(), self._chains))
        if not lines:
            return False
        self._nft.run("\n".join([f"add table {place} {{ flags owner; }}", *lines]) + "\n")
        comes = any(chain.hook for name, chain in chains.items() if name not in self._chains)
        self._chains = chains
        return comes

    def end(self) -> None:
        """Lead nothing any more, until `lead`."""
        if self._chains:
            try:
                with Netlink(self._nft.link()) as owner:
                    remove_tables(owner, self._table, ipv6=False)
            except OSError:
                with contextlib.suppress(NftError):  # then it goes with its owner
                    self._nft.run(f"delete table ip {self._table}")
            self._chains = {}

    def close(self) -> None:
        """Lead nothing any more."""
        self._nft.close()
        self._chains = {}


def _leading(interfaces: str, setting: Setting) -> Iterator[Chain]:
    if not setting.proxy_port:
        return
    marked = f"meta l4proto tcp ct mark and {PROXIED:#x}"
    own = f"ct zone {setting.zone.number} " if setting.zone is not None else ""
    # The mark of another gateway's flows is the same; its interfaces are others.
    lead = f"iifname {interfaces} {own}{marked} != 0 redirect to :{setting.proxy_port}"
    guard = f"{marked} == 0 tcp dport {setting.proxy_port} counter drop"
    yield Chain("lead", [lead], "type nat hook prerouting priority dstnat - 1;")
    yield Chain("guard", [guard], "type filter hook input priority filter - 1;")


def _zones(config: Config, zone: Zone | None) -> Iterator[Chain]:
    """Signalling is inspected from its first packet on, so its name will be one of the engine's."""
    if zone is None or not zone.by_name:
        return
    both, inside = both_ways(zone), interface_names(config, "inside")
    served = ("udp", braces_of(config.flow_ports)), ("tcp", braces_of(config.ports("tcp")))
    rules = [
        f"iifname {inside} {transport} {side} {ports} goto {both.name}"
        for transport, ports in served
        for side in ("dport", "sport")
        if ports
    ]
    yield both
    yield Chain("vrf_zone", rules, "type filter hook prerouting priority raw - 1;")


def redirect_table(table: str) -> str:
    """The name of the redirect's table, by that of the gateway's, which may be `TABLE.VRF`."""
    base, dot, vrf = table.partition(".")
    return f"{base}-proxy{dot}{vrf}"
