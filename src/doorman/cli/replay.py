"""`doorman replay CAPTURE`: what the gateway would do to this traffic, and why."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

from doorman.algs.api import OpenDoor, Outcome
from doorman.cli.check import UnreadableError, read_text, tell_warnings
from doorman.cli.debug.lines import debug_lines
from doorman.cli.explain import explain
from doorman.cli.recordings import Recording, WhichVrf, in_order, name_of
from doorman.cli.show.call import show_call
from doorman.cli.summary import summary
from doorman.config.access_lists import AccessEntry, AccessList
from doorman.config.distinct import Distinct
from doorman.config.errors import ConfigErrors, printable
from doorman.config.model import Config, DynamicSource, Interface
from doorman.config.reader import Reader
from doorman.config.realms import Realm
from doorman.dataplanes.call_report import replayed_call
from doorman.dataplanes.replay import DEFAULT_MTU, Replay
from doorman.dataplanes.report import report
from doorman.engine.ladder import Ladders, judged
from doorman.engine.realms import engines
from doorman.engine.results import Result
from doorman.nat.rules import UnusableConfig
from doorman.net.addresses import Address, Prefix, address_of, parse_prefix
from doorman.net.captures import NotACapture, UnwritableFrame, create_capture

GOOD, DAMAGED, UNUSABLE = 0, 1, 2
"""Exit codes: all went through; the capture ends in damage; nothing could be done."""


class Options(NamedTuple):
    """What was asked for on the command line."""

    captures: tuple[Path, ...]
    config: Path | None = None
    inside: tuple[str, ...] = ()
    outside_address: str | None = None
    output: Path | None = None
    json_report: Path | None = None
    debug: tuple[str, ...] = ()
    explain: bool = False
    ladder: str | None = None
    vrfs: tuple[str, ...] = ()
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
    config = _config(options)
    try:
        # Nobody attacks a capture; and the same one shall come out the same each time.
        of_realm = engines(config, Random(0).random)  # noqa: S311 - see above
    except UnusableConfig as error:
        raise _trouble(options.config, error) from None
    chosen = _chosen(options, list(of_realm))
    recordings = [_open(path, stack) for path in options.captures]
    writer = None
    if options.output is not None:
        out = stack.enter_context(options.output.open("wb"))
        resolution = min(recording.reader.resolution for recording in recordings)
        writer = create_capture(out, options.output.name, resolution)
    at_work = list(dict.fromkeys(chosen)) or list(of_realm)
    ladders = {realm: Ladders() for realm in at_work}
    replays = {}
    for realm in at_work:
        place = f"vrf {name_of(realm)}: " if len(at_work) > 1 else ""
        replays[realm] = Replay(of_realm[realm], writer, options.mtu, _watch(options, ladders[realm], place))
    try:
        _play(recordings, replays, config, chosen)
    except WhichVrf as question:
        raise _trouble(options.captures[0], question) from None
    except UnwritableFrame as error:
        raise _trouble(options.output, error) from None
    if writer is not None:
        writer.finish()
    _tell(options, replays, ladders)
    _tell_elsewhere(recordings)
    return _tell_damage(recordings, sum(replay.counts.read for replay in replays.values()))


def _chosen(options: Options, known: list[Realm]) -> list[Realm]:
    """The realm of each capture; none if the interfaces that saw its frames tell.

    Raises:
        CannotReplayError: there is no such VRF, or not one for each capture.
    """
    if not options.vrfs:
        return known * len(options.captures) if len(known) == 1 else []
    of_name = {name_of(realm): realm for realm in known}
    for name in options.vrfs:
        if name not in of_name:
            raise CannotReplayError(f"no VRF {printable(name)} with an inside: there is {', '.join(of_name)}")
    if len(options.vrfs) != len(options.captures):
        raise CannotReplayError("say --vrf once for each capture, in their order")
    return [of_name[name] for name in options.vrfs]


def _open(path: Path, stack: ExitStack) -> Recording:
    try:
        return Recording(path, stack)
    except NotACapture as error:
        raise _trouble(path, error) from None


def _play(recordings: list[Recording], replays: dict[Realm, Replay], config: Config, chosen: list[Realm]) -> None:
    if len(recordings) == len(chosen) == 1:
        replays[chosen[0]].run(recordings[0].frames(progress=True))
        return
    for realm, frame in in_order(recordings, config, chosen):
        replays[realm].take(frame)
    for replay in replays.values():
        replay.finish()


def _tell_elsewhere(recordings: list[Recording]) -> None:
    for recording in recordings:
        if recording.elsewhere:
            what = f"{recording.elsewhere} packets were seen by other interfaces than inside ones, and are passed over"
            sys.stderr.write(f"{_trouble(recording.path, what)}\n")


def _tell_damage(recordings: list[Recording], read: int) -> int:
    """Say which captures end in damage; the exit code."""
    damaged = [recording for recording in recordings if recording.damage is not None]
    for recording in damaged:
        sys.stderr.write(f"{_trouble(recording.path, recording.damage)}; the {read} packets before that were used\n")
    return DAMAGED if damaged else GOOD


def _spare_inputs(options: Options) -> None:
    """Refuse to write over what is to be read."""
    inputs = [*(("capture", path) for path in options.captures), ("configuration", options.config)]
    for output in (options.output, options.json_report):
        for role, path in inputs:
            if output is not None and path is not None and output.exists() and output.samefile(path):
                raise _trouble(output, f"is the {role} itself")


def _trouble(path: Path | None, what: object) -> CannotReplayError:
    return CannotReplayError(f"{printable(str(path))}: {what}")


def _tell(options: Options, replays: dict[Realm, Replay], ladders: dict[Realm, Ladders]) -> None:
    found = {realm: report(replay) for realm, replay in replays.items()}
    several = len(found) > 1
    if options.json_report is not None:
        whole = (
            {"vrfs": {name_of(realm): one for realm, one in found.items()}} if several else next(iter(found.values()))
        )
        options.json_report.write_text(json.dumps(whole, indent=2) + "\n")
    for realm, replay in replays.items():
        if several:
            sys.stdout.write(f"{_heading(realm)}\n")
        for line in summary(found[realm], replay.drops, replay.details):
            sys.stdout.write(line + "\n")
        if options.ladder is not None:
            sys.stdout.write(f"\n# show alg sip call {printable(options.ladder)}\n")
            for line in show_call(replayed_call(replay, ladders[realm], options.ladder)):
                sys.stdout.write(line + "\n")
        if several:
            sys.stdout.write("\n")


def _heading(realm: Realm) -> str:
    return f"# vrf {name_of(realm)}" if realm is not None else "# in no vrf"


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
    lines = (AccessEntry(permit=True, address=prefix.network, wildcard=_wildcard(prefix)) for prefix in inside)
    config.access_lists["1"] = AccessList("1", Distinct(lines))
    config.dynamic_sources.append(DynamicSource("1", interface="outside", overload=True))
    return config


def _wildcard(prefix: Prefix) -> Address:
    return Address(((1 << (32 - prefix.length)) - 1).to_bytes(4, "big"))


def _is_worth_showing(outcome: Outcome) -> bool:
    if outcome.edits or outcome.drop or outcome.withheld:
        return True
    return any(isinstance(effect, OpenDoor) for effect in outcome.effects)


def _watch(options: Options, ladders: Ladders, place: str) -> Callable[[int, int, Result], None] | None:
    """What is written while a replay runs; `place` stands before what is said of a message."""
    if not options.explain and not options.debug and options.ladder is None:
        return None

    def watch(packet: int, time_ns: int, result: Result) -> None:
        if options.ladder is not None:
            for inspection in judged(result):
                ladders.see(inspection)
        for inspection in result.inspections:
            if inspection.alg in options.debug:
                for line in debug_lines(inspection, time_ns):
                    sys.stdout.write(f"{place}{line}\n")
            if options.explain and _is_worth_showing(inspection.outcome):
                for line in explain(inspection, packet):
                    sys.stdout.write(f"{'' if line.startswith(' ') else place}{line}\n")

    return watch
