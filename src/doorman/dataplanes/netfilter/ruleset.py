"""The gateway's nft table, as text for libnftables: `nft list table ip doorman` shows it with the tables filled.

    prerouting  -150  inspect      signalling to the queue, or marked for the proxy; the rest passes after two rules
    prerouting  -149  judged       segments of spliced connections: from the queue, or reset        (TCP mode vtcp)
    output      -300  made         segments that we made pass conntrack, they are translated        (TCP mode vtcp)
    prerouting  -101  (the redirect to the proxy, see `redirect`)
    prerouting  -100  translate_in  doors, static names: where a flow from outside leads
    postrouting  100  translate_out names: what an inside host is called outside; ordinary flows by pool or interface

Header translation is conntrack's: the chains of type nat see the first packet of a flow only. The text is the same for
the first start, a later one and a change of the configuration: sets keep their elements, chains are filled anew, and
all of it is one transaction. The tables' elements are not in it: they follow the engine, see `tables`.

    doors, doors_any    visitor . entrance, or entrance alone -> inside end       while a door is open
    entrances           entrance -> inside end                                    static ports
    hosts(_in)          inside host <-> global address                            static hosts
    leases(_in)         the same, leased from a pool, and `leased`, its keys
    bindings            inside end -> name                                        every port that has a name
    names               names given out: without a door nothing new comes in, and leaves no trace that would block media
    inspected           names at which signalling arrives; `whole`, global addresses of whole hosts
    legs                port of a second leg -> name                              while the proxy connects
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from doorman.config.access_lists import AccessEntry
from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.lifetimes import media_timeout, spliced_timeouts, timeouts_of
from doorman.dataplanes.netfilter.marks import INSPECTED, OURS, PLAIN, PROXIED
from doorman.engine.state import DELEGATED_PORTS_END
from doorman.net.addresses import Address, address_text

ENDPOINT = "ipv4_addr . inet_proto . inet_service"
SETS = {
    "doors": f"map doors {{ type ipv4_addr . {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "doors_any": f"map doors_any {{ type {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "entrances": f"map entrances {{ type {ENDPOINT} : ipv4_addr . inet_service; }}",
    "bindings": f"map bindings {{ type {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "hosts": "map hosts { type ipv4_addr : ipv4_addr; }",
    "hosts_in": "map hosts_in { type ipv4_addr : ipv4_addr; }",
    "leases": "map leases { type ipv4_addr : ipv4_addr; }",
    "leases_in": "map leases_in { type ipv4_addr : ipv4_addr; }",
    "leased": "set leased { type ipv4_addr; }",
    "whole": "set whole { type ipv4_addr; }",
    "names": f"set names {{ type {ENDPOINT}; flags timeout; }}",
    "inspected": f"set inspected {{ type {ENDPOINT}; }}",
}
"""The sets and maps that follow the engine, by name, each with its definition."""
_LEGS = "map legs { type inet_service : ipv4_addr . inet_service; flags timeout; }"

TO_ALG = "to_alg"
"""The chain that hands a packet to the ALG: its one rule is made apart, since not every kernel has nft's `queue`."""

_MARK_OURS = f"ct mark set ct mark or {OURS:#x}"
_LEAVE_PLAIN = (
    f"meta mark and {PLAIN:#x} != 0 ct mark set ct mark and {0xFFFFFFFF ^ INSPECTED:#x} or {PLAIN:#x} "
    f"meta mark set meta mark and {0xFFFFFFFF ^ PLAIN:#x} accept"
)
"""A packet that comes from the queue once more: the ALG has no business with its flow."""
_NOT_PROXIED = f"ct mark set ct mark and {0xFFFFFFFF ^ PROXIED:#x}"
_JUDGED = (
    f"meta mark and {INSPECTED:#x} != 0 ct mark set ct mark or {INSPECTED:#x} "
    f"meta mark set meta mark and {0xFFFFFFFF ^ INSPECTED:#x} accept"
)
_OPENS = "tcp flags & (fin | syn | rst | ack) == syn"
_UNMARK_OURS = f"ct mark set ct mark and {0xFFFFFFFF ^ OURS:#x}"
_MEDIA, _ORDINARY = "media", "ordinary"
_SENDER = "ip saddr . meta l4proto . th sport"
_RECEIVER = "ip daddr . meta l4proto . th dport"


class UnsupportedConfig(Exception):  # noqa: N818 - says what is wrong with what
    """The configuration asks for what the kernel cannot be told; the text says what."""


