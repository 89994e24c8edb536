"""What the policies of the firewall said, counted by zone pair and class; the kernel's counts have the same shape."""

from typing import NamedTuple

from doorman.firewall.policy import Verdict

Place = tuple[str, str]
"""A zone pair and a class of its policy; `("", "")` is where there is neither."""


class ClassCounts(NamedTuple):
    """Of one class at one zone pair: packets and bytes that passed, those dropped, and flows that began."""

    packets: int = 0
    bytes: int = 0
    drops: int = 0
    drop_bytes: int = 0
    flows: int = 0


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
        packets, passed, drops, dropped, flows = self[place]
        began = begins and verdict.action == "inspect"
        self._counts[place] = ClassCounts(packets + 1, passed + size, drops, dropped, flows + began)

    def dropped(self, verdict: Verdict, size: int) -> None:
        """A packet was dropped."""
        place = verdict.pair, verdict.class_map
        packets, passed, drops, dropped, flows = self[place]
        self._counts[place] = ClassCounts(packets, passed, drops + 1, dropped + size, flows)

    def clear(self, pair: str | None = None) -> None:
        """Begin at zero, for one zone pair or for all."""
        self._counts = {place: counts for place, counts in self._counts.items() if pair not in {None, place[0]}}
