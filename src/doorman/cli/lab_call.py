"""`doorman lab call`: a call through the lab's gateway, and what became of it."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from doorman.lab import bed
from doorman.lab.calls import Leg, Report, place
from doorman.lab.errors import LabError
from doorman.lab.gateway import doorman
from doorman.lab.media import Station, station
from doorman.lab.phones import Played
from doorman.lab.plans import Plan, from_inside, from_outside, to_registered
from doorman.lab.stream import Counts
from doorman.lab.telephone import place_from_telephone, place_to_telephone, registered_telephone

_SHOWN = ("show ip nat translations", "show ip nat doors")
_SHELL_SECONDS = 10
_MOST_SECONDS = 3600
_MOST_CALLS = 500
_MOST_SOURCES = 2
"""Addresses in a row of the table."""


def add_call_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doorman lab call`."""
    parser.description = "Make a call with RTP both ways. Exit code 0 only if media flowed both ways."
    parser.add_argument(
        "--from", dest="side", choices=["inside", "outside"], default="inside", help="who calls (%(default)s)"
    )
    parser.add_argument("--registered", action="store_true", help="to an inside phone that registers outside first")
    parser.add_argument("--transport", choices=["udp", "tcp"], default="udp", help="of SIP (%(default)s)")
    parser.add_argument("--seconds", metavar="N", type=_seconds, default=3.0, help="of talk (%(default)g)")
    parser.add_argument(
        "--phone", choices=["sipp", "baresip"], default="sipp", help="baresip: a real one inside (%(default)s)"
    )
    parser.add_argument("--calls", metavar="N", type=_calls, default=1, help="at the same time (%(default)s)")


def run_call(options: argparse.Namespace) -> int:
    """Make the call and return the exit code.

    Raises:
        LabError: no lab is up, or the call was not set up or torn down as it should.
    """
    setup = bed.standing(options.name)
    played = Played(options.transport, options.calls, seconds=options.seconds)
    if options.phone == "baresip" and (options.side == "outside" or options.calls != 1):
        raise LabError("baresip makes one call from inside, or takes one with --registered")
    # Below the lab's directory, so that `down` ends what a crash leaves.
    with tempfile.TemporaryDirectory(prefix="call-", dir=setup.directory) as folder, station() as media:
        placed = _from_or_to_baresip if options.phone == "baresip" else _between_sipps
        report = placed(options, setup, played, Path(folder), media)
    _say(*_outcome(report, "outside" if options.registered else options.side))
    return 0 if report.has_two_way_media else 1


def _between_sipps(
    options: argparse.Namespace, setup: bed.Setup, played: Played, folder: Path, media: Station
) -> Report:
    if options.registered:
        plan = to_registered(setup.network, folder, played)
    else:
        plan = (from_inside if options.side == "inside" else from_outside)(setup.network, played)
    _announce(plan)
    return place(plan, folder, media, during=lambda: _show(setup))


def _from_or_to_baresip(
    options: argparse.Namespace, setup: bed.Setup, played: Played, folder: Path, media: Station
) -> Report:
    if not options.registered:
        plan = from_inside(setup.network, played)
        _announce(plan)
        return place_from_telephone(plan, folder, media, during=lambda: _show(setup))
    with registered_telephone(setup.network, folder, played) as (plan, phone):
        _announce(plan)
        return place_to_telephone(plan, phone, folder, media, during=lambda: _show(setup))


def _announce(plan: Plan) -> None:
    calls = plan.played.calls
    many = "A call" if calls == 1 else f"{calls} calls"
    _say(f"{many} from {plan.caller.address} to {plan.target} over {plan.played.transport}.")


def _show(setup: bed.Setup) -> None:
    """What the gateway has to say while the line is held."""
    _say("Answered; media flows.")
    if setup.gateway != "doorman":
        return
    for command in _SHOWN:
        _say("", f"gateway# {command}", _answer(setup, command).rstrip("\n"))


def _answer(setup: bed.Setup, command: str) -> str:
    shell = doorman("shell", "--socket", str(setup.socket), "-c", command)
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            shell, capture_output=True, text=True, timeout=_SHELL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"(no answer within {_SHELL_SECONDS} seconds)"
    return done.stdout if done.returncode == 0 else f"({done.stderr.strip()})"


def _outcome(report: Report, caller_side: str) -> list[str]:
    callee_side = "outside" if caller_side == "inside" else "inside"
    lines = ["", f"{'RTP packets':<24}  sent  received  lost  reordered  heard from"]
    lines.append(_row(f"{caller_side}, caller", [leg.caller for leg in report.legs]))
    lines.append(_row(f"{callee_side}, callee", [leg.callee for leg in report.legs]))
    after = f"Answered after {_milliseconds(report.answered_ms)}. " if report.answered_ms else ""
    deaf = [leg for leg in report.legs if not leg.has_two_way_media]
    flowed = f"Media did not flow both ways: {_why(deaf)}." if deaf else "Media flowed both ways."
    return [*lines, "", f"{after}The caller hung up. {flowed}"]


def _milliseconds(answered: Sequence[int]) -> str:
    fastest, slowest = min(answered), max(answered)
    return f"{slowest} ms" if fastest == slowest else f"{fastest} to {slowest} ms"


def _row(who: str, all_counts: Sequence[Counts]) -> str:
    """One end of all calls together."""
    sent, received, lost, reordered = (
        sum(getattr(counts, name) for counts in all_counts) for name in ("sent", "received", "lost", "reordered")
    )
    sources = sorted({source for counts in all_counts for source in counts.sources})
    heard = ", ".join(f"{address}:{port}" for address, port in sources[:_MOST_SOURCES])
    if len(sources) > _MOST_SOURCES:
        heard += f" and {len(sources) - _MOST_SOURCES} more"
    heard = heard or ("(baresip does not say)" if received else "nobody")
    return f"{who:<24} {sent:>5}  {received:>8}  {lost:>4}  {reordered:>9}  {heard}"


def _why(deaf: Sequence[Leg]) -> str:
    silent = [
        f"the {end} heard {'several' if counts.received else 'nobody'}"
        for end, counts in zip(Leg._fields, deaf[0], strict=True)
        if not counts.received or len(counts.senders) > 1
    ]
    return ", ".join(silent) + (f" (and {len(deaf) - 1} calls more)" if len(deaf) > 1 else "")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to {_MOST_SECONDS}")
    return value


def _calls(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _MOST_CALLS:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {_MOST_CALLS}")
    return value
