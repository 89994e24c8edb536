"""Tables on paper against a kernel of dictionaries: whatever is changed, both hold what is left, and nothing else."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Door, Owner
from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.elements import Run
from doorman.dataplanes.netfilter.messages import attributes, each_attribute
from doorman.dataplanes.netfilter.needs import Terms
from doorman.dataplanes.netfilter.packed import TAGS, Element, text_of, unpack
from doorman.dataplanes.netfilter.ruleset import SETS
from doorman.dataplanes.netfilter.tables import LATE, LINGER_MS, Tables
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted
from doorman.nat.bindings import WHOLE_HOST, Binding, BindingFreed, BindingMade
from doorman.nat.holdings import Holdings
from doorman.nat.peerings import Peering, PeeringEnded, PeeringLearnt, PeeringMade
from doorman.nat.rules import Rules
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import ICMP, TCP, UDP
from kit.gateway import OVERLOAD
from kit.packets import endpoint

NOW = 1000.0
SERVED = {UDP: frozenset({5060}), TCP: frozenset({5060})}
TERMS = Terms(SERVED)
CONFIG = read_config(OVERLOAD, "test.cfg")
[RULE] = Rules(CONFIG, Holdings(CONFIG, float)).dynamic
PHONE, NAME = "192.168.1.10:4000", "203.0.113.1:4000"
PEER = "198.51.100.20"


def a_door(  # noqa: PLR0913 - as a door is
    entrance: str = NAME,
    leads_to: str = PHONE,
    visitor: str | None = PEER,
    *,
    closes: float = NOW + 60,
    inspect_as: str | None = None,
    protocol: int = UDP,
) -> Door:
    return Door(
        Owner("sip", b"call", address_of("192.168.1.10")),
        "rtp",
        protocol,
        visitor=address_of(visitor) if visitor is not None else None,
        entrance=endpoint(entrance),
        leads_to=endpoint(leads_to),
        closes=closes,
        flows=1,
        inspect_as=inspect_as,
    )


def a_binding(local: str, name: str, protocol: int = UDP, *, static: bool = False) -> Binding:
    return Binding(protocol, endpoint(local), endpoint(name), None if static else RULE)


def texts(elements: Iterable[Element]) -> list[str]:
    return sorted(f"{element.set_name}: {text_of(element)}" for element in elements)


class Step(NamedTuple):
    """What is done to one element."""

    set_name: str
    key: bytes
    data: bytes
    timeout: int
    add: bool


def steps_of(runs: Iterable[Run]) -> list[Step]:
    return [
        Step(run.set_name, key, *content_of(element, key), run.adds)
        for run in runs
        for key, element in zip(run.keys, run.elements, strict=True)
    ]


def content_of(element: bytes, key: bytes) -> tuple[bytes, int]:
    """Data and timeout of an element as a message tells them; see that it is the one with this key."""
    [(kind, whole)] = each_attribute(element)
    told = attributes(whole, 0)
    value, data = attributes(told[1], 0), attributes(told[2], 0) if 2 in told else {1: b""}
    assert (kind, value) == (1, {1: key})
    return data[1], int.from_bytes(told.get(4, b""), "big")


def needed(change: Change) -> list[str]:
    """The elements for one thing alone."""
    tables = Tables(TERMS)
    tables.plan([change], NOW)
    return texts(tables)


class Kernel:
    """Sets that take steps as the kernel's do: no key twice."""

    def __init__(self) -> None:
        self.elements: dict[tuple[str, bytes], tuple[bytes, int]] = {}

    def carry_out(self, runs: list[Run]) -> None:
        for step in steps_of(runs):
            element = step.set_name, step.key
            if not step.add:
                self.elements.pop(element, None)
                continue
            assert element not in self.elements, "its time-out would stay as it was"
            self.elements[element] = step.data, step.timeout

    def lasting(self) -> set[Element]:
        """All but the names that were given back."""
        return {
            Element(set_name, key, data)
            for (set_name, key), (data, timeout) in self.elements.items()
            if set_name != "names" or timeout != LINGER_MS
        }


