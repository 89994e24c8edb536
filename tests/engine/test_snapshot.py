"""The state of a gateway, saved and adopted by another; what that one's configuration does not allow stays out."""

import json
import random

import pytest

from doorman.algs.api import Json
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import DoorClosed, Fate, Side
from doorman.engine.snapshot import MEANINGS, Restored, Saved, restore, save_everything
from kit.packets import esp, ike, udp
from kit.sip import INTERFACES, OVERLOAD, POOL, STATIC, Gateway, answer, incoming, request, sdp

MEDIA = "198.51.100.20:7000"


def in_a_call(config: str = OVERLOAD) -> Gateway:
    """A gateway with a call that is answered, media that came, and a phone that has registered."""
    gateway = Gateway(config)
    gateway.out(request("REGISTER", call_id="r"))
    gateway.in_(answer(method="REGISTER", call_id="r"))
    gateway.out(request(body=sdp()))
    gateway.in_(answer(body=sdp("198.51.100.20", 7000)))
    gateway.in_(b"media", MEDIA, "203.0.113.1:4000")
    return gateway


def saved(gateway: Gateway) -> list[Saved]:
    """All there is to be saved, as it comes from a file."""
    return [Saved(kind, key, json.loads(json.dumps(value))) for kind, key, value in save_everything(gateway.engine)]


def restarted(records: list[Saved], config: str = OVERLOAD, now: float = 1000.0) -> tuple[Gateway, Restored]:
    """A new gateway that has adopted records."""
    gateway = Gateway(config)
    gateway.now = now
    return gateway, restore(gateway.engine, records, now)


@pytest.mark.parametrize("config", [OVERLOAD, POOL, STATIC, INTERFACES], ids=["overload", "pool", "static", "no NAT"])
def test_nothing_is_lost(config: str) -> None:
    before = in_a_call(config)
    records = saved(before)
    after, restored = restarted(records, config)
    assert restored.refused == {}
    assert restored.corrections == []
    assert restored.adopted.total() == sum(
        len(r.value) if r.kind == "doors" and isinstance(r.value, list) else 1 for r in records
    )
    assert sorted(saved(after)) == sorted(records)
    assert after.media_doors() == before.media_doors()
    assert after.bindings() == before.bindings()
    users = [(str(b.local), b.doors) for b in before.engine.state.bindings]
    assert [(str(b.local), b.doors) for b in after.engine.state.bindings] == users


def test_the_order_of_records_does_not_matter() -> None:
    records = saved(in_a_call())
    random.Random(1).shuffle(records)
    after, restored = restarted(records)
    assert restored.refused == {}
    assert sorted(saved(after)) == sorted(records)


def test_the_call_goes_on_and_ends() -> None:
    after, _ = restarted(saved(in_a_call()))
    assert [door.role for door in after.doors] == ["contact", "rtcp", "via"]
    sent = after.in_(incoming("BYE", call_id="one").replace(b"CSeq: 1", b"CSeq: 2"))
    assert sent.fate == Fate.FORWARDED
    after.wait(7)
    assert after.media_doors() == []


def test_what_was_over_meanwhile_ends_at_once() -> None:
    after, restored = restarted(saved(in_a_call()), now=100_000.0)
    assert restored.refused == {}
    after.wait(1)
    assert [*after.engine.state.doors.everyone(), *after.sip.calls] == []
    after.wait(400)
    assert after.bindings() == []


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        (INTERFACES, {"no-translation": 3, "door-without-binding": 4}),
        (OVERLOAD.replace("permit 10.0.0.0", "permit 10.9.0.0"), {"no-translation": 3, "door-without-binding": 4}),
        (POOL, {"no-translation": 3, "door-without-binding": 4}),
        (
            OVERLOAD + "ip nat inside source static udp 10.0.0.12 4000 interface out0 4000\n",
            {"name-taken": 1, "door-without-binding": 1},
        ),
        (
            OVERLOAD + "ip nat inside source static udp 10.0.0.10 4000 interface out0 4000\n",
            {"name-taken": 1},
        ),
    ],
    ids=["no NAT", "other hosts", "other kind of rule", "name of another", "static now"],
)
def test_what_the_configuration_of_today_does_not_allow(config: str, refused: dict[str, int]) -> None:
    after, restored = restarted(saved(in_a_call()), config)
    assert restored.refused == refused
    assert set(refused) <= set(MEANINGS)
    kept = {(kind, key): value for kind, key, value in (*saved(in_a_call()), *restored.corrections) if kind != "sip"}
    assert [Saved(*name, value) for name, value in sorted(kept.items()) if value is not None] == sorted(
        record for record in saved(after) if record.kind != "sip"
    )


