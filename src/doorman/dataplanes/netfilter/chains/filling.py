"""Chains as commands for nft: made, emptied and filled anew."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from doorman.dataplanes.netfilter.chains.expressions import Chain


def filled(
    place: str,
    chains: Iterable[Chain],
    known: Mapping[str, Chain] = MappingProxyType({}),
    unhooked: Collection[str] = (),
) -> Iterator[str]:
    """The commands that let chains of a table, such as `ip doorman`, have their rules and no others.

    Chains that are `known` to be so are passed over; those of `unhooked` come into no packet's road.
    """
    changed = [chain for chain in chains if known.get(chain.name) != chain]
    for chain in changed:
        hook = f" {{ {chain.hook} policy accept; }}" if chain.hook and chain.name not in unhooked else ""
        yield f"add chain {place} {chain.name}{hook}"
        yield f"flush chain {place} {chain.name}"
    for chain in changed:
        yield from (f"add rule {place} {chain.name} {rule}" for rule in chain.rules)
