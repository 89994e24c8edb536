"""The elements of the kernel's sets that names, doors, tunnels and the like need."""

from typing import Final, NamedTuple

from doorman.algs.api import Door
from doorman.dataplanes.netfilter.chains.flow_names import slot_of
from doorman.dataplanes.netfilter.packed import TAGS, Element, Packed, end_of, goal_of, number_of, pack, port_of
from doorman.nat.bindings import WHOLE_HOST, Binding
from doorman.nat.peerings import Peering
from doorman.nat.tunnels import Tunnel
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP, UDP

LEG_MS: Final = 60_000
"""How long a second leg may be translated anew: until its first packets have passed. Longer than anybody connects."""
COUNTED: Final = ("esp_out", "esp_in")
"""The sets that count the packets of each SPI."""

_IPV4: Final = 4
_LEADING_IN: Final = frozenset({"hosts_in", "leases_in", "whole"})
"""Sets that have the names of whole hosts, whatever way these are for."""
_BINDINGS: Final = TAGS["bindings"]
_NAMES: Final = TAGS["names"]
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


class Terms(NamedTuple):
    """What it depends on which elements something needs.

    Attributes:
        served: the ports ALGs are served on, by protocol number.
        screened: whether a firewall stands between hosts, which doors let through.
        quoted: whether names are kept for ICMP errors, too.
        by_flow: whether rules look at flows, so that a name belongs to the way of its rule.
    """

    served: dict[int, frozenset[int]]
    screened: bool = False
    quoted: bool = False
    by_flow: bool = False


class Needs:
    """Says which elements names and doors need."""

    def __init__(self, terms: Terms) -> None:
        self._served = terms.served
        self._screened = terms.screened
        self._quoted = terms.quoted
        self._by_flow = terms.by_flow
        # The slots of names of the ways of rules, by protocol and name; not of plain static ones.
        self._slots: dict[tuple[int, Endpoint], bytes] = {}

    def of_binding(self, binding: Binding) -> tuple[Packed, ...]:
        """What gives a name to the packets of an endpoint or host."""
        if binding.outside:
            return tuple(map(pack, _of_outside(binding)))
        protocol, local, name = binding.protocol, binding.local, binding.global_
        slot = self._slot(binding) if self._by_flow else b""
        if protocol == WHOLE_HOST:
            return _of_host(binding, slot)
        if protocol != UDP and protocol != TCP:  # noqa: PLR1714 - compiled, a set is asked ten times as long
            return ()
        number, local_port, port = number_of(protocol), port_of(local), port_of(name)
        tag = _BINDINGS_BY + slot if slot else _BINDINGS
        known = b"%b%b%b%b%b%b" % (tag, local.address, number, local_port, name.address, port)
        if not (binding.static or self._quoted):
            return known, b"%b%b%b%b" % (_NAMES, name.address, number, port)
        outside = b"%b%b%b" % (name.address, number, port)
        if not binding.static:
            return known, _NAMES + outside, _QUOTED + outside
        elements = [] if binding.secondary else [known]
        if self._quoted:
            elements.append(_QUOTED + outside)
        elements.append(_ENTRANCES + outside + local.address + local_port)
        if local.port in self._served.get(protocol, ()):
            elements.append(_INSPECTED + outside)
        return tuple(elements)

    def of_door(self, door: Door, *, named: bool = False) -> tuple[Packed, ...]:
        """What lets a flow in by a door, and calls what answers to it by its name.

        That is done already where its end is `named` by a port that is its own for as long.
        """
        elements = _of_door(door, screened=self._screened, named=named)
        if not self._by_flow:
            return elements
        entrance = door.entrance
        slot = self._slots.get((door.protocol, entrance)) or self._slots.get(
            (WHOLE_HOST, Endpoint(entrance.address, 0))
        )
        if slot is not None:
            elements = tuple(element for element in elements if element[:1] != _BINDINGS)
        if door.visitor is None or not elements or entrance == door.leads_to or door.promoted:
            return elements
        leads_to = end_of(door.protocol, door.leads_to)
        return (*elements, _PROMISED + (slot or bytes(2)) + door.visitor + leads_to + goal_of(entrance))

    def forget(self, binding: Binding) -> None:
        """A name is nobody's any more."""
        if self._slots:
            self._slots.pop((binding.protocol, binding.global_), None)

    def _slot(self, binding: Binding) -> bytes:
        """The slot of a name, remembered as long as that is given; empty for a plain static one."""
        if binding.static and not binding.way:
            return b""
        slot = slot_of(binding.way).to_bytes(2, "big")
        self._slots[binding.protocol, binding.global_] = slot
        return slot


