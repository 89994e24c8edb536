"""`ip nat pool`: ranges of inside global addresses."""

from dataclasses import replace

from doorman.config.command import Command, Refused
from doorman.config.commands.words import IP_NAT
from doorman.config.model import Config, Pool, PoolType
from doorman.config.validity import mask_of, prefix_length, require_host
from doorman.net.addresses import Address, address_text


def _define(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    name: str,
    first: Address,
    last: Address,
    mask: Address | None = None,
    length: int | None = None,
    kind: PoolType | None = None,
) -> None:
    """Define the range of addresses, both ends included, that hosts on the inside are seen under."""
    chosen = _length(mask, length)
    _require_range(name, first, last, chosen, "mask" if mask is not None else "length")
    pool = Pool(name, ((first, last),), chosen, kind or "generic")
    if _in_use(config, name) and config.pools.get(name, pool) != pool:
        raise Refused(f"% Pool {name} in use, cannot redefine", "name")
    config.pools[name] = pool


def _enter(
    config: Config, *, name: str, mask: Address | None = None, length: int | None = None, kind: PoolType | None = None
) -> str:
    """Define a pool whose ranges the lines that follow say, or go on with one that is there."""
    pool = Pool(name, (), _length(mask, length), kind or "generic")
    known = config.pools.get(name, pool)
    if (known.prefix_length, known.type) != (pool.prefix_length, pool.type):
        if _in_use(config, name):
            raise Refused(f"% Pool {name} in use, cannot redefine", "name")
        known = pool
    config.pools[name] = known
    return name


def _remove(config: Config, *, name: str) -> None:
    """Remove the pool, which no rule may use any more."""
    if name not in config.pools:
        raise Refused(f"% Pool {name} not found", "name")
    if _in_use(config, name):
        raise Refused(f"% Pool {name} in use, cannot destroy", "name")
    del config.pools[name]


def _add_range(config: Config, name: str, *, first: Address, last: Address) -> None:
    """Add a range of addresses, both ends included."""
    pool = config.pools[name]
    _require_range(name, first, last, pool.prefix_length, "last")
    for low, high in pool.ranges:
        if first <= high and low <= last:
            raise Refused(f"% Range overlaps with {address_text(low)} {address_text(high)} of pool {name}", "first")
    config.pools[name] = replace(pool, ranges=(*pool.ranges, (first, last)))


def _take_range(config: Config, name: str, *, first: Address, last: Address) -> None:
    """Take a range out of the pool; translations that have its addresses end."""
    pool = config.pools[name]
    if (first, last) not in pool.ranges:
        raise Refused(f"% Pool {name} has no such range", "first")
    config.pools[name] = replace(pool, ranges=tuple(one for one in pool.ranges if one != (first, last)))


def _length(mask: Address | None, length: int | None) -> int:
    chosen = prefix_length(mask, "mask") if mask is not None else length or 0
    if not chosen:
        raise Refused("% Bad mask 0.0.0.0: a pool lies within one network", "mask")
    return chosen


def _require_range(name: str, first: Address, last: Address, length: int, blamed: str) -> None:
    """See that a range is one, within one network."""
    require_host(first, "first")
    require_host(last, "last")
    if last < first:
        raise Refused("% End address less than start address", "last")
    needed = 32 - (int.from_bytes(first, "big") ^ int.from_bytes(last, "big")).bit_length()
    if length > needed:
        wide, least = address_text(mask_of(length)), address_text(mask_of(needed))
        raise Refused(f"% Pool {name} mask {wide} too small; should be at least {least}", blamed)


def _in_use(config: Config, name: str) -> bool:
    users = [rule.pool for rule in config.dynamic_sources] + [rule.pool for rule in config.destinations]
    return name in [*users, *(rule.pool for rule in config.outside_sources)]


_RANGE = {"FIRST": "Start IP address", "LAST": "End IP address"}
_POOL = (
    IP_NAT
    | _RANGE
    | {
        "pool": "Define pool of addresses",
        "NAME": "Pool name",
        "netmask": "Specify the network mask",
        "MASK": "Network mask",
        "prefix-length": "Specify the prefix length",
        "LENGTH": "Prefix length",
        "type": "Specify the pool type",
        "generic": "Give out addresses in turn",
        "match-host": "Keep host numbers the same after translation",
        "rotary": "Real hosts that share the connections to a virtual one",
    }
)
_SIZE = "{netmask MASK:ipv4 | prefix-length LENGTH:1-32} [type KIND:generic|match-host|rotary]"

COMMANDS = (
    Command(f"ip nat pool NAME:word ~ FIRST:ipv4 LAST:ipv4 {_SIZE}", _POOL, _define, _remove),
    Command(f"ip nat pool NAME:word {_SIZE}", _POOL, _enter, enters="pool"),
)

POOL_COMMANDS = (
    Command("address FIRST:ipv4 LAST:ipv4", _RANGE | {"address": "Specify an address range"}, _add_range, _take_range),
)