class Setting(NamedTuple):
    """What the rules are made for, besides the configuration.

    Attributes:
        table: the table's name.
        queue: the number of the queue that signalling goes to.
        proxy_port: where the TCP proxy listens; 0 for none.
        timeouts: whether the kernel has `ct timeout`.
    """

    table: str
    queue: int
    proxy_port: int
    timeouts: bool


def set_up(config: Config, setting: Setting) -> str:
    """The commands that make the table, or change it to fit the configuration.

    Raises:
        UnsupportedConfig: an interface is missing, or a pool or an access group cannot be expressed.
    """
    return "\n".join(_Rules(config, setting).lines()) + "\n"


def tear_down(table: str) -> str:
    """The commands that remove the table."""
    return f"add table ip {table}\ndelete table ip {table}\n"


def skeleton(table: str) -> str:
    """The commands that make the table with nothing but the chain for the queue."""
    return f"add table ip {table}\nadd chain ip {table} {TO_ALG}\n"


class _Rules:
    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._setting = setting
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        if not self._inside or not self._outside:
            raise UnsupportedConfig("the gateway needs an interface with `ip nat inside` and one with `ip nat outside`")
        if any(one.access_in or one.access_out for one in config.interfaces.values()):
            raise UnsupportedConfig("`ip access-group` works in replay only, not on the live gateway yet")
        self._udp = _braces_of(config.ports("udp"))
        self._proxied = _braces_of(config.ports("tcp", "l4f"))
        self._spliced = _braces_of(config.ports("tcp", "vtcp"))

    def lines(self) -> Iterator[str]:
        table = self._setting.table
        yield from skeleton(table).splitlines()
        yield from (f"add {definition.replace(' ', f' ip {table} ', 1)}" for definition in (*SETS.values(), _LEGS))
        if self._setting.timeouts:
            spliced = spliced_timeouts(self._config.timeouts) if self._spliced else ()
            for timeout in [*timeouts_of(self._config.timeouts), media_timeout(self._config), *spliced]:
                policy = f"protocol {timeout.protocol}; l3proto ip; {timeout.policy}"
                yield f"add ct timeout ip {table} {timeout.name} {{ {policy} }}"
        chains = dict(self._chains())
        for name in chains:
            hook, _, chain = name.partition(" ")
            definition = f" {{ {_HOOKS[hook]} policy accept; }}" if hook in _HOOKS else ""
            yield f"add chain ip {table} {chain or hook}{definition}"
            yield f"flush chain ip {table} {chain or hook}"
        for name, rules in chains.items():
            for rule in rules:
                yield f"add rule ip {table} {name.rpartition(' ')[2]} {rule}"

    def _chains(self) -> Iterator[tuple[str, list[str]]]:
        yield (
            "inspect inspect",
            [
                "ct state new goto begin",
                f"ct mark and {INSPECTED:#x} != 0 goto known",
            ],
        )
        yield (
            "known",
            [
                self._elsewhere(),
                _LEAVE_PLAIN,
                f"goto {TO_ALG}",
            ],
        )
        yield "begin", list(self._begin())
        yield (
            "begin_udp",
            [
                f"ct mark and {PLAIN:#x} != 0 return",
                _LEAVE_PLAIN,
                f"iifname {self._outside} {_RECEIVER} != @inspected ip daddr != @whole return",
                f"ct mark set ct mark or {INSPECTED | OURS:#x} goto {TO_ALG}",
            ],
        )
        yield "begin_tcp", list(self._begin_tcp())
        if self._spliced:  # where they are no longer, what they are for goes on under the rules of then
            yield "begin_segments", list(self._begin_segments())
            yield "judged judged", list(self._judged())
            yield "made made", [f"meta mark and {INSPECTED:#x} != 0 notrack"]
        yield "translate_in translate_in", list(self._translate_in())
        yield "translate_out translate_out", list(self._translate_out())
        yield "named", list(self._named())
        for index, source in enumerate(self._config.dynamic_sources):
            yield f"source_{index}", list(self._source(source))
            yield f"pool_{index}", list(self._pool(source))
            if self._leases(source):
                yield f"lease_{index}", list(self._lease(source))

    def _begin(self) -> Iterator[str]:
        yield self._elsewhere()
        if self._udp:
            yield f"udp dport {self._udp} goto begin_udp"
            yield f"udp sport {self._udp} goto begin_udp"
        if self._proxied:
            yield f"tcp dport {self._proxied} goto begin_tcp"
        if self._spliced:
            yield f"tcp dport {self._spliced} goto begin_segments"
        yield f"meta l4proto udp {_RECEIVER} @inspected goto begin_udp"
        yield f"meta l4proto tcp {_RECEIVER} @inspected goto {'begin_segments' if self._spliced else 'begin_tcp'}"
        for index, source in enumerate(self._config.dynamic_sources):
            if self._leases(source):
                yield f"iifname {self._inside} ip saddr != @leased jump lease_{index}"

    def _elsewhere(self) -> str:
        """What neither side of this NAT sent may be another gateway's, with marks like ours."""
        return f"iifname != {interface_names(self._config, 'inside', 'outside')} return"

    def _begin_tcp(self) -> Iterator[str]:
        if not self._setting.proxy_port:
            return
        yield from self._not_for_the_gateway()
        yield f"ct mark set ct mark or {PROXIED:#x} accept"

    def _begin_segments(self) -> Iterator[str]:
        """A connection that goes on, and of which conntrack knows nothing, may have had other numbers: it is over."""
        yield from self._not_for_the_gateway()
        yield f"{_OPENS} ct mark set ct mark or {OURS:#x} goto {TO_ALG}"
        yield "counter reject with tcp reset"

    def _not_for_the_gateway(self) -> Iterator[str]:
        """A connection to the gateway itself is none of a name's."""
        yield f"iifname {self._inside} fib daddr type local {_RECEIVER} != @inspected return"
        yield f"iifname {self._outside} {_RECEIVER} != @inspected ip daddr != @whole return"

    def _judged(self) -> Iterator[str]:
        """A flow is inspected as long as its packets come with the engine's mark.

        Where one does not, nobody is there who knows its numbers: its ends are told at once. What begins then is plain.
        """
        yield "meta l4proto != tcp return"
        yield self._elsewhere()
        yield _LEAVE_PLAIN
        yield _JUDGED
        yield f"{_OPENS} ct mark set ct mark and {0xFFFFFFFF ^ INSPECTED:#x} accept"
        yield f"ct mark and {INSPECTED:#x} != 0 counter reject with tcp reset"

    def _lease(self, source: DynamicSource) -> Iterator[str]:
        yield from self._matching(source, f"ct mark set ct mark or {OURS:#x} goto {TO_ALG}")

    def _translate_in(self) -> Iterator[str]:
        yield self._elsewhere()
        yield from self._without_proxy()
        yield from self._silent_for(_MEDIA)
        yield _MARK_OURS
        yield f"dnat ip to ip saddr . {_RECEIVER} map @doors"
        yield f"dnat ip to {_RECEIVER} map @doors_any"
        yield from self._silent_for(_ORDINARY)
        yield "dnat ip to ip daddr map @leases_in"
        yield f"ct mark and {INSPECTED:#x} == 0 {_UNMARK_OURS}"
        yield f"dnat ip to {_RECEIVER} map @entrances"
        yield "dnat ip to ip daddr map @hosts_in"
        yield f"{_RECEIVER} @names counter drop"

    def _without_proxy(self) -> Iterator[str]:
        """What was to be redirected, and was not since there is no proxy: it is plain NAT, or nothing at all."""
        if not self._setting.proxy_port:
            return
        served = [alg for (alg, transport), ports in self._config.services.items() if transport == "tcp" and ports]
        closed = any(self._config.failure(alg) == "fail-closed" for alg in served)
        yield f"ct mark and {PROXIED:#x} != 0 {'counter drop' if closed else _NOT_PROXIED}"

    def _translate_out(self) -> Iterator[str]:
        if self._setting.proxy_port:
            # A second leg has the client's name, or it does not leave. That of another gateway leaves elsewhere.
            ways_out = interface_names(self._config, "inside", "outside")
            second_leg = f"meta mark and {PROXIED:#x} != 0 oifname {ways_out}"
            yield f"{second_leg} ct mark set ct mark or {PROXIED:#x} snat ip to tcp sport map @legs"
            yield f"{second_leg} counter drop"
        yield f"iifname != {self._inside} return"
        yield f"oifname != {self._outside} ct status and dnat == 0 return"
        yield f"ct mark and {OURS:#x} != 0 goto named"
        yield from self._silent_for(_MEDIA)
        yield _MARK_OURS
        yield f"snat ip to {_SENDER} map @bindings"
        yield from self._silent_for(_ORDINARY)
        yield "snat ip to ip saddr map @leases"
        yield _UNMARK_OURS
        yield from self._ordinary()

    def _named(self) -> Iterator[str]:
        yield f"snat ip to {_SENDER} map @bindings"
        yield "snat ip to ip saddr map @leases"
        yield from self._ordinary()

    def _ordinary(self) -> Iterator[str]:
        yield "snat ip to ip saddr map @hosts"
        for index in range(len(self._config.dynamic_sources)):
            yield f"jump source_{index}"

    def _silent_for(self, whose: str) -> Iterator[str]:
        """How long the flow may be silent: it is set before the rule that may end the chain."""
        if not self._setting.timeouts:
            return
        if whose == _MEDIA:
            name = media_timeout(self._config).name
            yield f'ct mark and {INSPECTED:#x} == 0 meta l4proto udp ct timeout set "{name}"'
            return
        for timeout in timeouts_of(self._config.timeouts):
            yield f'{timeout.match} ct timeout set "{timeout.name}"'
        if self._spliced:
            for timeout in spliced_timeouts(self._config.timeouts):
                yield f'ct mark and {INSPECTED:#x} != 0 {timeout.match} ct timeout set "{timeout.name}"'

    def _source(self, source: DynamicSource) -> Iterator[str]:
        index = self._config.dynamic_sources.index(source)
        yield from self._matching(source, f"goto pool_{index}")

    def _pool(self, source: DynamicSource) -> Iterator[str]:
        if self._leases(source):
            yield "counter drop"  # it has no lease: the pool is exhausted, or nobody is there to give one
            return
        to = self._addresses(source)
        ports = _longest_run(DELEGATED_PORTS_END, 65_535, (rule.global_port for rule in self._config.statics.ports))
        if not to or ports is None:
            yield "counter drop"
            return
        yield f"meta l4proto {{ tcp, udp }} snat to {to}:{ports[0]}-{ports[1]} persistent"
        yield f"snat to {to} persistent"

    def _leases(self, source: DynamicSource) -> bool:
        return source.pool is not None and not source.overload

    def _addresses(self, source: DynamicSource) -> str:
        """What ordinary flows are called outside; empty if static hosts have it all."""
        if source.pool is not None:
            pool = self._config.pools[source.pool]
            taken = [_number(host.global_) for host in self._config.statics.hosts]
            runs = (_longest_run(_number(first), _number(last), taken) for first, last in pool.ranges)
            run = max(filter(None, runs), key=lambda run: run[1] - run[0], default=None)
            texts = [address_text(Address(number.to_bytes(4, "big"))) for number in run or ()]
            return "-".join(dict.fromkeys(texts))
        interface = self._config.interfaces[source.interface or ""]
        if interface.address is None:
            raise UnsupportedConfig(f"interface {interface.name} of a NAT rule has no address")
        return address_text(interface.address)

    def _matching(self, source: DynamicSource, then: str) -> Iterator[str]:
        """What happens to packets whose sender the access list permits; a chain of its own, so that deny can return."""
        for entry in self._config.lists[source.access_list].by_source or ():
            yield f"{_match(entry)}{then if entry.permit else 'return'}"


