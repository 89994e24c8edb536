"""What a configuration says of stateful NAT64 (RFC 6146): hosts that have IPv6 only, and call servers of IPv4."""

from dataclasses import dataclass
from typing import NamedTuple

from doorman.net.addresses import Address, Prefix, address_text


class Nat64Pool(NamedTuple):
    """`nat64 v4 pool NAME FIRST LAST`: both ends are part of it."""

    name: str
    first: Address
    last: Address


class Nat64Rule(NamedTuple):
    """`nat64 v6v4 list ACL {pool NAME | interface NAME} [overload]`: there is exactly one of pool and interface."""

    access_list: str
    pool: str | None = None
    interface: str | None = None
    overload: bool = False


class Nat64Static(NamedTuple):
    """`nat64 v6v4 static HOST NAME`: an IPv6 host that always has the same IPv4 address for itself."""

    host: Address
    name: Address

    def __str__(self) -> str:
        return f"{address_text(self.host)} -> {address_text(self.name)}"


@dataclass(frozen=True, slots=True)
class Nat64:
    """All of it; the prefix is that under which IPv6 hosts call those of IPv4. Pools are sorted by their names."""

    prefix: Prefix | None = None
    pools: tuple[Nat64Pool, ...] = ()
    rules: tuple[Nat64Rule, ...] = ()
    statics: tuple[Nat64Static, ...] = ()

    def pool(self, name: str | None) -> Nat64Pool | None:
        """The pool of this name."""
        return next((pool for pool in self.pools if pool.name == name), None)
