"""Inactivity timeouts where a kernel carries the flows, and doors that close without what came through them."""

import math
import random

import pytest

from doorman.algs.api import CloseDoors, Door, InactivityTimeout, OpenDoor, Owner
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.flows import KernelFlow, flow_began, flow_ended
from doorman.engine.results import DoorClosed, SessionCut, Side
from doorman.firewall.doors import Doors
from doorman.net.addresses import address_of
from doorman.net.packet import UDP
from kit.gateway import OVERLOAD
from kit.packets import endpoint

PHONE, NAME, PEER = endpoint("192.168.1.10:4000"), endpoint("203.0.113.1:4000"), endpoint("198.51.100.20:6000")
CALL = Owner("sip", b"call", address_of("192.168.1.10"))
FLOW = KernelFlow(UDP, PHONE, NAME, PEER, Side.OUTSIDE)


def door() -> Door:
    return Door(CALL, "rtp", UDP, visitor=PEER.address, entrance=NAME, leads_to=PHONE, closes=math.inf, flows=1)


def nobody_knows(doors: list[Door]) -> float:  # noqa: ARG001 - whatever they are
    return -math.inf


class Gate:
    """An engine with a door of a call, whose flows a kernel carries."""

    def __init__(self) -> None:
        config = read_config(OVERLOAD, "test.cfg")
        self.engine = Engine(config, random.Random(1).random, delegated=True)
        self.engine.state.bindings.bind(UDP, PHONE)
        self.now = 1000.0
        self.order(OpenDoor(door()))

    def order(self, effect: OpenDoor | CloseDoors | InactivityTimeout) -> None:
        self.engine.state.carry_out([effect], self.now)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            self.engine.expire(self.now)

    def is_open(self) -> bool:
        return bool(list(self.engine.state.doors.everyone()))


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_door_that_nobody_uses_closes(gate: Gate) -> None:
    gate.order(InactivityTimeout(CALL, 30))
    gate.wait(29)
    assert gate.is_open()
    gate.wait(2)
    assert not gate.is_open()
    assert gate.engine.state.notes["inactive-media"] == 1


def test_a_flow_of_the_kernels_is_in_use_until_it_ends(gate: Gate) -> None:
    gate.order(InactivityTimeout(CALL, 30))
    assert flow_began(gate.engine, FLOW, gate.now)
    gate.wait(300)
    assert gate.is_open()
    flow_ended(gate.engine, FLOW, gate.now)
    gate.wait(1)
    assert not gate.is_open(), "the kernel has waited already"
    assert gate.engine.state.notes["inactive-media"] == 1


def test_silence_that_is_allowed(gate: Gate) -> None:
    """A call on hold that retains what it has."""
    gate.order(InactivityTimeout(CALL, math.inf))
    assert flow_began(gate.engine, FLOW, gate.now)
    gate.wait(300)
    flow_ended(gate.engine, FLOW, gate.now)
    gate.wait(3000)
    assert gate.is_open()
    gate.order(InactivityTimeout(CALL, 30))
    gate.wait(31)
    assert not gate.is_open()


def test_nobody_is_watched_who_has_no_doors(gate: Gate) -> None:
    """Those that are opened afterwards are as if nothing had been said before."""
    gate.order(InactivityTimeout(CALL, 10))
    gate.order(CloseDoors(CALL, gate.now))
    gate.wait(2)
    assert not gate.is_open()
    gate.order(InactivityTimeout(CALL, 10))
    gate.engine.state.bindings.bind(UDP, PHONE)
    gate.order(OpenDoor(door()))
    gate.wait(30)
    assert gate.is_open()
    assert gate.engine.state.notes["inactive-media"] == 0


def test_another_visitor_is_waited_for_no_longer(gate: Gate) -> None:
    gate.order(InactivityTimeout(CALL, 10))
    gate.wait(5)
    other = door()
    other.visitor = None
    gate.order(OpenDoor(other))
    gate.wait(6)
    assert not gate.is_open()


@pytest.mark.parametrize("spare", [True, False])
def test_a_door_that_closes_may_spare_its_flows(gate: Gate, spare: bool) -> None:  # noqa: FBT001 - both ways
    assert flow_began(gate.engine, FLOW, gate.now)
    gate.order(CloseDoors(CALL, gate.now + 5, NAME, spare=spare))
    gate.engine.take_changes()
    gate.wait(6)
    changes = [type(change) for change in gate.engine.take_changes()]
    assert (DoorClosed in changes) == (SessionCut in changes) == (not spare)
    assert list(gate.engine.state.doors) == []
    assert len(gate.engine.state.sessions) == spare
    gate.order(CloseDoors(CALL, gate.now, NAME))
    gate.wait(1)
    assert len(gate.engine.state.sessions) == 0
    assert len(list(gate.engine.state.doors.everyone())) == 0


def test_what_must_not_be_spared_is_not(gate: Gate) -> None:
    """The call ends while a door is about to close: nothing of it goes on."""
    assert flow_began(gate.engine, FLOW, gate.now)
    gate.order(CloseDoors(CALL, gate.now + 5, NAME, spare=True))
    gate.order(CloseDoors(CALL, gate.now + 6))
    gate.wait(6)
    assert len(gate.engine.state.sessions) == 0


def test_a_flow_that_is_gone_counts_from_when_it_was_used_last() -> None:
    doors = Doors()
    doors.open(door(), 1000.0)
    doors.watch(CALL, 30, 1000.0)
    doors.used(CALL, 1020.0)
    doors.used(CALL, 1010.0)
    assert doors.silence.overdue(1031.0, nobody_knows) == []
    assert doors.silence.overdue(1051.0, nobody_knows) == [(CALL, 1050.0)]
    assert doors.silence.overdue(1e9, nobody_knows) == []
