"""A `Config` to text, in the order and style of IOS's running configuration.

What is at its default is not written. Equal configurations give equal text, and the text reads to the same value. The
mode of an ALG is said by the same words of an interface and of all hosts: `exit` keeps the two apart.
"""

from collections.abc import Iterator

from doorman.algs.registry import Service
from doorman.config.blocks import opening
from doorman.config.commands.service import ALGS, SETTINGS, transports_of
from doorman.config.commands.settings import lines_of
from doorman.config.commands.translation import FIELDS
from doorman.config.interface_names import natural_order
from doorman.config.ipsec import Ipsec
from doorman.config.model import (
    Config,
    DynamicDestination,
    DynamicSource,
    Interface,
    MaxEntries,
    OutsideSource,
    Timeouts,
    ports_at_first,
)
from doorman.config.nat64 import Nat64
from doorman.config.render_lists import access_list_blocks, ipv6_list_block, list_order, object_group_blocks
from doorman.config.render_zones import zone_blocks
from doorman.config.route_maps import RouteMap
from doorman.config.statics import Static, StaticHost, StaticPort
from doorman.config.validity import mask_of
from doorman.config.vrf import Vrf
from doorman.net.addresses import Address, address_text

_DEFAULTS = Config()


def render(config: Config) -> str:
    """Write a configuration as text that `read_config` reads to the same value."""
    blocks = [
        [f"hostname {config.hostname}"] if config.hostname != _DEFAULTS.hostname else [],
        *zone_blocks(config.firewall),
        *(list(_vrf(config.vrfs[name])) for name in sorted(config.vrfs, key=natural_order)),
        *(list(_interface(config, config.interfaces[name])) for name in sorted(config.interfaces, key=natural_order)),
        ["exit"] if config.interfaces and any(alg.mode != "full" for alg in config.settings.values()) else [],
        [
            *_services(config),
            *_ipsec(config.ipsec),
            *_timeouts(config.timeouts),
            *_max_entries(config.max_entries),
            *_pools(config),
            *_dynamic(config),
            *_static(config),
            *_inward_esp(config.ipsec),
            *_outside(config),
            *_destinations(config),
            *_nat64(config.nat64),
        ],
        ["crypto ipsec nat-transparency spi-matching"] if config.ipsec.ends_match else [],
        *(block for name in sorted(config.route_maps) for block in _route_map(config.route_maps[name])),
        *object_group_blocks(config.object_groups),
        *access_list_blocks(sorted(config.access_lists.values(), key=list_order)),
        *(ipv6_list_block(config.ipv6_lists[name]) for name in sorted(config.ipv6_lists, key=natural_order)),
    ]
    return "".join("!\n" + "".join(line + "\n" for line in block) for block in blocks if block) + "!\nend\n"


def _vrf(vrf: Vrf) -> Iterator[str]:
    yield from opening(f"{'ip vrf' if vrf.by_ip else 'vrf definition'} {vrf.name}", vrf.description)
    if vrf.distinguisher:
        yield f" rd {vrf.distinguisher}"
    for family in vrf.families:
        yield f" address-family {family}"
        yield " exit-address-family"


def _interface(config: Config, interface: Interface) -> Iterator[str]:
    yield from opening(f"interface {interface.name}", interface.description)
    if interface.vrf is not None:
        yield f" {'ip ' if config.vrfs[interface.vrf].by_ip else ''}vrf forwarding {interface.vrf}"
    if interface.address is not None:
        yield f" ip address {_with_mask(interface.address, interface.prefix_length)}"
    if interface.dhcp:
        yield " ip address dhcp"
    yield from (f" ip address {_with_mask(*address)} secondary" for address in interface.secondary)
    if interface.access_in is not None:
        yield f" ip access-group {interface.access_in} in"
    if interface.access_out is not None:
        yield f" ip access-group {interface.access_out} out"
    if interface.nat is not None:
        yield f" ip nat {interface.nat}"
    yield from (f" ip nat service {alg} mode {mode}" for alg, mode in interface.modes)
    if interface.zone is not None:
        yield f" zone-member security {interface.zone}"
    if interface.nat64:
        yield " nat64 enable"
    if interface.shutdown:
        yield " shutdown"


def _with_mask(address: Address, length: int) -> str:
    return f"{address_text(address)} {address_text(mask_of(length))}"


def _services(config: Config) -> Iterator[str]:
    """The lines that lead from the ports at first to those there are."""
    if config.profile is not None:
        yield f"ip nat service profile {config.profile}"
    at_first = ports_at_first(config.profile)
    for alg in ALGS:
        services = [Service(alg, transport) for transport in transports_of(alg)]
        if any(at_first[service] for service in services) and not any(config.services[service] for service in services):
            yield f"no ip nat service {alg}"
        else:
            for service in services:
                line = f"ip nat service {alg} {service.transport} port"
                yield from (f"no {line} {port}" for port in sorted(at_first[service] - config.services[service]))
                yield from (f"{line} {port}" for port in sorted(config.services[service] - at_first[service]))
        yield from lines_of(config, alg, SETTINGS.get(alg, ()))
        if alg in config.failures:
            yield f"ip nat service {alg} {config.failures[alg]}"


def _ipsec(ipsec: Ipsec) -> Iterator[str]:
    if not ipsec.esp:
        yield "no ip nat service ipsec-esp enable"
    yield from (f"ip nat service list {name} esp spi-match" for name in ipsec.spi_match)
    yield from (f"ip nat service list {name} IKE preserve-port" for name in ipsec.preserve_port)


