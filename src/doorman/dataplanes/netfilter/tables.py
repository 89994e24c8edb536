"""The elements that bindings and doors are in the kernel's sets, see `packed` and `needs`, while somebody needs them.

Several doors may be one element: calls of a phone with one media port. So elements are counted. Changes are planned,
then committed by the kernel, then kept; if the kernel refuses, it is as if they had not been planned. Of all that
happens to an element within a plan only what comes of it is told to the kernel: that it is destroyed, added, or both.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from doorman.algs.api import Door
from doorman.dataplanes.netfilter.elements import Run, adding, destroying
from doorman.dataplanes.netfilter.needs import Needs, Terms, of_peering, of_tunnel
from doorman.dataplanes.netfilter.packed import FIRST_OF_SLOTS, LENGTHS, TAGS, Element, Packed, pack, unpack
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted
from doorman.nat.bindings import Binding, BindingFreed, BindingMade
from doorman.nat.peerings import Peering, PeeringEnded, PeeringMade
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade
from doorman.timers import NEVER

LINGER_MS: Final = 60_000
"""How long nothing new may come to a name that was given back: it would leave a trace that blocks the next flow."""
LATE: Final = 5.0
"""Seconds after which the kernel, too, must have forgotten a name that lingers no more."""
_SLACK: Final = 3_600.0
"""Seconds that the kernel keeps a door longer than said: the engine closes it, this is for when there is none."""

_NAMES: Final = TAGS["names"]
_NAME: Final = _NAMES[0]

Holder = Door | Binding | Tunnel | Peering
"""Who needs elements."""


class _Use:
    """How many need an element, and when the last of them does no more; both also before the last plan to change it."""

    __slots__ = ("closed_before", "closes", "element", "plan", "used_before", "users")

    def __init__(self, element: Packed) -> None:
        self.element = element
        self.users = self.used_before = 0
        self.closes = self.closed_before = 0.0
        self.plan = 0


class Tables:
    """All elements that should be in the kernel.

    Attributes:
        terms: what it depends on which elements something needs.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._needs = Needs(terms)
        self._uses: dict[Packed, _Use] = {}
        self._of: dict[Holder, tuple[_Use, ...]] = {}
        self._lingering: dict[Packed, float] = {}
        # The last plan: its number, what it changed, and how the elements of holders were before, and when names
        # lingered no more.
        self._plan = 0
        self._changed: list[_Use] = []
        self._of_before: list[tuple[Holder, tuple[_Use, ...] | None]] = []
        self._lingered: list[tuple[Packed, float | None]] = []

    def __iter__(self) -> Iterator[Element]:
        return map(unpack, self._uses)

    def timeout(self, element: Element, now: float) -> int:
        """How long an element may still live, in ms; 0 for ever."""
        return _milliseconds(self._uses[pack(element)].closes, now)

    def lingering(self, now: float) -> Iterator[tuple[Element, int]]:
        """Names that were given back lately, and how long they linger yet, in ms."""
        for element, until in self._lingering.items():
            if until > now and element not in self._uses:
                yield unpack(element), int((until - now) * 1000)

    def succeed(self, old: "Tables", now: float) -> None:
        """Take the place of others: what names they had linger, unless they are in use here."""
        self._lingering = {pack(element): now + left / 1000 for element, left in old.lingering(now)}
        for element in map(pack, old):
            if element[:1] == _NAMES and element not in self._uses:
                self._lingering[element] = now + LINGER_MS / 1000

    def plan(self, changes: Iterable[Change], now: float) -> list[Run]:
        """Carry changes out on paper; what is to be done in the kernel, in order. Then `undo`, or it is kept.

        An element is destroyed once at most, and added after that: so those of a set can be told together.
        """
        self._begin_plan()
        self._forget_lingering(now)
        needs = self._needs
        for change in changes:
            if isinstance(change, DoorOpened):
                door, binding = change.door, change.binding
                named = binding is not None and binding.is_port
                self._need(door, needs.of_door(door, named=named), door.closes)
            elif isinstance(change, BindingMade):
                self._need(change.binding, needs.of_binding(change.binding), math.inf)
            elif isinstance(change, BindingFreed):
                self._leave(change.binding)
                needs.forget(change.binding)
            elif isinstance(change, (TunnelMade, TunnelLearnt)):
                self._leave(change.tunnel)
                self._need(change.tunnel, tuple(map(pack, of_tunnel(change.tunnel))), math.inf)
            elif isinstance(change, TunnelEnded):
                self._leave(change.tunnel)
            elif isinstance(change, PeeringMade):
                self._need(change.peering, tuple(map(pack, of_peering(change.peering))), math.inf)
            elif isinstance(change, PeeringEnded):
                self._leave(change.peering)
            elif isinstance(change, DoorClosed) or (isinstance(change, DoorPromoted) and change.door.promoted):
                self._leave(change.door)
        return self._runs(now)

    def undo(self) -> None:
        """Forget the last plan."""
        for holder, uses in reversed(self._of_before):
            if uses is None:
                del self._of[holder]
            else:
                self._of[holder] = uses
        for element, until in self._lingered:
            if until is None:
                del self._lingering[element]
            else:
                self._lingering[element] = until
        for use in self._changed:
            if use.used_before:
                use.users, use.closes = use.used_before, use.closed_before
                self._uses[use.element] = use
            else:
                self._uses.pop(use.element, None)
        self._begin_plan()

    def _begin_plan(self) -> None:
        self._plan += 1
        self._changed = []
        self._of_before = []
        self._lingered = []

    def _need(self, holder: Holder, elements: tuple[Packed, ...], closes: float) -> None:
        if not elements or holder in self._of:
            return
        uses = self._of[holder] = tuple([self._use(element) for element in elements])
        self._of_before.append((holder, None))
        for use in uses:
            use.closes = max(use.closes, closes) if use.users else closes
            use.users += 1

    def _leave(self, holder: Holder) -> None:
        uses = self._of.pop(holder, None)
        if uses is None:
            return
        self._of_before.append((holder, uses))
        for use in uses:
            self._change(use)
            use.users -= 1

    def _use(self, element: Packed) -> _Use:
        """The use of an element, which this plan changes."""
        use = self._uses.get(element)
        if use is None:
            use = self._uses[element] = _Use(element)
        self._change(use)
        return use

    def _change(self, use: _Use) -> None:
        """Remember what a use was, before this plan changes it."""
        if use.plan != self._plan:
            use.plan = self._plan
            use.used_before, use.closed_before = use.users, use.closes
            self._changed.append(use)

    def _runs(self, now: float) -> list[Run]:
        """What became of the elements of a plan; a name that is given back lingers."""
        destroyed: dict[int, Run] = {}
        added: dict[int, Run] = {}
        for use in self._changed:
            element = use.element
            if not use.used_before:
                if element[0] == _NAME and element in self._lingering:
                    _append(destroyed, element, adds=False)
                self._settle(use, added, now)
            elif not use.users or use.closes != use.closed_before:
                _append(destroyed, element, adds=False)
                self._settle(use, added, now)
        return [*destroyed.values(), *added.values()]

    def _settle(self, use: _Use, added: dict[int, Run], now: float) -> None:
        """Add an element that is not there, if anybody needs it."""
        element = use.element
        if use.users:
            _append(added, element, adds=True, timeout=_milliseconds(use.closes, now))
            return
        del self._uses[element]
        if element[0] == _NAME:
            _append(added, element, adds=True, timeout=LINGER_MS)
            self._linger(element, now)

    def _linger(self, element: Packed, now: float) -> None:
        """Remember a name that is given back; those that linger longest come last."""
        self._lingered.append((element, self._lingering.pop(element, None)))
        self._lingering[element] = now + LINGER_MS / 1000

    def _forget_lingering(self, now: float) -> None:
        """Forget the names that linger no more, the oldest of which come first."""
        while self._lingering:
            element = next(iter(self._lingering))
            if self._lingering[element] + LATE > now:
                return
            del self._lingering[element]


def _append(runs: dict[int, Run], element: Packed, *, adds: bool, timeout: int = 0) -> None:
    """Put an element with those of the same set."""
    tag = element[0]
    end = 1 + LENGTHS[tag]
    start, place = (1, tag) if tag < FIRST_OF_SLOTS else (3, int.from_bytes(element[:3], "big"))
    run = runs.get(place)
    if run is None:
        set_name = unpack(element).set_name
        run = runs[place] = adding(set_name) if adds else destroying(set_name)
    run.append(element[start:end], element[end:], timeout)


def _milliseconds(closes: float, now: float) -> int:
    return 0 if closes >= NEVER else int((max(closes - now, 0) + _SLACK) * 1000)
