"""The ladders of calls: what is kept of a message, what makes room, and what became of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Direction, Message, Outcome, Owner, Path
from doorman.engine.inspection import Inspection
from doorman.engine.ladder import LADDER_BYTES, MOST_STEPS, STEP_BYTES, Ladder, Ladders, held_back, judged
from doorman.engine.results import Fate, Result, Side
from doorman.net.addresses import address_of
from doorman.net.packet import UDP
from kit.packets import endpoint

PARTY = address_of("10.0.0.10")
PATH = Path(
    endpoint("10.0.0.10:5060"),
    endpoint("198.51.100.20:5060"),
    endpoint("203.0.113.1:5060"),
    endpoint("198.51.100.20:5060"),
)


def seen(  # noqa: PLR0913 - all that can differ between two messages
    name: str = "INVITE",
    call: bytes = b"one",
    *,
    data: bytes = b"",
    direction: Direction = Direction.OUTBOUND,
    drop: str | None = None,
    now: float = 1.0,
    path: Path = PATH,
    checksum: int = 0,
) -> Inspection:
    message = Message(data or name.encode() + call, direction, UDP, path, now)
    return Inspection("sip", message, Outcome([], [], name, drop, Owner("sip", call, PARTY)), checksum)


def ladder_of(ladders: Ladders, call: bytes = b"one") -> Ladder:
    ladder = ladders.find(Owner("sip", call, PARTY))
    assert ladder is not None
    return ladder


def names(ladders: Ladders, call: bytes = b"one") -> list[str]:
    return [step.name for step in ladder_of(ladders, call).steps]


def test_a_step_says_what_went_between_whom() -> None:
    ladders = Ladders()
    ladders.see(seen(drop="third-party-address", now=7.5))
    (step,) = ladder_of(ladders).steps
    assert (step.time, step.name, step.drop, step.path, step.repeats) == (7.5, "INVITE", "third-party-address", PATH, 0)
    assert ladder_of(ladders).begun == 7.5


def test_what_belongs_to_no_call_is_left_out() -> None:
    ladders = Ladders()
    unread = seen()
    unread.outcome = Outcome([], [], "malformed", "cseq")
    ladders.see(unread)
    assert len(ladders) == 0


def test_a_message_that_is_sent_again_is_counted() -> None:
    ladders = Ladders()
    for inspection in (seen(), seen("100", direction=Direction.INBOUND), seen(now=2), seen(now=3)):
        ladders.see(inspection)
    assert [(step.name, step.time, step.repeats) for step in ladder_of(ladders).steps] == [
        ("INVITE", 1, 2),
        ("100", 1, 0),
    ]
    assert ladders.repeated == {"INVITE": 2}


@pytest.mark.parametrize("other", [seen(drop="cseq"), seen(direction=Direction.INBOUND), seen(data=b"another")])
def test_what_differs_is_a_step_of_its_own(other: Inspection) -> None:
    ladders = Ladders()
    ladders.see(seen())
    ladders.see(other)
    assert names(ladders) == ["INVITE", "INVITE"]


def test_a_datagram_is_told_by_its_checksum() -> None:
    ladders = Ladders()
    for inspection in (
        seen(data=b"same", checksum=7),
        seen(data=b"size", checksum=7),
        seen(data=b"same", checksum=8),
        seen(data=b"longer", checksum=7),
        seen("ACK", data=b"same", checksum=7),
    ):
        ladders.see(inspection)
    assert [(step.name, step.repeats) for step in ladder_of(ladders).steps] == [
        ("INVITE", 1),
        ("INVITE", 0),
        ("INVITE", 0),
        ("ACK", 0),
    ]


def test_equal_paths_are_held_once() -> None:
    ladders = Ladders()
    for name in ("INVITE", "ACK", "BYE"):
        ladders.see(seen(name, path=Path(*PATH)))
    assert len({id(step.path) for step in ladder_of(ladders).steps}) == 1


def test_of_a_long_call_the_newest_steps_are_kept() -> None:
    ladders = Ladders()
    for number in range(MOST_STEPS + 5):
        ladders.see(seen(str(number)))
    assert names(ladders) == [str(number) for number in range(5, MOST_STEPS + 5)]
    assert ladder_of(ladders).earlier == 5


def test_the_call_that_was_silent_for_longest_makes_room() -> None:
    ladders = Ladders(2 * (LADDER_BYTES + 3 + STEP_BYTES) + STEP_BYTES)
    for call in (b"one", b"two", b"one", b"six"):
        ladders.see(seen(call=call, data=call * 2 if len(ladders) == 2 else b""))
    assert [ladder.owner.name for ladder in ladders] == [b"one", b"six"]


def test_a_call_that_is_too_large_alone_is_not_kept() -> None:
    ladders = Ladders(10_000)
    ladders.see(seen(call=b"x" * 65_000))
    assert len(ladders) == 0


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.integers(0, 5)), max_size=200))
def test_memory_is_bounded_whatever_comes(messages: list[tuple[bytes, int]]) -> None:
    most = 5_000
    ladders = Ladders(most)
    for call, kind in messages:
        ladders.see(seen(str(kind), call))
        held = sum(LADDER_BYTES + len(one.owner.name) + STEP_BYTES * len(one.steps) for one in ladders)
        assert held <= most


def result(reason: str, *inspections: Inspection) -> Result:
    return Result(Fate.DROPPED if reason else Fate.FORWARDED, b"", Side.OUTSIDE, reason, inspections)


def drops(inspections: tuple[Inspection, ...]) -> list[str | None]:
    return [inspection.outcome.drop for inspection in inspections]


def test_what_became_of_the_messages_of_a_packet() -> None:
    assert drops(judged(result("", seen()))) == [None]
    assert drops(judged(result("sip: cseq", seen(drop="cseq")))) == ["cseq"]
    assert drops(judged(result("sip: message-too-long", seen()))) == ["message-too-long"]
    assert drops(judged(result("no-session-or-door", seen(), seen()))) == [None, "no-session-or-door"]
    assert judged(result("no-translation")) == ()
    assert drops(held_back((seen(),), "kernel-refused")) == ["kernel-refused"]
