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
from doorman.nat.peerings import Peering, PeeringEnded, PeeringMade
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES, TCP, UDP
from doorman.timers import NEVER

_IPV4 = 4
_WITH_VISITOR = frozenset({"doors", "let_in", "let_in_once"})
"""Sets whose keys begin with another address."""
LINGER_MS = 60_000
"""How long nothing new may come to a name that was given back: it would leave a trace that blocks the next flow."""
LEG_MS = 60_000
"""How long a second leg may be translated anew: until its first packets have passed. Longer than anybody connects."""
COUNTED = ("esp_out", "esp_in")
"""The sets that count the packets of each SPI."""
LATE = 5.0
"""Seconds after which the kernel, too, must have forgotten a name that lingers no more."""
_SLACK = 3_600.0
"""Seconds that the kernel keeps a door longer than said: the engine closes it, this is for when there is none."""


class Element(NamedTuple):
    """One element of a set, or of a map, whose `data` is then not b""; key and data as `elements` wants them."""

    set_name: str
    key: bytes
    data: bytes = b""


Holder = Door | Binding | Tunnel | Peering
"""Who needs elements."""


class Step(NamedTuple):
    """What is to be done to an element; `timeout` in ms, 0 for none; `lingers` for a name that is given back."""

    element: Element
    add: bool
    timeout: int = 0


