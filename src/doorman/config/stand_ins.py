"""NAT64 as ordinary NAT: each IPv6 host has a *stand-in*, an IPv4 address by which all else knows it.

    240.0.0.1      the device by which packets of IPv6 hosts come in as IPv4, and go back
    240.0.x.y      of hosts with a static translation
    240.N.x.y      of hosts that rule N permits; a rule's number is made of the name of its access list

240.0.0.0/4 is reserved (RFC 1112, section 4): no host on any network has such an address, and none of these ever
leaves the gateway. For the rest of the gateway they are hosts behind one more inside interface. ALGs that would write
them into messages are not asked there: what an IPv6 host says of itself stays as it is.
"""

from dataclasses import replace
from typing import Final

from doorman.algs.registry import REGISTRY
from doorman.algs.settings import Mode
from doorman.config.access_lists import AccessEntry, AccessList
from doorman.config.distinct import Distinct
from doorman.config.model import Config, DynamicSource, Interface, Pool
from doorman.config.nat64 import Nat64, Nat64Pool, Nat64Rule
from doorman.config.numbering import numbered
from doorman.config.statics import StaticHost, Statics
from doorman.net.addresses import Address, Prefix

DEVICE: Final = "nat64"
"""The name of the interface that stand-ins are behind."""
NETWORK: Final = Prefix(Address(bytes((240, 0, 0, 0))), 8)
DEVICE_ADDRESS: Final = Address(bytes((240, 0, 0, 1)))

MOST_RULES: Final = 255
_BLOCK_LENGTH: Final = 16
_IN_BLOCK: Final = Address(bytes((0, 0, 255, 255)))
_FIRST_STATIC: Final = 0xF0000100
MOST_STATICS: Final = 65_000
_OFF: Final[Mode] = "off"
_UNASKED: Final = tuple(sorted((entry.name, _OFF) for entry in REGISTRY if not entry.between_families))
"""The ALGs that know one family only."""


def is_at_work(config: Config) -> bool:
    """Whether there are IPv6 hosts to be translated, and packets of theirs may come."""
    enabled = any(interface.nat64 and not interface.shutdown for interface in config.interfaces.values())
    return config.nat64.prefix is not None and enabled


def blocks(nat64: Nat64) -> dict[Nat64Rule, Prefix]:
    """Where the stand-ins are of the hosts that each rule permits."""
    numbers = numbered((rule.access_list.encode() for rule in nat64.rules), MOST_RULES)
    return {rule: _block(numbers[rule.access_list.encode()]) for rule in nat64.rules}


def fixed(nat64: Nat64) -> dict[Address, Address]:
    """The stand-ins of the hosts that have static translations."""
    numbers = numbered((static.host for static in nat64.statics), MOST_STATICS)
    return {Address(host): Address((_FIRST_STATIC + number).to_bytes(4, "big")) for host, number in numbers.items()}


def with_stand_ins(config: Config) -> Config:
    """A configuration as if its IPv6 hosts were their stand-ins."""
    if not is_at_work(config):
        return config
    found, nat64 = fixed(config.nat64), config.nat64
    hosts = (StaticHost(found[static.host], static.name) for static in nat64.statics)
    lists = {_list(rule): _permit(_list(rule), block) for rule, block in blocks(nat64).items()}
    zones = (interface.zone for interface in config.interfaces.values() if interface.nat64 and not interface.shutdown)
    device = Interface(DEVICE, DEVICE_ADDRESS, NETWORK.length, "inside", modes=_UNASKED, zone=next(zones, None))
    return replace(
        config,
        interfaces=config.interfaces | {DEVICE: device},
        access_lists=config.access_lists | lists,
        pools=config.pools | {f"{DEVICE} {pool.name}": _pool(pool) for pool in nat64.pools},
        dynamic_sources=[*config.dynamic_sources, *map(_source, nat64.rules)],
        statics=Statics((*config.statics, *hosts)),
    )


def _block(number: int) -> Prefix:
    return Prefix(Address(bytes((240, number, 0, 0))), _BLOCK_LENGTH)


def _list(rule: Nat64Rule) -> str:
    """What its list is called as one of IPv4; no command can say that."""
    return f"{DEVICE} {rule.access_list}"


def _permit(name: str, block: Prefix) -> AccessList:
    return AccessList(name, Distinct([AccessEntry(permit=True, address=block.network, wildcard=_IN_BLOCK)]))


def _source(rule: Nat64Rule) -> DynamicSource:
    pool = f"{DEVICE} {rule.pool}" if rule.pool is not None else None
    return DynamicSource(_list(rule), pool, rule.interface, rule.overload)


def _pool(pool: Nat64Pool) -> Pool:
    length = 32 - (int.from_bytes(pool.first, "big") ^ int.from_bytes(pool.last, "big")).bit_length()
    return Pool(f"{DEVICE} {pool.name}", ((pool.first, pool.last),), length)
