"""A call that is put on hold and taken up again at another port, by the scenarios of tests/live.

with holding(lab, plan) as call:
    call.wait_for("media 1")            it was answered; also `held 1`, `media 2`
    call.finish()
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.calls import End
from doorman.lab.phones import sipp
from doorman.lab.plans import Plan
from doorman.lab.programs import Program
from doorman.lab.stream import Stream
from kit.lab import Lab

SCENARIOS = Path(__file__).parents[1] / "live" / "scenarios"
_ENDLESS = 60.0
"""Seconds for which there is media, unless it is stopped."""


class Holding(NamedTuple):
    """The call: its two ends, and sipp at each."""

    caller: End
    callee: End
    calls: Program
    answers: Program
    log: Path

    @property
    def streams(self) -> tuple[Stream, Stream, Stream]:
        """The caller's media at its first port and at its second, and the callee's."""
        return self.caller.streams[1], self.caller.streams[2], self.callee.streams[1]

    def wait_for(self, line: str, seconds: float = 10.0) -> None:
        """Return when the caller has logged a line that begins so."""
        self.calls.wait_until(lambda: self._has(line), f"has not come to {line!r}", seconds)

    def wait_for_media(self, stream: Stream, packets: int = 5) -> None:
        """Return when so many packets more have come to a stream."""
        already = stream.counts().received
        self.calls.wait_until(
            lambda: self._follow() and stream.counts().received >= already + packets, "has no media any more"
        )

    def finish(self) -> None:
        """Return when the call has ended as it should."""
        self.wait_for("ended", 15.0)
        self.calls.finish(5.0)
        self.answers.wait_until(lambda: self.callee.has_ended, "was not told that the call ended")

    def stop(self) -> None:
        """Send no more media; return when all that was sent has arrived."""
        for stream in self.streams:
            stream.stop()
        self.caller.station.settle()

    def _follow(self) -> bool:
        """Let media go where the two ends have said meanwhile."""
        self.caller.follow()
        self.callee.follow()
        return True

    def _has(self, line: str) -> bool:
        return (
            self._follow()
            and self.log.exists()
            and any(said.startswith(line) for said in self.log.read_text().splitlines())
        )


@contextmanager
def holding(lab: Lab, plan: Plan, talk: float) -> Iterator[Holding]:
    """A call that is on its way to being held and taken up again, each after the seconds of the plan.

    Args:
        lab: where.
        plan: who calls whom.
        talk: the seconds from then to the end of the call.
    """
    directory = lab.directory
    played = plan.held
    played = played._replace(options=(*played.options, "-key", "talk", str(round(talk * 1000))))
    media = plan.played._replace(seconds=_ENDLESS)
    log = directory / "hold.messages"
    with (
        End(plan.caller, lab.media, log, media._replace(calls=2)) as caller,
        End(plan.callee, lab.media, directory / "held.messages", media) as callee,
        sipp(SCENARIOS / "held.xml", plan.callee, directory, played=played) as answers,
        sipp(SCENARIOS / "hold.xml", plan.caller, directory, calls=plan.dials, played=played) as calls,
    ):
        yield Holding(caller, callee, calls, answers, log)
