"""What every data plane must do, as tests for a class to inherit that has a fixture `world`.

phones 192.168.1.10, .11     gateway 203.0.113.1     peers 198.51.100.20, .99
"""

import random
from collections.abc import Iterable
from typing import Protocol

import pytest

from doorman.algs.api import CloseDoors, Door, OpenDoor, Owner
from doorman.config.reader import read_config
from doorman.dataplanes.plane import Plane, PlaneRefused
from doorman.engine.engine import Engine
from doorman.engine.flows import flow_answered, flow_began
from doorman.engine.results import Change, Side
from doorman.nat.bindings import Binding
from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP
from kit.gateway import INTERFACES, OVERLOAD, POOL
from kit.packets import endpoint

PHONE, OTHER = "192.168.1.10", "192.168.1.11"
PEER, STRANGER = "198.51.100.20", "198.51.100.99"
GLOBAL = "203.0.113.1"
CONFIG = (
    OVERLOAD
    + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    + "ip nat inside source static udp 192.168.1.6 6000 203.0.113.6 7000\n"
    + "ip nat inside source static tcp 192.168.1.6 80 interface out0 8080\n"
)
SEVERAL_NAMES = (
    OVERLOAD
    + "ip nat inside source static 192.168.1.5 203.0.113.5 extendable\n"
    + "ip nat inside source static 192.168.1.5 203.0.113.6 extendable\n"
    + "ip nat inside source static tcp 192.168.1.5 80 interface out0 8080 extendable\n"
    + "ip nat inside source static tcp 192.168.1.5 80 203.0.113.7 80 extendable\n"
    + "ip nat inside source static tcp 192.168.1.6 22 203.0.113.5 22 extendable\n"
)
INSIDE, OUTSIDE = Side
NOW = 1000.0


class World(Protocol):
    """A plane, and packets to send through it."""

    @property
    def plane(self) -> Plane:
        """The plane."""
        ...

    def arrives(self, protocol: int, sender: str, receiver: str, side: Side) -> tuple[str, str] | None:
        """What becomes of the ends of a packet, see `MemoryPlane.arrives`."""
        ...

    def spoil(self, entrance: str) -> None:
        """Let the plane refuse any batch that opens a door for any visitor at this entrance."""
        ...

    def mend(self, entrance: str) -> None:
        """Undo that."""
        ...


class Gate:
    """An engine whose changes go to a plane, in batches that the test makes."""

    def __init__(self, world: World, config: str = CONFIG) -> None:
        self.world = world
        self.plane = world.plane
        self.config = read_config(config, "test.cfg")
        self.engine = Engine(self.config, random.Random(3).random, delegated=True)
        self.synchronise()

    def synchronise(self) -> None:
        state = self.engine.state
        self.plane.synchronise(self.config, state.bindings, state.doors.everyone(), NOW)
        self.engine.take_changes()

    def reconfigure(self, config: str) -> None:
        """Go on by another configuration, as a gateway does: the plane is told of what was cut, and of all there is."""
        self.config = read_config(config, "test.cfg")
        self.engine.reconfigure(self.config, NOW)
        changes = self.engine.take_changes()
        self.synchronise()
        self.plane.commit(changes, NOW)

    def commit(self) -> list[Change]:
        changes = self.engine.take_changes()
        self.plane.commit(changes, NOW)
        return changes

    def name(self, local: str, protocol: int = UDP) -> str:
        """The global name of an inside endpoint, which may be new."""
        bindings = self.engine.state.bindings
        found = bindings.by_local(protocol, endpoint(local))
        binding = found or bindings.bind(protocol, endpoint(local))[0]
        return str(binding.outward(endpoint(local)))

    def open(  # noqa: PLR0913 - as a door is
        self,
        local: str,
        visitor: str | None,
        *,
        owner: bytes = b"call",
        flows: int | None = 1,
        closes: float = NOW + 100,
        protocol: int = UDP,
        inspect_as: str | None = None,
    ) -> str:
        """Open a door; its entrance."""
        name = self.name(local, protocol)
        door = Door(
            Owner("sip", owner, address_of(local.partition(":")[0])),
            "rtp",
            protocol,
            visitor=address_of(visitor) if visitor is not None else None,
            entrance=endpoint(name),
            leads_to=endpoint(local),
            closes=closes,
            flows=flows,
            inspect_as=inspect_as,
        )
        self.engine.state.carry_out([OpenDoor(door)], NOW)
        return name

    def close(self, owner: bytes = b"call", local: str = PHONE) -> None:
        """Close all doors of an owner."""
        effect = CloseDoors(Owner("sip", owner, address_of(local)), NOW - 1)
        self.engine.state.carry_out([effect], NOW)
        self.engine.state.expire(NOW)

    def hear(self) -> None:
        """Let the engine hear of the flows that are there."""
        for flow, answered in self.plane.flows():
            assert flow_began(self.engine, flow, NOW), flow
            if answered:
                flow_answered(self.engine, flow, NOW)

    def binding(self, local: str) -> Binding:
        found = self.engine.state.bindings.by_local(UDP, endpoint(local))
        assert found is not None
        return found

    def from_inside(self, sender: str, receiver: str, protocol: int = UDP) -> tuple[str, str] | None:
        return self.world.arrives(protocol, sender, receiver, INSIDE)

    def from_outside(self, sender: str, receiver: str, protocol: int = UDP) -> tuple[str, str] | None:
        return self.world.arrives(protocol, sender, receiver, OUTSIDE)

    def flows(self) -> list[str]:
        return sorted(
            f"{flow.inside_local} {flow.inside_global} {flow.outside} {flow.begun.name} {answered}"
            for flow, answered in self.plane.flows()
        )


