"""Which flows a NAT rule is about, where it looks at more than their senders: extended lists and route maps, as chains.

    N      the first question: a list of the first entry -> THEN, -> N_1, or back to who asked
    N_1    the next list, or the first one of the next entry; and so on

Each chain hands over to the next by `goto`, so that `return` leaves the whole rule. A line of a list that denies says
that this list does not permit the flow, and the next is asked; an entry that denies leaves the rule. A line about
segments of connections that are `established` is true of nothing that begins a flow.
"""

from collections.abc import Iterator, Sequence
from enum import Enum

from doorman.config.access_lists import AccessEntry, AccessList, Entry, ExtendedEntry
from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.classify import Line, classified
from doorman.dataplanes.netfilter.chains.expressions import Chain, braces
from doorman.dataplanes.netfilter.chains.matching import expression, matches_of
from doorman.nat.selection import Step, steps_of

Rule = tuple[str, str | None]
"""What says which flows a rule is about: an access list, or, where there is one, a route map."""


class Place(Enum):
    """Where in its road a packet is asked about; the value stands behind the names of the chains."""

    LEAVING = ""
    BACK = "_back"
    """It comes back in: its receiver was one of our names, and has its own address by now."""
    COMING = "_coming"
    """It is not known yet by which interface it leaves."""
    HOSTS = "_hosts"
    """It is not known what flow it is of: a rule is asked whether it may be about some flow of its sender."""


def looks_at_flows(config: Config) -> bool:
    """Whether a rule is about some flows of a host only, as `nat.naming.Naming` has it."""
    by_source = all(is_by_source(config, source.chooser) for source in config.dynamic_sources)
    return bool(config.statics.route_maps) or not by_source


def is_by_source(config: Config, rule: Rule) -> bool:
    """Whether a rule looks at the inside host alone."""
    return all(step.by_source for step in steps_of(config, *rule))


def choosing(config: Config, rule: Rule, name: str, then: str, place: Place = Place.LEAVING) -> Iterator[Chain]:
    """The chains that lead what a rule is about to `then`, a verdict; the first has this name."""
    steps = [step for step in steps_of(config, *rule) if step.permit or step.by_source or place is not Place.HOSTS]
    asked = [(step, listed) for step in steps for listed in step.lists or (None,)]
    names = [f"{name}_{number}" if number else name for number in range(max(len(asked), 1))]
    chains = [f"{one}{place.value}" for one in names]
    for number, (step, listed) in enumerate(asked):
        behind = next((at for at in range(number, len(asked)) if asked[at][0] is not step), len(asked))
        is_first = not number or asked[number - 1][0] is not step
        rules = _leaving(config, step, _to(chains, behind), place) if is_first and step.interfaces else []
        verdict = then if step.permit else "return"
        rules += [verdict] if listed is None else _asked(listed, verdict, _to(chains, number + 1), place)
        yield Chain(chains[number], rules)
    if not asked:
        yield Chain(chains[0], [])


def _asked(listed: AccessList, then: str, otherwise: str, place: Place) -> list[str]:
    """What a list permits, and the rest."""
    entries = (_of_hosts if place is Place.HOSTS else _of_flows)(listed)
    lines = [Line(list(matches_of(entry)), then if entry.permit else otherwise) for entry in entries]
    if place is not Place.BACK:
        return [*classified(lines), otherwise]
    return [*(f"{_as_it_came(expression(match))}{line.then}" for line in lines for match in line.matches), otherwise]


def _of_flows(listed: AccessList) -> Iterator[Entry]:
    """The lines that may be true of what begins a flow."""
    yield from (entry for entry in listed.entries if isinstance(entry, AccessEntry) or not entry.established)


def _of_hosts(listed: AccessList) -> Iterator[Entry]:
    """The lines that say of whose flows some may be permitted, as `nat.selection.Selector.may_choose` has it."""
    for entry in listed.entries:
        if entry.permit or entry.by_source is not None:
            yield ExtendedEntry(entry.permit, source=entry.source_hosts)


def _as_it_came(text: str) -> str:
    """A match of the receiver, of whom it was before it was translated; nft cannot make look-ups of that."""
    return text.replace("ip daddr", "ct original ip daddr").replace("th dport", "ct original proto-dst")


def _leaving(config: Config, step: Step, otherwise: str, place: Place) -> list[str]:
    """What leaves by none of the interfaces of an entry: as `nat.selection.Exits` has it."""
    names = braces(f'"{name}"' for name in step.interfaces)
    if place is Place.HOSTS:
        return []
    if place is Place.LEAVING:
        return [f"oifname != {names} {otherwise}"]
    if place is Place.COMING:
        return [f"fib daddr . mark type != local fib daddr . mark oifname != {names} {otherwise}"]
    outside = [one for one in config.interfaces.values() if one.nat == "outside" and not one.shutdown]
    if len(outside) == 1:
        return [] if outside[0].name in step.interfaces else [otherwise]
    networks = [str(network) for one in outside if one.name in step.interfaces for network in one.networks]
    return [f"ct original ip daddr != {braces(networks)} {otherwise}"] if networks else [otherwise]


def _to(chains: Sequence[str], number: int) -> str:
    return f"goto {chains[number]}" if number < len(chains) else "return"
