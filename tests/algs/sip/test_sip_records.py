"""What the SIP ALG remembers, written and read again."""

import copy
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorman.algs.api import Direction, Owner, Plain
from doorman.algs.flows import Flow
from doorman.algs.records import DamagedRecord, decode, encode
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.calls import NO_TRANSACTION, NOT_ASKED, Call, Dialog, Fork, Speaker, State, Unsettled
from doorman.algs.sip.media import GONE, INACTIVE, RECVONLY, SENDONLY, SENDRECV, Announced
from doorman.algs.sip.records import read_call, read_key, write_call
from doorman.algs.sip.signal_doors import SignalDoor
from doorman.algs.sip.spelling import BARE, PUBLIC, Written
from doorman.net.addresses import Address, Endpoint, address_of
from kit.sip import OTHER_PHONE, PHONE, Gateway, answer, request, sdp

few = settings(max_examples=100, derandomize=True, deadline=None)
PARTY = address_of("10.0.0.10")

addresses = st.builds(Address, st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
endpoints = st.builds(Endpoint, addresses, st.integers(0, 65_535))
protocols = st.sampled_from([6, 17])
states = st.sampled_from(State)
directions = st.sampled_from(Direction)
flows = st.builds(Flow, st.text(max_size=9), protocols, endpoints, endpoints)
directions_of_media = st.sampled_from([SENDRECV, SENDONLY, RECVONLY, INACTIVE, GONE])
ends = st.builds(
    Announced,
    st.text(max_size=9),
    st.none() | endpoints,
    st.lists(flows, max_size=3).map(tuple),
    directions_of_media,
    mux=st.booleans(),
)
forks = st.builds(Fork, st.lists(ends, max_size=2).map(tuple), st.builds(Speaker, directions, addresses, addresses))
transactions = st.tuples(st.binary(), st.binary(), directions)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Anything that a call could ever be."""
    call = Call(Owner("sip", draw(st.binary()), draw(addresses)), draw(st.binary()), draw(directions))
    call.state = draw(states)
    call.tag, call.caller, call.callee = draw(st.tuples(st.binary(), st.binary(), st.binary()))
    dialogs = st.lists(st.builds(Dialog, st.binary(), states), max_size=4, unique_by=lambda dialog: dialog.tag)
    call.dialogs = draw(dialogs.map(tuple))
    call.streams = draw(st.lists(st.lists(st.none() | ends, min_size=2, max_size=2), max_size=3).map(tuple))
    if call.streams:
        lines = st.integers(0, len(call.streams) - 1)
        changes = st.builds(Unsettled, lines, directions, ends, addresses, transactions)
        call.unsettled = draw(st.lists(changes, max_size=3).map(tuple))
    call.chosen = draw(st.binary())
    call.forks = draw(st.none() | st.dictionaries(st.binary(), forks, max_size=2))
    call.offer = draw(st.just(NO_TRANSACTION) | transactions)
    call.established, call.since = draw(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)))
    call.session = draw(st.none() | st.floats(90, 1e9))
    call.invites = draw(st.tuples(st.binary(), st.binary()))
    call.asked = draw(st.just(NOT_ASKED) | st.tuples(directions, addresses))
    call.expires = draw(st.none() | st.floats(0, 1e9))
    doors = st.builds(SignalDoor, protocols, endpoints, st.none() | addresses)
    call.signals = draw(st.lists(doors, max_size=3, unique_by=lambda door: door.key).map(tuple))
    call.aliases = draw(st.none() | st.dictionaries(st.binary(), addresses, max_size=3))
    call.forget_at = draw(st.floats(0, 1e9))
    return call


def properties(call: Call) -> object:
    """All that a call is, but its timer."""
    return taken_apart(call)


def taken_apart(value: object) -> object:
    """A value that can be compared: of an object, all that is in it."""
    if isinstance(value, list | tuple):
        return [taken_apart(one) for one in value]
    if isinstance(value, dict):
        return {name: taken_apart(one) for name, one in value.items()}
    if not isinstance(value, Call | Dialog | Fork | Speaker | SignalDoor):
        return value
    names = {name for name in dir(value) if not name.startswith("_")} - {"rings", "place", "calls"}
    values = {name: getattr(value, name) for name in names}
    return {name: taken_apart(one) for name, one in values.items() if not callable(one)}


@few
@given(calls())
def test_a_call_comes_back(call: Call) -> None:
    again = read_call(call.owner, decode(encode(write_call(call))))
    assert properties(again) == properties(call)
    assert read_key(decode(encode(call.owner)), "sip") == call.owner


@few
@given(st.builds(Written, st.sampled_from([BARE, PUBLIC]), endpoints, st.booleans()))
def test_a_spelling_comes_back(written: Written) -> None:
    assert read_key(decode(encode(written)), "sip") == written


@pytest.mark.parametrize(
    "key",
    [
        "sip",
        [],
        ["sip"],
        ["sip", b"x"],
        ["sip", b"x", b"y"],
        ["ftp", b"x", b"1234"],
        ["bare", [b"1234", 5060]],
        ["public", [b"1234", 5060], b"x"],
        ["other", [b"1234", 5060], True],
        [b"sip", b"y", b"1234"],
    ],
    ids=repr,
)
def test_nobodys_key(key: Plain) -> None:
    with pytest.raises(DamagedRecord):
        read_key(key, "sip")


def busy_call() -> Plain:
    """The record of a call in which everything is there that a record can hold."""
    gateway = Gateway()
    gateway.out(request(body=sdp()))
    gateway.in_(answer(body=sdp("198.51.100.20", 7000)))
    gateway.out(request(body=sdp(port=4002)).replace(b"CSeq: 1", b"CSeq: 2"))
    call = gateway.call("one")
    call.aliases = {b"bob": PARTY}
    call.expires = 60.0
    assert call.dialogs
    assert call.unsettled
    assert call.asked
    record: Plain = decode(encode(write_call(call)))
    return record


def places(value: Plain, path: tuple[int | bytes, ...] = ()) -> Iterator[tuple[int | bytes, ...]]:
    """The way to each value within a value."""
    yield path
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[step], (*path, step))  # type: ignore[index]  # a key or an index of it


RECORD = busy_call()


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        True,
        -1,
        10**30,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "x\u20ac",
        b"",
        b"x",
        [],
        [[]],
        {},
        {b"x": []},
        {"x": []},
    ],
    ids=repr,
)
def test_a_damaged_record_is_refused_or_a_call(wrong: Plain) -> None:
    """One value after the other is replaced."""
    for path in places(RECORD):
        record = copy.deepcopy(RECORD)
        if path:
            inner = record
            for step in path[:-1]:
                inner = inner[step]  # type: ignore[index]  # see `places`
            inner[path[-1]] = wrong  # type: ignore[index]  # see `places`
        else:
            record = wrong
        try:
            call = read_call(Owner("sip", b"one", PARTY), record)
        except DamagedRecord:
            continue
        assert properties(read_call(call.owner, decode(encode(write_call(call))))) == properties(call), path


def test_a_missing_property_or_another_format_is_refused() -> None:
    assert isinstance(RECORD, list)
    owner = Owner("sip", b"one", PARTY)
    for record in (RECORD[:-1], [*RECORD, None], [2, *RECORD[1:]]):
        with pytest.raises(DamagedRecord):
            read_call(owner, record)


class TestTouched:
    def test_nothing_is_noted_until_somebody_watches(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        assert not gateway.sip.touched
        assert list(gateway.sip.touched) == []
        gateway.sip.touched.watch()
        gateway.out(request("OPTIONS", call_id="two"))
        assert list(gateway.sip.touched.take()) == [gateway.call("two")]
        assert not gateway.sip.touched

    def test_a_call_is_touched_by_its_messages_and_when_it_is_forgotten(self) -> None:
        gateway = Gateway()
        gateway.sip.touched.watch()
        gateway.out(request("OPTIONS"))
        gateway.in_(answer(method="OPTIONS"))
        (call,) = gateway.sip.touched.take()
        key, value = gateway.sip.record(call)
        assert key == Owner("sip", b"one", PARTY)
        assert value is not None
        gateway.wait(40)
        (gone,) = gateway.sip.touched.take()
        assert gone is call
        assert gateway.sip.record(call) == (key, None)

    def test_a_spelling_is_touched_when_it_changes(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        gateway.sip.touched.watch()
        bare = request("OPTIONS", host="10.0.0.11", call_id="two").replace(b"10.0.0.11:5060", b"10.0.0.11")
        endpoint = Endpoint(address_of("10.0.0.11"), 5060)
        for _ in range(2):
            gateway.out(bare, OTHER_PHONE)
            gateway.out(bare, OTHER_PHONE)
            spelled = [item for item in gateway.sip.touched.take() if isinstance(item, Written)]
            assert spelled == [Written(BARE, endpoint, via=True), Written(BARE, endpoint, via=False)]
            assert [gateway.sip.record(item)[1] for item in spelled] == [True, True]
            gateway.out(request("OPTIONS", host="10.0.0.11", call_id="two"), OTHER_PHONE)
            assert [gateway.sip.record(item)[1] for item in gateway.sip.touched if isinstance(item, Written)] == [
                None
            ] * 2
            gateway.sip.touched.take()

    def test_only_its_own_has_a_record(self) -> None:
        with pytest.raises(TypeError):
            SipAlg(frozenset()).record("a transfer")


class TestRestore:
    def test_the_doors_of_calls_are_counted_again(self) -> None:
        """A signalling door closes after the last of the calls that use it, also if they began before."""
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"), PHONE)
        gateway.out(request("REGISTER", call_id="s"), PHONE)
        alg = SipAlg(frozenset({5060}))
        doors = {door.owner for door in gateway.doors}
        claimed = set()
        for item in gateway.sip.remembered():
            key, value = gateway.sip.record(item)
            claimed |= set(alg.restore(decode(encode(key)), decode(encode(value)), doors))
        assert claimed == doors | {call.owner for call in gateway.sip.calls}
        assert [properties(call) for call in alg.calls] == [properties(call) for call in gateway.sip.calls]
        closed = gateway.sip.on_time(gateway.now + 40)
        assert closed
        assert alg.on_time(gateway.now + 40) == closed

    def test_a_door_that_is_lost_is_opened_by_the_next_message(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"), PHONE)
        alg = SipAlg(frozenset({5060}))
        key, value = gateway.sip.record(gateway.call("r"))
        assert list(alg.restore(decode(encode(key)), decode(encode(value)), frozenset())) == [gateway.call("r").owner]
        assert alg.on_time(gateway.now + 4_000) == [], "none of its doors is left to be closed"
        assert len(alg.calls) == 0

    @pytest.mark.parametrize(
        ("key", "value"), [(["bare", [PARTY, 5060], True], None), (["sip", b"one", PARTY], None), ("x", 1)]
    )
    def test_damaged(self, key: Plain, value: Plain) -> None:
        with pytest.raises(DamagedRecord):
            SipAlg(frozenset()).restore(key, value, frozenset())

    def test_a_call_has_one_record(self) -> None:
        alg = SipAlg(frozenset())
        alg.restore(["sip", b"one", PARTY], RECORD, frozenset())
        with pytest.raises(DamagedRecord):
            alg.restore(["sip", b"one", PARTY], RECORD, frozenset())
        assert len(alg.calls) == 1
