"""The state of a gateway, saved and adopted by another; what that one's configuration does not allow stays out."""

import random
from collections.abc import Iterable

import pytest

from doorman.algs.api import Owner, Plain
from doorman.algs.records import as_list
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import DoorClosed, Fate, Side
from doorman.engine.snapshot import MEANINGS, Contents, Restored, contents_of, restore
from doorman.net.addresses import address_of
from kit.packets import esp, ike, udp
from kit.saved import Read, read
from kit.saved import everything as saved_by
from kit.sip import INTERFACES, OVERLOAD, POOL, STATIC, Gateway, answer, incoming, request, sdp

MEDIA = "198.51.100.20:7000"
HOST = address_of("10.0.0.10")
SERVER = address_of("198.51.100.7")
OTHER = address_of("10.0.0.11")
NAME = address_of("203.0.113.1")


def in_a_call(config: str = OVERLOAD) -> Gateway:
    """A gateway with a call that is answered, media that came, and a phone that has registered."""
    gateway = Gateway(config)
    gateway.out(request("REGISTER", call_id="r"))
    gateway.in_(answer(method="REGISTER", call_id="r"))
    gateway.out(request(body=sdp()))
    gateway.in_(answer(body=sdp("198.51.100.20", 7000)))
    gateway.in_(b"media", MEDIA, "203.0.113.1:4000")
    return gateway


def everything(gateway: Gateway) -> list[Read]:
    """All there is to be saved."""
    return saved_by(gateway.engine)


def saved(kind: str, key: Plain, value: Plain) -> Read:
    """A record."""
    return (kind, key), value


def contents(records: Iterable[Read]) -> list[Contents]:
    """What records say."""
    return [contents_of(record) for record in records]


def restarted(records: list[Read], config: str = OVERLOAD, now: float = 1000.0) -> tuple[Gateway, Restored]:
    """A new gateway that has adopted records."""
    gateway = Gateway(config)
    gateway.now = now
    return gateway, restore(gateway.engine, records, now)


@pytest.mark.parametrize("config", [OVERLOAD, POOL, STATIC, INTERFACES], ids=["overload", "pool", "static", "no NAT"])
def test_nothing_is_lost(config: str) -> None:
    before = in_a_call(config)
    records = everything(before)
    after, restored = restarted(records, config)
    assert restored.refused == {}
    assert restored.corrections == []
    told = contents(records)
    doors = [len(as_list(one.value)) for one in told if one.kind == "doors"]
    names = [binding for binding in before.engine.state.bindings if not binding.static]
    assert (restored.adopted["doors"], restored.adopted["binding"]) == (sum(doors), len(names))
    assert restored.adopted["sip"] == sum(one.kind == "sip" for one in told)
    assert sorted(everything(after)) == sorted(records)
    assert after.media_doors() == before.media_doors()
    assert after.bindings() == before.bindings()
    users = [(str(b.local), b.doors) for b in before.engine.state.bindings]
    assert [(str(b.local), b.doors) for b in after.engine.state.bindings] == users


def test_the_order_of_records_does_not_matter() -> None:
    records = everything(in_a_call())
    random.Random(1).shuffle(records)
    after, restored = restarted(records)
    assert restored.refused == {}
    assert sorted(everything(after)) == sorted(records)


def test_the_call_goes_on_and_ends() -> None:
    after, _ = restarted(everything(in_a_call()))
    assert [door.role for door in after.doors] == ["contact", "rtcp", "via"]
    sent = after.in_(incoming("BYE", call_id="one").replace(b"CSeq: 1", b"CSeq: 2"))
    assert sent.fate == Fate.FORWARDED
    after.wait(7)
    assert after.media_doors() == []


