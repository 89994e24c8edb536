"""A little fuzzing of RTSP and LDAP: damaged conversations do no harm, and are the same however streams are cut."""

import random

import pytest

from kit.fuzz.judge import Failure, alarm
from kit.fuzz.mutation import Mutator, mutate, mutate_bytes, mutate_message
from kit.fuzz.protocols import judge_ldap, judge_rtsp, ldap_scripts, rtsp_scripts
from kit.fuzz.script import Script
from kit.fuzz.streams import by_streams
from kit.ldap import added, person

SCRIPTS = 150


def run(script: Script) -> None:
    with alarm():
        by_streams(script, set())


@pytest.mark.parametrize(("parents", "how"), [(rtsp_scripts(), mutate_message), (ldap_scripts(), mutate_bytes)])
def test_a_little_fuzzing(parents: list[Script], how: Mutator) -> None:
    """The same scripts each time."""
    chance = random.Random(1)
    for script in [*parents, *(mutate(chance.choice(parents), parents, chance, how) for _ in range(SCRIPTS))]:
        run(script)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ((b"CSeq: 1", b"CSeq: 2"), "another-message"),
        ((b"OPTIONS ", b"SETUP "), "another-message"),
        ((b"Content-Length: 4", b"Content-Length: 3"), "another-length"),
        ((b"RTSP/1.0", b"RTSP"), "unreadable-after"),
    ],
)
def test_what_the_judge_of_rtsp_finds(change: tuple[bytes, bytes], kind: str) -> None:
    message = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nbody"
    judge_rtsp(message, message)
    with pytest.raises(Failure) as found:
        judge_rtsp(message, message.replace(*change))
    assert found.value.kind == kind


def test_what_the_judge_of_ldap_finds() -> None:
    message = added(person("10.0.0.10", 1720))
    judge_ldap(message, added(person("203.0.113.1", 1720)))
    with pytest.raises(Failure):
        judge_ldap(message, message.replace(b"1720", b"17200"))