def _inward_esp(ipsec: Ipsec) -> Iterator[str]:
    for interface, local in ipsec.inward:
        yield f"ip nat inside source static esp {address_text(local)} interface {interface}"


def _timeouts(timeouts: Timeouts) -> Iterator[str]:
    for keyword, field in FIELDS.items():
        seconds: int | None = getattr(timeouts, field)
        if seconds != getattr(_DEFAULTS.timeouts, field):
            yield f"ip nat translation {keyword} {_or_never(seconds)}"
    for transport, port, seconds in timeouts.ports:
        yield f"ip nat translation port-timeout {transport} {port} {_or_never(seconds)}"


def _max_entries(limits: MaxEntries) -> Iterator[str]:
    everyone = [("", limits.all), ("all-host ", limits.all_host), ("all-vrf ", limits.all_vrf)]
    hosts = [(f"host {address_text(address)} ", most) for address, most in limits.hosts]
    lists = [(f"list {name} ", most) for name, most in limits.lists]
    vrfs = [(f"vrf {name} ", most) for name, most in limits.vrfs]
    for whose, most in [*everyone, *hosts, *lists, *vrfs]:
        if most is not None:
            yield f"ip nat translation max-entries {whose}{most}"


def _or_never(seconds: int | None) -> str:
    return "never" if seconds is None else str(seconds)


def _pools(config: Config) -> Iterator[str]:
    for name in sorted(config.pools):
        pool = config.pools[name]
        ranges = [f"{address_text(first)} {address_text(last)}" for first, last in pool.ranges]
        size = f"prefix-length {pool.prefix_length}{f' type {pool.type}' if pool.type != 'generic' else ''}"
        if len(ranges) == 1:
            yield f"ip nat pool {name} {ranges[0]} {size}"
            continue
        yield f"ip nat pool {name} {size}"
        yield from (f" address {ends}" for ends in ranges)


def _dynamic(config: Config) -> Iterator[str]:
    for rule in config.dynamic_sources:
        target = f"interface {rule.interface}" if rule.pool is None else f"pool {rule.pool}"
        words = f"{target}{_of_vrf(rule)}{' overload' if rule.overload else ''}"
        yield f"ip nat inside source {rule.chosen_by} {words}"


def _outside(config: Config) -> Iterator[str]:
    for source in config.outside_sources:
        said = f"{_of_vrf(source)}{' add-route' if source.add_route else ''}"
        yield f"ip nat outside source list {source.access_list} pool {source.pool}{said}"
    for rule in config.outside_statics:
        said = f"{' extendable' if rule.extendable else ''}{' add-route' if rule.add_route else ''}{_no_payload(rule)}"
        yield f"ip nat outside source static {_mapping(rule)}{_of_vrf(rule)}{said}"


def _destinations(config: Config) -> Iterator[str]:
    for rule in config.destinations:
        yield f"ip nat inside destination list {rule.access_list} pool {rule.pool}{_of_vrf(rule)}"


def _nat64(nat64: Nat64) -> Iterator[str]:
    if nat64.prefix is not None:
        yield f"nat64 prefix stateful {nat64.prefix}"
    for pool in nat64.pools:
        yield f"nat64 v4 pool {pool.name} {address_text(pool.first)} {address_text(pool.last)}"
    for static in nat64.statics:
        yield f"nat64 v6v4 static {address_text(static.host)} {address_text(static.name)}"
    for rule in nat64.rules:
        target = f"interface {rule.interface}" if rule.pool is None else f"pool {rule.pool}"
        yield f"nat64 v6v4 list {rule.access_list} {target}{' overload' if rule.overload else ''}"


def _route_map(route_map: RouteMap) -> Iterator[list[str]]:
    """A block for each entry."""
    for entry in route_map.entries:
        lists = [f"match ip address {' '.join(entry.access_lists)}"] if entry.access_lists else []
        interfaces = [f"match interface {name}" for name in entry.interfaces]
        lines = [*lists, *interfaces, *entry.others, *entry.sets]
        action = "permit" if entry.permit else "deny"
        yield [f"route-map {route_map.name} {action} {entry.sequence}", *(f" {line}" for line in lines)]


def _static(config: Config) -> Iterator[str]:
    for rule in config.statics:
        chosen = f" route-map {rule.route_map}" if rule.route_map is not None else ""
        said = f"{_of_vrf(rule)}{chosen}{' extendable' if rule.extendable else ''}{_no_payload(rule)}"
        yield f"ip nat inside source static {_mapping(rule)}{said}"


def _no_payload(rule: Static) -> str:
    return " no-payload" if rule.no_payload else ""


def _of_vrf(rule: Static | DynamicSource | OutsideSource | DynamicDestination) -> str:
    if rule.vrf is None:
        return ""
    return f" vrf {rule.vrf}{' match-in-vrf' if rule.match_in_vrf else ''}"


def _mapping(rule: Static) -> str:
    """What a static translation maps to what."""
    if isinstance(rule, StaticPort):
        global_ = f"interface {rule.interface}" if rule.global_ is None else address_text(rule.global_)
        return f"{rule.transport} {address_text(rule.local.address)} {rule.local.port} {global_} {rule.global_port}"
    ends = f"{address_text(rule.local)} {address_text(rule.global_)}"
    return ends if isinstance(rule, StaticHost) else f"network {ends} /{rule.prefix_length}"