def test_a_protocol_that_is_not_served_any_more() -> None:
    after, restored = restarted(saved(in_a_call()), OVERLOAD + "no ip nat service sip\n")
    assert restored.refused == {"alg-not-served": 4, "door-without-owner": 2}
    assert [record.kind for record in restored.corrections] == ["doors", "doors", "sip", "sip"]
    after.wait(1)
    assert after.doors == []


def test_a_door_that_nobody_owns_closes() -> None:
    """Of a call whose record is lost nobody would close the doors: they would stand open for half a day."""
    records = [record for record in saved(in_a_call()) if record.key != "call 10.0.0.10 one"]
    after, restored = restarted(records)
    assert restored.refused == {"door-without-owner": 2}
    after.engine.take_changes()
    after.wait(1)
    assert [type(change) for change in after.engine.take_changes()] == [DoorClosed, DoorClosed]
    assert after.media_doors() == []
    assert [door.role for door in after.doors] == ["contact", "via"], "those of the registration"


def test_a_signalling_door_that_is_lost_is_opened_by_the_next_message() -> None:
    records = [record for record in saved(in_a_call()) if not record.key.startswith("sip 10.0.0.10 signalling")]
    after, restored = restarted(records)
    assert restored.refused == {}
    assert after.signalling_doors() == []
    after.out(request("REGISTER", call_id="r"))
    assert [door.role for door in after.doors] == ["contact", "rtcp", "via"]


GOOD_DOOR: Json = ["rtp", 17, None, "203.0.113.1:4000", "10.0.0.10:4000", 1, None, 1000.0, 2000.0, False]


def door_with(place: int, value: Json) -> Json:
    """A record of doors of which one property is another."""
    assert isinstance(GOOD_DOOR, list)
    return [[*GOOD_DOOR[:place], value, *GOOD_DOOR[place + 1 :]]]


@pytest.mark.parametrize(
    "record",
    [
        Saved("binding", "17 10.0.0.10:5060", None),
        Saved("binding", "17 10.0.0.10:5060", "203.0.113.1"),
        Saved("binding", "10.0.0.10:5060", "203.0.113.1:5060"),
        Saved("binding", "99 10.0.0.10:5060", "203.0.113.1:5060"),
        Saved("binding", "² 10.0.0.10:5060", "203.0.113.1:5060"),
        Saved("binding", "", ""),
        Saved("doors", "nobody", [GOOD_DOOR]),
        Saved("doors", "sip 10.0.0.10 one", None),
        Saved("doors", "sip 10.0.0.10 one", [[]]),
        *(Saved("doors", "sip 10.0.0.10 one", door_with(place, [])) for place in range(9)),
        Saved("sip", "call 10.0.0.10 one", {}),
        Saved("sip", "", None),
    ],
    ids=str,
)
def test_a_damaged_record_is_left_and_thrown_away(record: Saved) -> None:
    after, restored = restarted([record])
    assert restored.refused == {"record-damaged": 1}
    assert restored.corrections == [record._replace(value=None)]
    assert saved(after) == []


def test_a_record_of_something_unknown() -> None:
    record = Saved("h323", "call", {})
    assert restarted([record])[1].refused == {"alg-not-served": 1}


def test_a_binding_nobody_uses_is_not_kept_for_ever() -> None:
    after, _ = restarted([Saved("binding", "17 10.0.0.10:5060", "203.0.113.1:5060")])
    assert after.bindings() == ["10.0.0.10:5060>203.0.113.1:5060"]
    after.wait(301)
    assert after.bindings() == []


