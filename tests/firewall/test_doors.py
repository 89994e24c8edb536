"""Doors: who gets in, until when, and what is left when they close."""

import math

import pytest

from doorman.algs.api import Door, Owner
from doorman.firewall.doors import Doors, may_lead_to
from doorman.net.addresses import Address, Endpoint, address_of
from doorman.net.packet import TCP, UDP

PHONE = Endpoint(address_of("192.168.1.10"), 5004)
ENTRANCE = Endpoint(address_of("203.0.113.1"), 5004)
OTHER_ENTRANCE = Endpoint(address_of("203.0.113.1"), 5006)
PEER, STRANGER = address_of("198.51.100.7"), address_of("192.0.2.66")
CALL, OTHER_CALL = (Owner("sip", name, PHONE.address) for name in (b"call-1", b"call-2"))


def door(  # noqa: PLR0913, PLR0917 - what a door has
    owner: Owner = CALL,
    visitor: Address | None = PEER,
    entrance: Endpoint = ENTRANCE,
    closes: float = 100.0,
    flows: int | None = 1,
    leads_to: Endpoint = PHONE,
) -> Door:
    return Door(owner, "rtp", UDP, visitor=visitor, entrance=entrance, leads_to=leads_to, closes=closes, flows=flows)


def opened(*doors: Door) -> Doors:
    table = Doors()
    for each in doors:
        assert table.open(each, 0.0) is None
    return table


def test_the_visitor_it_is_for_gets_in_and_nobody_else() -> None:
    ours = door()
    table = opened(ours)
    assert table.find(UDP, ENTRANCE, PEER, 1.0) is ours
    assert table.find(UDP, ENTRANCE, STRANGER, 1.0) is None
    assert table.find(TCP, ENTRANCE, PEER, 1.0) is None
    assert table.find(UDP, OTHER_ENTRANCE, PEER, 1.0) is None


def test_a_door_for_anyone_lets_anyone_in() -> None:
    ours = door(visitor=None)
    table = opened(ours)
    assert table.find(UDP, ENTRANCE, PEER, 1.0) is table.find(UDP, ENTRANCE, STRANGER, 1.0) is ours


def test_a_door_of_ones_own_goes_before_one_for_anyone() -> None:
    own, anyones = door(), door(OTHER_CALL, visitor=None)
    table = opened(anyones, own)
    assert table.find(UDP, ENTRANCE, PEER, 1.0) is own
    assert table.find(UDP, ENTRANCE, STRANGER, 1.0) is anyones


def test_it_ends_when_its_time_is_up() -> None:
    ours = door(closes=10.5)
    table = opened(ours)
    assert table.find(UDP, ENTRANCE, PEER, 10.4) is ours
    assert table.find(UDP, ENTRANCE, PEER, 10.5) is None
    assert table.overdue(10.0) == []
    assert table.overdue(11.0) == [ours]
    assert table.overdue(99.0) == []
    table.remove(ours)
    assert (len(table), table.of_owner(CALL)) == (0, [])


def test_one_that_is_over_is_not_in_the_way_of_one_for_anyone() -> None:
    anyones = door(OTHER_CALL, visitor=None)
    table = opened(anyones, door(closes=10.2))
    assert table.find(UDP, ENTRANCE, PEER, 10.5) is anyones


def test_opening_it_again_prolongs_it() -> None:
    ours, again = door(closes=10.0), door(closes=50.0)
    table = opened(ours)
    assert table.open(again, 5.0) is again
    assert list(table) == [ours]
    assert table.overdue(49.0) == []
    assert table.overdue(50.0) == [ours]


def test_opening_it_again_without_an_end_and_with_one() -> None:
    ours = door(closes=10.0)
    table = opened(ours)
    table.open(door(closes=math.inf), 5.0)
    assert table.overdue(1e9) == []
    table.open(door(closes=2e9), 1e9)
    assert table.overdue(2e9) == [ours]


def test_another_visitor_at_the_same_entrance_replaces_the_owners_door() -> None:
    gate, final = door(visitor=STRANGER), door()
    table = opened(gate)
    assert table.open(final, 1.0) is gate
    assert table.find(UDP, ENTRANCE, STRANGER, 2.0) is None
    assert table.find(UDP, ENTRANCE, PEER, 2.0) is final
    assert table.of_owner(CALL) == [final]
    assert table.overdue(100.0) == [final]


def test_another_entrance_or_owner_does_not() -> None:
    table = opened(door(), door(entrance=OTHER_ENTRANCE), door(OTHER_CALL, visitor=STRANGER))
    assert len(table) == 3


