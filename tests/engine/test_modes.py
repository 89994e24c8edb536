"""Modes: `full`, `pinhole-only`, `observe`, `off`, everywhere and for the hosts of one interface."""

import random
from collections.abc import Callable

import pytest

from doorman.algs.api import OpenDoor, apply_edits
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.nat.bindings import BindingFreed, BindingMade
from doorman.net.packet import parse_packet
from kit.packets import endpoint, udp
from kit.sip import GLOBAL, NO_NAT, OVERLOAD, PEER, PHONE, STATIC, STRANGER, Gateway, answer, request, sdp, sip
from kit.talk import INSIDE, OUTSIDE, Talk

INVITE = request(body=sdp())
ANSWER = answer(200, body=sdp("198.51.100.99", 7000))
TWO_LANS = """
interface in0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
{in0}
interface in1
 ip address 10.0.1.1 255.255.255.0
 ip nat inside
{in1}
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
{out0}
exit
{everywhere}
access-list 1 permit 10.0.0.0 0.0.255.255
access-list 1 permit 172.16.0.0 0.0.255.255
ip nat inside source list 1 interface out0 overload
"""


def everywhere(mode: str, config: str = OVERLOAD) -> Gateway:
    return Gateway(f"ip nat service sip mode {mode}\n{config}")


def on_interfaces(in0: str = "", in1: str = "", out0: str = "", general: str = "") -> Gateway:
    said = {"in0": in0, "in1": in1, "out0": out0, "everywhere": general}
    return Gateway(
        TWO_LANS.format(**{key: f"ip nat service sip mode {mode}" * bool(mode) for key, mode in said.items()})
    )


class TestObserve:
    def test_a_call_passes_as_it_came_and_opens_nothing(self) -> None:
        gateway = everywhere("observe")
        invited = gateway.out(INVITE)
        answered = gateway.in_(ANSWER)
        assert (invited.data, answered.data) == (INVITE, ANSWER)
        assert gateway.doors == []
        assert gateway.bindings() == ["10.0.0.10:5060>203.0.113.1:5060"]
        assert gateway.in_(b"\x80rtp", "198.51.100.99:7000", GLOBAL + ":4000").fate == Fate.DROPPED

    def test_all_that_would_have_been_is_told(self) -> None:
        full, gateway = Gateway(), everywhere("observe")
        done, told = full.out(INVITE).outcome, gateway.out(INVITE).outcome
        assert done is not None
        assert told is not None
        assert told.withheld is not None
        assert told.withheld.mode == "observe"
        assert apply_edits(INVITE, told.withheld.edits) == apply_edits(INVITE, done.edits)
        doors = [effect for effect in done.effects if isinstance(effect, OpenDoor)]
        assert len(told.withheld.effects) == len(doors) == gateway.notes("would-open-door") == 4
        assert gateway.notes("would-rewrite") == 1
        assert gateway.engine.inspector.messages["sip"]["INVITE"] == 1

    def test_nothing_is_dropped(self) -> None:
        gateway = everywhere("observe")
        for bad in (sip("BREW sip:pot SIP/2.0", "Call-ID: x"), sip("BYE sip:x SIP/2.0", "l: 3", "Content-Length: 3")):
            passed = gateway.out(bad)
            assert (passed.fate, passed.data) == (Fate.FORWARDED, bad)
            assert passed.outcome is not None
            assert passed.outcome.withheld is not None
            assert passed.outcome.withheld.drop
        assert gateway.notes("would-drop") == 2
        assert not gateway.engine.drops

    def test_a_flood_is_told_of_and_passes(self) -> None:
        gateway = everywhere("observe", STATIC + "ip nat service sip protect rate 1\n")
        message = request(host="192.0.2.66").replace(b"198.51.100.20", b"203.0.113.100")
        for _ in range(3):
            assert gateway.in_(message, STRANGER, "203.0.113.100:5060").data == message
        assert gateway.notes("would-drop") == 2

    def test_a_kernel_is_told_of_no_name_that_stays(self) -> None:
        """Names that are tried for the report are given back within the same packet."""
        config = read_config("ip nat service sip mode observe\n" + OVERLOAD, "test.cfg")
        engine = Engine(config, random.Random(1).random, delegated=True)
        engine.receive(udp(PHONE, PEER, INVITE), Side.INSIDE, 1.0)
        known = set()
        for change in engine.take_changes():
            if isinstance(change, BindingMade):
                known.add(change.binding)
            elif isinstance(change, BindingFreed):
                known.remove(change.binding)
        assert [str(binding.local) for binding in known] == [PHONE]

    def test_what_is_no_sip_is_still_told_apart(self) -> None:
        gateway = everywhere("observe")
        gateway.out(b"something else altogether")
        gateway.out(INVITE)
        assert gateway.notes("not-sip") == 1
        assert gateway.notes("would-rewrite") == 0

    def test_replay_takes_the_inside_for_the_truth(self) -> None:
        """An answer in a capture of the inside came from outside as it is: nobody changed it."""
        gateway = everywhere("observe")
        gateway.out(INVITE)
        captured = ANSWER.replace(b"203.0.113.1", b"10.0.0.10")
        sent, passed = gateway.learned(captured)
        assert sent == passed.data == captured


