"""Where TCP signalling is led to the proxy: a table of its own, which the kernel removes when this process ends.

    prerouting  -101  lead     flows that `begin_tcp` marked arrive at the proxy's port instead
    input         -1  guard    nobody else does

The table has an owner (`flags owner`): the socket of a library context that is kept open for nothing else. However the
process ends, the socket ends with it, and with that the table: the next connection is not led anywhere, and the
gateway's own table, one priority behind, does with it what the configuration says.
"""

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import interface_names
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.dataplanes.netfilter.nft import Nft


class Redirect:
    """Leads connections to the proxy, from the first `lead` until `close`.

    Args:
        table: of the gateway; that of the redirect is named after it.
        port: where the proxy listens.

    Raises:
        NftError: libnftables is not installed.
    """

    def __init__(self, table: str, port: int) -> None:
        self._nft = Nft()
        self._table = redirect_table(table)
        self._port = port
        self._script = ""

    def lead(self, config: Config) -> None:
        """Lead what comes in by the interfaces of a configuration.

        Raises:
            NftError: it goes on as before.
        """
        script = "\n".join(self._lines(interface_names(config, "inside", "outside"))) + "\n"
        if script != self._script:
            self._nft.run(script)
            self._script = script

    def close(self) -> None:
        """Lead nothing any more."""
        self._nft.close()

    def _lines(self, interfaces: str) -> list[str]:
        marked = f"meta l4proto tcp ct mark and {PROXIED:#x}"
        return [
            f"add table ip {self._table} {{ flags owner; }}",
            f"add chain ip {self._table} lead {{ type nat hook prerouting priority dstnat - 1; }}",
            f"add chain ip {self._table} guard {{ type filter hook input priority filter - 1; }}",
            f"flush table ip {self._table}",
            # The mark of another gateway's flows is the same; its interfaces are others.
            f"add rule ip {self._table} lead iifname {interfaces} {marked} != 0 redirect to :{self._port}",
            f"add rule ip {self._table} guard {marked} == 0 tcp dport {self._port} counter drop",
        ]


def redirect_table(table: str) -> str:
    """The name of the redirect's table, by that of the gateway's."""
    return f"{table}-proxy"