# Two ports of a phone, a host and a lease; several doors need the same elements.
BINDINGS = [
    a_binding(PHONE, NAME),
    a_binding("192.168.1.10:5060", "203.0.113.1:5060"),
    a_binding("192.168.1.11:4000", "203.0.113.1:4001"),
    a_binding("192.168.1.5:0", "203.0.113.5:0", WHOLE_HOST, static=True),
    a_binding("192.168.1.6:0", "203.0.113.6:0", WHOLE_HOST),
    a_binding("192.168.1.7:5060", "203.0.113.7:5070", static=True),
]


def doors() -> list[Door]:
    return [
        a_door(),
        a_door(closes=NOW + 20),
        a_door(closes=NOW + 500),
        a_door(visitor=None),
        a_door(visitor=None, closes=math.inf),
        a_door("203.0.113.1:5060", "192.168.1.10:5060", None, closes=math.inf, inspect_as="sip"),
        a_door("203.0.113.1:5060", "192.168.1.10:5060", inspect_as="sip"),
    ]


STEPS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from(["open", "close", "use", "make", "free"]), st.integers(0, 6)),
            min_size=1,
            max_size=6,
        ),
        st.booleans(),
    ),
    max_size=12,
)


class Engine:
    """Says what an engine could say: nothing is closed that is not open."""

    def __init__(self) -> None:
        self.doors = doors()
        self.open: dict[Door, None] = {}
        self.bound: dict[Binding, None] = {}

    def changes(self, verbs: list[tuple[str, int]]) -> list[Change]:
        return [change for verb, number in verbs for change in self.change(verb, number)]

    def change(self, verb: str, number: int) -> list[Change]:
        door, binding = self.doors[number], BINDINGS[number % len(BINDINGS)]
        if verb == "open" and door not in self.open:
            self.open[door] = None
            door.promoted = False
            return [DoorOpened(door)]
        if verb == "close" and door in self.open:
            del self.open[door]
            return [DoorClosed(door)]
        if verb == "use" and door in self.open:
            door.promoted = True
            return [DoorPromoted(door)]
        if verb == "make" and binding not in self.bound:
            self.bound[binding] = None
            return [BindingMade(binding)]
        if verb == "free" and binding in self.bound:
            del self.bound[binding]
            return [BindingFreed(binding)]
        return []

    def everything(self) -> list[Change]:
        return [*map(BindingMade, self.bound), *map(DoorOpened, self.open)]


@given(STEPS)
def test_whatever_is_changed_the_kernel_holds_what_is_left(batches: list[tuple[list[tuple[str, int]], bool]]) -> None:
    engine, tables, kernel = Engine(), Tables(TERMS), Kernel()
    for verbs, refused in batches:
        changes = engine.changes(verbs)
        if refused:
            before = texts(tables), [tables.timeout(element, NOW) for element in tables]
            first = tables.plan(changes, NOW)
            tables.undo()
            assert texts(tables) == before[0]
            assert sorted(tables.timeout(element, NOW) for element in tables) == sorted(before[1])
            runs = tables.plan(changes, NOW)
            assert steps_of(runs) == steps_of(first), "a plan that was undone has left something"
        else:
            runs = tables.plan(changes, NOW)
        kernel.carry_out(runs)
        afresh = Tables(TERMS)
        afresh.plan(engine.everything(), NOW)
        assert texts(tables) == texts(afresh)
        assert kernel.lasting() == set(tables)
        for element in afresh:
            assert tables.timeout(element, NOW) == 0 or tables.timeout(element, NOW) >= afresh.timeout(element, NOW) > 0
            assert kernel.elements[element.set_name, element.key][1] == tables.timeout(element, NOW)


@given(STEPS)
def test_undoing_a_plan_leaves_what_was(batches: list[tuple[list[tuple[str, int]], bool]]) -> None:
    engine, tables = Engine(), Tables(TERMS)
    for verbs, _ in batches[:-1]:
        tables.plan(engine.changes(verbs), NOW)
    before = texts(tables)
    for verbs, _ in batches[-1:]:
        tables.plan(engine.changes(verbs), NOW)
        tables.undo()
        tables.undo()
    assert texts(tables) == before