_HOOKS = {
    "inspect": "type filter hook prerouting priority mangle;",
    "judged": "type filter hook prerouting priority mangle + 1;",
    "made": "type filter hook output priority raw;",
    "translate_in": "type nat hook prerouting priority dstnat;",
    "translate_out": "type nat hook postrouting priority srcnat;",
}


def interface_names(config: Config, *sides: str) -> str:
    """The interfaces of some sides of the NAT, as nft matches them; empty where there are none."""
    names = [
        f'"{interface.name}"'
        for interface in config.interfaces.values()
        if interface.nat in sides and not interface.shutdown
    ]
    return _braces(names) if names else ""


def _braces_of(ports: Mapping[str, frozenset[int]]) -> str:
    """The ports on which ALGs are served, as nft matches them; empty where there are none."""
    served = sorted({port for some in ports.values() for port in some})
    return _braces(map(str, served)) if served else ""


def _braces(items: Iterable[str]) -> str:
    return f"{{ {', '.join(items)} }}"


def _longest_run(first: int, last: int, taken: Iterable[int]) -> tuple[int, int] | None:
    """The longest part of a range with nothing in it that is taken: nft knows no ranges with holes."""
    edges = [first - 1, *sorted(number for number in set(taken) if first <= number <= last), last + 1]
    before, behind = max(pairwise(edges), key=lambda run: run[1] - run[0])
    return (before + 1, behind - 1) if behind - before > 1 else None


def _number(address: Address) -> int:
    return int.from_bytes(address, "big")


def _match(entry: AccessEntry) -> str:
    address, wildcard = address_text(entry.address), int.from_bytes(entry.wildcard, "big")
    if wildcard == 0xFFFFFFFF:  # noqa: PLR2004 - `any`
        return ""
    if wildcard & (wildcard + 1) == 0:  # ones at the end: a network
        return f"ip saddr {address}/{32 - wildcard.bit_length()} "
    mask = Address((wildcard ^ 0xFFFFFFFF).to_bytes(4, "big"))
    return f"ip saddr and {address_text(mask)} == {address} "