class TestPinholeOnly:
    def test_doors_open_and_no_message_is_changed(self) -> None:
        gateway = everywhere("pinhole-only")
        assert gateway.out(INVITE).data == INVITE
        assert gateway.in_(ANSWER).data == ANSWER
        assert [door.split(" ")[1] for door in gateway.media_doors()] == [
            "198.51.100.99>203.0.113.1:4001>10.0.0.10:4001",
            "198.51.100.99>203.0.113.1:4000>10.0.0.10:4000",
        ]
        assert gateway.notes("would-rewrite") == 2
        assert gateway.notes("would-open-door") == 0

    @pytest.mark.parametrize(("config", "name"), [(OVERLOAD, GLOBAL), (STATIC, "203.0.113.100")])
    def test_a_phone_that_knows_its_public_address(self, config: str, name: str) -> None:
        """It learned the name of its media port by STUN, or has an address for itself: its doors are where it says."""
        gateway = everywhere("pinhole-only", config)
        gateway.out(b"\0\x01\0\0\x21\x12\xa4\x42" + bytes(12), "10.0.0.10:4000", "192.0.2.7:3478")
        message = request(body=sdp(name)).replace(b"10.0.0.10", name.encode())
        passed = gateway.out(message)
        assert passed.data == message
        assert passed.outcome is not None
        assert passed.outcome.withheld is None
        assert f"rtp 198.51.100.20>{name}:4000>10.0.0.10:4000" in gateway.media_doors()

    def test_a_message_that_needs_no_change(self) -> None:
        gateway = everywhere("pinhole-only", NO_NAT)
        passed = gateway.out(INVITE)
        assert passed.outcome is not None
        assert passed.outcome.withheld is None

    def test_what_is_malformed_is_dropped(self) -> None:
        assert everywhere("pinhole-only").out(sip("BREW sip:pot SIP/2.0", "Call-ID: x")).fate == Fate.DROPPED


class TestOff:
    @pytest.mark.parametrize("config", [OVERLOAD, STATIC, NO_NAT])
    def test_messages_are_not_looked_into(self, config: str) -> None:
        gateway = everywhere("off", config)
        for message in (INVITE, sip("BREW sip:pot SIP/2.0", "Call-ID: x")):
            passed = gateway.out(message)
            assert passed.fate in {Fate.FORWARDED, Fate.PASSED}
            assert (passed.data, passed.outcome) == (message, None)
        assert not gateway.engine.inspector.messages["sip"]
        assert list(gateway.sip.calls) == []
        assert not gateway.engine.state.notes

    def test_a_flow_is_looked_into_again_when_the_mode_changes(self) -> None:
        gateway = everywhere("off")
        gateway.out(INVITE)
        gateway.engine.reconfigure(read_config(OVERLOAD, "test.cfg"), gateway.now)
        assert gateway.out(INVITE).data != INVITE
        gateway.engine.reconfigure(read_config(OVERLOAD + "ip nat service sip mode off\n", "test.cfg"), gateway.now)
        assert gateway.out(INVITE).data == INVITE

    def test_doors_of_another_mode_close_in_their_time(self) -> None:
        gateway = Gateway()
        gateway.out(INVITE)
        assert gateway.doors
        gateway.engine.reconfigure(read_config(OVERLOAD + "ip nat service sip mode off\n", "test.cfg"), gateway.now)
        gateway.wait(1_000)
        assert gateway.doors == []


def changes(gateway: Gateway, host: str) -> bool:
    """Whether the INVITE of an inside host is changed."""
    message = request(host=host)
    return gateway.out(message, f"{host}:5060").data != message


