"""The elements that bindings and doors are in the kernel's sets, see `ruleset.SETS`, while somebody needs them.

Several doors may be one element: calls of a phone with one media port. So elements are counted. A step is planned, then
committed by the kernel, then kept; if the kernel refuses, it is as if it had not been planned.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from doorman.algs.api import Door
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted
from doorman.nat.bindings import WHOLE_HOST, Binding, BindingFreed, BindingMade
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES, TCP, UDP
from doorman.timers import NEVER

_IPV4 = 4
LINGER_MS = 60_000
"""How long nothing new may come to a name that was given back: it would leave a trace that blocks the next flow."""
_SLACK = 3_600.0
"""Seconds that the kernel keeps a door longer than said: the engine closes it, this is for when there is none."""


class Element(NamedTuple):
    """One element of a set, or of a map, whose `data` is then not b""; key and data as `elements` wants them."""

    set_name: str
    key: bytes
    data: bytes = b""


class Step(NamedTuple):
    """What is to be done to an element; `timeout` in ms, 0 for none; `lingers` for a name that is given back."""

    element: Element
    add: bool
    timeout: int = 0


class Tables:
    """All elements that should be in the kernel. `served`: the ports ALGs are served on, by protocol number."""

    def __init__(self, served: dict[int, frozenset[int]]) -> None:
        self.served = served
        self._uses: dict[Element, _Use] = {}
        self._of: dict[Door | Binding, list[Element]] = {}
        self._lingering: dict[Element, float] = {}
        self._undo: list[Callable[[], object]] = []

    def __iter__(self) -> Iterator[Element]:
        return iter(self._uses)

    def timeout(self, element: Element, now: float) -> int:
        """How long an element may still live, in ms; 0 for ever."""
        closes = self._uses[element].closes
        return 0 if closes >= NEVER else int((max(closes - now, 0) + _SLACK) * 1000)

    def lingering(self, now: float) -> Iterator[tuple[Element, int]]:
        """Names that were given back lately, and how long they linger yet, in ms."""
        for element, until in self._lingering.items():
            if until > now and element not in self._uses:
                yield element, int((until - now) * 1000)

    def succeed(self, old: "Tables", now: float) -> None:
        """Take the place of others: what names they had linger, unless they are in use here."""
        self._lingering = old._lingering | {
            element: now + LINGER_MS / 1000
            for element in old
            if element.set_name == "names" and element not in self._uses
        }

    def plan(self, changes: Iterable[Change], now: float) -> list[Step]:
        """Carry changes out on paper: what is to be done in the kernel, in order. Then `keep` or `undo`."""
        self._undo.clear()
        steps: list[Step] = []
        for change in changes:
            if isinstance(change, DoorOpened):
                self._need(change.door, _of_door(change.door), change.door.closes, steps, now)
            elif isinstance(change, BindingMade):
                self._need(change.binding, self._of_binding(change.binding), math.inf, steps, now)
            elif isinstance(change, BindingFreed):
                self._leave(change.binding, steps, now)
            elif isinstance(change, DoorClosed) or (isinstance(change, DoorPromoted) and change.door.promoted):
                self._leave(change.door, steps, now)
        return steps

    def undo(self) -> None:
        """Forget the last plan."""
        for action in reversed(self._undo):
            action()
        self._undo.clear()

    def _need(
        self, owner: Door | Binding, elements: Iterator[Element], closes: float, steps: list[Step], now: float
    ) -> None:
        if owner in self._of:
            return
        mine = self._of[owner] = list(elements)
        self._undo.append(partial(self._of.pop, owner))
        for element in mine:
            known = self._uses.get(element)
            self._set(element, _Use(1, closes) if known is None else _Use(known.users + 1, max(known.closes, closes)))
            if known is not None and closes <= known.closes:
                continue
            if known is not None or element.set_name == "names":
                steps.append(Step(element, add=False))
            steps.append(Step(element, add=True, timeout=self.timeout(element, now)))

    def _leave(self, owner: Door | Binding, steps: list[Step], now: float) -> None:
        mine = self._of.pop(owner, None)
        if mine is None:
            return
        self._undo.append(partial(self._of.__setitem__, owner, mine))
        for element in mine:
            known = self._uses[element]
            if known.users > 1:
                self._set(element, _Use(known.users - 1, known.closes))
                continue
            self._set(element, None)
            steps.append(Step(element, add=False))
            if element.set_name == "names":
                steps.append(Step(element, add=True, timeout=LINGER_MS))
                self._linger(element, now)

    def _linger(self, element: Element, now: float) -> None:
        """Remember a name that is given back; the oldest come first, and are forgotten when they linger no more."""
        while self._lingering and next(iter(self._lingering.values())) <= now:
            del self._lingering[next(iter(self._lingering))]
        self._lingering.pop(element, None)
        self._lingering[element] = now + LINGER_MS / 1000
        self._undo.append(partial(self._lingering.pop, element, None))

    def _set(self, element: Element, use: "_Use | None") -> None:
        known = self._uses.get(element)
        if known is None:
            self._undo.append(partial(self._uses.pop, element))
        else:
            self._undo.append(partial(self._uses.__setitem__, element, known))
        if use is None:
            del self._uses[element]
        else:
            self._uses[element] = use

    def _of_binding(self, binding: Binding) -> Iterator[Element]:
        protocol, local, name = binding.protocol, binding.local, binding.global_
        if protocol == WHOLE_HOST:
            kind = "hosts" if binding.static else "leases"
            yield Element(kind, local.address, name.address)
            yield Element(f"{kind}_in", name.address, local.address)
            yield Element("whole", name.address)
            if not binding.static:
                yield Element("leased", local.address)
        elif protocol in {TCP, UDP}:
            yield Element("bindings", _end(protocol, local), _goal(name))
            if not binding.static:
                yield Element("names", _end(protocol, name))
                return
            yield Element("entrances", _end(protocol, name), _goal(local))
            if local.port in self.served.get(protocol, ()):
                yield Element("inspected", _end(protocol, name))


class _Use(NamedTuple):
    """How many need an element, and when the last of them does no more."""

    users: int
    closes: float


def text_of(element: Element) -> str:
    """An element as nft reads it."""
    text = _fields(element.set_name, element.key)
    if not element.data:
        return text
    address, port = element.data[:4], element.data[4:6]
    goal = address_text(Address(address))
    return f"{text} : {goal} . {int.from_bytes(port, 'big')}" if port else f"{text} : {goal}"


def _of_door(door: Door) -> Iterator[Element]:
    entrance = _end(door.protocol, door.entrance)
    if door.promoted or len(door.entrance.address) != _IPV4:
        return
    if door.visitor is None:
        yield Element("doors_any", entrance, _goal(door.leads_to))
    else:
        yield Element("doors", door.visitor + entrance, _goal(door.leads_to))
    # Also of a host that has an address of its own: so its half of the flow is known as one of ours.
    yield Element("bindings", _end(door.protocol, door.leads_to), _goal(door.entrance))
    if door.inspect_as is not None:
        yield Element("inspected", entrance)


def _end(protocol: int, endpoint: Endpoint) -> bytes:
    """`address . protocol . port`, each in 4 bytes."""
    return b"%b%c\0\0\0%b\0\0" % (endpoint.address, protocol, endpoint.port.to_bytes(2, "big"))


def _goal(endpoint: Endpoint) -> bytes:
    """`address . port`, each in 4 bytes."""
    return b"%b%b\0\0" % (endpoint.address, endpoint.port.to_bytes(2, "big"))


def _fields(set_name: str, key: bytes) -> str:
    addresses = [address_text(Address(key[:4]))]
    if set_name == "doors":
        addresses.append(address_text(Address(key[4:8])))
    rest = key[4 * len(addresses) :]
    if rest:
        addresses += [PROTOCOL_NAMES[rest[0]], str(int.from_bytes(rest[4:6], "big"))]
    return " . ".join(addresses)
