"""NetBIOS's name service: owners of names, told in either direction; what tells of none stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.engine.results import Fate
from doorman.net.addresses import address_of
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import read_name_packet
from kit.netbios import (
    NAME,
    answer,
    header,
    node_status,
    owners,
    question,
    redirect,
    registered,
    registration,
    wack,
)
from kit.sip import INTERFACES, NO_NAT, OVERLOAD, POOL, STATIC, Gateway, Passage

HOST, SERVER = "10.0.0.10:137", "198.51.100.20:137"
TWO = INTERFACES + (
    "ip nat inside source static 10.0.0.10 203.0.113.100\nip nat inside source static 10.0.0.11 203.0.113.101\n"
)
OUTSIDE_TOO = STATIC + "ip nat outside source static 198.51.100.20 10.9.9.9\n"


def out(gateway: Gateway, data: bytes) -> Passage:
    return gateway.out(data, HOST, SERVER)


@pytest.mark.parametrize("opcode", [5, 6, 8, 9, 15])
@pytest.mark.parametrize(
    ("config", "name"), [(OVERLOAD, "203.0.113.1"), (POOL, "203.0.113.10"), (STATIC, "203.0.113.100")]
)
def test_a_host_registers_the_address_that_it_has_outside(config: str, name: str, opcode: int) -> None:
    passed = out(Gateway(config), registration("10.0.0.10", opcode))
    assert passed.data == registration(name, opcode)
    assert passed.source.startswith(name)


def test_the_server_is_answered_by_the_host_in_its_own_words() -> None:
    gateway = Gateway(STATIC)
    out(gateway, registration("10.0.0.10"))
    for code in (0, 5, 6, 7):
        passed = gateway.in_(registered("203.0.113.100", code), SERVER, "203.0.113.100:137")
        assert passed.data == registered("10.0.0.10", code)


def test_a_query_of_the_outside_is_answered_with_every_owner_it_can_reach() -> None:
    gateway = Gateway(TWO)
    asked = gateway.in_(header(0x0100, 1, 0, 0, 0) + question(), SERVER, "203.0.113.100:137")
    assert asked.data == header(0x0100, 1, 0, 0, 0) + question()
    passed = out(gateway, answer(("10.0.0.10", "10.0.0.11", "192.0.2.7", "10.0.0.12")))
    assert passed.data == answer(("203.0.113.100", "203.0.113.101", "192.0.2.7", "10.0.0.12"))


@pytest.mark.parametrize(("config", "name"), [(OVERLOAD, "203.0.113.1"), (POOL, "203.0.113.10")])
def test_another_host_gets_no_name_because_a_message_says_so(config: str, name: str) -> None:
    gateway = Gateway(config)
    passed = out(gateway, answer(("10.0.0.10", "10.0.0.11")))
    assert passed.data == answer((name, "10.0.0.11"))
    assert gateway.engine.state.notes == {"address-left": 1}
    assert [str(one.local.address) for one in gateway.engine.state.bindings if one.local.address != _own()] == []


def _own() -> bytes:
    return address_of("10.0.0.10")


def test_an_outside_host_is_told_by_the_name_that_it_has_inside() -> None:
    gateway = Gateway(OUTSIDE_TOO)
    out_there = gateway.out(registered("10.9.9.9"), HOST, "10.9.9.9:137")
    assert (out_there.target, out_there.data) == (SERVER, registered("198.51.100.20"))
    back = gateway.in_(answer(("198.51.100.20",)), SERVER, "203.0.113.100:137")
    assert (back.source, back.data) == ("10.9.9.9:137", answer(("10.9.9.9",)))


@pytest.mark.parametrize("packet", [redirect("10.0.0.10"), wack(), node_status()], ids=["redirect", "wack", "status"])
def test_what_tells_of_no_owner_stays(packet: bytes) -> None:
    assert out(Gateway(STATIC), packet).data == packet


def test_records_of_other_types_and_networks_stay() -> None:
    other = header(0x8580, 0, 1, 0, 0) + owners(("10.0.0.10",), kind=0x40)
    assert out(Gateway(STATIC), other).data == other


def test_names_in_many_labels_are_read_over() -> None:
    name = NAME[:-1] + b"\x03lab\x07example\x00"
    packet = header(0x8580, 0, 1, 0, 0) + owners(("10.0.0.10",), name)
    assert out(Gateway(STATIC), packet).data == header(0x8580, 0, 1, 0, 0) + owners(("203.0.113.100",), name)


def test_without_a_translation_nothing_is_done_or_noted() -> None:
    gateway = Gateway(NO_NAT)
    assert out(gateway, answer(("10.0.0.10",))).data == answer(("10.0.0.10",))
    assert not gateway.engine.state.notes


def test_replay_finds_what_the_server_must_have_sent() -> None:
    gateway = Gateway(STATIC)
    out(gateway, registration("10.0.0.10"))
    for packet in (registered("10.0.0.10"), answer(("10.0.0.10", "198.51.100.20"))):
        sent, passed = gateway.learned(packet, SERVER, HOST)
        assert b"\xcb\x00\x71\x64" in sent  # 203.0.113.100
        assert passed.data == packet


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (answer(("10.0.0.10",))[:-1], "name-record"),
        (answer(("10.0.0.10",))[:50], "name-record"),
        (header(0x8580, 0, 2, 0, 0) + owners(("10.0.0.10",)), "name-label"),
        (header(0x0100, 1, 0, 0, 0) + NAME, "name-record"),
        (header(0x0100, 1, 0, 0, 0) + b"\x80abc", "name-label"),
        (header(0x0100, 1, 0, 0, 0) + b"\x3f" * 700, "name-label"),
        (header(0x0100, 40_000, 40_000, 0, 0), "too-many-records"),
        (answer(("10.0.0.10",) * 300), "too-many-owners"),
    ],
)
def test_what_cannot_be_read_is_dropped_by_a_named_reason(packet: bytes, reason: str) -> None:
    gateway = Gateway(STATIC)
    passed = out(gateway, packet)
    assert (passed.fate, passed.reason) == (Fate.DROPPED, f"netbios-ns: {reason}")
    lenient = Gateway(STATIC + "ip nat service netbios-ns malformed pass\n")
    assert out(lenient, packet).data == packet
    assert lenient.engine.state.notes == {"passed-as-it-came": 1}


@pytest.mark.parametrize("packet", [b"", b"\x0a\x00\x00\x0a", header(0x1000, 1, 0, 0, 0) + question()])
def test_another_protocol_passes_and_its_flow_is_looked_into_no_longer(packet: bytes) -> None:
    gateway = Gateway(STATIC)
    assert out(gateway, packet).data == packet
    later = out(gateway, registration("10.0.0.10"))
    assert later.data == registration("10.0.0.10" if packet else "203.0.113.100")


@given(st.binary(max_size=80) | st.integers(0, 60).map(lambda at: answer(("10.0.0.10",))[:at] + b"\xff" * at))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        packet = read_name_packet(data)
    except Malformed:
        return
    for at in packet.owners if packet is not None else ():
        assert at + 4 <= len(data)


def test_messages_are_counted_by_kind() -> None:
    gateway = Gateway(STATIC)
    for packet in (registration("10.0.0.10"), registration("10.0.0.10", 8), answer(("10.0.0.10",)), wack()):
        out(gateway, packet)
    out(gateway, node_status())
    out(gateway, redirect("10.0.0.10"))
    out(gateway, header(0x0100, 1, 0, 0, 0) + question(0x21))
    assert dict(gateway.engine.inspector.messages["netbios-ns"]) == {
        "registration-request": 1,
        "refresh-request": 1,
        "query-response": 1,
        "wack": 1,
        "node-status-response": 1,
        "redirect-response": 1,
        "node-status-request": 1,
    }
