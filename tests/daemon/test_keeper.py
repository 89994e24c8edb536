"""The keeper: each thing is saved once, as it is when it is saved, and a journal that fails harms nobody."""

import random
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorman.algs.records import as_list
from doorman.config.reader import read_config
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import RETRY, Keeper
from doorman.engine.engine import Engine
from doorman.engine.snapshot import Contents, contents_of
from doorman.net.addresses import address_of
from kit.saved import everything
from kit.sip import OVERLOAD, Gateway, answer, request, sdp

PARTY = address_of("10.0.0.10")


class Kept:
    """A gateway with a keeper."""

    def __init__(self, directory: Path, config: str = OVERLOAD) -> None:
        self.gateway = Gateway()
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(7).random, delegated=True)
        self.gateway.engine = self.engine
        self.journal = Journal(directory, "boot")
        self.said: list[str] = []
        self.keeper = Keeper(self.engine, self.journal, self.said.append)

    def flush(self) -> None:
        """Save what there is."""
        self.keeper.note(self.engine.take_changes())
        self.keeper.flush(self.gateway.now)

    def is_dirty(self) -> bool:
        """Whether something is not saved."""
        return self.keeper.dirty

    def is_urgent(self) -> bool:
        """Whether something is to be saved at once."""
        return self.keeper.urgent

    def contents(self) -> list[Contents]:
        """What the journal has."""
        return [contents_of(record) for record in self.journal.load().items()]

    def states(self) -> dict[object, object]:
        """How far calls have come by what the journal has, by their names."""
        calls = [record for record in self.contents() if record.kind == "sip"]
        return {as_list(call.key)[1]: as_list(call.value)[3] for call in calls}

    def is_complete(self) -> bool:
        """Whether all there is has been saved."""
        return sorted(self.journal.load().items()) == sorted(everything(self.engine))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    kept.keeper.close(kept.gateway.now)


def test_an_answer_that_opens_no_other_doors_is_not_urgent(kept: Kept) -> None:
    kept.gateway.out(request(body=sdp()))
    kept.flush()
    kept.gateway.now += 2.0
    kept.gateway.in_(answer(200, body=sdp("198.51.100.20", 7000)))
    kept.keeper.note(kept.engine.take_changes())
    assert not kept.is_urgent()
    assert kept.is_dirty()
    kept.flush()
    assert kept.is_complete()


def test_the_answer_to_what_ended_a_call_tells_nothing_new(kept: Kept) -> None:
    kept.gateway.out(request(body=sdp()))
    kept.gateway.in_(answer(200, body=sdp("198.51.100.20", 7000)))
    to = b"To: <sip:bob@198.51.100.20>"
    kept.gateway.out(request("BYE").replace(to, to + b";tag=b"))
    kept.flush()
    kept.gateway.now += 2.0
    assert kept.gateway.in_(answer(200, method="BYE"))
    assert not kept.is_dirty()
    assert kept.is_complete()


def test_each_thing_is_saved_once_as_it_is_in_the_end(kept: Kept) -> None:
    assert not kept.is_dirty()
    kept.gateway.out(request(body=sdp()))
    kept.gateway.in_(answer(180))
    kept.gateway.in_(answer(200, body=sdp("198.51.100.20", 7000)))
    assert kept.is_dirty()
    kept.flush()
    assert not kept.is_dirty()
    # A call, and the doors of three owners, which tell of three bindings.
    assert kept.keeper.counts == {"flushes": 1, "saved": 4, "too-long": 0, "failures": 0}
    assert kept.is_complete()
    kept.flush()
    assert kept.keeper.counts["flushes"] == 1, "nothing had changed"


def test_what_came_and_went_between_is_not_there(kept: Kept) -> None:
    kept.gateway.out(request("OPTIONS"))
    kept.gateway.wait(40)
    assert len(kept.gateway.sip.calls) == 0
    kept.flush()
    assert [record.kind for record in kept.contents()] == ["binding"]
    assert kept.is_complete()


def test_a_name_is_saved_by_itself_while_no_door_tells_of_it(kept: Kept) -> None:
    for call in ("one", "two"):
        kept.gateway.out(request("OPTIONS", call_id=call))
        kept.flush()
        assert {record.kind for record in kept.contents()} == {"doors", "sip"}
        assert kept.is_complete()
        kept.gateway.wait(40)
        kept.flush()
        assert [record.kind for record in kept.contents()] == ["binding"]
        assert kept.is_complete()


