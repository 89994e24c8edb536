"""IPv6 hosts and the IPv4 addresses that stand for them: who gets which, for how long, and what outlives a restart."""

import random

import pytest

from doorman.algs.api import Door, OpenDoor, Owner, Refused
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.stand_ins import NETWORK, with_stand_ins
from doorman.engine.realms import engines
from doorman.engine.results import Side
from doorman.engine.snapshot import STAND_IN, contents_of, restore
from doorman.nat.stand_ins import SWEEP, StandIns
from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.packet import UDP
from kit.nat64 import CONFIG
from kit.packets import udp
from kit.saved import everything

TEXT = CONFIG.replace(" permit ipv6", " deny ipv6 host 2001:db8:1::66 any\n permit ipv6")
LONGEST = 86_400.0


def config_of(text: str = TEXT) -> Config:
    return read_config(text, "gw.conf")


def host(number: int) -> Address:
    return Address(address_of("2001:db8:1::")[:12] + number.to_bytes(4, "big"))


def answered(stand_ins: StandIns, number: int) -> Address:
    """The stand-in of a host to which a packet went."""
    stand_in = stand_ins.give(host(number), 0.0)
    stand_ins.see(stand_in, 0.0)
    return stand_in


def test_a_host_keeps_what_it_got() -> None:
    stand_ins = StandIns(config_of())
    first, second = stand_ins.give(host(1), 0.0), stand_ins.give(host(2), 0.0)
    assert first != second
    assert first in NETWORK
    assert stand_ins.give(host(1), 5.0) == first == stand_ins.known(host(1))
    assert (stand_ins.host(first), stand_ins.host(second)) == (host(1), host(2))
    assert list(stand_ins) == [(host(1), first), (host(2), second)]


def test_only_those_that_a_rule_permits_get_one() -> None:
    stand_ins = StandIns(config_of())
    for stranger in ("2001:db8:1::66", "2001:db8:2::1"):
        with pytest.raises(Refused, match=r"^no-nat64-rule$"):
            stand_ins.give(address_of(stranger), 0.0)
    assert len(stand_ins) == 1
    assert StandIns(config_of(TEXT.replace(" nat64 enable\n", ""))).prefix is None


def test_a_static_one_is_always_there() -> None:
    stand_ins = StandIns(config_of())
    known = stand_ins.known(host(9))
    assert known is not None
    assert stand_ins.give(host(9), 0.0) == known
    stand_ins.expire(10 * LONGEST, ())
    assert stand_ins.host(known) == host(9)
    assert list(stand_ins) == []


def test_an_idle_host_loses_its_own_unless_it_has_a_name() -> None:
    stand_ins = StandIns(config_of())
    idle, named, busy = (answered(stand_ins, number) for number in (1, 2, 3))
    stand_ins.see(busy, LONGEST)
    stand_ins.expire(LONGEST, ())
    assert len(stand_ins) == 4
    stand_ins.expire(LONGEST + 1, {named})
    assert [stand_ins.host(one) for one in (idle, named, busy)] == [None, host(2), host(3)]
    assert stand_ins.give(host(4), LONGEST + 1) not in {idle, named, busy}  # what was another's comes last


def test_it_is_as_long_as_the_longest_timeout() -> None:
    stand_ins = StandIns(config_of(TEXT + "ip nat translation tcp-timeout never\n"))
    answered(stand_ins, 1)
    stand_ins.expire(1e9, ())
    assert len(stand_ins) == 2


def test_one_that_nobody_answers_loses_its_own_soon() -> None:
    stand_ins = StandIns(config_of())
    stand_ins.give(host(1), 0.0)
    stand_ins.expire(600.0, ())
    assert len(stand_ins) == 2
    stand_ins.expire(601.0, ())
    assert len(stand_ins) == 1
    patient = StandIns(config_of(TEXT + "ip nat translation udp-timeout 3600\n"))
    patient.give(host(1), 0.0)
    patient.expire(3_600.0, ())
    assert len(patient) == 2


def test_there_are_so_many_and_no_more() -> None:
    stand_ins = StandIns(config_of())
    for number in range(1 << 16):
        stand_ins.give(host(0x10000 + number), float(number))
    with pytest.raises(Refused, match=r"^stand-ins-exhausted$"):
        stand_ins.give(host(1), 0.0)
    stand_ins.expire(LONGEST + 1, ())
    assert stand_ins.host(stand_ins.give(host(1), 0.0)) == host(1)


