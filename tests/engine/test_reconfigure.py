"""Another configuration under way: what it allows is the same object as before, the rest ends and says so."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Direction, Door, OpenDoor, Owner, Refused
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.flows import KernelFlow, flow_began
from doorman.engine.results import Change, DoorClosed, SessionCut, Side
from doorman.nat.bindings import Binding, BindingFreed, BindingMade
from doorman.nat.rules import UnusableConfig
from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL
from kit.packets import endpoint

NOW = 1000.0
STATIC_HOST = "ip nat inside source static 192.168.1.5 203.0.113.5\n"
STATIC_PORT = "ip nat inside source static udp 192.168.1.6 6000 interface out0 7000\n"
PHONE, OTHER = "192.168.1.10:4000", "192.168.1.11:5000"
PEER = "198.51.100.20:6000"
ONLY_OTHER = OVERLOAD.replace("permit 192.168.1.0 0.0.0.255", "permit host 192.168.1.11")


class Gate:
    """An engine with bindings, doors and sessions."""

    def __init__(self, config: str, *, delegated: bool = True) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(1).random, delegated=delegated)

    @property
    def bindings(self) -> list[Binding]:
        return list(self.engine.state.bindings)

    def bind(self, local: str, protocol: int = UDP) -> Binding:
        [made] = self.engine.state.bindings.bind(protocol, endpoint(local))
        return made

    def in_use(self, local: str) -> tuple[Binding, Door]:
        """A binding with a door and a session."""
        found = self.engine.state.bindings.by_local(UDP, endpoint(local))
        binding = found or self.bind(local)
        name = binding.outward(endpoint(local))
        owner = Owner("sip", local.encode(), endpoint(local).address)
        door = Door(
            owner, "rtp", UDP, visitor=address_of("198.51.100.20"), entrance=name, leads_to=endpoint(local),
            closes=NOW + 900, flows=1,
        )  # fmt: skip
        self.engine.state.carry_out([OpenDoor(door)], NOW)
        flow = KernelFlow(UDP, endpoint(local), name, endpoint(PEER), Side.OUTSIDE)
        assert flow_began(self.engine, flow, NOW)
        return binding, door

    def reconfigure(self, config: str, now: float = NOW) -> list[Change]:
        self.engine.take_changes()
        self.engine.reconfigure(read_config(config, "test.cfg"), now)
        return self.engine.take_changes()


def kinds(changes: Iterable[Change]) -> list[str]:
    return sorted(type(change).__name__ for change in changes)


def everything(gate: Gate) -> list[set[int]]:
    """Bindings, doors and sessions, as objects."""
    state = gate.engine.state
    return [set(map(id, state.bindings)), set(map(id, state.doors.everyone())), set(map(id, state.sessions))]


@pytest.mark.parametrize("config", [OVERLOAD + STATIC_HOST + STATIC_PORT, POOL, SHARED_POOL])
def test_the_same_again_changes_nothing(config: str) -> None:
    gate = Gate(config)
    gate.in_use(PHONE)
    gate.in_use(OTHER)
    before = everything(gate)
    assert gate.reconfigure(config) == []
    assert everything(gate) == before
    for binding in gate.bindings:
        assert gate.engine.state.bindings.by_global(binding.protocol, binding.global_) is binding


def test_what_is_no_more_allowed_ends_at_once() -> None:
    gate = Gate(OVERLOAD)
    lost, lost_door = gate.in_use(PHONE)
    kept, kept_door = gate.in_use(OTHER)
    [session] = gate.engine.state.sessions.of_endpoint(UDP, endpoint(PHONE))
    changes = gate.reconfigure(ONLY_OTHER)
    assert len(changes) == 3
    assert all(change in changes for change in (BindingFreed(lost), DoorClosed(lost_door), SessionCut(session)))
    assert gate.bindings == [kept]
    assert list(gate.engine.state.doors.everyone()) == [kept_door]
    assert [found.binding for found in gate.engine.state.sessions] == [kept]


def test_what_ended_can_begin_again() -> None:
    gate = Gate(OVERLOAD)
    gate.in_use(PHONE)
    gate.reconfigure(ONLY_OTHER)
    gate.reconfigure(OVERLOAD)
    binding, _ = gate.in_use(PHONE)
    assert str(binding.global_) == "203.0.113.1:4000", "its port was given back"


def test_statics_come_and_go() -> None:
    gate = Gate(OVERLOAD + STATIC_HOST)
    [host] = gate.bindings
    binding, _ = gate.in_use(PHONE)
    [made] = gate.reconfigure(OVERLOAD + STATIC_HOST + STATIC_PORT)
    assert isinstance(made, BindingMade)
    assert str(made.binding.local) == "192.168.1.6:6000"
    assert gate.engine.state.bindings.by_local(UDP, endpoint("192.168.1.5:1")) is host
    assert gate.reconfigure(OVERLOAD + STATIC_PORT) == [BindingFreed(host)]
    assert gate.reconfigure(OVERLOAD) == [BindingFreed(made.binding)]
    assert gate.bindings == [binding]


def test_a_static_that_leads_elsewhere_is_another() -> None:
    gate = Gate(OVERLOAD + STATIC_HOST)
    [host] = gate.bindings
    _, door = gate.in_use("192.168.1.5:4000")
    changes = gate.reconfigure(OVERLOAD + STATIC_HOST.replace("192.168.1.5", "192.168.1.7"))
    assert kinds(changes) == ["BindingFreed", "BindingMade", "DoorClosed", "SessionCut"]
    assert BindingFreed(host) in changes
    assert DoorClosed(door) in changes


def test_a_new_static_takes_a_name_from_a_phone() -> None:
    gate = Gate(OVERLOAD)
    binding, _ = gate.in_use("192.168.1.10:7000")
    assert str(binding.global_) == "203.0.113.1:7000"
    changes = gate.reconfigure(OVERLOAD + STATIC_PORT)
    assert kinds(changes) == ["BindingFreed", "BindingMade", "DoorClosed", "SessionCut"]
    found = gate.engine.state.bindings.by_global(UDP, endpoint("203.0.113.1:7000"))
    assert found is not None
    assert found.static
    again, _ = gate.in_use("192.168.1.10:7000")
    assert str(again.global_) != "203.0.113.1:7000"


def test_a_host_that_becomes_static_loses_what_it_had() -> None:
    gate = Gate(OVERLOAD)
    gate.in_use("192.168.1.5:4000")
    changes = gate.reconfigure(OVERLOAD + STATIC_HOST)
    assert kinds(changes) == ["BindingFreed", "BindingMade", "DoorClosed", "SessionCut"]


def test_from_shared_addresses_to_leases() -> None:
    gate = Gate(SHARED_POOL)
    gate.in_use(PHONE)
    assert kinds(gate.reconfigure(POOL)) == ["BindingFreed", "DoorClosed", "SessionCut"]
    lease = gate.bind(PHONE)
    assert gate.reconfigure(POOL) == []
    assert gate.bindings == [lease]
    assert str(gate.bind(OTHER).global_) == "203.0.113.21:0", "a lease that stays is still taken"


def test_a_pool_that_shrinks_ends_those_outside() -> None:
    gate = Gate(POOL)
    first, second = gate.bind(PHONE), gate.bind(OTHER)
    assert [str(first.global_), str(second.global_)] == ["203.0.113.20:0", "203.0.113.21:0"]
    assert gate.reconfigure(POOL.replace("203.0.113.20 203.0.113.21", "203.0.113.21 203.0.113.22")) == [
        BindingFreed(first)
    ]
    assert str(gate.bind(PHONE).global_) == "203.0.113.22:0"


@pytest.mark.parametrize("delegated", [True, False])
@pytest.mark.parametrize("missing", ["pools", "access_lists", "interfaces"])
def test_one_that_cannot_work_changes_nothing(missing: str, delegated: bool) -> None:  # noqa: FBT001
    bad = read_config(SHARED_POOL + STATIC_PORT, "test.cfg")
    setattr(bad, missing, {})
    gate = Gate(OVERLOAD + STATIC_HOST, delegated=delegated)
    gate.in_use(PHONE)
    state = gate.engine.state
    before = state.rules, state.bindings, gate.bindings, list(state.doors.everyone()), list(state.sessions)
    gate.engine.take_changes()
    with pytest.raises(UnusableConfig):
        gate.engine.reconfigure(bad, NOW)
    assert (state.rules, state.bindings, gate.bindings, list(state.doors.everyone()), list(state.sessions)) == before
    assert gate.engine.take_changes() == []
    assert gate.engine.inspector.alg_for(UDP, 5060, 1) == "sip"


def test_services_follow() -> None:
    gate = Gate(OVERLOAD)
    gate.reconfigure(OVERLOAD + "no ip nat service sip\nip nat service sip udp port 5070\n")
    assert gate.engine.inspector.alg_for(UDP, 1, 5060) is None
    assert gate.engine.inspector.alg_for(UDP, 1, 5070) == "sip"
    assert gate.engine.inspector.alg_for(TCP, 1, 5060) is None


def test_a_binding_that_nobody_used_ends_in_its_time_all_the_same() -> None:
    gate = Gate(OVERLOAD)
    binding = gate.bind(PHONE)
    gate.engine.state.keep([binding], NOW)
    assert gate.reconfigure(OVERLOAD + STATIC_PORT)[1:] == []
    gate.engine.expire(NOW + 10_000)
    assert BindingFreed(binding) in gate.engine.take_changes()


CONFIGS = [
    OVERLOAD, ONLY_OTHER, POOL, SHARED_POOL, INTERFACES, OVERLOAD + STATIC_HOST, OVERLOAD + STATIC_PORT,
    SHARED_POOL + STATIC_HOST + STATIC_PORT, POOL + STATIC_HOST,
]  # fmt: skip
HOSTS = [PHONE, OTHER, "192.168.1.5:4000", "192.168.1.6:6000", "192.168.1.12:7000"]


@given(
    st.lists(st.tuples(st.sampled_from(CONFIGS), st.lists(st.sampled_from(HOSTS), max_size=3)), min_size=1, max_size=6)
)
def test_changes_told_add_up_to_what_there_is(steps: list[tuple[str, list[str]]]) -> None:
    gate = Gate(OVERLOAD)
    known: dict[int, Binding] = {id(binding): binding for binding in gate.bindings}
    for config, hosts in steps:
        for change in gate.reconfigure(config):
            follow(known, change)
        for host in hosts:
            if gate.engine.state.rules.translates(endpoint(host).address):
                try_to_use(gate, host)
        for change in gate.engine.take_changes():
            follow(known, change)
        assert sorted(known) == sorted(map(id, gate.bindings))
        for binding in gate.bindings:
            doors = [d for d in gate.engine.state.doors.everyone() if binding.outward(d.leads_to) == d.entrance]
            of_it = [d for d in doors if gate.engine.state.bindings.by_global(UDP, d.entrance) is binding]
            assert binding.doors == len(of_it)
            assert binding.sessions == len([s for s in gate.engine.state.sessions if s.binding is binding])
    for door in gate.engine.state.doors.everyone():
        found = gate.engine.state.bindings.by_global(UDP, door.entrance)
        assert found is not None
        assert found.inward(door.entrance) == door.leads_to


def try_to_use(gate: Gate, host: str) -> None:
    bindings = gate.engine.state.bindings
    if bindings.by_local(UDP, endpoint(host)) is not None or len(bindings) < 3:
        gate.in_use(host)


def follow(known: dict[int, Binding], change: Change) -> None:
    if isinstance(change, BindingMade):
        assert id(change.binding) not in known
        known[id(change.binding)] = change.binding
    elif isinstance(change, BindingFreed):
        del known[id(change.binding)]


def test_a_service_that_came_later_keeps_its_port_and_a_phone_its_name() -> None:
    gate = Gate(OVERLOAD)
    phone = gate.bind("192.168.1.10:5060")
    for _ in range(2):
        gate.engine.state.reserve({(UDP, 5060), (UDP, 5070), (TCP, 5080)})
        gate.reconfigure(OVERLOAD)
        assert gate.bindings == [phone]
    assert gate.bind("192.168.1.11:5070").global_.port != 5070
    assert gate.bind("192.168.1.11:5080").global_.port == 5080
    gate.engine.state.reserve(())
    gate.reconfigure(OVERLOAD)
    assert gate.bind("192.168.1.12:5070").global_.port == 5070


def test_messages_of_a_flow_are_looked_at_by_one_view_until_the_rules_are_others() -> None:
    gate = Gate(OVERLOAD)
    gate.in_use(PHONE)
    state, (session,) = gate.engine.state, list(gate.engine.state.sessions)
    view = state.view_of(session.outward, Direction.OUTBOUND)
    assert state.view_of(session.outward, Direction.OUTBOUND) is view
    assert state.view_of(session.inward, Direction.INBOUND) is not view
    static, name = endpoint("192.168.1.5:5060"), endpoint("203.0.113.5:5060")
    assert view.translate(static, UDP) == static
    gate.reconfigure(OVERLOAD + STATIC_HOST)
    assert state.view_of(session.outward, Direction.OUTBOUND).translate(static, UDP) == name
    assert state.view_of(session.inward, Direction.INBOUND).translate(name, UDP) == static


def test_what_one_message_made_and_whom_it_trusted_is_not_the_affair_of_the_next() -> None:
    gate = Gate(OVERLOAD)
    gate.in_use(PHONE)
    state, (session,) = gate.engine.state, list(gate.engine.state.sessions)
    view = state.view_of(session.outward, Direction.OUTBOUND)
    assert view.trust()
    view.expose(endpoint(OTHER), UDP)
    made = view.made
    assert [binding.local for binding in made] == [endpoint(OTHER)]
    again = state.view_of(session.outward, Direction.OUTBOUND)
    assert again.made == []
    assert len(made) == 1
    with pytest.raises(Refused, match="third-party-address"):
        again.expose(endpoint("192.168.1.12:5000"), UDP)
