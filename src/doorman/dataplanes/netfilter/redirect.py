"""What holds while this process lives: a table of its own, which the kernel removes when the process ends.

    prerouting  -101  lead     flows that `begin_tcp` marked arrive at the proxy's port instead
    input         -1  guard    nobody else does
    prerouting  -301  vrf_zone signalling of a VRF's inside will have a name of the engine's: its zone, see `chains.vrf`

The table has an owner (`flags owner`): the socket of a library context that is kept open for nothing else. However the
process ends, the socket ends with it, and with that the table: the next connection is not led anywhere, and the
gateway's own table, one priority behind, does with it what the configuration says.
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import Setting, Zone, braces_of, interface_names
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.dataplanes.netfilter.nft import Nft


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
        self._script = ""

    def lead(self, config: Config, setting: Setting) -> None:
        """Lead what comes in by the interfaces of a configuration.

        Raises:
            NftError: it goes on as before.
        """
        interfaces = interface_names(config, "inside", "outside")
        script = "\n".join([*self._lines(interfaces, setting), *self._zones(config, setting.zone)]) + "\n"
        if script != self._script:
            self._nft.run(script)
            self._script = script

    def close(self) -> None:
        """Lead nothing any more."""
        self._nft.close()

    def _lines(self, interfaces: str, setting: Setting) -> list[str]:
        marked = f"meta l4proto tcp ct mark and {PROXIED:#x}"
        own = f"ct zone {setting.zone.number} " if setting.zone is not None else ""
        table = [f"add table ip {self._table} {{ flags owner; }}", f"flush table ip {self._table}"]
        if not setting.proxy_port:
            return table
        return [
            *table,
            f"add chain ip {self._table} lead {{ type nat hook prerouting priority dstnat - 1; }}",
            f"add chain ip {self._table} guard {{ type filter hook input priority filter - 1; }}",
            # The mark of another gateway's flows is the same; its interfaces are others.
            f"add rule ip {self._table} lead iifname {interfaces} {own}{marked} != 0 redirect to :{setting.proxy_port}",
            f"add rule ip {self._table} guard {marked} == 0 tcp dport {setting.proxy_port} counter drop",
        ]

    def _zones(self, config: Config, zone: Zone | None) -> Iterator[str]:
        """Signalling is inspected from its first packet on, so its name will be one of the engine's."""
        if zone is None or not zone.by_name:
            return
        inside = interface_names(config, "inside")
        yield f"add chain ip {self._table} vrf_zone {{ type filter hook prerouting priority raw - 1; }}"
        for transport, served in (("udp", config.flow_ports), ("tcp", config.ports("tcp"))):
            ports = braces_of(served)
            for side in ("dport", "sport") if ports else ():
                match = f"iifname {inside} {transport} {side} {ports}"
                yield f"add rule ip {self._table} vrf_zone {match} ct zone set {zone.number}"


def redirect_table(table: str) -> str:
    """The name of the redirect's table, by that of the gateway's, which may be `TABLE.VRF`."""
    base, dot, vrf = table.partition(".")
    return f"{base}-proxy{dot}{vrf}"