def test_what_was_over_meanwhile_ends_at_once() -> None:
    after, restored = restarted(everything(in_a_call()), now=100_000.0)
    assert restored.refused == {}
    after.wait(1)
    assert [*after.engine.state.doors.everyone(), *after.sip.calls] == []
    after.wait(400)
    assert after.bindings() == []


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        (INTERFACES, {"no-translation": 4}),
        (OVERLOAD.replace("permit 10.0.0.0", "permit 10.9.0.0"), {"no-translation": 4}),
        (POOL, {"no-translation": 4}),
        (
            OVERLOAD + "ip nat inside source static udp 10.0.0.12 4000 interface out0 4000\n",
            {"door-without-binding": 1},
        ),
        (OVERLOAD + "ip nat inside source static udp 10.0.0.10 4000 interface out0 4000\n", {}),
    ],
    ids=["no NAT", "other hosts", "other kind of rule", "name of another", "static now"],
)
def test_what_the_configuration_of_today_does_not_allow(config: str, refused: dict[str, int]) -> None:
    after, restored = restarted(everything(in_a_call()), config)
    assert restored.refused == refused
    assert set(refused) <= set(MEANINGS)
    kept = dict([*everything(in_a_call()), *read(restored.corrections)])
    assert [
        record for record in sorted(kept.items()) if record[1] is not None and contents_of(record).kind != "sip"
    ] == sorted(record for record in everything(after) if contents_of(record).kind != "sip")


def test_a_protocol_that_is_not_served_any_more() -> None:
    after, restored = restarted(everything(in_a_call()), OVERLOAD + "no ip nat service sip\n")
    assert restored.refused == {"alg-not-served": 4, "door-without-owner": 2}
    assert [as_list(name)[0] for name, _ in restored.corrections] == ["doors", "doors", "sip", "sip"]
    after.wait(1)
    assert after.doors == []


def test_a_door_that_nobody_owns_closes() -> None:
    """Of a call whose record is lost nobody would close the doors: they would stand open for half a day."""
    records = [record for record in everything(in_a_call()) if record[0] != ("sip", ("sip", b"one", HOST))]
    after, restored = restarted(records)
    assert restored.refused == {"door-without-owner": 2}
    after.engine.take_changes()
    after.wait(1)
    assert [type(change) for change in after.engine.take_changes()] == [DoorClosed, DoorClosed]
    assert after.media_doors() == []
    assert [door.role for door in after.doors] == ["contact", "via"], "those of the registration"


def test_a_signalling_door_that_is_lost_is_opened_by_the_next_message() -> None:
    records = [record for record in everything(in_a_call()) if "signalling" not in repr(record[0])]
    after, restored = restarted(records)
    assert restored.refused == {}
    assert after.signalling_doors() == []
    after.out(request("REGISTER", call_id="r"))
    assert [door.role for door in after.doors] == ["contact", "rtcp", "via"]


OWNER = Owner("sip", b"one", HOST)
GOOD_DOOR: Plain = ["rtp", 17, None, (NAME, 4000), (HOST, 4000), 1, None, 1000.0, 2000.0, False]


def door_with(place: int, value: Plain) -> Plain:
    """A record of doors of which one property is another."""
    assert isinstance(GOOD_DOOR, list)
    return [[*GOOD_DOOR[:place], value, *GOOD_DOOR[place + 1 :]]]


@pytest.mark.parametrize(
    "record",
    [
        saved("binding", (17, (HOST, 5060), (NAME, 5060)), None),
        saved("binding", (17, (HOST, 5060), (NAME, 5060)), value=False),
        saved("binding", (17, (HOST, 5060), NAME), value=True),
        saved("binding", (17, (HOST, 5060)), value=True),
        saved("binding", ((HOST, 5060), (NAME, 5060)), value=True),
        saved("binding", (99, (HOST, 5060), (NAME, 5060)), value=True),
        saved("binding", ("17", (HOST, 5060), (NAME, 5060)), value=True),
        saved("binding", ([], (HOST, 5060), (NAME, 5060)), value=True),
        saved("binding", None, b""),
        saved("doors", "nobody", [GOOD_DOOR]),
        saved("doors", OWNER, None),
        saved("doors", OWNER, [[]]),
        *(saved("doors", OWNER, door_with(place, [])) for place in range(9)),
        saved("sip", OWNER, []),
        saved("sip", b"", b""),
        ("binding", b""),
        ((b"binding", (17, (HOST, 5060), (NAME, 5060))), True),
        (("binding", (17, (HOST, 5060), (NAME, 5060))), b""),
        (b"", b""),
        (b"\xff", None),
    ],
)
def test_a_damaged_record_is_left_and_thrown_away(record: Read) -> None:
    after, restored = restarted([record])
    assert restored.refused == {"record-damaged": 1}
    assert restored.corrections == [(record[0], None)]
    assert everything(after) == []