class Tables:
    """All elements that should be in the kernel.

    Attributes:
        served: the ports ALGs are served on, by protocol number.
        screened: whether a firewall stands between hosts, which doors let through.
        quoted: whether names are kept for ICMP errors, too.
    """

    def __init__(self, served: dict[int, frozenset[int]], *, screened: bool = False, quoted: bool = False) -> None:
        self.served = served
        self.screened = screened
        self.quoted = quoted
        self._uses: dict[Element, _Use] = {}
        self._of: dict[Holder, list[Element]] = {}
        self._lingering: dict[Element, float] = {}
        self._undo: list[Callable[[], object]] = []
        self._before: list[tuple[Element, _Use | None]] = []

    def __iter__(self) -> Iterator[Element]:
        return iter(self._uses)

    def timeout(self, element: Element, now: float) -> int:
        """How long an element may still live, in ms; 0 for ever."""
        return _milliseconds(self._uses[element].closes, now)

    def lingering(self, now: float) -> Iterator[tuple[Element, int]]:
        """Names that were given back lately, and how long they linger yet, in ms."""
        for element, until in self._lingering.items():
            if until > now and element not in self._uses:
                yield element, int((until - now) * 1000)

    def succeed(self, old: "Tables", now: float) -> None:
        """Take the place of others: what names they had linger, unless they are in use here."""
        self._lingering = {element: now + left / 1000 for element, left in old.lingering(now)}
        for element in old:
            if element.set_name == "names" and element not in self._uses:
                self._lingering[element] = now + LINGER_MS / 1000

    def plan(self, changes: Iterable[Change], now: float) -> list[Step]:
        """Carry changes out on paper: what is to be done in the kernel, in order. Then `keep` or `undo`."""
        self._undo.clear()
        self._before.clear()
        self._forget_lingering(now)
        steps: list[Step] = []
        for change in changes:
            if isinstance(change, DoorOpened):
                self._need(change.door, _of_door(change.door, screened=self.screened), change.door.closes, steps, now)
            elif isinstance(change, BindingMade):
                self._need(change.binding, self._of_binding(change.binding), math.inf, steps, now)
            elif isinstance(change, BindingFreed):
                self._leave(change.binding, steps, now)
            elif isinstance(change, TunnelMade | TunnelLearnt):
                self._leave(change.tunnel, steps, now)
                self._need(change.tunnel, of_tunnel(change.tunnel), math.inf, steps, now)
            elif isinstance(change, TunnelEnded):
                self._leave(change.tunnel, steps, now)
            elif isinstance(change, PeeringMade):
                self._need(change.peering, _of_peering(change.peering), math.inf, steps, now)
            elif isinstance(change, PeeringEnded):
                self._leave(change.peering, steps, now)
            elif isinstance(change, DoorClosed) or (isinstance(change, DoorPromoted) and change.door.promoted):
                self._leave(change.door, steps, now)
        return steps

    def undo(self) -> None:
        """Forget the last plan."""
        for action in reversed(self._undo):
            action()
        for element, use in reversed(self._before):
            self._put(element, use)
        self._undo.clear()
        self._before.clear()

    def _need(self, owner: Holder, elements: list[Element], closes: float, steps: list[Step], now: float) -> None:
        if owner in self._of:
            return
        self._of[owner] = elements
        self._undo.append(partial(self._of.pop, owner))
        for element in elements:
            known = self._uses.get(element)
            self._before.append((element, known))
            if known is None:
                self._uses[element] = _Use(1, closes)
                if element in self._lingering:
                    steps.append(Step(element, add=False))
            else:
                self._uses[element] = _Use(known.users + 1, max(known.closes, closes))
                if closes <= known.closes:
                    continue
                steps.append(Step(element, add=False))
            steps.append(Step(element, add=True, timeout=_milliseconds(closes, now)))

    def _leave(self, owner: Holder, steps: list[Step], now: float) -> None:
        mine = self._of.pop(owner, None)
        if mine is None:
            return
        self._undo.append(partial(self._of.__setitem__, owner, mine))
        for element in mine:
            known = self._uses[element]
            self._before.append((element, known))
            if known.users > 1:
                self._uses[element] = _Use(known.users - 1, known.closes)
                continue
            del self._uses[element]
            steps.append(Step(element, add=False))
            if element.set_name == "names":
                steps.append(Step(element, add=True, timeout=LINGER_MS))
                self._linger(element, now)

    def _linger(self, element: Element, now: float) -> None:
        """Remember a name that is given back."""
        before = self._lingering.pop(element, None)
        self._lingering[element] = now + LINGER_MS / 1000
        self._undo.append(partial(self._lingering.pop, element))
        if before is not None:
            self._undo.insert(-1, partial(self._lingering.__setitem__, element, before))

    def _forget_lingering(self, now: float) -> None:
        """Forget the names that linger no more, the oldest of which come first."""
        while self._lingering:
            element = next(iter(self._lingering))
            if self._lingering[element] + LATE > now:
                return
            del self._lingering[element]

    def _put(self, element: Element, use: "_Use | None") -> None:
        if use is not None:
            self._uses[element] = use
        else:
            self._uses.pop(element, None)

    def _of_binding(self, binding: Binding) -> list[Element]:
        if binding.outside:
            return _of_outside(binding)
        protocol, local, name = binding.protocol, binding.local, binding.global_
        if protocol == WHOLE_HOST:
            return _of_host(binding)
        if protocol not in {TCP, UDP}:
            return []
        inside, outside = _end(protocol, local), _end(protocol, name)
        known = Element("bindings", inside, _goal(name))
        quoted = [Element("quoted", outside)] if self.quoted else []
        if not binding.static:
            return [known, Element("names", outside), *quoted]
        elements = quoted if binding.secondary else [known, *quoted]
        elements.append(Element("entrances", outside, _goal(local)))
        if local.port in self.served.get(protocol, ()):
            elements.append(Element("inspected", outside))
        return elements


class _Use(NamedTuple):
    """How many need an element, and when the last of them does no more."""

    users: int
    closes: float


def of_leg(port: int, source: Endpoint) -> Element:
    """What gives a second leg at one of our own ports the name of its client."""
    return Element("legs", port.to_bytes(2, "big"), _goal(source))


def text_of(element: Element) -> str:
    """An element as nft reads it."""
    text = _fields(element.set_name, element.key)
    if not element.data:
        return text
    address, port = element.data[:4], element.data[4:6]
    goal = address_text(Address(address))
    return f"{text} : {goal} . {int.from_bytes(port, 'big')}" if port else f"{text} : {goal}"


def _milliseconds(closes: float, now: float) -> int:
    return 0 if closes >= NEVER else int((max(closes - now, 0) + _SLACK) * 1000)


