"""The elements that bindings and doors are in the kernel's sets, see `ruleset.SETS`, while somebody needs them.

Several doors may be one element: calls of a phone with one media port. So elements are counted. Changes are planned,
then committed by the kernel, then kept; if the kernel refuses, it is as if they had not been planned. Of all that
happens to an element within a plan only what comes of it is told to the kernel: that it is destroyed, added, or both.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from doorman.algs.api import Door
from doorman.dataplanes.netfilter.chains.flow_names import slot_of
from doorman.dataplanes.netfilter.elements import Transaction
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted
from doorman.nat.bindings import WHOLE_HOST, Binding, BindingFreed, BindingMade
from doorman.nat.peerings import Peering, PeeringEnded, PeeringMade
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES, TCP, UDP
from doorman.timers import NEVER

_IPV4: Final = 4
_NUMBERS: Final = [bytes((protocol, 0, 0, 0)) for protocol in range(256)]
"""Protocols as elements have them."""
_HIGH: Final = [bytes((byte,)) for byte in range(256)]
_LOW: Final = [bytes((byte, 0, 0)) for byte in range(256)]
"""Ports as elements have them: to put these together takes a third of what `to_bytes` does."""
_WITH_VISITOR: Final = ("doors", "let_in", "let_in_once")
"""Sets whose keys begin with another address; and those `promised` to somebody."""
_LEADING_IN: Final = frozenset({"hosts_in", "leases_in", "whole"})
"""Sets that have the names of whole hosts, whatever way these are for."""
LINGER_MS: Final = 60_000
"""How long nothing new may come to a name that was given back: it would leave a trace that blocks the next flow."""
LEG_MS: Final = 60_000
"""How long a second leg may be translated anew: until its first packets have passed. Longer than anybody connects."""
COUNTED: Final = ("esp_out", "esp_in")
"""The sets that count the packets of each SPI."""
LATE: Final = 5.0
"""Seconds after which the kernel, too, must have forgotten a name that lingers no more."""
_SLACK: Final = 3_600.0
"""Seconds that the kernel keeps a door longer than said: the engine closes it, this is for when there is none."""


class Element(NamedTuple):
    """One element of a set, or of a map, whose `data` is then not b""; key and data as `elements` wants them."""

    set_name: str
    key: bytes
    data: bytes = b""


Holder = Door | Binding | Tunnel | Peering
"""Who needs elements."""

_SLOT, _ADDRESS, _PAIR, _END, _PAIR_AND_SPI, _VISITOR_AND_END = 2, 4, 8, 12, 12, 16
_KEYS: Final = {
    "bindings": _END,
    "names": _END,
    "doors": _VISITOR_AND_END,
    "doors_any": _END,
    "inspected": _END,
    "entrances": _END,
    "hosts": _ADDRESS,
    "hosts_in": _ADDRESS,
    "leases": _ADDRESS,
    "leases_in": _ADDRESS,
    "leased": _ADDRESS,
    "whole": _ADDRESS,
    "single": _ADDRESS,
    "quoted": _END,
    "outside_hosts": _ADDRESS,
    "outside_hosts_in": _ADDRESS,
    "outside_leases": _ADDRESS,
    "outside_leases_in": _ADDRESS,
    "outside_leased": _ADDRESS,
    "outside_ports": _END,
    "outside_ports_in": _END,
    "let_in": _VISITOR_AND_END,
    "let_in_any": _END,
    "let_in_once": _VISITOR_AND_END,
    "esp_names": _PAIR,
    "esp_peers": _PAIR,
    "esp_in": _PAIR_AND_SPI,
    "esp_out": _PAIR_AND_SPI,
    "ike_names": _PAIR,
    "ike_peers": _PAIR,
    "promised_": _SLOT + _VISITOR_AND_END,
    "bindings_": _SLOT + _END,
    "hosts_": _SLOT + _ADDRESS,
    "leased_": _SLOT + _ADDRESS,
}
"""The sets, and how many bytes their keys have. Of the last four there is one for each slot, see `chains.flow_names`:
here its number stands before the keys, in the kernel behind the set's name.
"""
_SETS: Final = list(_KEYS)
_LENGTHS: Final = list(_KEYS.values())
TAGS: Final = {name: bytes([index]) for index, name in enumerate(_SETS)}
"""What stands before an element of each set, see `_Packed`."""
_BINDINGS: Final = TAGS["bindings"]
_NAMES: Final = TAGS["names"]
_NAME: Final = _NAMES[0]
_DOORS: Final = TAGS["doors"]
_DOORS_ANY: Final = TAGS["doors_any"]
_INSPECTED: Final = TAGS["inspected"]
_ENTRANCES: Final = TAGS["entrances"]
_QUOTED: Final = TAGS["quoted"]
_LET_IN: Final = TAGS["let_in"]
_LET_IN_ANY: Final = TAGS["let_in_any"]
_LET_IN_ONCE: Final = TAGS["let_in_once"]
_PROMISED: Final = TAGS["promised_"]
_BINDINGS_BY: Final = TAGS["bindings_"]
_HOSTS_BY: Final = TAGS["hosts_"]
_LEASED_BY: Final = TAGS["leased_"]
_FIRST_OF_SLOTS: Final = _PROMISED[0]

_Packed = bytes
"""An element as it is remembered, since there are many: the tag of its set, its key, its data."""


class Step:
    """What is to be done to an element.

    Attributes:
        set_name, key, data: of the element.
        add: whether it is added, else destroyed.
        timeout: how long it lives, in ms; 0 for ever.
    """

    __slots__ = ("add", "data", "key", "set_name", "timeout")

    def __init__(self, packed: _Packed, *, add: bool, timeout: int = 0) -> None:
        tag = packed[0]
        if tag < _FIRST_OF_SLOTS:
            end = 1 + _LENGTHS[tag]
            self.set_name, self.key, self.data = _SETS[tag], packed[1:end], packed[end:]
        else:
            self.set_name, self.key, self.data = _unpacked(packed)
        self.add = add
        self.timeout = timeout


class _Use:
    """How many need an element, and when the last of them does no more. Never changed: a plan may be undone."""

    __slots__ = ("closes", "users")

    def __init__(self, users: int, closes: float) -> None:
        self.users = users
        self.closes = closes


class Tables:
    """All elements that should be in the kernel.

    Attributes:
        served: the ports ALGs are served on, by protocol number.
        screened: whether a firewall stands between hosts, which doors let through.
        quoted: whether names are kept for ICMP errors, too.
        by_flow: whether rules look at flows, so that a name belongs to the way of its rule.
    """

    def __init__(
        self,
        served: dict[int, frozenset[int]],
        *,
        screened: bool = False,
        quoted: bool = False,
        by_flow: bool = False,
    ) -> None:
        self.served = served
        self.screened = screened
        self.quoted = quoted
        self.by_flow = by_flow
        # The slots of names of the ways of rules, by protocol and name; not of plain static ones.
        self._slots: dict[tuple[int, Endpoint], bytes] = {}
        self._uses: dict[_Packed, _Use] = {}
        self._of: dict[Holder, tuple[_Packed, ...]] = {}
        self._lingering: dict[_Packed, float] = {}
        # As it was before the last plan: elements, whose they are, and when names linger no more.
        self._before: dict[_Packed, _Use | None] = {}
        self._of_before: list[tuple[Holder, tuple[_Packed, ...] | None]] = []
        self._lingered: list[tuple[_Packed, float | None]] = []

    def __iter__(self) -> Iterator[Element]:
        return map(_unpacked, self._uses)

    def timeout(self, element: Element, now: float) -> int:
        """How long an element may still live, in ms; 0 for ever."""
        return _milliseconds(self._uses[_packed(element)].closes, now)

    def lingering(self, now: float) -> Iterator[tuple[Element, int]]:
        """Names that were given back lately, and how long they linger yet, in ms."""
        for element, until in self._lingering.items():
            if until > now and element not in self._uses:
                yield _unpacked(element), int((until - now) * 1000)

    def succeed(self, old: "Tables", now: float) -> None:
        """Take the place of others: what names they had linger, unless they are in use here."""
        self._lingering = {_packed(element): now + left / 1000 for element, left in old.lingering(now)}
        for element in map(_packed, old):
            if element[:1] == _NAMES and element not in self._uses:
                self._lingering[element] = now + LINGER_MS / 1000

    def plan(self, changes: Iterable[Change], now: float) -> list[Step]:
        """Carry changes out on paper; what is to be done in the kernel, in order. Then `undo`, or it is kept.

        An element is destroyed once at most, and added after that: so those of a set can be told together.
        """
        self._before = {}
        self._of_before = []
        self._lingered = []
        self._forget_lingering(now)
        for change in changes:
            if isinstance(change, DoorOpened):
                door = change.door
                self._need(door, self._of_door(door), door.closes)
            elif isinstance(change, BindingMade):
                self._need(change.binding, self._of_binding(change.binding), math.inf)
            elif isinstance(change, BindingFreed):
                self._leave(change.binding)
                self._slots.pop((change.binding.protocol, change.binding.global_), None)
            elif isinstance(change, (TunnelMade, TunnelLearnt)):
                self._leave(change.tunnel)
                self._need(change.tunnel, tuple(map(_packed, of_tunnel(change.tunnel))), math.inf)
            elif isinstance(change, TunnelEnded):
                self._leave(change.tunnel)
            elif isinstance(change, PeeringMade):
                self._need(change.peering, tuple(map(_packed, _of_peering(change.peering))), math.inf)
            elif isinstance(change, PeeringEnded):
                self._leave(change.peering)
            elif isinstance(change, DoorClosed) or (isinstance(change, DoorPromoted) and change.door.promoted):
                self._leave(change.door)
        return self._steps(now)

    def undo(self) -> None:
        """Forget the last plan."""
        for owner, elements in reversed(self._of_before):
            if elements is None:
                del self._of[owner]
            else:
                self._of[owner] = elements
        for element, until in self._lingered:
            if until is None:
                del self._lingering[element]
            else:
                self._lingering[element] = until
        for element, use in self._before.items():
            if use is not None:
                self._uses[element] = use
            else:
                self._uses.pop(element, None)
        self._before = {}
        self._of_before = []
        self._lingered = []

    def _need(self, owner: Holder, elements: tuple[_Packed, ...], closes: float) -> None:
        if owner in self._of:
            return
        self._of[owner] = elements
        self._of_before.append((owner, None))
        uses, before = self._uses, self._before
        for element in elements:
            known = uses.get(element)
            before.setdefault(element, known)
            if known is None:
                uses[element] = _Use(1, closes)
            else:
                uses[element] = _Use(known.users + 1, max(known.closes, closes))

    def _leave(self, owner: Holder) -> None:
        mine = self._of.pop(owner, None)
        if mine is None:
            return
        self._of_before.append((owner, mine))
        for element in mine:
            known = self._uses[element]
            self._before.setdefault(element, known)
            if known.users > 1:
                self._uses[element] = _Use(known.users - 1, known.closes)
            else:
                del self._uses[element]

    def _steps(self, now: float) -> list[Step]:
        """What became of the elements of a plan; a name that is given back lingers."""
        destroyed: dict[int, list[Step]] = {}
        added: dict[int, list[Step]] = {}
        for element, before in self._before.items():
            use = self._uses.get(element)
            if use is not None and before is not None and use.closes == before.closes:
                continue
            tag = element[0]
            is_name = tag == _NAME
            if before is not None or (is_name and element in self._lingering):
                _file(destroyed, tag, Step(element, add=False))
            if use is not None:
                _file(added, tag, Step(element, add=True, timeout=_milliseconds(use.closes, now)))
            elif is_name:
                _file(added, tag, Step(element, add=True, timeout=LINGER_MS))
                self._linger(element, now)
        steps: list[Step] = []
        for group in (*destroyed.values(), *added.values()):
            steps += group
        return steps

    def _linger(self, element: _Packed, now: float) -> None:
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

    def _of_binding(self, binding: Binding) -> tuple[_Packed, ...]:
        if binding.outside:
            return tuple(map(_packed, _of_outside(binding)))
        protocol, local, name = binding.protocol, binding.local, binding.global_
        slot = self._slot(binding) if self.by_flow else b""
        if protocol == WHOLE_HOST:
            return self._of_host(binding, slot)
        if protocol not in {TCP, UDP}:
            return ()
        number, local_port, port = _number(protocol), _port(local), _port(name)
        outside = b"%b%b%b" % (name.address, number, port)
        tag = _BINDINGS_BY + slot if slot else _BINDINGS
        known = b"%b%b%b%b%b%b" % (tag, local.address, number, local_port, name.address, port)
        if not binding.static:
            names = known, _NAMES + outside
            return (*names, _QUOTED + outside) if self.quoted else names
        elements = [] if binding.secondary else [known]
        if self.quoted:
            elements.append(_QUOTED + outside)
        elements.append(_ENTRANCES + outside + local.address + local_port)
        if local.port in self.served.get(protocol, ()):
            elements.append(_INSPECTED + outside)
        return tuple(elements)

    def _of_host(self, binding: Binding, slot: bytes) -> tuple[_Packed, ...]:
        elements = _of_host(binding)
        if not slot:
            return tuple(map(_packed, elements))
        local, name = binding.local.address, binding.global_.address
        known = () if binding.secondary else (_HOSTS_BY + slot + local + name,)
        leads_in = (_packed(one) for one in elements if one.set_name in _LEADING_IN)
        return (*known, *leads_in, _LEASED_BY + slot + local)

    def _slot(self, binding: Binding) -> bytes:
        """The slot of a name, remembered as long as that is given; empty for a plain static one."""
        if binding.static and not binding.way:
            return b""
        slot = slot_of(binding.way).to_bytes(2, "big")
        self._slots[binding.protocol, binding.global_] = slot
        return slot

    def _of_door(self, door: Door) -> tuple[_Packed, ...]:
        if not self.by_flow:
            return _of_door(door, screened=self.screened)
        elements = _of_door(door, screened=self.screened)
        entrance = door.entrance
        slot = self._slots.get((door.protocol, entrance)) or self._slots.get(
            (WHOLE_HOST, Endpoint(entrance.address, 0))
        )
        if slot is not None:
            elements = tuple(element for element in elements if element[:1] != _BINDINGS)
        if door.visitor is None or not elements or entrance == door.leads_to or door.promoted:
            return elements
        leads_to = _end(door.protocol, door.leads_to)
        return (*elements, _PROMISED + (slot or bytes(2)) + door.visitor + leads_to + _goal(entrance))


def transaction_of(steps: Iterable[Step], table: str) -> Transaction:
    """The steps as a transaction of the sets of a table."""
    transaction = Transaction(table)
    for step in steps:
        if step.add:
            transaction.add(step.set_name, step.key, step.data or None, step.timeout or None)
        else:
            transaction.destroy(step.set_name, step.key)
    return transaction


def _file(steps: dict[int, list[Step]], tag: int, step: Step) -> None:
    """Put a step with those of the same set."""
    known = steps.get(tag)
    if known is None:
        steps[tag] = [step]
    else:
        known.append(step)


def _packed(element: Element) -> _Packed:
    tag = TAGS.get(element.set_name)
    if tag is not None:
        return tag + element.key + element.data
    kind, _, slot = element.set_name.rpartition("_")
    return TAGS[f"{kind}_"] + int(slot).to_bytes(2, "big") + element.key + element.data


def _unpacked(packed: _Packed) -> Element:
    tag = packed[0]
    end = 1 + _LENGTHS[tag]
    if tag < _FIRST_OF_SLOTS:
        return Element(_SETS[tag], packed[1:end], packed[end:])
    return Element(_SETS[tag] + str(int.from_bytes(packed[1:3], "big")), packed[3:end], packed[end:])


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


def _of_door(door: Door, *, screened: bool) -> tuple[_Packed, ...]:
    if door.promoted or len(door.entrance.address) != _IPV4:
        return ()
    if door.entrance == door.leads_to:  # whoever is behind it is called what it is
        return (_through_firewall(door),) if screened else ()
    name, host, number = door.entrance.address, door.leads_to.address, _number(door.protocol)
    name_port, host_port = _port(door.entrance), _port(door.leads_to)
    known = b"%b%b%b%b%b%b" % (_BINDINGS, host, number, host_port, name, name_port)
    tag = _DOORS_ANY if door.visitor is None else _DOORS + door.visitor
    way = b"%b%b%b%b%b%b" % (tag, name, number, name_port, host, host_port)
    elements: tuple[_Packed, ...] = (known, way)
    if door.inspect_as is not None:
        elements += (b"%b%b%b%b" % (_INSPECTED, name, number, name_port),)
    return (_through_firewall(door), *elements) if screened else elements


def _through_firewall(door: Door) -> _Packed:
    """What lets a visitor through to where a door leads; and back to one who is known, by a door that awaits a flow."""
    end = _end(door.protocol, door.leads_to)
    if door.visitor is None:
        return _LET_IN_ANY + end
    return (_LET_IN if door.flows is None else _LET_IN_ONCE) + door.visitor + end


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
    return endpoint.address + _number(protocol) + _port(endpoint)


def _goal(endpoint: Endpoint) -> bytes:
    """`address . port`, each in 4 bytes."""
    return endpoint.address + _port(endpoint)


def _number(protocol: int) -> bytes:
    return _NUMBERS[protocol]


def _port(endpoint: Endpoint) -> bytes:
    return _HIGH[endpoint.port >> 8] + _LOW[endpoint.port & 0xFF]


def _fields(set_name: str, key: bytes) -> str:
    if set_name.startswith(("esp_", "ike_")):
        ends = [address_text(Address(key[at : at + 4])) for at in (0, 4)]
        return " . ".join([*ends, f"0x{key[8:].hex()}"] if key[8:] else ends)
    addresses = [address_text(Address(key[:4]))]
    if set_name in _WITH_VISITOR or set_name.startswith("promised_"):
        addresses.append(address_text(Address(key[4:8])))
    rest = key[4 * len(addresses) :]
    if rest:
        addresses += [
            str(rest[0]) if set_name == "quoted" else PROTOCOL_NAMES[rest[0]],
            str(int.from_bytes(rest[4:6], "big")),
        ]
    return " . ".join(addresses)
