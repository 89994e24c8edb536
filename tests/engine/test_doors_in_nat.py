"""Doors in the road of packets: who comes in through them, what becomes of their flows, what the data plane is told."""

import math

import pytest

from doorman.algs.api import CloseDoors, Door, OpenDoor, Owner
from doorman.engine.results import DoorClosed, DoorOpened, DoorPromoted, Fate, Side
from doorman.net.addresses import address_of
from doorman.net.packet import UDP
from kit.gateway import INTERFACES, OVERLOAD, STATIC, Gateway, gateway
from kit.packets import endpoint, shown, tcp, udp

PHONE, ENTRANCE = "192.168.1.10:5004", "203.0.113.1:5004"
PEER, STRANGER = "198.51.100.7:9000", "192.0.2.66:9000"
CALL, OTHER_CALL = (Owner("sip", name, address_of("192.168.1.10")) for name in (b"call-1", b"call-2"))


def open_door(  # noqa: PLR0913 - what a door has
    gate: Gateway,
    owner: Owner = CALL,
    visitor: str | None = PEER,
    *,
    leads_to: str = PHONE,
    flows: int | None = 1,
    lasts: float = 1000.0,
) -> Door:
    """Announce an inside endpoint, as an ALG does: a name, then a door."""
    state, local = gate.engine.state, endpoint(leads_to)
    binding = state.bindings.by_local(UDP, local) or state.bindings.bind(UDP, local)[0]
    door = Door(
        owner,
        "rtp",
        UDP,
        visitor=None if visitor is None else endpoint(visitor).address,
        entrance=binding.outward(local),
        leads_to=local,
        closes=gate.now + lasts,
        flows=flows,
    )
    state.carry_out([OpenDoor(door)], gate.now)
    return door


def close(gate: Gateway, owner: Owner = CALL, after: float = 0.0) -> None:
    gate.engine.state.carry_out([CloseDoors(owner, gate.now + after)], gate.now)
    gate.wait(after)


def test_the_visitor_comes_in_and_is_answered_a_stranger_is_not() -> None:
    gate = gateway(OVERLOAD)
    door = open_door(gate)
    assert gate.outside(udp(STRANGER, ENTRANCE)) == "dropped: no-session-or-door"
    assert gate.outside(tcp(PEER, ENTRANCE)) == "dropped: no-translation"
    assert gate.outside(udp(PEER, ENTRANCE)) == "inside: udp 198.51.100.7:9000 > 192.168.1.10:5004"
    assert gate.inside(udp(PHONE, PEER)) == "outside: udp 203.0.113.1:5004 > 198.51.100.7:9000"
    assert gate.engine.take_changes() == [DoorOpened(door), DoorPromoted(door)]
    assert list(gate.engine.state.doors) == []


def test_a_door_used_once_lets_no_second_flow_in() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate)
    gate.outside(udp(PEER, ENTRANCE))
    assert gate.outside(udp("198.51.100.7:9001", ENTRANCE)) == "dropped: no-session-or-door"
    assert gate.outside(udp(PEER, ENTRANCE)).startswith("inside: ")


def test_a_door_for_as_many_as_come_stays() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate, visitor=None, flows=None)
    for peer in (PEER, STRANGER, "198.51.100.7:9001"):
        assert gate.outside(udp(peer, ENTRANCE)).startswith("inside: ")


def test_a_flow_that_the_inside_begins_leaves_the_door_for_the_visitor() -> None:
    """The other side may send from another port than it receives on: then the door is all it has."""
    gate = gateway(OVERLOAD)
    door = open_door(gate)
    gate.inside(udp(PHONE, PEER))
    assert not door.promoted
    assert gate.outside(udp("198.51.100.7:9001", ENTRANCE)).startswith("inside: ")
    assert door.promoted


def test_closing_ends_the_flow_and_frees_the_name() -> None:
    gate = gateway(OVERLOAD)
    door = open_door(gate)
    gate.outside(udp(PEER, ENTRANCE))
    close(gate, after=5)
    assert gate.engine.take_changes()[-1] == DoorClosed(door)
    assert gate.outside(udp(PEER, ENTRANCE)) == "dropped: no-translation"
    assert (len(gate.engine.state.sessions), len(gate.engine.state.bindings)) == (0, 0)


def test_until_it_is_closed_the_flow_goes_on() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate)
    gate.outside(udp(PEER, ENTRANCE))
    gate.engine.state.carry_out([CloseDoors(CALL, gate.now + 5)], gate.now)
    gate.wait(4)
    assert gate.outside(udp(PEER, ENTRANCE)).startswith("inside: ")