def test_when_doors_close_is_saved_with_their_call(kept: Kept) -> None:
    """The end of a call sets its doors another time, and that is all that happens to them yet."""
    kept.gateway.out(request(body=sdp()))
    kept.gateway.in_(answer(200, body=sdp("198.51.100.20", 7000)))
    kept.flush()
    kept.gateway.out(request("BYE").replace(b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@198.51.100.20>;tag=b"))
    assert kept.engine.take_changes() == []
    assert kept.is_urgent()
    kept.flush()
    assert not kept.is_urgent()
    assert kept.is_complete()
    of_call = ("doors", ("sip", b"one", PARTY))
    assert [as_list(door)[8] for door in as_list(kept.journal.load()[of_call])] == [1005.0, 1005.0]


def test_what_a_call_announces_is_saved_while_others_wait(kept: Kept) -> None:
    kept.gateway.out(request(body=sdp()))
    kept.flush()
    kept.gateway.in_(answer(180))
    kept.gateway.out(request(call_id="two", body=sdp(port=4010)))
    kept.keeper.note(kept.engine.take_changes())
    assert kept.is_urgent()
    kept.keeper.flush_urgent(kept.gateway.now)
    assert not kept.is_urgent()
    assert kept.states() == {b"one": "trying", b"two": "trying"}
    assert ("sip", b"two", PARTY) in [record.key for record in kept.contents()]
    assert kept.is_dirty()
    kept.flush()
    assert kept.states() == {b"one": "early", b"two": "trying"}
    assert kept.is_complete()


def test_doors_that_are_nobody_s_own_are_saved_with_who_keeps_them(kept: Kept) -> None:
    """A signalling door is open for all who use it: saved without them, it would be closed by a restart."""
    kept.gateway.out(request("REGISTER"))
    kept.keeper.note(kept.engine.take_changes())
    kept.keeper.flush_urgent(kept.gateway.now)
    assert not kept.is_dirty()
    assert {record.kind for record in kept.contents()} == {"doors", "sip"}
    assert kept.is_complete()


def test_who_has_no_doors_any_more_can_wait(kept: Kept) -> None:
    kept.gateway.out(request("OPTIONS"))
    kept.flush()
    kept.gateway.wait(40)
    kept.keeper.note(kept.engine.take_changes())
    kept.keeper.flush_urgent(kept.gateway.now)
    assert [record.kind for record in kept.contents()] == ["sip", "binding"]
    assert not kept.is_urgent()
    assert kept.is_dirty()
    kept.flush()
    assert kept.is_complete()


def test_a_static_name_is_in_the_configuration(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    config = read_config(OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n", "test.cfg")
    kept.engine.reconfigure(config, kept.gateway.now)
    kept.flush()
    assert kept.journal.load() == {}
    assert kept.is_complete()
    kept.journal.close()


def test_a_protocol_that_is_served_later(tmp_path: Path) -> None:
    kept = Kept(tmp_path, OVERLOAD + "no ip nat service sip\n")
    kept.engine.reconfigure(read_config(OVERLOAD, "test.cfg"), kept.gateway.now)
    kept.keeper.note(kept.engine.take_changes())
    kept.gateway.out(request())
    kept.flush()
    assert kept.is_complete()
    assert len(kept.gateway.sip.calls) == 1
    kept.journal.close()


def test_a_call_that_is_too_long_is_not_saved(kept: Kept) -> None:
    kept.gateway.out(request())
    kept.gateway.out(request(call_id="long"))
    for dialog in (b"1", b"2", b"3"):
        kept.gateway.in_(answer(180, call_id="long").replace(b";tag=b", b";tag=" + dialog * 30_000))
    kept.flush()
    assert len(kept.gateway.sip.calls) == 2
    assert [record.key for record in kept.contents() if record.kind == "sip"] == [("sip", b"one", PARTY)]
    assert kept.keeper.counts["too-long"] == 1
    assert kept.said == []


class TestNoRoom:
    @pytest.fixture(autouse=True)
    def _limits(self) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    def test_it_is_said_once_and_mended_later(self, kept: Kept) -> None:
        gateway = kept.gateway
        gateway.out(request(body=sdp()))
        kept.flush()
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        for number in range(5):
            gateway.out(request("OPTIONS", call_id=f"o{number}"))
            kept.flush()
            gateway.now += 1.0
        assert kept.keeper.counts["failures"] == 1, "and then not tried for a while"
        assert kept.is_dirty()
        gateway.now += RETRY
        kept.flush()
        assert kept.keeper.counts["failures"] == 2
        (said,) = kept.said
        assert said.startswith("the state cannot be saved, and will not survive a restart: ")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        gateway.now += RETRY
        kept.flush()
        assert kept.said[1:] == ["the state is saved again"]
        assert kept.is_complete()
        assert not kept.is_dirty()
        gateway.wait(40)
        kept.flush()
        assert kept.is_complete()
        assert kept.keeper.counts["failures"] == 2
