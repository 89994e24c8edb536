"""What tells scripts and defects apart: the lines that run, where an error was raised, what takes the time."""

import cProfile
import pstats
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import doorman
from doorman.algs.api import Message, Nat, Outcome
from doorman.engine.inspection import Inspector
from kit.fuzz.judge import Failure
from kit.fuzz.script import Script
from kit.fuzz.trial import run

_SOURCE = str(Path(doorman.__file__).parent)
_UNHURRIED = 1e9
_LONGEST = 120

Lines = set[tuple[str, int]]


class Watch:
    """Notes the lines of the program that run, which takes ten times as long. `lines`: where."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def run(self, script: Script) -> tuple[set[object], int]:
        """Run a script, however slowly: what it made the gateway do, and how many lines ran for the first time."""
        before = len(self._lines)
        sys.settrace(self._call)
        try:
            seen = run(script, _UNHURRIED)
        finally:
            sys.settrace(None)
        return seen, len(self._lines) - before

    def _call(self, frame: FrameType, _: str, __: object) -> Any:  # noqa: ANN401 - a trace function gives itself
        return self._line if frame.f_code.co_filename.startswith(_SOURCE) else None

    def _line(self, frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - a trace function gives itself
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


def signature(script: Script, failure: Failure) -> str:
    """What tells one defect from another."""
    if failure.kind == "internal-error":
        return f"internal-error {raised(script)}"
    if failure.kind == "slow":
        return f"slow {busiest(script)}"
    return str(failure)[:_LONGEST]


def raised(script: Script) -> str:
    """The error that an inspection counted as internal, and where it comes from."""

    def ask(inspector: Inspector, alg: str, message: Message, nat: Nat) -> Outcome:
        return inspector.algs[alg].on_message(message, nat)

    with mock.patch.object(Inspector, "ask", ask):
        try:
            run(script, _UNHURRIED)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} {Path(last.filename).name}:{last.lineno} {error}"[:_LONGEST]
    return "once"


def busiest(script: Script) -> str:
    """The function of the program in which most of the time goes."""
    profile = cProfile.Profile()
    profile.runcall(run, script, _UNHURRIED)
    found = pstats.Stats(profile).get_stats_profile().func_profiles
    ours = {name: function.tottime for name, function in found.items() if function.file_name.startswith(_SOURCE)}
    return max(ours, key=lambda name: ours[name], default="nothing")