def test_a_promoted_door_leaves_the_table_and_stays_its_owners() -> None:
    ours = door()
    table = opened(ours)
    table.promote(ours)
    assert ours.promoted
    assert (list(table), len(table)) == ([], 0)
    assert table.find(UDP, ENTRANCE, PEER, 1.0) is None
    assert table.of_owner(CALL) == [ours]
    assert table.overdue(100.0) == [ours]


def test_after_promotion_the_owner_may_open_it_again() -> None:
    first, second = door(), door()
    table = opened(first)
    table.promote(first)
    assert table.open(second, 1.0) is first
    assert table.find(UDP, ENTRANCE, PEER, 2.0) is second


def test_a_door_for_two_flows_stays_for_the_second_and_one_for_all_for_ever() -> None:
    two, all_ = door(flows=2), door(entrance=OTHER_ENTRANCE, flows=None)
    table = opened(two, all_)
    for _ in range(2):
        assert not two.promoted
        table.promote(two)
        table.promote(all_)
    assert two.promoted
    assert list(table) == [all_]


def test_an_owners_doors_close_together_at_a_time() -> None:
    first, second, other = door(), door(entrance=OTHER_ENTRANCE), door(OTHER_CALL, visitor=STRANGER)
    table = opened(first, second, other)
    table.promote(first)
    table.close(CALL, 5.0)
    assert table.overdue(4.0) == []
    assert table.overdue(5.0) == [first, second]
    table.remove(first)
    table.remove(second)
    assert list(table) == [other]


def test_closing_never_prolongs_and_may_name_one_entrance() -> None:
    first, second = door(closes=3.0), door(entrance=OTHER_ENTRANCE)
    table = opened(first, second)
    table.close(CALL, 50.0, ENTRANCE)
    assert table.overdue(3.0) == [first]
    table.remove(first)
    table.close(CALL, 9.0, OTHER_ENTRANCE)
    assert table.find(UDP, OTHER_ENTRANCE, PEER, 9.0) is None
    assert table.overdue(9.0) == [second]
    table.remove(second)
    table.close(CALL, 1.0)


def test_two_owners_may_have_the_same_door() -> None:
    """Two calls of a phone that has one media port, or a redial while the first call lingers."""
    first, second = door(), door(OTHER_CALL)
    table = opened(first, second)
    assert len(table) == 2
    table.close(OTHER_CALL, 5.0)
    assert table.overdue(5.0) == [second]
    assert table.find(UDP, ENTRANCE, PEER, 6.0) is first
    table.promote(first)
    assert table.find(UDP, ENTRANCE, PEER, 6.0) is None


@pytest.mark.parametrize("gone", range(3))
def test_of_several_doors_for_one_flow_any_may_go(gone: int) -> None:
    doors = [door(CALL._replace(name=bytes([number]))) for number in range(3)]
    table = opened(*doors)
    assert table.at(UDP, ENTRANCE, PEER) == doors
    left = doors.copy()
    table.remove(left.pop(gone))
    assert table.at(UDP, ENTRANCE, PEER) == list(table) == left
    assert table.find(UDP, ENTRANCE, PEER, 1.0) is left[1]
    assert table.open(doors[gone], 2.0) is None
    assert table.at(UDP, ENTRANCE, PEER) == [*left, doors[gone]]


def test_a_flow_is_covered_while_any_door_for_it_is_there_promoted_or_not() -> None:
    first, second = door(), door(OTHER_CALL, visitor=None)
    table = opened(first, second)
    table.promote(first)
    table.remove(second)
    assert table.covers(UDP, ENTRANCE, PEER)
    assert not table.covers(UDP, ENTRANCE, STRANGER)
    table.remove(first)
    assert not table.covers(UDP, ENTRANCE, PEER)


@pytest.mark.parametrize(
    ("protocol", "port", "may"),
    [
        (UDP, 1024, True),
        (UDP, 65_535, True),
        (TCP, 5060, True),
        (UDP, 1023, False),
        (TCP, 22, False),
        (UDP, 0, False),
        (UDP, -1, False),
        (TCP, 65_536, False),
        (TCP, 3306, False),
        (UDP, 3306, True),
        (UDP, 1900, False),
        (TCP, 3389, False),
    ],
)
def test_where_a_door_may_lead(protocol: int, port: int, may: bool) -> None:  # noqa: FBT001 - the expectation
    assert may_lead_to(protocol, port) is may


def test_what_closes_for_good_is_not_spared_afterwards() -> None:
    ours = door()
    table = opened(ours)
    table.close(CALL, 10.0)
    table.close(CALL, 12.0, spare=True)
    assert (ours.closes, ours.spares) == (10.0, False)
