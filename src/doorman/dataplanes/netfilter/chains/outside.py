"""What outside hosts are called inside: `ip nat outside source ...`.

    to_outside       a flow from inside to an outside local name goes to the host that has it
    from_outside     a flow from outside comes by its sender's outside local name
    outside_way      what goes to a name of hosts that may have inside addresses, see `outside_routes`
    outside_lease_N  is the sender one of rule N's, and has no name yet? -> the engine leases it one

As with names of inside hosts: the engine hears of flows by leased names, since a lease ends after the last of them.
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.config.overlap import overlapping_names
from doorman.dataplanes.netfilter.chains.expressions import (
    MARK_OURS,
    RECEIVER,
    SENDER,
    TO_ALG,
    Chain,
    braces,
    interface_names,
    match_address,
)
from doorman.dataplanes.netfilter.marks import INSPECTED, OURS, OUTWARD
from doorman.net.addresses import address_text


class OutsideChains:
    """The chains of the names of outside hosts; `is_needed`: whether there are any."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.is_needed = bool(config.outside_sources or len(config.outside_statics))

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        if not self.is_needed:
            return
        overlap = overlapping_names(self._config)
        if overlap:
            names = braces("-".join(dict.fromkeys(map(address_text, ends))) for ends in overlap)
            sent = f"iifname {interface_names(self._config, 'inside')} ip daddr {names}"
            way = [f"{sent} meta mark set meta mark or {OUTWARD:#x}"]
            yield Chain("outside_way", way, "type filter hook prerouting priority mangle - 1;")
        yield Chain("to_outside", list(self._to_outside()))
        yield Chain("from_outside", list(self._from_outside()))
        lists = self._config.lists
        for index, source in enumerate(self._config.outside_sources):
            lines = lists[source.access_list].by_source or ()
            then = f"{MARK_OURS} goto {TO_ALG}"
            asked = [f"{match_address('saddr', line)}{then if line.permit else 'return'}" for line in lines]
            yield Chain(f"outside_lease_{index}", asked)

    @property
    def inward(self) -> Iterator[str]:
        """The rules that lead flows from inside to the first chain."""
        if self.is_needed:
            yield f"iifname {interface_names(self._config, 'inside')} jump to_outside"

    @property
    def outward(self) -> Iterator[str]:
        """The rules that lead flows from outside that go inside to the second one."""
        if self.is_needed:
            outside, inside = (interface_names(self._config, side) for side in ("outside", "inside"))
            yield f"iifname {outside} oifname {inside} jump from_outside"

    @property
    def leasing(self) -> Iterator[str]:
        """The rules that lead to the others."""
        outside = interface_names(self._config, "outside")
        for index in range(len(self._config.outside_sources)):
            yield f"iifname {outside} ip saddr != @outside_leased jump outside_lease_{index}"

    def _to_outside(self) -> Iterator[str]:
        yield MARK_OURS
        yield "dnat ip to ip daddr map @outside_leases"
        yield f"ct mark and {INSPECTED:#x} == 0 ct mark set ct mark and {0xFFFFFFFF ^ OURS:#x}"
        yield f"dnat ip to {RECEIVER} map @outside_ports"
        yield "dnat ip to ip daddr map @outside_hosts"

    def _from_outside(self) -> Iterator[str]:
        yield f"snat ip to {SENDER} map @outside_ports_in"
        yield "snat ip to ip saddr map @outside_hosts_in"
        yield f"ip saddr @outside_leased {MARK_OURS} snat ip to ip saddr map @outside_leases_in"
