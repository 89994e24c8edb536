"""The kernel's own NAT, as its manual has it: a few rules of nft, and nothing else."""

from collections.abc import Callable

from doorman.engine.results import Side
from kit.subjects.links import Links
from kit.subjects.subject import Left, Opening
from kit.wires import Wires

_TABLE = "add table ip plain\ndelete table ip plain\nadd table ip plain\n"
_CHAINS = """
add chain ip plain in {{ type nat hook prerouting priority dstnat; }}
add chain ip plain out {{ type nat hook postrouting priority srcnat; }}
{}
"""
MASQUERADE = _CHAINS.format("""
add rule ip plain in ip daddr 203.0.113.1 tcp dport 8080 dnat to 192.168.1.6:80
add rule ip plain in ip daddr 203.0.113.1 udp dport 8080 dnat to 192.168.1.6:80
add rule ip plain in dnat to ip daddr map { 203.0.113.5 : 192.168.1.5, 203.0.113.7 : 192.168.1.7 }
add rule ip plain out oifname out0 snat to ip saddr map { 192.168.1.5 : 203.0.113.5, 192.168.1.7 : 203.0.113.7 }
add rule ip plain out oifname out0 ip saddr 192.168.1.0/24 masquerade
""")
SNAT = _CHAINS.format("""
add rule ip plain out oifname out0 ip saddr 192.168.1.0/24 snat to 203.0.113.20-203.0.113.21
""")


class PlainKernel:
    """Rules written by hand that do what a configuration asks for; see `Subject`.

    Args:
        wires: to its namespace.
        rules: what to give to nft for a configuration.
    """

    name = "kernel NAT"
    is_configurable = False
    has_links = True

    def __init__(self, wires: Wires, rules: Callable[[str], str]) -> None:
        self._links = Links(wires)
        self._rules = rules
        self.age = self._links.age
        self.narrow = self._links.narrow

    def begin(self, config: str) -> None:
        """See `Subject.begin`."""
        self._links.begin()
        self._links.run("nft", "-f", "-", stdin=_TABLE + self._rules(config))

    def send(self, packet: bytes, side: Side) -> list[Left]:
        """See `Subject.send`."""
        return self._links.sweep.send(packet, side)

    def seconds(self, config: str, opening: Opening) -> int:
        """See `Subject.seconds`: what conntrack shows."""
        self.begin(config)
        opening(self)
        return self._links.seconds()