def test_the_elements_of_bindings() -> None:
    udp, tcp = " . udp . ", " . tcp . "
    assert needed(BindingMade(a_binding(PHONE, NAME))) == [
        f"bindings: 192.168.1.10{udp}4000 : 203.0.113.1 . 4000",
        f"names: 203.0.113.1{udp}4000",
    ]
    assert needed(BindingMade(a_binding("192.168.1.7:80", "203.0.113.7:8080", TCP, static=True))) == [
        f"bindings: 192.168.1.7{tcp}80 : 203.0.113.7 . 8080",
        f"entrances: 203.0.113.7{tcp}8080 : 192.168.1.7 . 80",
    ]
    assert f"inspected: 203.0.113.7{udp}5070" in needed(
        BindingMade(a_binding("192.168.1.7:5060", "203.0.113.7:5070", static=True))
    )
    assert needed(BindingMade(a_binding("192.168.1.5:0", "203.0.113.5:0", WHOLE_HOST, static=True))) == [
        "hosts: 192.168.1.5 : 203.0.113.5",
        "hosts_in: 203.0.113.5 : 192.168.1.5",
        "single: 192.168.1.5",
        "whole: 203.0.113.5",
    ]
    assert needed(BindingMade(a_binding("192.168.1.6:0", "203.0.113.6:0", WHOLE_HOST))) == [
        "leased: 192.168.1.6",
        "leases: 192.168.1.6 : 203.0.113.6",
        "leases_in: 203.0.113.6 : 192.168.1.6",
        "whole: 203.0.113.6",
    ]
    assert needed(BindingMade(a_binding("192.168.1.10:7", "203.0.113.1:7", ICMP))) == []


ENDS = address_of("192.168.1.10"), address_of("203.0.113.1"), address_of("198.51.100.7")
"""A host, its name, and a server."""


def a_tunnel(outbound: int | None = None, inbound: int | None = None) -> Tunnel:
    tunnel = Tunnel(*ENDS, NOW, shared=True)
    tunnel.outbound, tunnel.inbound = outbound, inbound
    return tunnel


WAITING = ["esp_names: 192.168.1.10 . 198.51.100.7 : 203.0.113.1", "esp_peers: 198.51.100.7 . 203.0.113.1"]
INWARD = "esp_in: 198.51.100.7 . 203.0.113.1 . 0x0000a001 : 192.168.1.10"
WHOLE = sorted([INWARD, "esp_out: 192.168.1.10 . 198.51.100.7 . 0x00001001", *WAITING])


def test_the_elements_of_tunnels() -> None:
    assert needed(TunnelMade(a_tunnel(0x1001))) == WAITING
    assert needed(TunnelMade(a_tunnel(0x1001, 0xA001))) == WHOLE
    assert needed(TunnelMade(a_tunnel(None, 0xA001))) == [INWARD, *WAITING]


def test_a_tunnel_that_is_whole_then_has_more_of_them_and_in_the_end_none() -> None:
    tables, tunnel, other = Tables(TERMS), a_tunnel(0x1001), a_tunnel(0x1003, 0xA003)
    tables.plan([TunnelMade(tunnel)], NOW)
    tunnel.inbound = 0xA001
    tables.plan([TunnelLearnt(tunnel), TunnelMade(other)], NOW)
    assert set(WHOLE) < set(texts(tables))
    tables.plan([TunnelEnded(other)], NOW)
    assert texts(tables) == WHOLE
    tables.plan([TunnelEnded(tunnel)], NOW)
    assert texts(tables) == []


def test_the_elements_of_ike_that_keeps_its_port() -> None:
    peering = Peering(*ENDS, NOW)
    assert needed(PeeringMade(peering)) == [
        "ike_names: 192.168.1.10 . 198.51.100.7 : 203.0.113.1",
        "ike_peers: 198.51.100.7 . 203.0.113.1",
    ]
    tables = Tables(TERMS)
    tables.plan([PeeringMade(peering), PeeringLearnt(peering), PeeringEnded(peering)], NOW)
    assert texts(tables) == []


