"""What the fuzzer found once does not come back, and the fuzzer itself works: `make fuzz` is how to look for more."""

import random
from pathlib import Path

import pytest

from kit.fuzz.judge import Failure, judge_departure
from kit.fuzz.minimise import minimise
from kit.fuzz.mutation import mutate, with_length
from kit.fuzz.script import Kind, Script, Step, read_script
from kit.fuzz.seeds import own
from kit.fuzz.trial import run
from kit.sip import request, sdp

CORPUS = sorted(Path(__file__).parent.glob("corpus/*.script"))
UNHURRIED = 1.0
"""Seconds for a message: the test must not fail on a busy machine; `make fuzz` measures."""


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once(path: Path) -> None:
    run(read_script(path.read_bytes()), UNHURRIED)


def test_a_little_fuzzing() -> None:
    """The same scripts each time."""
    chance, parents = random.Random(1), own()
    for script in [*parents, *(mutate(chance.choice(parents), parents, chance) for _ in range(150))]:
        run(script, UNHURRIED)


def test_a_script_is_read_as_it_was_written() -> None:
    chance, parents = random.Random(2), own()
    for _ in range(200):
        script = mutate(chance.choice(parents), parents, chance)
        assert read_script(bytes(script)) == script
    with pytest.raises(ValueError, match="line end"):
        read_script(b"gateway overload\nout 3\nabcd\n")
    with pytest.raises(ValueError, match="begins with its gateway"):
        read_script(b"out 3\nabc\n")


def test_a_length_is_corrected() -> None:
    message = request(body=sdp())
    assert with_length(message.replace(b"Content-Length: ", b"Content-Length: 1")) == message


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ((b"Call-ID: one", b"Call-ID: two"), "another-message"),
        ((b"Contact: <sip:alice@203.0.113.1", b"Contact: <sip:alice@10.0.0.10"), "inside-address"),
        ((b"c=IN IP4 203.0.113.1", b"c=IN IP4 10.0.0.10"), "inside-address"),
        ((b"Content-Length: ", b"Content-Length: 9"), "unreadable-after"),
        ((b"Contact: ", b"X-Contact: "), "another-message"),
    ],
)
def test_what_the_judge_finds(change: tuple[bytes, bytes], kind: str) -> None:
    """A gateway that did this would be caught."""
    before = request(body=sdp())
    after = with_length(before.replace(b"10.0.0.10", b"203.0.113.1"))
    judge_departure(before, after, set())
    changed = after.replace(*change)
    if b"Length" not in change[0]:
        changed = with_length(changed)
    with pytest.raises(Failure) as found:
        judge_departure(before, changed, set())
    assert found.value.kind == kind


def test_a_failing_script_becomes_small() -> None:
    steps = (*own()[0].steps, Step(Kind.OUT, request("OPTIONS", "Subject: here is the defect")))
    small = minimise(
        Script("overload", steps), lambda script: any(b"defect" in data for data in script.messages), 2_000
    )
    assert small.messages == [b"defect"]
