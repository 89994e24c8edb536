"""IPsec of hosts that share an address: packets that are known by SPI pass without conntrack, others go to the engine.

    prerouting  -300  ipsec_untracked   ESP of such hosts, and IKE of those that keep its port: not for conntrack
    from `inspect`    ipsec_came        by SPI: sent on, or led to the inside host; what is not known to the queue
    forward  10       ipsec_forward     -> ipsec_leaving, the name of the inside host; without one, nothing leaves

    esp_out     host . server . SPI                     packets to servers that need no question
    esp_in      server . name . SPI -> host             packets from servers, and whom they are for
    esp_names   host . server -> name                   and `esp_peers`, server . name: who talks to whom
    ike_names, ike_peers                                the same of IKE
    single      hosts that have an address for themselves, whose packets go the ordinary way

Access lists of interfaces stand between the first two: they see packets as they came. Messages of IKE all go to the
queue: they are few, and only the engine reads whose they are. An ICMP error about either does, too, since conntrack
knows nothing of what it quotes. What comes from the outside leaves the queue with the inside host as its receiver.

Two of these chains stand in the road of all packets, and there nothing can take their place: one keeps packets from
conntrack, the other gives names behind the routing. So they are there only when they have something to do, see
`stand_in_road`. Before there is a tunnel, conntrack may see a packet of ESP: the first, which a tunnel begins with,

    from `inspect`    ipsec_ours        to the queue; behind it conntrack gives the host its name, or nothing leaves

Of VRFs that share an outside all look for the SPI first (`ipsec_came`); what none knows they are asked about one after
the other (`ipsec_asking`, prerouting -147), and their engines agree on whose it is (`nat.parties`).
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from doorman.config.access_lists import AccessList
from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import (
    TO_ALG,
    Chain,
    Setting,
    braces,
    elsewhere,
    interface_names,
    marked,
    match_address,
)
from doorman.dataplanes.netfilter.chains.flows import Place, choosing
from doorman.dataplanes.netfilter.chains.sources import leases
from doorman.dataplanes.netfilter.marks import INSPECTED
from doorman.net.addresses import address_text
from doorman.wire.ike import PORT

SETS = {
    "single": "set single { type ipv4_addr; }",
    "esp_out": "set esp_out { typeof ip saddr . ip daddr . esp spi; counter; }",
    "esp_in": "map esp_in { typeof ip saddr . ip daddr . esp spi : ip daddr; counter; }",
    "esp_names": "map esp_names { type ipv4_addr . ipv4_addr : ipv4_addr; }",
    "esp_peers": "set esp_peers { type ipv4_addr . ipv4_addr; }",
    "ike_names": "map ike_names { type ipv4_addr . ipv4_addr : ipv4_addr; }",
    "ike_peers": "set ike_peers { type ipv4_addr . ipv4_addr; }",
}
"""The sets and maps of these chains."""

_ESP = "meta l4proto esp"
_IKE = f"udp sport {PORT} udp dport {PORT}"
_ENDS = "ip saddr . ip daddr"
_ERROR = "ct state invalid icmp type { destination-unreachable, source-quench, time-exceeded, parameter-problem }"
_ABOUT_ESP = f"{_ERROR} @th,136,8 50"
_ABOUT_IKE = f"{_ERROR} @th,136,8 17 @th,224,16 {PORT} @th,240,16 {PORT}"
"""An error whose quote, an IP header without options from its 9th byte on, is of such a packet."""
_BEGINS = f"{_ESP} ct mark and {INSPECTED:#x} != 0"
"""The first packet of a tunnel, where conntrack has seen it."""
_LEAD = f"ip daddr set {_ENDS} . esp spi map @esp_in"


class IpsecChains:
    """The chains for IPsec of a configuration; there are none where no hosts share an address.

    `tunnels`: whether hosts have tunnels.

    Attributes:
        stand_in_road: whether all packets pass chains of these. A static entry, or IKE that keeps its port, has no
            first packet to wait for, flows of VRFs would be in the wrong zone, and a firewall stands there anyway.
    """

    def __init__(self, config: Config, setting: Setting, *, tunnels: bool = False) -> None:
        self._config = config
        self._zone = setting.zone
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._esp = config.ipsec.esp
        self._lists = [config.lists[name] for name in config.ipsec.preserve_port if name in config.lists]
        sooner = self._zone is not None or self._lists or config.ipsec.inward or config.firewall.zones
        self.stand_in_road = self._are_needed() and (tunnels or bool(sooner))

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        if not self._are_needed():
            return
        if self.stand_in_road:
            yield from self._in_road()
        if self._zone is not None:
            yield Chain("ipsec_asking", list(self._asking()), "type filter hook prerouting priority mangle + 3;")
        yield Chain("ipsec_untracked_here", list(self._untracked_here()))
        yield Chain("ipsec_came", list(self._came()))
        yield Chain("ipsec_leaving", list(self._leaving()))
        yield Chain("ipsec_esp", list(self._esp_sent()))
        yield Chain("ipsec_ike", list(self._ike_sent()))
        yield Chain("ipsec_shared", list(self._shared()))
        for index, source in enumerate(self._config.dynamic_sources):
            # The first rule that may be about a host decides: what has an address for itself is conntrack's.
            then = "goto ipsec_single" if leases(source) else "goto ipsec_ours"
            yield from choosing(self._config, source.chooser, _of(index), then, Place.HOSTS)
        yield Chain("ipsec_single", ["accept"])
        yield Chain("ipsec_ours", list(_ours()))
        for index, listed in enumerate(self._lists):
            yield Chain(f"ipsec_keep_{index}", list(_matching(listed, "goto ipsec_shared")))

    def _in_road(self) -> Iterator[Chain]:
        if self._zone is None or not self._zone.number:
            yield Chain("ipsec_untracked", list(self.untracking("goto")), "type filter hook prerouting priority raw;")
        forwarded = f"ct state invalid,untracked iifname {self._inside} goto ipsec_leaving"
        yield Chain("ipsec_forward", [forwarded], "type filter hook forward priority filter + 10;")

    def beginning(self) -> Iterator[str]:
        """The rule that leads what conntrack takes for a new flow to these chains, as it came."""
        if self._are_needed() and self._esp and not self.stand_in_road:
            yield f"{_ESP} iifname {self._inside} goto ipsec_esp"

    def naming(self) -> Iterator[str]:
        """The rules that give its name to the flow of such a packet."""
        if self._are_needed() and self._esp:
            yield f"{_BEGINS} snat ip to {_ENDS} map @esp_names"
            yield f"{_BEGINS} counter drop"

    def leading(self) -> Iterator[str]:
        """The rule that leads it nowhere else."""
        if self._are_needed() and self._esp:
            yield f"{_BEGINS} accept"

    def arriving(self) -> Iterator[str]:
        """The rule that leads what conntrack does not know to these chains, as it came."""
        if self.stand_in_road:
            yield "jump ipsec_came"

    def _are_needed(self) -> bool:
        shares = any(not leases(source) for source in self._config.dynamic_sources) or self._config.ipsec.inward
        return bool(shares) and bool(self._esp or self._lists)

    def let_in(self) -> Iterator[str]:
        """What a firewall lets in: the engine asked it about each tunnel when that began, and packets out are asked."""
        for served, packet in ((self._esp, _ESP), (bool(self._lists), _IKE)):
            if served:
                yield f"ct state untracked iifname {self._outside} {packet} accept"

    def untracking(self, how: Literal["goto", "jump"]) -> Iterator[str]:
        """The rules that lead what is not for conntrack to these chains; in a VRF, before that has set its zone."""
        if self._are_needed() and self._esp:
            yield f"ip protocol esp {how} ipsec_untracked_here"
        if self._are_needed() and self._lists:
            yield f"{_IKE} {how} ipsec_untracked_here"

    def _untracked_here(self) -> Iterator[str]:
        yield from elsewhere(self._config)
        if self._esp:
            yield from (f"{match} notrack accept" for match in self._esp_received())
            yield f"{_ESP} iifname {self._inside} goto ipsec_esp"
        if self._lists:
            yield f"{_IKE} iifname {self._outside} {_ENDS} @ike_peers notrack accept"
            yield f"{_IKE} iifname {self._inside} goto ipsec_ike"

    def _esp_sent(self) -> Iterator[str]:
        yield from self._staying()
        hosts = [address_text(local) for _, local in self._config.ipsec.inward]
        if hosts:
            yield f"ip saddr {braces(hosts)} ip saddr != @single goto ipsec_ours"
        yield "goto ipsec_shared"

    def _ike_sent(self) -> Iterator[str]:
        yield from self._staying()
        ports = (rule for rule in self._config.statics.ports if rule.transport == "udp" and rule.local.port == PORT)
        hosts = list(dict.fromkeys(address_text(rule.local.address) for rule in ports))
        if hosts:
            yield f"ip saddr {braces(hosts)} return"
        yield from (f"jump ipsec_keep_{index}" for index in range(len(self._lists)))

    def _staying(self) -> Iterator[str]:
        """What does not go out to a server is conntrack's."""
        yield "fib daddr type local return"
        networks = [str(network) for network in self._config.networks("inside")]
        if networks:
            yield f"ip daddr {braces(networks)} return"

    def _shared(self) -> Iterator[str]:
        yield "ip saddr @single return"
        yield "ip saddr @leased return"
        yield from (f"jump {_of(index)}{Place.HOSTS.value}" for index in range(len(self._config.dynamic_sources)))

    def _came(self) -> Iterator[str]:
        yield "ct state and (invalid | untracked) == 0 return"
        yield from elsewhere(self._config)
        if self._esp:
            yield f"{_ABOUT_ESP} goto {TO_ALG}"
        if self._lists:
            yield f"{_ABOUT_IKE} goto {TO_ALG}"
        yield "ct state != untracked return"
        # On an outside that several gateways of this machine share, what is another's is not ours to decide on.
        if self._esp:
            yield f"{_ESP} iifname {self._inside} {_ENDS} . esp spi @esp_out accept"
            mark = f"{marked(self._zone)} " if self._zone is not None and self._zone.number else ""
            yield f"{_ESP} iifname {self._outside} {_LEAD} {mark}accept"
            yield f"{_ESP} iifname {self._inside} goto {TO_ALG}"
        if self._lists:
            yield f"{_IKE} iifname {self._inside} goto {TO_ALG}"
        if self._zone is None:
            yield from self._received()

    def _asking(self) -> Iterator[str]:
        """What is to be asked about when no VRF behind this outside knows it; one engine hands it on to the next."""
        yield "ct state != untracked return"
        yield from self._received()

    def _received(self) -> Iterator[str]:
        if self._esp:
            yield from (f"{match} goto {TO_ALG}" for match in self._esp_received())
        if self._lists:
            yield f"{_IKE} iifname {self._outside} {_ENDS} @ike_peers goto {TO_ALG}"

    def _esp_received(self) -> Iterator[str]:
        """What matches ESP that may be for an inside host."""
        yield f"{_ESP} iifname {self._outside} {_ENDS} @esp_peers"
        names = self._inward_names()
        if names:
            yield f"{_ESP} iifname {self._outside} ip daddr {braces(names)}"

    def _leaving(self) -> Iterator[str]:
        for served, about, packet, names in (
            (self._esp, _ABOUT_ESP, _ESP, "esp_names"),
            (bool(self._lists), _ABOUT_IKE, _IKE, "ike_names"),
        ):
            if served:
                for match in (about, f"ct state untracked {packet}"):
                    yield f"{match} ip saddr set {_ENDS} map @{names} accept"
                    yield f"{match} oifname {self._outside} counter drop"

    def _inward_names(self) -> list[str]:
        interfaces = (self._config.interfaces.get(name) for name, _ in self._config.ipsec.inward)
        return [address_text(one.address) for one in interfaces if one is not None and one.address is not None]


def _ours() -> Iterator[str]:
    """Conntrack may have seen the packet, then it is too late for it to know nothing of this one."""
    yield "notrack"
    yield "ct state untracked accept"
    yield f"ct mark set ct mark or {INSPECTED:#x} goto {TO_ALG}"


def _of(index: int) -> str:
    return f"ipsec_source_{index}"


def _matching(listed: AccessList, then: str) -> Iterable[str]:
    """What happens to packets whose sender a list permits."""
    for entry in listed.by_source or ():
        yield f"{match_address('saddr', entry)}{then if entry.permit else 'return'}"
