"""News of a kernel's flows: doors become sessions, sessions end, and the last of a call's media closes its doors."""

import random

import pytest

from doorman.algs.api import CloseDoors, Door, OpenDoor, Owner
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.flows import KernelFlow, flow_answered, flow_began, flow_ended, session_ended
from doorman.engine.results import Change, DoorClosed, DoorPromoted, Side
from doorman.nat.bindings import BindingFreed
from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP
from kit.gateway import OVERLOAD, POOL
from kit.packets import endpoint, udp

PHONE, NAME = "192.168.1.10:4000", "203.0.113.1:4000"
RTCP, RTCP_NAME = "192.168.1.10:4001", "203.0.113.1:4001"
PEER, PEER_RTCP, STRANGER = "198.51.100.20:6000", "198.51.100.20:6001", "198.51.100.99:6000"
CONFIG = (
    OVERLOAD
    + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    + "ip nat inside source static udp 192.168.1.6 6000 203.0.113.6 7000\n"
)
INSIDE, OUTSIDE = Side
CALL = Owner("sip", b"call", address_of("192.168.1.10"))
OTHER_CALL = CALL._replace(name=b"other")


class Gate:
    """An engine whose flows a kernel carries, with two bindings."""

    def __init__(self, config: str = CONFIG) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(1).random, delegated=True)
        self.state = self.engine.state
        self.now = 1000.0
        if config == CONFIG:
            self.state.bindings.bind(UDP, endpoint(PHONE))
            self.state.bindings.bind(UDP, endpoint(RTCP))
            self.engine.take_changes()

    def open(  # noqa: PLR0913 - as a door is
        self,
        entrance: str = NAME,
        leads_to: str = PHONE,
        visitor: str | None = PEER,
        *,
        owner: Owner = CALL,
        flows: int | None = 1,
        inspect_as: str | None = None,
    ) -> Door:
        whom = address_of(visitor.partition(":")[0]) if visitor is not None else None
        ends = endpoint(entrance), endpoint(leads_to)
        door = Door(
            owner, "rtp", UDP, visitor=whom, entrance=ends[0], leads_to=ends[1], closes=self.now + 900,
            flows=flows, inspect_as=inspect_as,
        )  # fmt: skip
        self.state.carry_out([OpenDoor(door)], self.now)
        self.engine.take_changes()
        return door

    def began(self, flow: KernelFlow) -> bool:
        return flow_began(self.engine, flow, self.now)

    def answered(self, flow: KernelFlow) -> None:
        flow_answered(self.engine, flow, self.now)

    def ended(self, flow: KernelFlow) -> None:
        flow_ended(self.engine, flow, self.now)

    def after(self, seconds: float) -> list[Change]:
        self.now += seconds
        self.engine.expire(self.now)
        return self.engine.take_changes()

    def sessions(self) -> list[str]:
        return sorted(f"{s.inside_local} {s.inside_global} {s.outside_global}" for s in self.state.sessions)


def flow(
    local: str = PHONE, name: str = NAME, outside: str = PEER, begun: Side = OUTSIDE, protocol: int = UDP
) -> KernelFlow:
    return KernelFlow(protocol, endpoint(local), endpoint(name), endpoint(outside), begun)


MEDIA, MEDIA_OUT = flow(), flow(begun=INSIDE)
CONTROL = flow(RTCP, RTCP_NAME, PEER_RTCP)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_flow_from_outside_uses_its_door(gate: Gate) -> None:
    door = gate.open()
    assert gate.began(MEDIA)
    assert gate.engine.take_changes() == [DoorPromoted(door)]
    assert door.promoted
    assert gate.sessions() == [f"{PHONE} {NAME} {PEER}"]


def test_the_news_may_come_twice(gate: Gate) -> None:
    gate.open()
    assert gate.began(MEDIA)
    gate.engine.take_changes()
    assert gate.began(MEDIA)
    assert gate.engine.take_changes() == []
    assert len(gate.sessions()) == 1