def test_a_record_of_something_unknown() -> None:
    record = saved("h323", "call", {})
    assert restarted([record])[1].refused == {"alg-not-served": 1}


def test_a_binding_nobody_uses_is_not_kept_for_ever() -> None:
    after, _ = restarted([saved("binding", (17, (HOST, 5060), (NAME, 5060)), value=True)])
    assert after.bindings() == ["10.0.0.10:5060>203.0.113.1:5060"]
    after.wait(301)
    assert after.bindings() == []


def test_bindings_are_told_to_a_kernel() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random, delegated=True)
    restore(engine, [saved("binding", (17, (HOST, 5060), (NAME, 5060)), value=True)], 1000.0)
    assert len(engine.take_changes()) == 1


IPSEC = (
    OVERLOAD
    + "ip nat inside source static esp 10.0.0.7 interface out0\n"
    + ("access-list 10 permit any\nip nat service list 10 ike preserve-port\n")
)


def with_tunnels() -> tuple[list[Read], Engine]:
    """What is saved of two hosts with a tunnel each, one that waits, and IKE of one."""
    engine = Engine(read_config(IPSEC, "test.cfg"), random.Random(1).random)
    for host, spi in (("10.0.0.10", 0x1001), ("10.0.0.7", 0x2001)):
        engine.receive(esp(host, "198.51.100.7", spi), Side.INSIDE, 1000.0)
        engine.receive(esp("198.51.100.7", "203.0.113.1", spi + 0xA000), Side.OUTSIDE, 1000.0)
    engine.receive(esp("10.0.0.11", "198.51.100.7", 0x3001), Side.INSIDE, 1000.0)
    engine.receive(udp("10.0.0.10:500", "198.51.100.7:500", ike(0x0102030405060708)), Side.INSIDE, 1000.0)
    return [one for one in saved_by(engine) if contents_of(one).kind in {"tunnel", "peering"}], engine


def test_tunnels_and_ike_are_kept_but_not_who_waits() -> None:
    records, before = with_tunnels()
    assert contents(records) == [
        ("tunnel", (HOST, SERVER, 0x1001, 0xB001), [NAME, True]),
        ("tunnel", (address_of("10.0.0.7"), SERVER, 0x2001, 0xC001), [NAME, False]),
        ("peering", (HOST, SERVER, NAME), [bytes.fromhex("0102030405060708")]),
    ]
    after = Engine(read_config(IPSEC, "test.cfg"), random.Random(2).random)
    restored = restore(after, records, 1000.0)
    assert (restored.refused, restored.corrections) == ({}, [])
    assert saved_by(after) == records
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
        (saved("tunnel", (HOST, SERVER, 0x1001), (NAME, True)), "record-damaged"),
        (saved("tunnel", (HOST, SERVER, 0, 0xA001), (NAME, True)), "record-damaged"),
        (saved("tunnel", (HOST, SERVER, 0x1001, -1), (NAME, True)), "record-damaged"),
        (saved("tunnel", (HOST, SERVER, 0x1001, 2**32), (NAME, True)), "record-damaged"),
        (saved("tunnel", (HOST, SERVER, 0x5001, 0xA005), (address_of("203.0.113.9"), True)), "no-translation"),
        (saved("tunnel", (HOST, SERVER, 0x5001, 0xA005), (NAME, False)), "no-translation"),
        (saved("tunnel", (HOST, SERVER, 0x1001, 0xB001), (NAME, True)), "name-taken"),
        (saved("peering", (OTHER, SERVER, NAME), [bytes.fromhex("0102030405060708")]), "name-taken"),
        (saved("peering", (OTHER, SERVER, NAME), [b"1234"]), "record-damaged"),
        (saved("peering", (OTHER, SERVER, NAME), [bytes(8)]), "record-damaged"),
        (saved("peering", (OTHER, SERVER, NAME), None), "record-damaged"),
        (saved("peering", (OTHER, SERVER), []), "record-damaged"),
    ],
)
def test_ipsec_that_cannot_be_adopted_is_left(record: Read, reason: str) -> None:
    records, _ = with_tunnels()
    after = Engine(read_config(IPSEC, "test.cfg"), random.Random(2).random)
    restored = restore(after, [*records, record], 1000.0)
    assert restored.refused == {reason: 1}
    assert restored.corrections == [(record[0], None)]