def test_another_configuration_ends_what_it_does_not_permit() -> None:
    stand_ins = StandIns(config_of())
    stand_ins.touched.watch()
    one, two = stand_ins.give(host(1), 0.0), stand_ins.give(host(2), 0.0)
    stand_ins.touched.take()
    stand_ins.follow(config_of(TEXT.replace("::66", "::2")))
    assert (stand_ins.known(host(1)), stand_ins.known(host(2))) == (one, None)
    assert list(stand_ins.touched.take()) == [host(2)]
    assert stand_ins.give(host(0x66), 0.0) not in {one, two}
    stand_ins.follow(Config())
    assert len(stand_ins) == 0


def test_they_outlive_a_restart() -> None:
    config = config_of()
    (engine,) = engines(config, random.Random(1).random).values()
    stand_in = engine.state.stand_ins.give(host(7), 0.0)
    text = address_text(stand_in)
    engine.receive(udp(f"{text}:5000", "198.51.100.7:9"), Side.INSIDE, 1.0)
    records = [record for record in everything(engine) if record[1] is not None]
    (again,) = engines(config, random.Random(2).random).values()
    restored = restore(again, records, 2.0)
    assert (restored.adopted["stand-in"], restored.adopted["binding"], restored.refused.total()) == (1, 1, 0)
    assert again.state.stand_ins.known(host(7)) == stand_in
    assert again.state.stand_ins.give(host(8), 0.0) != stand_in


def test_a_door_to_a_host_that_is_not_known_stays_shut() -> None:
    """No binding of its own says whose it is: a door tells of that."""
    config = config_of()
    (engine,) = engines(config, random.Random(1).random).values()
    end = Endpoint(engine.state.stand_ins.give(host(7), 0.0), 5000)
    [binding] = engine.state.bindings.bind(UDP, end)
    owner = Owner("ftp", b"one", end.address)
    door = Door(owner, "data", UDP, visitor=None, entrance=binding.global_, leads_to=end, closes=99.0, flows=1)
    engine.state.carry_out([OpenDoor(door)], 1.0)
    records = [record for record in everything(engine) if contents_of(record).kind != STAND_IN]
    (again,) = engines(config, random.Random(2).random).values()
    assert restore(again, records, 2.0).refused == {"no-stand-in": 1}
    assert (len(again.state.doors), len(again.state.bindings)) == (0, len(again.state.rules.static_hosts))


def test_a_name_without_its_host_is_nobodys() -> None:
    config = config_of()
    (engine,) = engines(config, random.Random(1).random).values()
    text = address_text(engine.state.stand_ins.give(host(7), 0.0))
    engine.receive(udp(f"{text}:5000", "198.51.100.7:9"), Side.INSIDE, 1.0)
    records = [record for record in everything(engine) if contents_of(record).kind != STAND_IN]
    (again,) = engines(config, random.Random(2).random).values()
    restored = restore(again, records, 2.0)
    assert restored.refused == {"no-stand-in": 1}


def test_what_others_had_before_a_restart_comes_last() -> None:
    before = StandIns(config_of())
    *_, last = (before.give(host(number), 0.0) for number in range(1, 4))
    again = StandIns(config_of())
    again.adopt(host(3), last, 0.0)
    assert again.give(host(4), 0.0) > last


def test_an_engine_goes_on_by_another_configuration() -> None:
    (engine,) = engines(config_of(), random.Random(1).random).values()
    engine.state.stand_ins.give(host(7), 0.0)
    engine.reconfigure(with_stand_ins(config_of(TEXT.replace("::66", "::7"))), 1.0)
    assert engine.state.stand_ins.known(host(7)) is None


def test_what_was_saved_must_be_permitted_still() -> None:
    (engine,) = engines(config_of(), random.Random(1).random).values()
    engine.state.stand_ins.give(host(7), 0.0)
    records = everything(engine)
    (denied,) = engines(config_of(TEXT.replace("::66", "::7")), random.Random(2).random).values()
    assert restore(denied, records, 2.0).refused == {"no-nat64-rule": 1}
    (taken,) = engines(config_of(), random.Random(2).random).values()
    taken.state.stand_ins.give(host(8), 0.0)
    assert restore(taken, records, 2.0).refused == {"name-taken": 1}


def test_the_engine_takes_back_what_is_idle() -> None:
    (engine,) = engines(config_of(), random.Random(1).random).values()
    stand_ins = engine.state.stand_ins
    text = address_text(answered(stand_ins, 7))
    answered(stand_ins, 8)
    engine.receive(udp(f"{text}:5000", "198.51.100.7:9"), Side.INSIDE, 0.0)
    engine.expire(LONGEST - SWEEP)
    engine.receive(udp(f"{text}:5000", "198.51.100.7:9"), Side.INSIDE, LONGEST)
    engine.expire(LONGEST + SWEEP)
    assert [one for one, _ in stand_ins] == [host(7)]