def test_a_flow_from_inside_uses_it_when_it_is_answered(gate: Gate) -> None:
    door = gate.open()
    assert gate.began(MEDIA_OUT)
    assert gate.engine.take_changes() == []
    gate.answered(MEDIA_OUT)
    assert gate.engine.take_changes() == [DoorPromoted(door)]
    gate.answered(MEDIA_OUT)
    assert gate.engine.take_changes() == []


def test_an_answer_of_somebody_else_uses_no_door(gate: Gate) -> None:
    door = gate.open()
    elsewhere = flow(outside=STRANGER, begun=INSIDE)
    assert gate.began(elsewhere)
    gate.answered(elsewhere)
    assert not door.promoted


def test_a_door_for_many_flows_stays(gate: Gate) -> None:
    door = gate.open(visitor=None, flows=None)
    for outside in (PEER, STRANGER):
        assert gate.began(flow(outside=outside))
    assert not door.promoted
    assert len(gate.sessions()) == 2


def test_what_comes_by_a_door_is_inspected_as_it_says(gate: Gate) -> None:
    gate.open(inspect_as="sip", visitor=None, flows=None)
    gate.began(MEDIA)
    [session] = gate.state.sessions
    assert session.alg == "sip"
    assert not session.plain


@pytest.mark.parametrize(("begun", "outside"), [(INSIDE, "198.51.100.20:5060"), (OUTSIDE, "198.51.100.20:5060")])
def test_a_flow_of_a_served_port_is_inspected(gate: Gate, begun: Side, outside: str) -> None:
    gate.open()
    gate.began(flow(outside=outside, begun=begun))
    [session] = gate.state.sessions
    assert session.alg == "sip"
    session_of_packets = gate.engine.receive(udp(PHONE, outside), INSIDE, gate.now)
    assert len(gate.sessions()) == 1, "its packets find it"
    assert session_of_packets.leaves == OUTSIDE


class TestNoFlowWithout:
    def test_a_binding(self, gate: Gate) -> None:
        assert not gate.began(flow(name="203.0.113.1:4444"))
        assert not gate.began(flow(name="203.0.113.1:40000", begun=INSIDE))
        assert not gate.began(flow(protocol=TCP))
        assert gate.sessions() == []

    def test_one_to_this_host(self, gate: Gate) -> None:
        gate.open()
        assert not gate.began(flow(local="192.168.1.11:4000"))
        assert not gate.began(flow(local="192.168.1.11:4000", begun=INSIDE))

    def test_a_door_if_it_comes_from_outside(self, gate: Gate) -> None:
        """The door was closed while the news were on their way; another of that name is for others."""
        gate.open()
        assert not gate.began(flow(outside=STRANGER))
        gate.state.carry_out([CloseDoors(CALL, gate.now)], gate.now)
        gate.state.bindings.bind(UDP, endpoint("192.168.1.10:5060"))
        gate.began(flow(begun=INSIDE, outside=STRANGER))
        gate.after(1)
        assert not gate.began(MEDIA)

    def test_a_door_but_a_used_one_is_one(self, gate: Gate) -> None:
        """A gateway that starts again finds the flow whose door it has as used."""
        door = gate.open()
        door.promoted = True
        assert gate.began(MEDIA)
        assert gate.engine.take_changes() == []

    @pytest.mark.parametrize(
        ("local", "name"), [("192.168.1.5:81", "203.0.113.5:81"), ("192.168.1.6:6000", "203.0.113.6:7000")]
    )
    def test_a_door_but_a_static_name_needs_none(self, gate: Gate, local: str, name: str) -> None:
        assert gate.began(flow(local, name, STRANGER))

    def test_a_door_but_a_leased_address_needs_none(self) -> None:
        gate = Gate(POOL)
        gate.state.bindings.bind(UDP, endpoint(PHONE))
        for protocol in (UDP, TCP, 1, 47):
            name = "203.0.113.20:4000"
            assert gate.began(flow(PHONE, name, STRANGER, protocol=protocol))
        assert len(gate.sessions()) == 4