def test_bindings_are_told_to_a_kernel() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random, delegated=True)
    restore(engine, [Saved("binding", "17 10.0.0.10:5060", "203.0.113.1:5060")], 1000.0)
    assert len(engine.take_changes()) == 1


IPSEC = (
    OVERLOAD
    + "ip nat inside source static esp 10.0.0.7 interface out0\n"
    + ("access-list 10 permit any\nip nat service list 10 ike preserve-port\n")
)


def with_tunnels() -> tuple[list[Saved], Engine]:
    """What is saved of two hosts with a tunnel each, one that waits, and IKE of one."""
    engine = Engine(read_config(IPSEC, "test.cfg"), random.Random(1).random)
    for host, spi in (("10.0.0.10", 0x1001), ("10.0.0.7", 0x2001)):
        engine.receive(esp(host, "198.51.100.7", spi), Side.INSIDE, 1000.0)
        engine.receive(esp("198.51.100.7", "203.0.113.1", spi + 0xA000), Side.OUTSIDE, 1000.0)
    engine.receive(esp("10.0.0.11", "198.51.100.7", 0x3001), Side.INSIDE, 1000.0)
    engine.receive(udp("10.0.0.10:500", "198.51.100.7:500", ike(0x0102030405060708)), Side.INSIDE, 1000.0)
    return [one for one in save_everything(engine) if one.kind in {"tunnel", "peering"}], engine


def test_tunnels_and_ike_are_kept_but_not_who_waits() -> None:
    records, before = with_tunnels()
    assert [tuple(record) for record in records] == [
        ("tunnel", "10.0.0.10 198.51.100.7 00001001 0000b001", ["203.0.113.1", True]),
        ("tunnel", "10.0.0.7 198.51.100.7 00002001 0000c001", ["203.0.113.1", False]),
        ("peering", "10.0.0.10 198.51.100.7 203.0.113.1", ["0102030405060708"]),
    ]
    after = Engine(read_config(IPSEC, "test.cfg"), random.Random(2).random)
    restored = restore(after, records, 1000.0)
    assert (restored.refused, restored.corrections) == ({}, [])
    assert list(save_everything(after)) == records
    for engine in (before, after):
        result = engine.receive(esp("198.51.100.7", "203.0.113.1", 0xB001), Side.OUTSIDE, 1001.0)
        assert result.packet[16:20] == bytes((10, 0, 0, 10))
        result = engine.receive(
            udp("198.51.100.7:500", "203.0.113.1:500", ike(0x0102030405060708)), Side.OUTSIDE, 1001.0
        )
        assert result.packet[16:20] == bytes((10, 0, 0, 10))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00001001", ["203.0.113.1", True]), "record-damaged"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00000000 0000a001", ["203.0.113.1", True]), "record-damaged"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00001001 -000a001", ["203.0.113.1", True]), "record-damaged"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00001001 123456789", ["203.0.113.1", True]), "record-damaged"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00005001 0000a005", ["203.0.113.9", True]), "no-translation"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00005001 0000a005", ["203.0.113.1", False]), "no-translation"),
        (Saved("tunnel", "10.0.0.10 198.51.100.7 00001001 0000b001", ["203.0.113.1", True]), "name-taken"),
        (Saved("peering", "10.0.0.11 198.51.100.7 203.0.113.1", ["0102030405060708"]), "name-taken"),
        (Saved("peering", "10.0.0.11 198.51.100.7 203.0.113.1", ["01020304"]), "record-damaged"),
        (Saved("peering", "10.0.0.11 198.51.100.7 203.0.113.1", ["0" * 16]), "record-damaged"),
        (Saved("peering", "10.0.0.11 198.51.100.7 203.0.113.1", None), "record-damaged"),
        (Saved("peering", "10.0.0.11 198.51.100.7", []), "record-damaged"),
    ],
)
def test_ipsec_that_cannot_be_adopted_is_left(record: Saved, reason: str) -> None:
    records, _ = with_tunnels()
    after = Engine(read_config(IPSEC, "test.cfg"), random.Random(2).random)
    restored = restore(after, [*records, record], 1000.0)
    assert restored.refused == {reason: 1}
    assert [one.key for one in restored.corrections] == [record.key]