PHONE_RTP, OTHER_RTP = f"{PHONE}:4000", f"{OTHER}:4000"
PEER_RTP = f"{PEER}:6000"


@pytest.fixture
def gate(world: World) -> Gate:
    return Gate(world)


class PlaneContract:
    """The tests."""

    def test_a_door_lets_its_visitor_in_and_nobody_else(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_outside(f"{STRANGER}:6000", name) is None
        assert gate.from_outside(PEER_RTP, name, TCP) is None
        assert gate.from_outside(PEER_RTP, f"{GLOBAL}:4001") is None
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == (name, PEER_RTP)

    def test_a_door_for_any_visitor(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, None, flows=None)
        gate.commit()
        for sender in (PEER_RTP, f"{STRANGER}:6000", f"{STRANGER}:6001"):
            assert gate.from_outside(sender, name) == (sender, PHONE_RTP)
        assert len(gate.flows()) == 3

    def test_a_door_of_tcp(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER, protocol=TCP)
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) is None
        assert gate.from_outside(PEER_RTP, name, TCP) == (PEER_RTP, PHONE_RTP)

    def test_a_door_to_a_static_host_makes_its_flow_known(self, gate: Gate) -> None:
        """It would be let in without; but with its call it ends."""
        local = "192.168.1.5:4000"
        name = gate.open(local, PEER)
        assert name == "203.0.113.5:4000"
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, local)
        assert gate.flows() == [f"{local} {name} {PEER_RTP} OUTSIDE False"]
        gate.hear()
        gate.close(local="192.168.1.5")
        gate.commit()
        assert gate.flows() == []

    def test_a_flow_that_a_static_host_begins_by_its_door_is_known_too(self, gate: Gate) -> None:
        local = "192.168.1.5:4000"
        name = gate.open(local, PEER)
        gate.commit()
        assert gate.from_inside(local, PEER_RTP) == (name, PEER_RTP)
        assert gate.flows() == [f"{local} {name} {PEER_RTP} INSIDE False"]

    def test_a_door_for_messages_that_closes_soon_is_there_when_all_is_made_anew(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, None, flows=None, closes=NOW + 5, protocol=TCP, inspect_as="sip")
        gate.synchronise()
        assert gate.from_outside(PEER_RTP, name, TCP) == (PEER_RTP, PHONE_RTP)

    def test_a_door_that_was_closed_lets_nobody_new_in(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.name(PHONE_RTP)
        gate.commit()
        gate.close()
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) is None

    def test_a_door_that_was_used_up_lets_no_second_flow_in(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        gate.hear()
        gate.commit()
        assert gate.from_outside(f"{PEER}:6002", name) is None
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == (name, PEER_RTP)

    def test_an_answer_uses_a_door_up_too(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == (name, PEER_RTP)
        gate.hear()
        assert gate.commit() == []
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        gate.hear()
        assert len(gate.commit()) == 1
        assert gate.from_outside(f"{PEER}:6002", name) is None
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)

    def test_what_an_inside_host_sends_from_a_bound_port_leaves_with_its_name(self, gate: Gate) -> None:
        assert gate.name(f"{OTHER}:4000") == f"{GLOBAL}:4000"
        name = gate.name(PHONE_RTP)
        assert name != f"{GLOBAL}:4000"
        gate.commit()
        for receiver in (PEER_RTP, f"{STRANGER}:53"):
            assert gate.from_inside(PHONE_RTP, receiver) == (name, receiver)
            assert gate.from_outside(receiver, name) == (receiver, PHONE_RTP)
        assert gate.from_inside(OTHER_RTP, PEER_RTP) == (f"{GLOBAL}:4000", PEER_RTP)

    def test_a_static_host_is_reached_and_known_by_its_address(self, gate: Gate) -> None:
        assert gate.from_outside(PEER_RTP, "203.0.113.5:80", TCP) == (PEER_RTP, "192.168.1.5:80")
        assert gate.from_outside(PEER_RTP, "203.0.113.5:81") == (PEER_RTP, "192.168.1.5:81")
        assert gate.from_inside("192.168.1.5:5000", PEER_RTP) == ("203.0.113.5:5000", PEER_RTP)

    def test_a_static_port_is_reached_and_known_by_its_name(self, gate: Gate) -> None:
        assert gate.from_outside(PEER_RTP, "203.0.113.6:7000") == (PEER_RTP, "192.168.1.6:6000")
        assert gate.from_outside(PEER_RTP, f"{GLOBAL}:8080", TCP) == (PEER_RTP, "192.168.1.6:80")
        assert gate.from_outside(PEER_RTP, f"{GLOBAL}:8080") is None
        assert gate.from_inside("192.168.1.6:6000", PEER_RTP) == ("203.0.113.6:7000", PEER_RTP)
        found = gate.from_inside("192.168.1.6:6001", PEER_RTP)
        assert found is not None
        assert found[0].startswith(f"{GLOBAL}:")

    def test_several_static_names_all_lead_in_and_the_first_leads_out(self, world: World) -> None:
        gate = Gate(world, SEVERAL_NAMES)
        for peer, name in ((f"{PEER}:1", "203.0.113.5:81"), (f"{PEER}:2", "203.0.113.6:81")):
            assert gate.from_outside(peer, name, TCP) == (peer, "192.168.1.5:81")
        for number, name in enumerate((f"{GLOBAL}:8080", "203.0.113.5:80", "203.0.113.7:80")):
            peer = f"{PEER}:{9000 + number}"
            assert gate.from_outside(peer, name, TCP) == (peer, "192.168.1.5:80")
        assert gate.from_outside(PEER_RTP, "203.0.113.5:22", TCP) == (PEER_RTP, "192.168.1.6:22")
        assert gate.from_inside("192.168.1.5:5000", PEER_RTP) == ("203.0.113.5:5000", PEER_RTP)
        assert gate.from_inside("192.168.1.5:80", f"{STRANGER}:1", TCP) == (f"{GLOBAL}:8080", f"{STRANGER}:1")

    def test_a_secondary_name_becomes_the_first(self, world: World) -> None:
        gate = Gate(world, SEVERAL_NAMES)
        gate.reconfigure(SEVERAL_NAMES.replace("static 192.168.1.5 203.0.113.5 ", "static 192.168.1.5 203.0.113.9 "))
        assert gate.from_inside("192.168.1.5:5000", PEER_RTP) == ("203.0.113.9:5000", PEER_RTP)
        gate.reconfigure(OVERLOAD + "ip nat inside source static 192.168.1.5 203.0.113.6\n")
        assert gate.from_inside("192.168.1.5:5001", PEER_RTP) == ("203.0.113.6:5001", PEER_RTP)

    def test_a_network_is_translated_host_by_host(self, world: World) -> None:
        gate = Gate(world, OVERLOAD + "ip nat inside source static network 192.168.1.0 203.0.113.64 /27\n")
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == ("203.0.113.74:4000", PEER_RTP)
        assert gate.from_outside(PEER_RTP, "203.0.113.75:80", TCP) == (PEER_RTP, f"{OTHER}:80")

    def test_a_pool_of_ranges_gives_each_host_one_with_its_own_number(self, world: World) -> None:
        ranges = " address 203.0.113.70 203.0.113.74\n address 203.0.114.10 203.0.114.20\n"
        pool = f"ip nat pool P prefix-length 24 type match-host\n{ranges}"
        gate = Gate(world, INTERFACES + pool + "ip nat inside source list 1 pool P\n")
        assert gate.name(PHONE_RTP) == "203.0.114.10:4000"
        gate.commit()
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == ("203.0.114.10:4000", PEER_RTP)
        assert gate.from_outside(f"{PEER}:1", "203.0.114.10:80", TCP) == (f"{PEER}:1", f"{PHONE}:80")

    def test_a_shared_pool_of_ranges(self, world: World) -> None:
        pool = (
            "ip nat pool P prefix-length 24\n address 203.0.113.70 203.0.113.70\n address 203.0.114.10 203.0.114.20\n"
        )
        gate = Gate(world, INTERFACES + pool + "ip nat inside source list 1 pool P overload\n")
        found = gate.from_inside(PHONE_RTP, PEER_RTP)
        assert found is not None
        assert found[0].startswith(("203.0.114.", "203.0.113.70:"))

    def test_a_lease_is_an_address_for_a_host_alone(self, world: World) -> None:
        gate = Gate(world, POOL)
        assert gate.from_inside(PHONE_RTP, PEER_RTP) is None
        name = gate.name(PHONE_RTP)
        assert name == "203.0.113.20:4000"
        gate.commit()
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == (name, PEER_RTP)
        assert gate.from_inside(f"{PHONE}:4001", PEER_RTP, TCP) == ("203.0.113.20:4001", PEER_RTP)
        assert gate.from_outside(f"{STRANGER}:9", "203.0.113.20:9") == (f"{STRANGER}:9", f"{PHONE}:9")
        assert gate.from_inside(OTHER_RTP, PEER_RTP) is None
        assert len(gate.flows()) == 3

    def test_all_of_a_batch_is_carried_out_or_nothing(self, gate: Gate) -> None:
        names = [
            gate.open(PHONE_RTP, PEER),
            gate.open(OTHER_RTP, None, owner=b"other"),
            gate.open(f"{PHONE}:5000", PEER),
        ]
        gate.world.spoil(names[1])
        changes = gate.engine.take_changes()
        with pytest.raises(PlaneRefused):
            gate.plane.commit(changes, NOW)
        gate.world.mend(names[1])
        assert gate.from_outside(f"{PEER}:6002", names[0]) is None
        assert gate.from_outside(f"{PEER}:6002", names[2]) is None
        gate.plane.commit(changes, NOW)
        for name, local in zip(names, (PHONE_RTP, OTHER_RTP, f"{PHONE}:5000"), strict=True):
            assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, local)

    def test_a_refused_batch_leaves_no_trace_in_later_ones(self, gate: Gate) -> None:
        """A door that shares its element with one of the refused batch is opened and closed all the same."""
        first = gate.open(PHONE_RTP, PEER, owner=b"one")
        gate.commit()
        second = gate.open(f"{PHONE}:5000", None, owner=b"spoiled")
        gate.open(PHONE_RTP, PEER, owner=b"two")
        gate.close(b"one")
        gate.world.spoil(second)
        with pytest.raises(PlaneRefused):
            gate.commit()
        gate.world.mend(second)
        gate.synchronise()
        gate.close(b"spoiled")
        gate.commit()
        assert gate.from_outside(PEER_RTP, second) is None
        assert gate.from_outside(PEER_RTP, first) == (PEER_RTP, PHONE_RTP)
        gate.close(b"two")
        gate.commit()
        assert gate.from_outside(f"{PEER}:6002", first) is None

    def test_what_two_doors_need_stays_until_both_are_gone(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER, owner=b"one")
        gate.commit()
        assert gate.open(PHONE_RTP, PEER, owner=b"two") == name
        gate.commit()
        gate.close(b"one")
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        gate.close(b"two")
        gate.commit()
        assert gate.from_outside(f"{PEER}:6002", name) is None

    def test_doors_of_any_duration(self, gate: Gate) -> None:
        times = (NOW + 0.5, NOW + 86_400 * 400, 10.0**12, float("inf"))
        for number, closes in enumerate(times):
            gate.open(f"{PHONE}:{4000 + number}", PEER, owner=b"%d" % number, closes=closes)
        gate.commit()
        for number in range(len(times)):
            assert gate.from_outside(PEER_RTP, gate.name(f"{PHONE}:{4000 + number}")) is not None
        gate.synchronise()
        for number in range(len(times)):
            assert gate.from_outside(f"{PEER}:6002", gate.name(f"{PHONE}:{4000 + number}")) is not None

    def test_a_name_that_goes_to_another_in_one_batch(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        gate.close()
        assert gate.open(OTHER_RTP, PEER, owner=b"other") == name
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, OTHER_RTP)
        assert gate.from_inside(OTHER_RTP, f"{STRANGER}:1") == (name, f"{STRANGER}:1")

    def test_synchronise_replaces_everything_and_running_flows_go_on(self, gate: Gate) -> None:
        kept, ended = gate.open(PHONE_RTP, PEER), gate.open(OTHER_RTP, PEER, owner=b"other")
        gate.commit()
        for name, local in ((kept, PHONE_RTP), (ended, OTHER_RTP)):
            assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, local)
        gate.close(b"other", OTHER)
        gate.engine.take_changes()
        gate.synchronise()
        for name, local in ((kept, PHONE_RTP), (ended, OTHER_RTP)):
            assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, local), "a running flow was interrupted"
        assert gate.from_outside(f"{PEER}:6002", kept) == (f"{PEER}:6002", PHONE_RTP)
        assert gate.from_outside(f"{PEER}:6002", ended) is None
        assert gate.from_outside(PEER_RTP, "203.0.113.5:81") == (PEER_RTP, "192.168.1.5:81")

    def test_a_configuration_that_says_otherwise_ends_what_it_does_not_allow(self, gate: Gate) -> None:
        kept = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_outside(PEER_RTP, kept) == (PEER_RTP, PHONE_RTP)
        gate.hear()
        static = f"{PEER}:7777"
        assert gate.from_outside(static, "203.0.113.6:7000") == (static, "192.168.1.6:6000")
        gate.reconfigure(OVERLOAD + "ip nat inside source static 192.168.1.7 203.0.113.5\n")
        assert gate.from_outside(PEER_RTP, kept) == (PEER_RTP, PHONE_RTP)
        assert gate.from_outside(f"{PEER}:1", "203.0.113.5:81") == (f"{PEER}:1", "192.168.1.7:81")
        assert gate.from_outside(PEER_RTP, f"{GLOBAL}:8080", TCP) is None

    def test_a_binding_that_is_not_allowed_any_more_ends_with_its_flows(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        gate.hear()
        gate.commit()
        gate.reconfigure(CONFIG.replace("permit 192.168.1.0 0.0.0.255", "permit host 192.168.1.11"))
        assert gate.from_outside(PEER_RTP, name) is None
        assert gate.flows() == []

    def test_a_refused_configuration_changes_nothing(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        nowhere = read_config(CONFIG.replace(" ip nat outside\n", ""), "test.cfg")
        gate.world.spoil(name)
        with pytest.raises(PlaneRefused):
            gate.plane.synchronise(nowhere, [], [], NOW)
        gate.world.mend(name)
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
        gate.close()
        gate.commit()
        assert gate.from_outside(f"{PEER}:6002", name) is None

    def test_a_session_that_is_cut_ends_a_running_flow(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        for sender in (PEER_RTP, f"{PEER}:6002"):
            assert gate.from_outside(sender, name) == (sender, PHONE_RTP)
        gate.hear()
        gate.close()
        changes = gate.commit()
        assert [type(change).__name__ for change in changes].count("SessionCut") == 2
        assert gate.flows() == []
        for sender in (PEER_RTP, f"{PEER}:6002"):
            assert gate.from_outside(sender, name) is None

    def test_a_flow_that_the_inside_began_is_cut_too(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_inside(PHONE_RTP, PEER_RTP) == (name, PEER_RTP)
        gate.hear()
        gate.close()
        gate.commit()
        assert gate.flows() == []
        assert gate.from_outside(PEER_RTP, name) is None

    def test_flows_are_told_with_both_names(self, gate: Gate) -> None:
        name, other = gate.open(PHONE_RTP, PEER), gate.name(OTHER_RTP)
        gate.commit()
        gate.from_outside(PEER_RTP, name)
        gate.from_inside(OTHER_RTP, f"{STRANGER}:1")
        assert gate.flows() == [
            f"{PHONE_RTP} {name} {PEER_RTP} OUTSIDE False",
            f"{OTHER_RTP} {other} {STRANGER}:1 INSIDE False",
        ]
        gate.from_inside(PHONE_RTP, PEER_RTP)
        assert f"{PHONE_RTP} {name} {PEER_RTP} OUTSIDE True" in gate.flows()

    def test_flows_that_the_engine_has_no_part_in_are_not_told(self, gate: Gate) -> None:
        gate.from_inside(f"{PHONE}:1234", PEER_RTP)
        gate.from_outside(PEER_RTP, "203.0.113.5:81")
        gate.from_outside(PEER_RTP, "203.0.113.6:7000")
        gate.from_inside("192.168.1.5:5000", f"{PEER}:1")
        assert gate.flows() == []

    def test_packets_that_come_before_the_door_do_not_bar_it(self, gate: Gate) -> None:
        name = gate.name(PHONE_RTP)
        gate.commit()
        for _ in range(3):
            assert gate.from_outside(PEER_RTP, name) is None
        gate.open(PHONE_RTP, PEER)
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)

    def test_a_name_that_was_given_back_lingers(self, gate: Gate) -> None:
        """What still comes to it leaves nothing that would bar the way when the name is somebody's again."""
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        gate.close()
        gate.commit()
        assert gate.engine.state.bindings.by_global(UDP, endpoint(name)) is None
        for _ in range(3):
            assert gate.from_outside(PEER_RTP, name) is None
        assert gate.open(OTHER_RTP, PEER, owner=b"other") == name
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, OTHER_RTP)

    def test_it_lingers_over_a_change_of_everything(self, gate: Gate) -> None:
        name = gate.open(PHONE_RTP, PEER)
        gate.commit()
        gate.close()
        gate.commit()
        gate.synchronise()
        assert gate.from_outside(PEER_RTP, name) is None
        assert gate.open(OTHER_RTP, PEER, owner=b"other") == name
        gate.commit()
        assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, OTHER_RTP)

    @pytest.mark.parametrize("protocol", [UDP, TCP])
    def test_ordinary_flows_have_ports_of_their_own(self, gate: Gate, protocol: int) -> None:
        names = set()
        for host in (PHONE, OTHER):
            for port in (1, 1023, 1024, 5000, 32_768, 65_535):
                found = gate.from_inside(f"{host}:{port}", PEER_RTP, protocol)
                assert found is not None
                address, _, name = found[0].partition(":")
                assert (address, found[1]) == (GLOBAL, PEER_RTP)
                assert int(name) >= 32_768 if port >= 1024 else 512 <= int(name) < 768
                names.add(name)
        assert len(names) == 12

    def test_ordinary_flows_do_not_take_a_static_port(self, world: World) -> None:
        """Else its host could not speak to whom another speaks from a port of that number."""
        gate = Gate(world, OVERLOAD + "ip nat inside source static udp 192.168.1.6 6000 interface out0 40000\n")
        found = gate.from_inside(f"{PHONE}:40000", PEER_RTP)
        assert found is not None
        assert found[0] != f"{GLOBAL}:40000"
        assert gate.from_inside("192.168.1.6:6000", PEER_RTP) == (f"{GLOBAL}:40000", PEER_RTP)

    def test_a_port_above_all_names_goes_on_with_a_name_below(self, gate: Gate) -> None:
        name = gate.name(f"{PHONE}:40000")
        assert int(name.partition(":")[2]) < 32_768
        gate.commit()
        assert gate.from_inside(f"{PHONE}:40000", PEER_RTP) == (name, PEER_RTP)

    def test_a_hairpin_through_a_door(self, gate: Gate) -> None:
        """From one phone to the name of another, which sees the first one's name."""
        name, other = gate.open(OTHER_RTP, None, owner=b"other"), gate.name(PHONE_RTP)
        gate.commit()
        assert gate.from_inside(PHONE_RTP, name) == (other, OTHER_RTP)
        assert gate.from_inside(OTHER_RTP, other) == (name, PHONE_RTP)
        assert gate.flows() == [
            f"{PHONE_RTP} {other} {name} INSIDE True",
            f"{OTHER_RTP} {name} {other} OUTSIDE True",
        ]
        gate.hear()
        gate.close(b"other", OTHER)
        gate.commit()
        assert gate.flows() == []
        assert gate.from_inside(PHONE_RTP, name) is None

    def test_a_hairpin_to_a_static_host(self, gate: Gate) -> None:
        name = gate.name(PHONE_RTP)
        gate.commit()
        assert gate.from_inside(PHONE_RTP, "203.0.113.5:81") == (name, "192.168.1.5:81")
        assert gate.from_inside("192.168.1.5:81", name) == ("203.0.113.5:81", PHONE_RTP)


def shown(ends: Iterable[object] | None) -> tuple[str, str] | None:
    """Two endpoints as text."""
    if ends is None:
        return None
    sender, receiver = ends
    return str(sender), str(receiver)