class TestEnds:
    def test_a_flow_of_no_door_just_ends(self, gate: Gate) -> None:
        gate.began(flow(begun=INSIDE, outside=STRANGER))
        gate.ended(flow(begun=INSIDE, outside=STRANGER))
        assert gate.sessions() == []
        changes = gate.engine.take_changes()
        assert [type(change) for change in changes] == [BindingFreed]
        assert gate.state.notes["inactive-media"] == 0

    def test_one_that_is_not_known_does_nothing(self, gate: Gate) -> None:
        gate.ended(MEDIA)
        assert gate.engine.take_changes() == []

    def test_with_the_last_media_of_a_call_its_doors_close(self, gate: Gate) -> None:
        doors = [gate.open(), gate.open(RTCP_NAME, RTCP)]
        gate.began(MEDIA)
        gate.began(CONTROL)
        gate.ended(MEDIA)
        assert gate.after(2) == [DoorPromoted(doors[0]), DoorPromoted(doors[1])]
        assert gate.state.notes["inactive-media"] == 0
        gate.ended(CONTROL)
        changes = gate.after(2)
        assert {change.door for change in changes if isinstance(change, DoorClosed)} == set(doors)
        assert gate.state.notes["inactive-media"] == 1
        assert list(gate.state.doors.everyone()) == []
        assert len([change for change in changes if isinstance(change, BindingFreed)]) == 2

    def test_the_silence_of_a_call_is_told_of_once(self, gate: Gate) -> None:
        gate.open()
        gate.state.doors.watch(CALL, 2.0, gate.now)
        gate.began(MEDIA)
        gate.ended(MEDIA)
        gate.after(3)
        assert gate.state.notes["inactive-media"] == 1

    def test_the_doors_of_another_call_stay(self, gate: Gate) -> None:
        gate.open()
        other = gate.open(RTCP_NAME, RTCP, owner=OTHER_CALL)
        gate.began(MEDIA)
        gate.ended(MEDIA)
        gate.after(2)
        assert list(gate.state.doors) == [other]

    def test_of_two_calls_with_one_port_each_has_its_flow(self, gate: Gate) -> None:
        gate.open()
        gate.open(owner=OTHER_CALL)
        gate.began(MEDIA)
        gate.began(flow(outside="198.51.100.20:6002"))
        gate.ended(MEDIA)
        gate.after(2)
        assert len(list(gate.state.doors.everyone())) == 2
        gate.ended(flow(outside="198.51.100.20:6002"))
        gate.after(2)
        assert list(gate.state.doors.everyone()) == []

    def test_a_door_that_waits_yet_does_not_close_for_another_flow(self, gate: Gate) -> None:
        gate.open()
        gate.began(flow(begun=INSIDE, outside=STRANGER))
        gate.ended(flow(begun=INSIDE, outside=STRANGER))
        gate.after(2)
        assert len(list(gate.state.doors)) == 1

    def test_one_that_was_cut_is_not_missed(self, gate: Gate) -> None:
        gate.open()
        gate.began(MEDIA)
        gate.state.carry_out([CloseDoors(CALL, gate.now)], gate.now)
        gate.after(1)
        gate.ended(MEDIA)
        assert gate.after(1) == []
        assert gate.state.notes["inactive-media"] == 0

    def test_one_that_the_kernel_lacks_ends_alike(self, gate: Gate) -> None:
        door = gate.open()
        gate.began(MEDIA)
        [session] = gate.state.sessions
        session_ended(gate.engine, session, gate.now)
        assert DoorClosed(door) in gate.after(1)
        assert gate.state.notes["inactive-media"] == 1


def test_a_machine_with_services_of_its_own(gate: Gate) -> None:
    """A message to our own address makes no name for its sender: the kernel decides whom it is for."""
    message = udp("192.168.1.10:5060", "203.0.113.1:5060", b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert gate.engine.receive(message, INSIDE, gate.now).reason == "no-translation"
    assert gate.engine.take_changes() == []
    assert gate.sessions() == []