@pytest.mark.parametrize("lasts", [10.0, 10.4])
def test_a_door_that_nobody_used_ends_and_its_name_is_free(lasts: float) -> None:
    gate = gateway(OVERLOAD)
    door = open_door(gate, lasts=lasts)
    gate.now += lasts
    assert gate.outside(udp(PEER, ENTRANCE)).startswith("dropped: ")
    gate.wait(1)
    assert gate.engine.take_changes() == [DoorOpened(door), DoorClosed(door)]
    assert len(gate.engine.state.bindings) == 0


def test_a_name_is_kept_while_its_door_is_open() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate, lasts=math.inf)
    gate.inside(udp(PHONE, STRANGER))
    gate.wait(100_000)
    assert gate.outside(udp(PEER, ENTRANCE)).startswith("inside: ")


def test_two_calls_over_one_port_and_one_peer_do_not_end_each_other() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate)
    gate.outside(udp(PEER, ENTRANCE))
    open_door(gate, OTHER_CALL)
    close(gate, CALL)
    assert gate.outside(udp(PEER, ENTRANCE)).startswith("inside: ")
    close(gate, OTHER_CALL)
    assert gate.outside(udp(PEER, ENTRANCE)) == "dropped: no-translation"


def test_two_calls_over_one_port_with_two_peers_do_not_end_each_other() -> None:
    gate = gateway(OVERLOAD)
    open_door(gate)
    open_door(gate, OTHER_CALL, STRANGER)
    gate.outside(udp(PEER, ENTRANCE))
    gate.outside(udp(STRANGER, ENTRANCE))
    close(gate, CALL)
    assert gate.outside(udp(PEER, ENTRANCE)) == "dropped: no-session-or-door"
    assert gate.outside(udp(STRANGER, ENTRANCE)).startswith("inside: ")


def test_a_door_replaced_by_another_visitors_is_closed() -> None:
    gate = gateway(OVERLOAD)
    gate_door = open_door(gate, visitor=STRANGER)
    door = open_door(gate)
    assert gate.engine.take_changes() == [DoorOpened(gate_door), DoorClosed(gate_door), DoorOpened(door)]
    assert gate.outside(udp(STRANGER, ENTRANCE)) == "dropped: no-session-or-door"
    close(gate)
    assert len(gate.engine.state.bindings) == 0


def test_closing_at_a_static_host_ends_only_the_flows_of_that_port() -> None:
    gate = gateway(STATIC)
    open_door(gate, leads_to="192.168.1.5:5004")
    for target in ("203.0.113.5:5004", "203.0.113.5:69"):
        assert gate.outside(udp(PEER, target)).startswith("inside: ")
    close(gate)
    assert [str(session.inside_local) for session in gate.engine.state.sessions] == ["192.168.1.5:69"]


# A message that is inspected makes names; none may be left behind


def options(contact: str, sender: str) -> bytes:
    """A SIP request, whose Contact may be another host's."""
    lines = (
        "OPTIONS sip:a@198.51.100.7 SIP/2.0",
        f"Via: SIP/2.0/UDP {sender};branch=z9hG4bK1",
        f"Contact: <sip:b@{contact}>",
        "From: <sip:b@192.0.2.1>;tag=1",
        "To: <sip:a@198.51.100.7>",
        "Call-ID: 1",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0\r\n\r\n",
    )
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("contact", ["192.168.1.10:5070", "192.168.1.66:5060"])
def test_names_made_for_a_message_of_an_untranslated_host_go_away(contact: str) -> None:
    gate = gateway(OVERLOAD.replace("access-list 1", "access-list 1 deny 192.168.1.66\naccess-list 1", 1))
    sender = "192.168.1.66:5060"
    packet = udp(sender, "198.51.100.7:5060", options(contact, sender))
    result = gate.engine.receive(packet, Side.INSIDE, gate.now)
    assert (result.fate, result.packet) == (Fate.PASSED, packet)
    gate.wait(1e6)
    gate.wait(1)
    assert len(gate.engine.state.bindings) == 0


def test_a_host_with_a_static_port_alone_may_name_its_other_ports() -> None:
    gate = gateway(INTERFACES + "ip nat inside source static udp 192.168.1.6 5060 interface out0 5060\n")
    message = options("192.168.1.6:5070", "192.168.1.6:5060")
    assert gate.inside(udp("192.168.1.6:5060", "198.51.100.7:5060", message)) == (
        "outside: udp 203.0.113.1:5060 > 198.51.100.7:5060"
    )
    assert shown(gate.packet)
