"""`ip nat pool`: a range of inside global addresses."""

from doorman.config.command import Command, Refused
from doorman.config.commands.words import IP_NAT
from doorman.config.model import Config, Pool
from doorman.config.validity import mask_of, prefix_length, require_host
from doorman.net.addresses import Address, address_text


def _define(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config, *, name: str, first: Address, last: Address, mask: Address | None = None, length: int | None = None
) -> None:
    """Define the range of addresses, both ends included, that hosts on the inside are seen under."""
    chosen = prefix_length(mask, "mask") if mask is not None else length or 0
    if not chosen:
        raise Refused("% Bad mask 0.0.0.0: a pool lies within one network", "mask")
    require_host(first, "first")
    require_host(last, "last")
    if last < first:
        raise Refused("% End address less than start address", "last")
    needed = 32 - (int.from_bytes(first, "big") ^ int.from_bytes(last, "big")).bit_length()
    if chosen > needed:
        wide, least = address_text(mask_of(chosen)), address_text(mask_of(needed))
        blamed = "mask" if mask is not None else "length"
        raise Refused(f"% Pool {name} mask {wide} too small; should be at least {least}", blamed)
    pool = Pool(name, first, last, chosen)
    if _in_use(config, name) and config.pools.get(name, pool) != pool:
        raise Refused(f"% Pool {name} in use, cannot redefine", "name")
    config.pools[name] = pool


def _remove(config: Config, *, name: str) -> None:
    """Remove the pool, which no rule may use any more."""
    if name not in config.pools:
        raise Refused(f"% Pool {name} not found", "name")
    if _in_use(config, name):
        raise Refused(f"% Pool {name} in use, cannot destroy", "name")
    del config.pools[name]


def _in_use(config: Config, name: str) -> bool:
    return any(rule.pool == name for rule in config.dynamic_sources)


COMMANDS = (
    Command(
        "ip nat pool NAME:word ~ FIRST:ipv4 LAST:ipv4 {netmask MASK:ipv4 | prefix-length LENGTH:1-32}",
        IP_NAT
        | {
            "pool": "Define pool of addresses",
            "NAME": "Pool name",
            "FIRST": "Start IP address",
            "LAST": "End IP address",
            "netmask": "Specify the network mask",
            "MASK": "Network mask",
            "prefix-length": "Specify the prefix length",
            "LENGTH": "Prefix length",
        },
        _define,
        _remove,
    ),
)
