"""IPv6 access lists as values, as far as they say which hosts are meant: the first line about a source decides.

All other lines, and remarks, are kept as they were typed: such a list may be there for another feature.
"""

from bisect import bisect
from dataclasses import dataclass, replace
from typing import NamedTuple

from doorman.config.access_lists import STEP, AccessEntry, given
from doorman.net.addresses import Address, Prefix

REMARK = "remark "
_ALL_ONES = (1 << 128) - 1


class Ipv6Line(NamedTuple):
    """A line: its number, what it says, and, where it looks at sources only, what that means."""

    sequence: int
    text: str
    entry: AccessEntry | None = None


@dataclass(frozen=True, slots=True)
class Ipv6List:
    """A list, by the numbers of its lines."""

    name: str
    lines: tuple[Ipv6Line, ...] = ()

    @property
    def by_source(self) -> bool:
        """Whether it looks at nothing but sources."""
        return all(line.entry is not None or line.text.startswith(REMARK) for line in self.lines)

    @property
    def last(self) -> int:
        """The number of its last line, 0 if there is none."""
        return self.lines[-1].sequence if self.lines else 0

    @property
    def is_numbered_as_usual(self) -> bool:
        """Whether its lines have the numbers that a list gives by itself."""
        return [line.sequence for line in self.lines] == list(given(len(self.lines)))

    def permits(self, host: Address) -> bool:
        """Whether the first line that is about a host permits it; one that no line is about it denies."""
        entries = (line.entry for line in self.lines if line.entry is not None)
        return next((entry.permit for entry in entries if entry.matches(host)), False)

    def with_line(self, text: str, entry: AccessEntry | None, sequence: int | None = None) -> "Ipv6List":
        """The list with one more line, at the place of its number, or at the end."""
        line = Ipv6Line(sequence or self.last + STEP, text, entry)
        index = bisect([one.sequence for one in self.lines], line.sequence)
        return replace(self, lines=(*self.lines[:index], line, *self.lines[index:]))


def about(source: Prefix, *, permit: bool) -> AccessEntry:
    """What a line means that is about the hosts of a network."""
    return AccessEntry(permit, source.network, Address((_ALL_ONES >> source.length).to_bytes(16, "big")))
