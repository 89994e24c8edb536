"""Urgent data of a connection that is looked into no more stay urgent, and end at the very same byte."""

import pytest

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from kit.packets import tcp
from kit.rcmd import NAMES
from kit.sip import OVERLOAD
from kit.talk import INSIDE, OUTSIDE, Talk

CLIENT, SERVER = "10.0.0.10:40000", "198.51.100.20:512"


def begun(*, longer: bool) -> Talk:
    """A connection of rexec whose port stays as it is, or becomes one with more digits."""
    engine = Engine(read_config(OVERLOAD, "test.cfg"), lambda: 0.5)
    if longer:
        engine.receive(tcp("10.0.0.11:9999", "192.0.2.9:9"), Side.INSIDE, 1000.0)
    talk = Talk(engine, CLIENT, SERVER, seen_as="203.0.113.1:40000")
    talk.open()
    talk.say(INSIDE, b"9999\0" + NAMES)
    assert len(talk.heard[OUTSIDE]) == len(NAMES) + 5 + longer
    return talk


def pointed(talk: Talk, side: Side, data: bytes, urgent: int) -> tuple[bytes, int]:
    """What the other end gets of a segment, and where that says that urgent data end, from the stream's beginning."""
    heard = talk.send(side, "PAU", data, urgptr=urgent)
    talk.next[side] += len(data)
    [one] = heard.on
    assert "U" in str(one.flags)
    return bytes(one.payload), one.seq + one.urgptr


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize("settled", [False, True])
def test_they_stay_urgent(longer: bool, settled: bool) -> None:  # noqa: FBT001 - parameters of the test
    talk = begun(longer=longer)
    if settled:
        talk.say(OUTSIDE, b"\0")
        talk.send(INSIDE, "A")
    server, client = talk.next[OUTSIDE], talk.next[INSIDE]
    assert pointed(talk, OUTSIDE, b"ab\x80c", 3) == (b"ab\x80c", server + 3)
    assert pointed(talk, INSIDE, b"\x03", 1) == (b"\x03", client + 1 + longer)


def test_what_is_not_urgent_is_not() -> None:
    talk = begun(longer=True)
    talk.send(OUTSIDE, "PAU", b"\x80", urgptr=1)
    talk.next[OUTSIDE] += 1
    talk.send(INSIDE, "A")
    for data in (b"one", b"two"):
        [one] = talk.say(OUTSIDE, data).on
        assert (str(one.flags), one.urgptr) == ("PA", 0)
