"""Where a flow from outside leads, and what an inside host is called outside: the chains of type nat.

They see the first packet of a flow; conntrack translates all others like it.

    translate_in    doors, leased and static names, else the gateway itself
    translate_out   -> named   names that flows of ours have; ordinary flows go through `source_N`, see `sources`
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.destinations import DestinationChains
from doorman.dataplanes.netfilter.chains.expressions import (
    MARK_OURS,
    RECEIVER,
    SENDER,
    Chain,
    Setting,
    elsewhere,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.outside import OutsideChains
from doorman.dataplanes.netfilter.lifetimes import media_timeout, spliced_timeouts, timeouts_of
from doorman.dataplanes.netfilter.marks import ADMITTED, INSPECTED, OURS, PROXIED
from doorman.dataplanes.netfilter.portless_timeouts import portless_timeouts

_NOT_PROXIED = f"ct mark set ct mark and {0xFFFFFFFF ^ PROXIED:#x}"
_UNMARK_OURS = f"ct mark set ct mark and {0xFFFFFFFF ^ OURS:#x}"


class TranslateChains:
    """The chains that translate for a configuration."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._setting = setting
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._renames = OutsideChains(config)
        self._splices = bool(config.ports("tcp", "vtcp"))
        # How long sessions of the firewall may be silent it has said already.
        self._unless_admitted = f"ct mark and {ADMITTED:#x} == 0 " if config.firewall.zones else ""

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        yield Chain("translate_in", list(self._translate_in()), "type nat hook prerouting priority dstnat;")
        yield Chain("translate_out", list(self._translate_out()), "type nat hook postrouting priority srcnat;")
        yield Chain("named", list(self._named()))

    def _translate_in(self) -> Iterator[str]:
        yield from elsewhere(self._config, self._setting)
        yield from self._without_proxy()
        if self._renames.is_needed:
            yield from self._silent_as_ordinary()
            yield from self._renames.inward
        yield from self._silent_as_media()
        yield MARK_OURS
        yield f"dnat ip to ip saddr . {RECEIVER} map @doors"
        yield f"dnat ip to {RECEIVER} map @doors_any"
        yield from self._silent_as_ordinary()
        yield "dnat ip to ip daddr map @leases_in"
        yield f"ct mark and {INSPECTED:#x} == 0 {_UNMARK_OURS}"
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
        yield f"ct mark and {OURS:#x} != 0 goto named"
        yield from self._silent_as_media()
        yield MARK_OURS
        yield f"snat ip to {SENDER} map @bindings"
        yield from self._silent_as_ordinary()
        yield "snat ip to ip saddr map @leases"
        yield _UNMARK_OURS
        yield from self._ordinary()

    def _named(self) -> Iterator[str]:
        yield f"snat ip to {SENDER} map @bindings"
        yield "snat ip to ip saddr map @leases"
        yield from self._ordinary()

    def _ordinary(self) -> Iterator[str]:
        yield "snat ip to ip saddr map @hosts"
        for index in range(len(self._config.dynamic_sources)):
            yield f"jump source_{index}"

    # How long a flow may be silent is set before the rule that may end the chain.

    def _silent_as_media(self) -> Iterator[str]:
        if self._setting.timeouts:
            name = media_timeout(self._config).name
            yield f'{self._unless_admitted}ct mark and {INSPECTED:#x} == 0 meta l4proto udp ct timeout set "{name}"'

    def _silent_as_ordinary(self) -> Iterator[str]:
        if not self._setting.timeouts:
            return
        for timeout in timeouts_of(self._config.timeouts):
            yield f'{self._unless_admitted}{timeout.match} ct timeout set "{timeout.name}"'
        for portless in portless_timeouts(self._config.timeouts):
            yield f'{self._unless_admitted}{portless.match} ct timeout set "{portless.name}"'
        if self._splices:
            for timeout in spliced_timeouts(self._config.timeouts):
                yield f'ct mark and {INSPECTED:#x} != 0 {timeout.match} ct timeout set "{timeout.name}"'
