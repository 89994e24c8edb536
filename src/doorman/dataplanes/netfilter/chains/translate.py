"""Where a flow from outside leads, and what an inside host is called outside: the chains of type nat.

They see the first packet of a flow; conntrack translates all others like it.

    translate_in    doors, leased and static names, else the gateway itself
    translate_out   -> named   names that flows of ours have; ordinary flows go through `source_N`, see `sources`
                    -> flows, kept   the same where rules look at flows, see `flow_names`
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.destinations import DestinationChains
from doorman.dataplanes.netfilter.chains.expressions import (
    MARK_OURS,
    RECEIVER,
    SENDER,
    UNMARK_OURS,
    Chain,
    Setting,
    elsewhere,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.flows import looks_at_flows
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.chains.outside import OutsideChains
from doorman.dataplanes.netfilter.chains.silence import Silence
from doorman.dataplanes.netfilter.marks import INSPECTED, OURS, PROXIED

_NOT_PROXIED = f"ct mark set ct mark and {0xFFFFFFFF ^ PROXIED:#x}"


class TranslateChains:
    """The chains that translate for a configuration; `ipsec`: the rules about that."""

    def __init__(self, config: Config, setting: Setting, ipsec: IpsecChains) -> None:
        self._config = config
        self._setting = setting
        self._ipsec = ipsec
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._renames = OutsideChains(config)
        self._silence = Silence(config, setting)
        self._looks_at_flows = looks_at_flows(config)

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        yield Chain("translate_in", list(self._translate_in()), "type nat hook prerouting priority dstnat;")
        yield Chain("translate_out", list(self._translate_out()), "type nat hook postrouting priority srcnat;")
        if not self._looks_at_flows:
            yield Chain("named", list(self._named()))

    def _translate_in(self) -> Iterator[str]:
        yield from elsewhere(self._config, self._setting)
        yield from self._ipsec.leading()
        yield from self._without_proxy()
        if self._renames.is_needed:
            yield from self._silence.as_ordinary()
            yield from self._renames.inward
        yield from self._silence.as_media()
        yield MARK_OURS
        yield f"dnat ip to ip saddr . {RECEIVER} map @doors"
        yield f"dnat ip to {RECEIVER} map @doors_any"
        yield from self._silence.as_ordinary()
        yield "dnat ip to ip daddr map @leases_in"
        yield f"ct mark and {INSPECTED:#x} == 0 {UNMARK_OURS}"
        yield f"dnat ip to {RECEIVER} map @entrances"
        yield "dnat ip to ip daddr map @hosts_in"
        yield from DestinationChains(self._config).lead()
        yield f"{RECEIVER} @names counter drop"

    def _without_proxy(self) -> Iterator[str]:
        """What was to be redirected, and was not since there is no proxy: it is plain NAT, or nothing at all."""
        if not self._setting.proxy_port:
            return
        served = [alg for (alg, transport), ports in self._config.served.items() if transport == "tcp" and ports]
        closed = any(self._config.failure(alg) == "fail-closed" for alg in served)
        yield f"ct mark and {PROXIED:#x} != 0 {'counter drop' if closed else _NOT_PROXIED}"

    def _translate_out(self) -> Iterator[str]:
        if self._setting.zone is not None:
            yield f"ct zone != {self._setting.zone.number} return"
        if self._setting.proxy_port:
            # A second leg has the client's name, or it does not leave. That of another gateway leaves elsewhere.
            ways_out = interface_names(self._config, "inside", "outside")
            second_leg = f"meta mark and {PROXIED:#x} != 0 oifname {ways_out}"
            yield f"{second_leg} ct mark set ct mark or {PROXIED:#x} snat ip to tcp sport map @legs"
            yield f"{second_leg} counter drop"
        yield from self._renames.outward
        yield f"iifname != {self._inside} return"
        yield f"oifname != {self._outside} ct status and dnat == 0 return"
        yield from self._ipsec.naming()
        if self._looks_at_flows:
            yield from self._by_flow()
            return
        yield f"ct mark and {OURS:#x} != 0 goto named"
        yield from self._silence.as_media()
        yield MARK_OURS
        yield f"snat ip to {SENDER} map @bindings"
        yield from self._silence.as_ordinary()
        yield "snat ip to ip saddr map @leases"
        yield UNMARK_OURS
        yield from self._ordinary()

    def _by_flow(self) -> Iterator[str]:
        yield f"oifname != {self._outside} ct mark and {OURS:#x} != 0 goto kept_back"
        yield f"ct mark and {OURS:#x} != 0 goto kept"
        yield f"oifname != {self._outside} goto flows_back"
        yield "goto flows"

    def _named(self) -> Iterator[str]:
        yield f"snat ip to {SENDER} map @bindings"
        yield "snat ip to ip saddr map @leases"
        yield from self._ordinary()

    def _ordinary(self) -> Iterator[str]:
        yield "snat ip to ip saddr map @hosts"
        for index in range(len(self._config.dynamic_sources)):
            yield f"jump source_{index}"
