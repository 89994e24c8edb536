"""What the rules of all chains are written with: names, matches and marks, as nft spells them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from doorman.config.access_lists import AccessEntry
from doorman.config.model import Config
from doorman.dataplanes.netfilter.marks import CARRIED, INSPECTED, OURS, PLAIN, VRF
from doorman.net.addresses import Address, address_text

ENDPOINT = "ipv4_addr . inet_proto . inet_service"
SENDER = "ip saddr . meta l4proto . th sport"
QUOTED = "ip daddr . @th,136,8 . @th,224,16"
"""Whom an ICMP error is for, by the packet that it quotes, which this end sent: its protocol and its port."""
RECEIVER = "ip daddr . meta l4proto . th dport"
OPENS = "tcp flags & (fin | syn | rst | ack) == syn"

TO_ALG = "to_alg"
"""The chain that hands a packet to the ALG: its one rule is made apart, since not every kernel has nft's `queue`."""

MARK_OURS = f"ct mark set ct mark or {OURS:#x}"
UNMARK_OURS = f"ct mark set ct mark and {0xFFFFFFFF ^ OURS:#x}"
LEAVE_PLAIN = (
    f"meta mark and {PLAIN:#x} != 0 ct mark set ct mark and {0xFFFFFFFF ^ (INSPECTED | CARRIED):#x} or {PLAIN:#x} "
    f"meta mark set meta mark and {0xFFFFFFFF ^ PLAIN:#x} accept"
)
"""A packet that comes from the queue once more: the ALG has no business with its flow."""


class UnsupportedConfig(Exception):  # noqa: N818 - says what is wrong with what
    """The configuration asks for what the kernel cannot be told; the text says what."""


class Zone(NamedTuple):
    """The conntrack zone of a VRF, which is its routing mark, too.

    Attributes:
        number: 1 to 255; 0 for the hosts that are in no VRF, where there are VRFs besides.
        shares: whether others have the same outside.
        judges_rest: whether it is here that a firewall judges what is in no VRF's zone: no part is about that.
    """

    number: int
    shares: bool
    judges_rest: bool = False

    @property
    def by_name(self) -> bool:
        """Whether only names tell of what comes from outside that it is for this VRF."""
        return bool(self.number) and self.shares

    @property
    def mark(self) -> int:
        """What its packets have in the bits of `marks.VRF`."""
        return self.number * (VRF & -VRF)


class Setting(NamedTuple):
    """What the rules are made for, besides the configuration.

    Attributes:
        table: the table's name.
        queue: the number of the queue that signalling goes to.
        proxy_port: where the TCP proxy listens; 0 for none.
        timeouts: whether the kernel has `ct timeout`.
        zone: whose flows they are about; None where there are no VRFs: all.
    """

    table: str
    queue: int
    proxy_port: int
    timeouts: bool
    zone: Zone | None = None


class Chain(NamedTuple):
    """A chain with its rules, and where in the packet's road it stands; no hook: other chains lead to it."""

    name: str
    rules: list[str]
    hook: str = ""


def interface_names(config: Config, *sides: str | None) -> str:
    """The interfaces of some sides of the NAT, None being those beside it, as nft matches them; empty without any."""
    names = [
        f'"{interface.name}"'
        for interface in config.interfaces.values()
        if interface.nat in sides and not interface.shutdown
    ]
    return braces(names) if names else ""


def elsewhere(config: Config, setting: Setting | None = None) -> Iterator[str]:
    """What neither side of this NAT sent may be another gateway's, with marks like ours; or it is another VRF's."""
    yield f"iifname != {interface_names(config, 'inside', 'outside')} return"
    if setting is not None and setting.zone is not None:
        yield f"ct zone != {setting.zone.number} return"


def marked(zone: Zone) -> str:
    """What gives a packet the mark of its VRF, by which it is routed."""
    return f"meta mark set meta mark and {0xFFFFFFFF ^ VRF:#x} or {zone.mark:#x}"


def braces(items: Iterable[str]) -> str:
    """What a field may be: an anonymous set, or the only value by itself, to compare with which costs less."""
    values = list(items)
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def lead(field: str, chains: Mapping[str, str]) -> str:
    """The rule that leads to the chain of a field's value; empty where there are none."""
    if len(chains) == 1:
        [(value, chain)] = chains.items()
        return f"{field} {value} goto {chain}"
    elements = ", ".join(f"{value} : goto {chain}" for value, chain in chains.items())
    return f"{field} vmap {{ {elements} }}" if elements else ""


def braces_of(ports: Mapping[str, frozenset[int]]) -> str:
    """The ports on which ALGs are served, as nft matches them; empty where there are none."""
    served = sorted({port for some in ports.values() for port in some})
    return braces(map(str, served)) if served else ""


def match_address(end: Literal["saddr", "daddr"], entry: AccessEntry) -> str:
    """The match for one end of a packet with a line of an access list, with a blank behind; empty for `any`."""
    address, wildcard = address_text(entry.address), int.from_bytes(entry.wildcard, "big")
    if wildcard == 0xFFFFFFFF:  # noqa: PLR2004 - `any`
        return ""
    if wildcard & (wildcard + 1) == 0:  # ones at the end: a network
        return f"ip {end} {address}/{32 - wildcard.bit_length()} "
    mask = Address((wildcard ^ 0xFFFFFFFF).to_bytes(4, "big"))
    return f"ip {end} and {address_text(mask)} == {address} "
