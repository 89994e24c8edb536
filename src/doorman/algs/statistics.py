"""Statistics of messages: an ALG counts each by its name; tables have a fixed row for each name, or class of codes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

UNKNOWN, MALFORMED = "unknown", "malformed"


class Rows(NamedTuple):
    """The rows of an ALG's statistics.

    Attributes:
        names: of the rows, in their order.
        classes: the row of codes that have none of their own, by their first digit.
    """

    names: tuple[str, ...]
    classes: Mapping[str, str]

    def row_of(self, name: str) -> str:
        """The row of a message, by its name in counters."""
        if name in self.names:
            return name
        return self.classes.get(name[:1], UNKNOWN) if name.isdecimal() else UNKNOWN


def rows(words: Iterable[str], codes: Mapping[str, Iterable[str]]) -> Rows:
    """Rows for words, then for codes of three digits: of each class those named, then one for all others."""
    names, classes = list(words), {}
    for digit, known in codes.items():
        named = list(known)
        classes[digit] = f"other {digit}XX" if named else f"{digit}XX"
        names += [*named, classes[digit]]
    return Rows((*names, UNKNOWN, MALFORMED), classes)
