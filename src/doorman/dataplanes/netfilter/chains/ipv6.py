"""IPv6 at a zone-based firewall, whose policies are about IPv4: what no policy can judge does not pass; and NAT64.

    table ip6 of the same name, only where there are zones, or IPv6 hosts that are translated
    forward  0  nat64_forward  to the device of NAT64, and from there, only by interfaces that say `nat64 enable`
    forward  0  zone_forward   between interfaces of different zones, or of a zone and none: dropped, and counted
    input    0  zone_input     for the gateway itself, where a zone pair with `self` is about it: dropped, but
    output   0  zone_output    what IPv6 itself needs on a link (neighbours, RFC 4861; MLD, RFC 3810), and errors

Within a zone everything passes, as with IPv4; interfaces that the configuration does not name are not touched.
"""

from collections.abc import Collection, Iterator

from doorman.config.model import Config
from doorman.config.stand_ins import DEVICE
from doorman.config.zones import SELF
from doorman.dataplanes.netfilter.chains.expressions import Chain, braces
from doorman.dataplanes.netfilter.chains.filling import filled

COUNTER = "zone_ipv6"
_REFUSED = f'counter name "{COUNTER}" drop'
NAT64_COUNTER = "nat64_not_enabled"
_NOT_ENABLED = f'counter name "{NAT64_COUNTER}" drop'
_OF_THE_LINK = "icmpv6 type { 1-4, 130-137, 143 } accept"


def ipv6_chains(config: Config) -> Iterator[Chain]:
    """The chains that let no IPv6 past the zones of a configuration; none where it has no zones and no NAT64."""
    if DEVICE in config.interfaces:
        enabled = braces(f'"{one.name}"' for one in config.interfaces.values() if one.nat64 and not one.shutdown)
        rules = [
            f'oifname "{DEVICE}" iifname != {enabled} {_NOT_ENABLED}',
            f'iifname "{DEVICE}" oifname != {enabled} {_NOT_ENABLED}',
        ]
        yield Chain("nat64_forward", rules, "type filter hook forward priority filter;")
    if not config.firewall.zones:
        return
    zones = config.zone_members
    apart = [f'"{come}" . "{leave}"' for come in zones for leave in zones if zones[come] != zones[leave]]
    rules = [f"iifname . oifname {braces(apart)} {_REFUSED}"] if apart else []
    yield Chain("zone_forward", rules, "type filter hook forward priority filter;")
    for hook, field, end in (("input", "iifname", 1), ("output", "oifname", 0)):
        pairs = (pair for pair in config.firewall.zone_pairs.values() if pair.zones[end] == SELF)
        others = {pair.zones[1 - end] for pair in pairs if pair.policy is not None}
        judged = [f'"{name}"' for name, zone in zones.items() if zone in others]
        own = [_OF_THE_LINK, f"{field} {braces(judged)} {_REFUSED}"] if judged else []
        yield Chain(f"zone_{hook}", own, f"type filter hook {hook} priority filter;")


def ipv6_lines(config: Config, table: str, present: Collection[str], *, dry: bool) -> Iterator[str]:
    """The commands that make the table of family ip6, or change it, where some of its chains are present or needed.

    What is not needed is emptied, and stays in the road of packets. `dry`: no chain comes into that.
    """
    chains = list(ipv6_chains(config))
    if not chains and not present:
        return
    yield f"add table ip6 {table}"
    yield f"add counter ip6 {table} {COUNTER}"
    yield f"add counter ip6 {table} {NAT64_COUNTER}"
    yield from (f"flush chain ip6 {table} {name}" for name in ipv6_left(config, present))
    new = {chain.name for chain in chains if chain.name not in present}
    yield from filled(f"ip6 {table}", chains, unhooked=new if dry else ())


def ipv6_left(config: Config, present: Collection[str]) -> list[str]:
    """Which of the chains that are present a configuration does not need."""
    return sorted(set(present) - {chain.name for chain in ipv6_chains(config)})