class TestInterfaces:
    def test_the_hosts_of_one_network(self) -> None:
        gateway = on_interfaces(in1="observe")
        assert changes(gateway, "10.0.0.10")
        assert not changes(gateway, "10.0.1.10")
        answered = answer(200).replace(b"203.0.113.1:5060", b"203.0.113.1:1")
        assert gateway.in_(answered).data != answered

    def test_an_interface_overrules_what_holds_for_all(self) -> None:
        gateway = on_interfaces(in0="full", general="off")
        assert changes(gateway, "10.0.0.10")
        assert not changes(gateway, "10.0.1.10")

    def test_the_only_outside_interface_is_everybody_s_way_out(self) -> None:
        gateway = on_interfaces(out0="observe")
        assert not changes(gateway, "10.0.0.10")
        assert gateway.in_(ANSWER).data == ANSWER

    @pytest.mark.parametrize(("inside", "outside"), [("full", "observe"), ("observe", "full")])
    def test_of_two_the_one_that_does_less_holds(self, inside: str, outside: str) -> None:
        assert not changes(on_interfaces(in0=inside, out0=outside), "10.0.0.10")

    def test_hosts_behind_a_router(self) -> None:
        """With two inside interfaces nobody knows which they are behind; with one, it is that."""
        assert changes(on_interfaces(in0="observe", in1="observe"), "172.16.0.10")
        config = OVERLOAD.replace(" ip nat inside\n", " ip nat inside\n ip nat service sip mode observe\n")
        assert not changes(Gateway(config + "access-list 1 permit 172.16.0.0 0.0.255.255\n"), "172.16.0.10")

    def test_the_interface_of_the_host_that_is_called(self) -> None:
        gateway = Gateway(
            STATIC.replace(" ip nat inside\n", " ip nat inside\n ip nat service sip mode off\n")
            + "ip nat service sip mode full\n"
        )
        message = request(host="192.0.2.66").replace(b"198.51.100.20", b"203.0.113.100")
        assert gateway.in_(message, STRANGER, "203.0.113.100:5060").data == message


def over_tcp(config: str) -> tuple[Engine, Connection]:
    engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
    return engine, connect(engine, endpoint("10.0.0.10:40000"), endpoint(PEER), Side.INSIDE, 1.0)


class TestStreams:
    def test_observe(self) -> None:
        engine, connection = over_tcp(OVERLOAD + "ip nat service sip mode observe\n")
        relay = connection.receive(INVITE, End.CLIENT, 2.0)
        assert relay.data == INVITE
        assert relay.inspections[0].outcome.withheld is not None
        assert len(engine.state.doors) == 0

    @pytest.mark.parametrize(
        "bad", [sip("BYE sip:x SIP/2.0", "l: 3", "Content-Length: 3", length=None) + b"abc", b"x" * 9_000 + b"\r\n"]
    )
    def test_observe_ends_no_connection(self, bad: bytes) -> None:
        engine, connection = over_tcp(OVERLOAD + "ip nat service sip mode observe\n")
        message = INVITE + bad + b"more"
        relay = connection.receive(message, End.CLIENT, 2.0)
        assert (relay.data, relay.close) == (message, False)
        assert not engine.drops

    def test_off(self) -> None:
        engine, connection = over_tcp(OVERLOAD + "ip nat service sip mode off\n")
        assert not connection.inspected
        assert connection.receive(INVITE, End.CLIENT, 2.0).rest == INVITE
        assert not engine.inspector.messages["sip"]

    @pytest.mark.parametrize(("mode", "inspected", "doors"), [("observe", 1, 0), ("pinhole-only", 1, 4), ("off", 0, 0)])
    def test_segment_by_segment(self, mode: str, inspected: int, doors: int) -> None:
        """A spliced connection: what comes out is what went in, from both ends."""
        engine = Engine(read_config(f"{OVERLOAD}ip nat service sip mode {mode}\n", "test.cfg"), random.Random(7).random)
        call = Talk(engine, "10.0.0.10:40000", PEER)
        call.open()
        for piece in (INVITE[:300], INVITE[300:]):
            call.say(INSIDE, piece)
        call.say(OUTSIDE, ANSWER)
        assert call.heard == {INSIDE: ANSWER, OUTSIDE: INVITE}
        assert engine.inspector.messages["sip"]["INVITE"] == inspected
        assert len(engine.state.doors) == doors


@pytest.mark.parametrize("mode", ["observe", "pinhole-only", "off"])
@pytest.mark.parametrize("make", [lambda: INVITE, lambda: INVITE[:200], lambda: b"\r\n", lambda: b"\x16\x03"])
def test_in_no_mode_but_full_is_a_byte_changed(mode: str, make: Callable[[], bytes]) -> None:
    gateway = everywhere(mode)
    packet = parse_packet(gateway.engine.receive(udp(PHONE, PEER, make()), Side.INSIDE, gateway.now).packet)
    assert packet is not None
    assert packet.payload == make()
