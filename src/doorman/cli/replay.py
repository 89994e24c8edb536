"""`doorman replay CAPTURE`: what the gateway would do to this traffic, and why."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

from doorman.algs.api import Outcome
from doorman.cli.check import UnreadableError, read_text, tell_warnings
from doorman.cli.debug.sip import debug_lines
from doorman.cli.explain import explain
from doorman.cli.progress import watched
from doorman.cli.show.call import show_call
from doorman.cli.summary import summary
from doorman.config.access_lists import AccessEntry, AccessList
from doorman.config.errors import ConfigErrors, printable
from doorman.config.model import Config, DynamicSource, Interface
from doorman.config.reader import Reader
from doorman.dataplanes.call_report import replayed_call
from doorman.dataplanes.replay import DEFAULT_MTU, Replay
from doorman.dataplanes.report import report
from doorman.engine.engine import Engine
from doorman.engine.ladder import Ladders, judged
from doorman.engine.results import Result
from doorman.nat.rules import UnusableConfig
from doorman.net.addresses import Address, Prefix, address_of, parse_prefix
from doorman.net.captures import DamagedCapture, NotACapture, UnwritableFrame, create_capture, open_capture

GOOD, DAMAGED, UNUSABLE = 0, 1, 2
"""Exit codes: all went through; the capture ends in damage; nothing could be done."""


class Options(NamedTuple):
    """What was asked for on the command line."""

    capture: Path
    config: Path | None = None
    inside: tuple[str, ...] = ()
    outside_address: str | None = None
    output: Path | None = None
    json_report: Path | None = None
    debug: tuple[str, ...] = ()
    explain: bool = False
    ladder: str | None = None
    mtu: int = DEFAULT_MTU
    strict: bool = False


class CannotReplayError(Exception):
    """Nothing can be done; the text says why, in one line or as a list of configuration errors."""


def replay_capture(options: Options) -> int:
    """Run a replay and print what it found.

    Returns:
        The exit code.
    """
    try:
        with ExitStack() as stack:
            return _run(options, stack)
    except CannotReplayError as error:
        sys.stderr.write(f"{error}\n")
    except BrokenPipeError:
        raise  # nobody reads on: for `main` to end quietly
    except OSError as error:
        where = f"{printable(str(error.filename))}: " if error.filename else ""
        sys.stderr.write(f"{where}{error.strerror}\n")
    return UNUSABLE


def _run(options: Options, stack: ExitStack) -> int:
    _spare_inputs(options)
    try:
        # Nobody attacks a capture; and the same one shall come out the same each time.
        engine = Engine(_config(options), Random(0).random)  # noqa: S311 - see above
    except UnusableConfig as error:
        raise _trouble(options.config, error) from None
    stream = stack.enter_context(options.capture.open("rb"))
    try:
        reader = open_capture(stream)
    except NotACapture as error:
        raise _trouble(options.capture, error) from None
    writer = None
    if options.output is not None:
        out = stack.enter_context(options.output.open("wb"))
        writer = create_capture(out, options.output.name, reader.resolution)
    ladders = Ladders()
    replay = Replay(engine, writer, options.mtu, _watch(options, ladders))
    damage = None
    try:
        replay.run(watched(reader, options.capture.stat().st_size))
    except DamagedCapture as error:
        damage = error
    except UnwritableFrame as error:
        raise _trouble(options.output, error) from None
    if writer is not None:
        writer.finish()
    _tell(options, replay, ladders)
    if damage is None:
        return GOOD
    sys.stderr.write(f"{_trouble(options.capture, damage)}; the {replay.counts.read} packets before that were used\n")
    return DAMAGED


def _spare_inputs(options: Options) -> None:
    """Refuse to write over what is to be read."""
    for output in (options.output, options.json_report):
        for role, path in (("capture", options.capture), ("configuration", options.config)):
            if output is not None and path is not None and output.exists() and output.samefile(path):
                raise _trouble(output, f"is the {role} itself")


def _trouble(path: Path | None, what: object) -> CannotReplayError:
    return CannotReplayError(f"{printable(str(path))}: {what}")


def _tell(options: Options, replay: Replay, ladders: Ladders) -> None:
    found = report(replay)
    if options.json_report is not None:
        options.json_report.write_text(json.dumps(found, indent=2) + "\n")
    for line in summary(found, replay.drops, replay.details):
        sys.stdout.write(line + "\n")
    if options.ladder is not None:
        sys.stdout.write(f"\n# show alg sip call {printable(options.ladder)}\n")
        for line in show_call(replayed_call(replay, ladders, options.ladder)):
            sys.stdout.write(line + "\n")


def _config(options: Options) -> Config:
    if options.config is not None:
        if options.inside or options.outside_address:
            raise CannotReplayError("give either --config, or --inside and --outside-address")
        config_reader = Reader(str(options.config), strict=options.strict)
        try:
            config = config_reader.read(read_text(options.config))
        except ConfigErrors as errors:
            raise CannotReplayError(str(errors)) from None
        except UnreadableError as error:
            raise _trouble(options.config, error) from None
        tell_warnings(config_reader)
        return config
    if not options.inside or options.outside_address is None:
        raise CannotReplayError("say what is inside: --config FILE, or --inside PREFIX with --outside-address ADDR")
    try:
        return overload_config([parse_prefix(text) for text in options.inside], address_of(options.outside_address))
    except ValueError as error:
        raise CannotReplayError(printable(str(error))) from None


def overload_config(inside: list[Prefix], outside: Address) -> Config:
    """The usual gateway: everything inside shares one outside address.

    Raises:
        ValueError: an IPv6 prefix or address; there is no translation for those yet.
    """
    if len(outside) != 4 or any(len(prefix.network) != 4 for prefix in inside):  # noqa: PLR2004 - IPv4
        raise ValueError("only IPv4 is translated; use --config for a gateway that lets IPv6 pass")
    config = Config()
    for number, prefix in enumerate(inside):
        name = f"inside{number}"
        config.interfaces[name] = Interface(name, prefix.network, prefix.length, "inside")
    config.interfaces["outside"] = Interface("outside", outside, 32, "outside")
    entries = tuple(AccessEntry(permit=True, address=prefix.network, wildcard=_wildcard(prefix)) for prefix in inside)
    config.access_lists["1"] = AccessList("1", entries)
    config.dynamic_sources.append(DynamicSource("1", interface="outside", overload=True))
    return config


def _wildcard(prefix: Prefix) -> Address:
    return Address(((1 << (32 - prefix.length)) - 1).to_bytes(4, "big"))


def _is_worth_showing(outcome: Outcome) -> bool:
    return bool(outcome.edits or outcome.drop or outcome.withheld)


def _watch(options: Options, ladders: Ladders) -> Callable[[int, int, Result], None] | None:
    if not options.explain and not options.debug and options.ladder is None:
        return None

    def watch(packet: int, time_ns: int, result: Result) -> None:
        if options.ladder is not None:
            for inspection in judged(result):
                ladders.see(inspection)
        for inspection in result.inspections:
            if inspection.alg in options.debug:
                for line in debug_lines(inspection, time_ns):
                    sys.stdout.write(line + "\n")
            if options.explain and _is_worth_showing(inspection.outcome):
                for line in explain(inspection, packet):
                    sys.stdout.write(line + "\n")

    return watch