def of_tunnel(tunnel: Tunnel) -> list[Element]:
    """What lets packets of a tunnel pass, as far as its SPIs are known."""
    host, name, server = tunnel.host, tunnel.name, tunnel.server
    elements = [Element("esp_names", host + server, name), Element("esp_peers", server + name)]
    if tunnel.inbound is not None:
        elements.append(Element("esp_in", server + name + tunnel.inbound.to_bytes(4, "big"), host))
        if tunnel.outbound is not None:
            elements.append(Element("esp_out", host + server + tunnel.outbound.to_bytes(4, "big")))
    return elements


def of_peering(peering: Peering) -> list[Element]:
    """What lets IKE pass that keeps its port."""
    host, name, server = peering.host, peering.name, peering.server
    return [Element("ike_names", host + server, name), Element("ike_peers", server + name)]


def of_leg(port: int, source: Endpoint) -> Element:
    """What gives a second leg at one of our own ports the name of its client."""
    return Element("legs", port.to_bytes(2, "big"), goal_of(source))


def _of_host(binding: Binding, slot: bytes) -> tuple[Packed, ...]:
    local, name = binding.local.address, binding.global_.address
    kind = "hosts" if binding.static else "leases"
    elements = [Element(f"{kind}_in", name, local), Element("whole", name)]
    if not binding.secondary:
        elements.insert(0, Element(kind, local, name))
    elements.append(Element("single" if binding.static else "leased", local))
    if not slot:
        return tuple(map(pack, elements))
    known = () if binding.secondary else (_HOSTS_BY + slot + local + name,)
    leads_in = (pack(one) for one in elements if one.set_name in _LEADING_IN)
    return (*known, *leads_in, _LEASED_BY + slot + local)


def _of_outside(binding: Binding) -> list[Element]:
    """What an outside host is called inside: its name leads to it, and it comes by that name."""
    protocol, end, name = binding.protocol, binding.local, binding.global_
    if protocol == WHOLE_HOST:
        kind = "outside_hosts" if binding.static else "outside_leases"
        elements = [Element(kind, name.address, end.address), Element(f"{kind}_in", end.address, name.address)]
    else:
        elements = [
            Element("outside_ports", end_of(protocol, name), goal_of(end)),
            Element("outside_ports_in", end_of(protocol, end), goal_of(name)),
        ]
    if binding.secondary:
        del elements[1]
    return elements if binding.static else [*elements, Element("outside_leased", end.address)]


def _of_door(door: Door, *, screened: bool, named: bool) -> tuple[Packed, ...]:
    if door.promoted or len(door.entrance.address) != _IPV4:
        return ()
    if door.entrance == door.leads_to:  # whoever is behind it is called what it is
        return (_through_firewall(door),) if screened else ()
    name, host, number = door.entrance.address, door.leads_to.address, number_of(door.protocol)
    name_port, host_port = port_of(door.entrance), port_of(door.leads_to)
    tag, visitor = (_DOORS_ANY, b"") if door.visitor is None else (_DOORS, door.visitor)
    elements: tuple[Packed, ...] = (b"%b%b%b%b%b%b%b" % (tag, visitor, name, number, name_port, host, host_port),)
    if not named:
        elements = (b"%b%b%b%b%b%b" % (_BINDINGS, host, number, host_port, name, name_port), *elements)
    if door.inspect_as is not None:
        elements += (b"%b%b%b%b" % (_INSPECTED, name, number, name_port),)
    return (_through_firewall(door), *elements) if screened else elements


def _through_firewall(door: Door) -> Packed:
    """What lets a visitor through to where a door leads; and back to one who is known, by a door that awaits a flow."""
    end = end_of(door.protocol, door.leads_to)
    if door.visitor is None:
        return _LET_IN_ANY + end
    return (_LET_IN if door.flows is None else _LET_IN_ONCE) + door.visitor + end