def test_all_sets_are_known() -> None:
    """An element is remembered with its set and key in one: that needs to know how long keys are."""
    for name in SETS:
        key = b"\x0a\0\0\1" * 4
        assert unpack(TAGS[name] + key).set_name == name


def test_the_elements_of_doors() -> None:
    goal, back = "203.0.113.1 . udp . 4000 : 192.168.1.10 . 4000", "192.168.1.10 . udp . 4000 : 203.0.113.1 . 4000"
    assert needed(DoorOpened(a_door())) == [f"bindings: {back}", f"doors: {PEER} . {goal}"]
    assert needed(DoorOpened(a_door(visitor=None))) == [f"bindings: {back}", f"doors_any: {goal}"]
    assert needed(DoorOpened(a_door(inspect_as="sip", protocol=TCP))) == [
        f"bindings: {back.replace('udp', 'tcp')}",
        f"doors: {PEER} . {goal.replace('udp', 'tcp')}",
        "inspected: 203.0.113.1 . tcp . 4000",
    ]
    used = a_door()
    used.promoted = True
    assert needed(DoorOpened(used)) == []
    six = Endpoint(address_of("2001:db8::1"), 4000)
    of_six = Door(used.owner, "rtp", UDP, visitor=None, entrance=six, leads_to=six, closes=math.inf)
    assert needed(DoorOpened(of_six)) == []


def test_a_door_by_a_name_of_its_own_leaves_answers_to_that() -> None:
    way = f"doors: {PEER} . 203.0.113.1 . udp . 4000 : 192.168.1.10 . 4000"
    assert needed(DoorOpened(a_door(), a_binding(PHONE, NAME))) == [way]


def test_a_door_for_many_flows_stays_when_one_came() -> None:
    tables, door = Tables(TERMS), a_door()
    tables.plan([DoorOpened(door)], NOW)
    assert tables.plan([DoorPromoted(door)], NOW) == []
    door.promoted = True
    assert {run.adds for run in tables.plan([DoorPromoted(door)], NOW)} == {False}
    assert list(tables) == []
    assert tables.plan([DoorClosed(door)], NOW) == []


@pytest.mark.parametrize(
    ("closes", "timeout"),
    [(NOW + 60, 3_660_000), (NOW - 60, 3_600_000), (10.0**12, 0), (math.inf, 0), (10.0**12 + NOW, 0)],
)
def test_how_long_a_door_lasts(closes: float, timeout: int) -> None:
    steps = steps_of(Tables(TERMS).plan([DoorOpened(a_door(closes=closes))], NOW))
    assert {step.timeout for step in steps} == {timeout}


def test_the_longest_of_doors_that_share_an_element_counts() -> None:
    tables = Tables(TERMS)
    tables.plan([DoorOpened(a_door())], NOW)
    steps = steps_of(tables.plan([DoorOpened(a_door(closes=NOW + 90))], NOW))
    assert [step.add for step in steps] == [False, False, True, True]
    assert tables.plan([DoorOpened(a_door(closes=NOW + 70))], NOW) == []


def test_a_name_lingers_and_is_somebodys_again() -> None:
    tables, binding = Tables(TERMS), BINDINGS[0]
    tables.plan([BindingMade(binding)], NOW)
    steps = steps_of(tables.plan([BindingFreed(binding)], NOW))
    assert [(step.set_name, step.add, step.timeout) for step in steps] == [
        ("bindings", False, 0),
        ("names", False, 0),
        ("names", True, LINGER_MS),
    ]
    assert [(element.set_name, left) for element, left in tables.lingering(NOW + 20)] == [("names", LINGER_MS - 20_000)]
    steps = steps_of(tables.plan([BindingMade(binding)], NOW))
    assert [(step.set_name, step.add, step.timeout) for step in steps] == [
        ("names", False, 0),
        ("bindings", True, 0),
        ("names", True, 0),
    ]
    assert list(tables.lingering(NOW + 20)) == []


