"""`show access-lists`: the lines of access lists in the form of IOS, with how many packets matched each."""

from collections.abc import Iterable, Iterator

from doorman.dataplanes.report import Json


def show_access_lists(lists: Iterable[Json]) -> Iterator[str]:
    """A heading for each list, its lines below; a line that nothing matched shows no count."""
    for listed in lists:
        yield f"{listed['kind'].capitalize()} IP access list {listed['name']}"
        for line in listed["lines"]:
            yield f"    {line['sequence']} {_text(listed['kind'], line['line'])}{_matches(line['matches'])}"


def _text(kind: str, line: str) -> str:
    """A line as `show` has it: IOS spells out what the second address of a standard line is."""
    words = line.split(" ")
    if kind == "extended":
        return line
    if len(words) > 2 and words[2] != "log":  # noqa: PLR2004 - action, address, wildcard
        words[1:3] = [f"{words[1]},", "wildcard", "bits", words[2]]
    return f"{words[0]:<6} {' '.join(words[1:])}"


def _matches(count: int | None) -> str:
    return f" ({count} match{'' if count == 1 else 'es'})" if count else ""
