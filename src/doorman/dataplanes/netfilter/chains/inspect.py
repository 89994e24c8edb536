"""Which packets an ALG sees: signalling is led to the queue, or marked for the proxy.

inspect -> known           a flow that is inspected already
        -> inspect_apart   all but packets of flows that both ends have spoken in
             -> begin      a new flow -> begin_udp, begin_tcp (the proxy's), begin_segments (vtcp), dns_out, lease_N
                             begin_virtual_N   signalling to a virtual host: the engine says which real one gets it
             -> known      an ICMP error about an inspected one
             -> ipsec_came, strays_unknown   what is of no flow
judged               segments of spliced connections that come back from the queue; others are reset
made                 segments that we made pass conntrack

All of it stands before the NAT, where packets still have the names that their senders gave them.
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.destinations import called
from doorman.dataplanes.netfilter.chains.dns import DnsChains
from doorman.dataplanes.netfilter.chains.expressions import (
    LEAVE_PLAIN,
    OPENS,
    RECEIVER,
    TO_ALG,
    Chain,
    Setting,
    braces_of,
    elsewhere,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.chains.leasing import LeaseChains
from doorman.dataplanes.netfilter.chains.outside import OutsideChains
from doorman.dataplanes.netfilter.chains.strays import StrayChains
from doorman.dataplanes.netfilter.marks import INSPECTED, OURS, PLAIN, PROXIED

_PROXY = f"ct mark set ct mark or {PROXIED:#x} accept"
_JUDGED = (
    f"meta mark and {INSPECTED:#x} != 0 ct mark set ct mark or {INSPECTED:#x} "
    f"meta mark set meta mark and {0xFFFFFFFF ^ INSPECTED:#x} accept"
)


class InspectChains:
    """The chains of a configuration that lead to its ALGs; `ipsec`, `strays`: others that they lead to."""

    def __init__(self, config: Config, setting: Setting, ipsec: IpsecChains, strays: StrayChains) -> None:
        self._config = config
        self._setting = setting
        self._ipsec = ipsec
        self._strays = strays
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._udp = braces_of(config.flow_ports)
        self._proxied = braces_of(config.ports("tcp", "l4f"))
        self._spliced = braces_of(config.ports("tcp", "vtcp"))
        self._dns = DnsChains(config, setting)
        self._is_known = f"ct mark and {INSPECTED | self._dns.mark:#x} != 0 goto known"

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        yield Chain(
            "inspect",
            list(self._inspect()),
            "type filter hook prerouting priority mangle;",
        )
        yield Chain("inspect_apart", list(self._apart()))
        others = elsewhere(self._config, self._setting)
        yield Chain("known", [*others, *self._dns.known(), LEAVE_PLAIN, f"goto {TO_ALG}"])
        yield Chain("begin", list(self._begin()))
        yield Chain("begin_udp", list(self._begin_udp()))
        yield Chain("begin_tcp", list(self._begin_tcp()))
        for index, rule in enumerate(self._config.destinations):
            yield Chain(f"begin_virtual_{index}", called(self._config, rule, _PROXY))
        if self._spliced:  # where they are no longer, what they are for goes on under the rules of then
            yield Chain("begin_segments", list(self._begin_segments()))
            yield Chain("judged", list(self._judged()), "type filter hook prerouting priority mangle + 1;")
            made = [f"meta mark and {INSPECTED:#x} != 0 notrack"]
            yield Chain("made", made, "type filter hook output priority raw;")

    def _inspect(self) -> Iterator[str]:
        yield "ct state != established goto inspect_apart"
        yield self._is_known
        yield from self._strays.spoofed()  # media, and what is no ALG's, have passed after this, and no verdict

    def _apart(self) -> Iterator[str]:
        yield "ct state new goto begin"
        yield self._is_known
        yield from self._ipsec.arriving()
        yield from self._strays.arriving()

    def _begin(self) -> Iterator[str]:
        yield from elsewhere(self._config, self._setting)
        if self._udp:
            yield f"udp dport {self._udp} goto begin_udp"
            yield f"udp sport {self._udp} goto begin_udp"
        if self._proxied:
            yield f"tcp dport {self._proxied} goto begin_tcp"
        if self._spliced:
            yield f"tcp dport {self._spliced} goto begin_segments"
        yield f"meta l4proto udp {RECEIVER} @inspected goto begin_udp"
        yield f"meta l4proto tcp {RECEIVER} @inspected goto {'begin_segments' if self._spliced else 'begin_tcp'}"
        yield from self._dns.begin()
        yield from self._strays.spoofed()
        yield from LeaseChains(self._config, self._setting).asking
        yield from OutsideChains(self._config).leasing
        yield from self._ipsec.beginning()

    def _begin_udp(self) -> Iterator[str]:
        yield f"ct mark and {PLAIN:#x} != 0 return"
        yield LEAVE_PLAIN
        yield self._for_no_host()
        yield f"ct mark set ct mark or {INSPECTED | OURS:#x} goto {TO_ALG}"

    def _begin_tcp(self) -> Iterator[str]:
        if not self._setting.proxy_port:
            return
        for index in range(len(self._config.destinations)):
            yield f"iifname {self._outside} jump begin_virtual_{index}"
        yield from self._not_for_the_gateway()
        yield _PROXY

    def _begin_segments(self) -> Iterator[str]:
        """A connection that goes on, and of which conntrack knows nothing, may have had other numbers: it is over."""
        yield from self._not_for_the_gateway()
        yield f"{OPENS} ct mark set ct mark or {OURS:#x} goto {TO_ALG}"
        yield "counter reject with tcp reset"

    def _not_for_the_gateway(self) -> Iterator[str]:
        """A connection to the gateway itself is none of a name's."""
        yield f"iifname {self._inside} fib daddr type local {RECEIVER} != @inspected return"
        yield self._for_no_host()

    def _for_no_host(self) -> str:
        """What comes to no name of a host's. Past a firewall, hosts that have none are served as well."""
        itself = "fib daddr type != unicast " if self._config.firewall.zones else ""
        return f"iifname {self._outside} {RECEIVER} != @inspected ip daddr != @whole {itself}return"

    def _judged(self) -> Iterator[str]:
        """A flow is inspected as long as its packets come with the engine's mark.

        Where one does not, nobody is there who knows its numbers: its ends are told at once. What begins then is plain.
        """
        yield "meta l4proto != tcp return"
        yield from elsewhere(self._config, self._setting)
        yield LEAVE_PLAIN
        yield _JUDGED
        yield f"{OPENS} ct mark set ct mark and {0xFFFFFFFF ^ INSPECTED:#x} accept"
        yield f"ct mark and {INSPECTED:#x} != 0 counter reject with tcp reset"