def test_names_linger_over_tables_that_are_made_anew() -> None:
    old, new, newer = Tables(TERMS), Tables(TERMS), Tables(TERMS)
    old.plan([BindingMade(binding) for binding in BINDINGS[:3]], NOW)
    old.plan([BindingFreed(BINDINGS[1])], NOW - 20)
    new.plan([BindingMade(BINDINGS[0])], NOW)
    new.succeed(old, NOW)
    assert [(text_of(element), left) for element, left in new.lingering(NOW)] == [
        ("203.0.113.1 . udp . 5060", LINGER_MS - 20_000),
        ("203.0.113.1 . udp . 4001", LINGER_MS),
    ]
    newer.succeed(new, NOW + 50)
    assert [text_of(element) for element, _ in newer.lingering(NOW + 50)] == [
        "203.0.113.1 . udp . 4001",
        "203.0.113.1 . udp . 4000",
    ]


def test_names_that_have_lingered_long_enough_are_forgotten() -> None:
    tables = Tables(TERMS)
    for number in range(1000):
        binding = a_binding(f"192.168.1.10:{4000 + number}", f"203.0.113.1:{4000 + number}")
        tables.plan([BindingMade(binding), BindingFreed(binding)], NOW + number)
    assert len(list(tables.lingering(NOW))) == LINGER_MS / 1000 + LATE


def test_where_rules_look_at_flows_a_name_belongs_to_its_rule() -> None:
    """A host has a name by each of two rules, a static one for some flows and one for all, and doors at all of them."""
    first, second = a_binding(PHONE, NAME), a_binding(PHONE, "203.0.113.2:4000")
    leased, chosen = (
        a_binding("192.168.1.6:0", "203.0.113.6:0", WHOLE_HOST),
        a_binding(PHONE, "203.0.113.3:1", static=True),
    )
    plain = a_binding("192.168.1.7:4000", "203.0.113.7:4000", static=True)
    first.way, second.way, leased.way, chosen.way = 1, 300, 2, -1
    bindings = [first, second, leased, chosen, plain]
    entrances = [*(str(one.global_) for one in (first, second, chosen, plain)), "203.0.113.6:4000"]
    ends = [PHONE, PHONE, PHONE, "192.168.1.7:4000", "192.168.1.6:4000"]
    opened = [DoorOpened(a_door(entrance, end)) for entrance, end in zip(entrances, ends, strict=True)]
    tables = Tables(Terms(SERVED, by_flow=True))
    runs = tables.plan([*map(BindingMade, bindings), *opened], NOW)
    assert {text for text in texts(tables) if text.partition(":")[0][-1].isdigit()} == {
        "bindings_1: 192.168.1.10 . udp . 4000 : 203.0.113.1 . 4000",
        "bindings_300: 192.168.1.10 . udp . 4000 : 203.0.113.2 . 4000",
        "bindings_65535: 192.168.1.10 . udp . 4000 : 203.0.113.3 . 1",
        "hosts_2: 192.168.1.6 : 203.0.113.6",
        "leased_2: 192.168.1.6",
        "promised_0: 198.51.100.20 . 192.168.1.7 . udp . 4000 : 203.0.113.7 . 4000",
        "promised_1: 198.51.100.20 . 192.168.1.10 . udp . 4000 : 203.0.113.1 . 4000",
        "promised_2: 198.51.100.20 . 192.168.1.6 . udp . 4000 : 203.0.113.6 . 4000",
        "promised_300: 198.51.100.20 . 192.168.1.10 . udp . 4000 : 203.0.113.2 . 4000",
        "promised_65535: 198.51.100.20 . 192.168.1.10 . udp . 4000 : 203.0.113.3 . 1",
    }
    kernel = Kernel()
    kernel.carry_out(runs)
    assert kernel.lasting() == set(tables)
    assert all(tables.timeout(element, NOW) >= 0 for element in tables)
    assert "bindings: 192.168.1.7 . udp . 4000 : 203.0.113.7 . 4000" in texts(tables)
    assert not [text for text in texts(tables) if text.startswith(("bindings: 192.168.1.10", "leases: ", "leased: "))]
    kernel.carry_out(tables.plan([*(DoorClosed(change.door) for change in opened)], NOW))
    kernel.carry_out(tables.plan([*map(BindingFreed, bindings)], NOW))
    assert not kernel.lasting()
    assert not list(tables)
