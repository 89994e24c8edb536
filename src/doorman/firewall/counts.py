"""What the policies of the firewall said, counted by zone pair and class; the kernel's counts have the same shape."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from doorman.firewall.policy import Verdict

Place = tuple[str, str]
"""A zone pair and a class of its policy; `("", "")` is where there is neither."""

_NO_REASONS: Mapping[str, int] = MappingProxyType({})


class ClassCounts(NamedTuple):
    """Of one class at one zone pair: packets and bytes that passed, those dropped, and flows that began.

    `reasons`: how many packets were dropped for each.
    """

    packets: int = 0
    bytes: int = 0
    drops: int = 0
    drop_bytes: int = 0
    flows: int = 0
    reasons: Mapping[str, int] = _NO_REASONS

    def plus(self, other: "ClassCounts") -> "ClassCounts":
        """What two have counted together."""
        return ClassCounts(
            self.packets + other.packets,
            self.bytes + other.bytes,
            self.drops + other.drops,
            self.drop_bytes + other.drop_bytes,
            self.flows + other.flows,
            Counter(self.reasons) + Counter(other.reasons),
        )


_NONE = ClassCounts()


class PolicyCounts:
    """The counts of all classes."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Place, ClassCounts] = {}

    def __getitem__(self, place: Place) -> ClassCounts:
        return self._counts.get(place, _NONE)

    def passed(self, verdict: Verdict, size: int, *, begins: bool) -> None:
        """A packet passed, which may be the first of its flow."""
        place = verdict.pair, verdict.class_map
        packets, passed, drops, dropped, flows, reasons = self[place]
        began = begins and verdict.action == "inspect"
        self._counts[place] = ClassCounts(packets + 1, passed + size, drops, dropped, flows + began, reasons)

    def dropped(self, verdict: Verdict, size: int, reason: str) -> None:
        """A packet was dropped for a reason."""
        place = verdict.pair, verdict.class_map
        self._counts[place] = self[place].plus(ClassCounts(drops=1, drop_bytes=size, reasons={reason: 1}))

    def clear(self, pair: str | None = None) -> None:
        """Begin at zero, for one zone pair or for all."""
        self._counts = {place: counts for place, counts in self._counts.items() if pair not in {None, place[0]}}