def _of_host(binding: Binding) -> list[Element]:
    local, name = binding.local.address, binding.global_.address
    kind = "hosts" if binding.static else "leases"
    elements = [Element(f"{kind}_in", name, local), Element("whole", name)]
    if not binding.secondary:
        elements.insert(0, Element(kind, local, name))
    return [*elements, Element("single" if binding.static else "leased", local)]


def _of_outside(binding: Binding) -> list[Element]:
    """What an outside host is called inside: its name leads to it, and it comes by that name."""
    protocol, end, name = binding.protocol, binding.local, binding.global_
    if protocol == WHOLE_HOST:
        kind = "outside_hosts" if binding.static else "outside_leases"
        elements = [Element(kind, name.address, end.address), Element(f"{kind}_in", end.address, name.address)]
    else:
        elements = [
            Element("outside_ports", _end(protocol, name), _goal(end)),
            Element("outside_ports_in", _end(protocol, end), _goal(name)),
        ]
    if binding.secondary:
        del elements[1]
    return elements if binding.static else [*elements, Element("outside_leased", end.address)]


def _of_door(door: Door, *, screened: bool) -> list[Element]:
    if door.promoted or len(door.entrance.address) != _IPV4:
        return []
    let_in = [_through_firewall(door)] if screened else []
    if door.entrance == door.leads_to:  # whoever is behind it is called what it is
        return let_in
    entrance, goal = _end(door.protocol, door.entrance), _goal(door.leads_to)
    elements = [*let_in, Element("bindings", _end(door.protocol, door.leads_to), _goal(door.entrance))]
    if door.visitor is None:
        elements.append(Element("doors_any", entrance, goal))
    else:
        elements.append(Element("doors", door.visitor + entrance, goal))
    if door.inspect_as is not None:
        elements.append(Element("inspected", entrance))
    return elements


def _through_firewall(door: Door) -> Element:
    """What lets a visitor through to where a door leads; and back to one who is known, by a door that awaits a flow."""
    end = _end(door.protocol, door.leads_to)
    if door.visitor is None:
        return Element("let_in_any", end)
    return Element("let_in" if door.flows is None else "let_in_once", door.visitor + end)


def of_tunnel(tunnel: Tunnel) -> list[Element]:
    """What lets packets of a tunnel pass, as far as its SPIs are known."""
    host, name, server = tunnel.host, tunnel.name, tunnel.server
    elements = [Element("esp_names", host + server, name), Element("esp_peers", server + name)]
    if tunnel.inbound is not None:
        elements.append(Element("esp_in", server + name + tunnel.inbound.to_bytes(4, "big"), host))
        if tunnel.outbound is not None:
            elements.append(Element("esp_out", host + server + tunnel.outbound.to_bytes(4, "big")))
    return elements


def _of_peering(peering: Peering) -> list[Element]:
    host, name, server = peering.host, peering.name, peering.server
    return [Element("ike_names", host + server, name), Element("ike_peers", server + name)]


def _end(protocol: int, endpoint: Endpoint) -> bytes:
    """`address . protocol . port`, each in 4 bytes."""
    return b"%b%c\0\0\0%b\0\0" % (endpoint.address, protocol, endpoint.port.to_bytes(2, "big"))


def _goal(endpoint: Endpoint) -> bytes:
    """`address . port`, each in 4 bytes."""
    return b"%b%b\0\0" % (endpoint.address, endpoint.port.to_bytes(2, "big"))


def _fields(set_name: str, key: bytes) -> str:
    if set_name.startswith(("esp_", "ike_")):
        ends = [address_text(Address(key[at : at + 4])) for at in (0, 4)]
        return " . ".join([*ends, f"0x{key[8:].hex()}"] if key[8:] else ends)
    addresses = [address_text(Address(key[:4]))]
    if set_name in _WITH_VISITOR:
        addresses.append(address_text(Address(key[4:8])))
    rest = key[4 * len(addresses) :]
    if rest:
        addresses += [
            str(rest[0]) if set_name == "quoted" else PROTOCOL_NAMES[rest[0]],
            str(int.from_bytes(rest[4:6], "big")),
        ]
    return " . ".join(addresses)
