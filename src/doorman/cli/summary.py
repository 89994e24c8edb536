"""The end of a replay on the terminal: tables in the form of IOS, then what was left alone or dropped, and why."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator

from doorman.cli.reasons import meaning_of_drop, meaning_of_note
from doorman.cli.show.access_lists import show_access_lists
from doorman.cli.show.alg_statistics import message_rows
from doorman.cli.show.calls import show_calls
from doorman.cli.show.doors import show_doors
from doorman.cli.show.sessions import show_sessions
from doorman.cli.show.table import table
from doorman.cli.show.translations import show_translations
from doorman.cli.show.zones import show_zone_pairs
from doorman.dataplanes.replay import Drop
from doorman.dataplanes.report import Json, flow, shown

_MOST_ASYMMETRIES = 3
_MOST_DETAILS = 8
_MOST_TOLD = 20


def summary(found: Json, drops: Iterable[Drop], details: dict[str, Counter[bytes]]) -> Iterator[str]:
    """The lines about a report; `drops` are its drops with their packets, `details` what its notes are about."""
    yield from _counts(found)
    for title, lines in (
        ("show ip nat translations", show_translations(found["translations"])),
        ("show ip nat doors (opened, used, closed: numbers of packets)", show_doors(found["doors"])),
        ("show alg sip calls", show_calls(found["calls"])),
        *(
            (f"show alg {alg} sessions", show_sessions(sessions))
            for alg, sessions in found["sessions"].items()
            if sessions
        ),
        *(
            (f"show alg {alg} statistics", _statistics(rows))
            for alg, rows in found["statistics"].items()
            if alg == "sip" or any(row["total"] for row in rows)
        ),
        *([("show access-lists", show_access_lists(found["access_lists"]))] if found["access_lists"] else []),
        *_firewall(found),
        ("left alone, and why", _notes(found["notes"], details)),
        ("dropped, and why", _drops(list(drops))),
    ):
        yield ""
        yield f"# {title}"
        yield from lines
    yield ""
    yield from _verdict(found)


def _firewall(found: Json) -> Iterator[tuple[str, Iterable[str]]]:
    """What zone pairs did, and what the firewall tells, where there is one."""
    if found["zone_pairs"]:
        yield "show policy-map type inspect zone-pair sessions", show_zone_pairs(found["zone_pairs"], sessions=True)
    told = found["firewall_log"]
    if told:
        more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
        yield "what the firewall tells", [*told[:_MOST_TOLD], *more]


def _counts(found: Json) -> Iterator[str]:
    packets = found["packets"]
    yield (
        f"{packets['read']} packets: {packets['from_inside']} from inside, {packets['from_outside']} from outside, "
        f"{packets['passed']} passed unchanged, {packets['dropped']} dropped"
        + (f"; {packets['written']} written" if packets["written"] else "")
    )
    for alg, messages in found["messages"].items():
        if messages:
            counted = ", ".join(f"{name} {count}" for name, count in messages.items())
            yield f"{alg}: {sum(messages.values())} messages ({counted}), {found['rewritten_by'].get(alg, 0)} rewritten"


def _statistics(rows: list[Json]) -> Iterator[str]:
    """The rows that are not zero."""
    counted = [row for row in rows if row["total"]]
    yield from message_rows(counted) if counted else ["no messages"]


def _notes(notes: dict[str, int], details: dict[str, Counter[bytes]]) -> Iterator[str]:
    if not notes:
        yield "nothing"
        return
    rows = [[str(count), name, meaning_of_note(name)] for name, count in notes.items()]
    yield from table(["Count", "Note", "Meaning"], rows)
    for name in notes:
        about = details.get(name, Counter())
        if about:
            shown_first = [f"{shown(detail)} ({count})" for detail, count in about.most_common(_MOST_DETAILS)]
            more = len(about) - len(shown_first)
            yield f"{name}: {', '.join(shown_first)}{f' and {more} more' if more else ''}"


def _drops(drops: list[Drop]) -> Iterator[str]:
    if not drops:
        yield "nothing"
        return
    counts = Counter(drop.reason for drop in drops)
    first = {drop.reason: drop for drop in reversed(drops)}
    rows = [
        [str(count), reason, str(first[reason].packet), flow(first[reason].data)]
        for reason, count in counts.most_common()
    ]
    yield from table(["Count", "Reason", "First packet", "From -> to, as captured"], rows)
    for reason, _ in counts.most_common():
        meaning = meaning_of_drop(reason)
        if meaning:
            yield f"{reason}: {meaning}"


def _verdict(found: Json) -> Iterator[str]:
    packets, asymmetries = found["packets"], found["asymmetries"]
    if not packets["from_inside"] + packets["from_outside"]:
        yield "no packet goes from an inside host to an outside one or back: is what is inside said rightly?"
    elif not packets["from_outside"]:
        yield "nothing comes from outside that could arrive otherwise than captured"
    elif asymmetries:
        yield f"{found['notes']['asymmetry']} packets would have arrived otherwise than captured:"
        for asymmetry in asymmetries[:_MOST_ASYMMETRIES]:
            yield f"packet {asymmetry['packet']}: - as captured, + as it would have been delivered"
            yield from _differences(asymmetry["captured"].split("\n"), asymmetry["delivered"].split("\n"))
    elif packets["dropped"]:
        yield "what was not dropped arrives inside exactly as it was captured"
        yield "(what the capture shows as an answer to a dropped packet would not have been sent)"
    else:
        yield "every message arrives inside exactly as it was captured"


def _differences(captured: list[str], delivered: list[str]) -> Iterator[str]:
    """Both texts, the lines they share only once."""
    whole = max(len(captured), len(delivered))
    diff = difflib.unified_diff(captured, delivered, n=whole, lineterm="")
    for number, line in enumerate(diff):
        if number > 2:  # noqa: PLR2004 - behind the two names and the place
            yield f"  {line[:1]} {line[1:]}".rstrip()
