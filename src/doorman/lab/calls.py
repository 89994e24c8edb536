"""Calls between two sipp, with RTP of our own in both directions, so that every packet is counted at both ends."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from doorman.lab.media import Station, interval
from doorman.lab.phones import SCENARIOS, Line, Played, sipp
from doorman.lab.plans import SET_UP_SECONDS, Plan
from doorman.lab.programs import Program
from doorman.lab.stream import Counts, Stream

_LOGGED = re.compile(r"^(asked|media|ended) (\d+)(?: ([\d.]+) (\d+))?(?: (\d+))?$", re.MULTILINE)


class Leg(NamedTuple):
    """One call's media, as its two ends counted it."""

    caller: Counts
    callee: Counts

    @property
    def has_two_way_media(self) -> bool:
        """Whether each end heard the other one, and nobody else."""
        return all(counts.received and len(counts.senders) <= 1 for counts in self)


class Report(NamedTuple):
    """What became of the calls: all were set up and torn down, or there is no report.

    Attributes:
        answered_ms: for each call of sipp, the milliseconds from INVITE to 200.
        legs: their media; each is of the two ends that heard each other, where they did.
    """

    answered_ms: list[int]
    legs: list[Leg]

    @property
    def has_two_way_media(self) -> bool:
        """Whether media flowed both ways in every call."""
        return all(leg.has_two_way_media for leg in self.legs)


@contextmanager
def calling(plan: Plan, directory: Path, station: Station) -> Iterator["Calls"]:
    """The calls of a plan, which have been set up when the block begins, with media flowing; then `Calls.finish`.

    Args:
        plan: who calls whom.
        directory: where the programs run and leave their logs.
        station: sends and counts the media.

    Raises:
        LabError: a call is not set up within ten seconds.
    """
    played = plan.played
    held = plan.held
    callee = End(plan.callee, station, directory / "answer.messages", played)
    caller = End(plan.caller, station, directory / "call.messages", played)
    with (
        caller,
        callee,
        sipp(SCENARIOS / "answer.xml", plan.callee, directory, played=held) as answers,
        sipp(SCENARIOS / "call.xml", plan.caller, directory, calls=plan.dials, played=held) as calls,
    ):
        under_way = Calls((caller, callee), (calls, answers), held)
        under_way.wait_for_answers()
        yield under_way


def place(plan: Plan, directory: Path, station: Station, during: Callable[[], None] | None = None) -> Report:
    """Make the calls of a plan, from set-up to hanging up.

    Args:
        plan: who calls whom.
        directory: where the programs run and leave their logs.
        station: sends and counts the media.
        during: called when all calls have been answered.

    Raises:
        LabError: a call was not set up or torn down as it should.
    """
    with calling(plan, directory, station) as calls:
        if during is not None:
            during()
        return calls.finish()


class End:
    """One end of all calls: its ports for media, directed by what the scenario logs."""

    def __init__(self, line: Line, station: Station, log: Path, played: Played) -> None:
        self.streams: dict[int, Stream] = {
            call: station.open(line.namespace, line.media_address, line.media_of(call))
            for call in range(1, played.calls + 1)
        }
        self.ticks: dict[str, dict[int, int]] = {"asked": {}, "media": {}}
        self.ended: set[int] = set()
        self.station = station
        self._packets = max(1, round(played.seconds / interval(2 * played.calls)))
        self._log = log
        # That of a call before would direct this one's media.
        log.unlink(missing_ok=True)
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self.streams.values():
            self.station.shut(stream)

    def follow(self) -> None:
        """Read what has been logged since, and direct the streams accordingly."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._read)
            news = log.read()
        # A line that is still being written is read when it is whole.
        whole = news[: news.rfind(b"\n") + 1]
        self._read += len(whole)
        for what, call, address, port, tick in _LOGGED.findall(whole.decode(errors="replace")):
            self._note(what, int(call), address, port, tick)

    @property
    def answered(self) -> bool:
        """Whether it knows of every call that it was answered."""
        self.follow()
        return len(self.ticks["media"]) == len(self.streams)

    @property
    def has_ended(self) -> bool:
        """Whether it knows of every call that it ended."""
        self.follow()
        return len(self.ended) == len(self.streams)

    @property
    def answered_ms(self) -> list[int]:
        """Of the caller: for each call the milliseconds from INVITE to 200."""
        return [tick - self.ticks["asked"].get(call, tick) for call, tick in sorted(self.ticks["media"].items())]

    def _note(self, what: str, call: int, address: str, port: str, tick: str) -> None:
        if what == "ended":
            self.ended.add(call)
        elif tick:
            self.ticks[what][call] = int(tick)
        if what == "media" and address and call in self.streams:
            self.streams[call].towards((address, int(port)), self._packets)


class Calls:
    """Calls that are under way."""

    def __init__(self, ends: tuple[End, End], programs: tuple[Program, Program], played: Played) -> None:
        self.caller, self.callee = ends
        self._programs = programs
        self._played = played

    def wait_for_answers(self) -> None:
        """Return when every call has been answered and the callee knows it.

        Raises:
            LabError: one is not, in time.
        """
        seconds = SET_UP_SECONDS + self._played.calls / self._played.rate
        self._programs[0].wait_until(self._answered, "has not been answered in all calls", seconds)

    def finish(self) -> Report:
        """Wait until the caller has hung up, and say what was counted.

        Raises:
            LabError: the caller ended badly or not at all, or the callee was not told.
        """
        caller, callee = self._programs
        caller.finish(self._played.limit)
        # The callee goes on to answer a BYE that comes again, until the block ends.
        callee.wait_until(self._ended, "has not seen all calls end")
        self.caller.station.settle()
        return Report(self.caller.answered_ms, self._legs())

    def _answered(self) -> bool:
        # Both are asked, as each then directs its media.
        return all([self.caller.answered, self.callee.answered])

    def _ended(self) -> bool:
        return all([self.caller.has_ended, self.callee.has_ended])

    def _legs(self) -> list[Leg]:
        """Pair the ends: the order of the calls at one end need not be that at the other."""
        callees = {stream.ssrc: stream for stream in self.callee.streams.values()}
        legs = []
        unheard = []
        for stream in self.caller.streams.values():
            counts = stream.counts()
            heard = next((callees.pop(ssrc) for ssrc in counts.senders if ssrc in callees), None)
            if heard is None:
                unheard.append(counts)
            else:
                legs.append(Leg(counts, heard.counts()))
        return legs + [Leg(counts, callees.pop(next(iter(callees))).counts()) for counts in unheard]
