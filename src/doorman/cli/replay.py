"""`doorman replay CAPTURE`: what the gateway would do to this traffic, and why."""

import json
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from doorman.cli.check import UnreadableError, read_text
from doorman.cli.debug.sip import debug_lines
from doorman.cli.explain import explain
from doorman.cli.progress import watched
from doorman.cli.show.calls import show_calls
from doorman.cli.show.doors import show_doors
from doorman.cli.show.table import table
from doorman.cli.show.translations import show_translations
from doorman.config.errors import ConfigErrors, printable
from doorman.config.model import AccessEntry, AccessList, Config, DynamicSource, Interface
from doorman.config.reader import read_config
from doorman.dataplanes.replay import DEFAULT_MTU, Replay
from doorman.dataplanes.report import Json, report
from doorman.engine.engine import Engine
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
    mtu: int = DEFAULT_MTU


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
    except (CannotReplayError, NotACapture) as error:
        sys.stderr.write(f"{error}\n")
    except BrokenPipeError:
        raise  # nobody reads on: for `main` to end quietly
    except OSError as error:
        sys.stderr.write(f"{printable(str(error.filename))}: {error.strerror}\n")
    return UNUSABLE


def _run(options: Options, stack: ExitStack) -> int:
    try:
        engine = Engine(_config(options), secrets.SystemRandom().random)
    except UnusableConfig as error:
        raise CannotReplayError(f"{printable(str(options.config))}: {error}") from None
    stream = stack.enter_context(options.capture.open("rb"))
    reader = open_capture(stream)
    writer = None
    if options.output is not None:
        if options.output.exists() and options.output.samefile(options.capture):
            raise CannotReplayError(f"{printable(str(options.output))}: is the capture itself")
        out: BinaryIO = stack.enter_context(options.output.open("wb"))
        writer = create_capture(out, options.output.name, reader.resolution)
    replay = Replay(engine, writer, options.mtu, _watch(options))
    trouble = ""
    try:
        replay.run(watched(reader, options.capture.stat().st_size))
    except DamagedCapture as error:
        trouble = f"{printable(str(options.capture))}: {error}"
    except UnwritableFrame as error:
        raise CannotReplayError(f"{printable(str(options.output))}: {error}") from None
    if writer is not None:
        writer.finish()
    found = report(replay)
    if options.json_report is not None:
        options.json_report.write_text(json.dumps(found, indent=2) + "\n")
    for line in _summary(found):
        sys.stdout.write(line + "\n")
    if trouble:
        sys.stderr.write(f"{trouble}; the {replay.counts.read} whole packets before that were used\n")
    return DAMAGED if trouble else GOOD


def _config(options: Options) -> Config:
    if options.config is not None:
        if options.inside or options.outside_address:
            raise CannotReplayError("give either --config, or --inside and --outside-address")
        try:
            return read_config(read_text(options.config), str(options.config))
        except (ConfigErrors, UnreadableError) as error:
            raise CannotReplayError(str(error)) from None
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


def _watch(options: Options) -> Callable[[int, int, Result], None] | None:
    if not options.explain and not options.debug:
        return None

    def watch(packet: int, time_ns: int, result: Result) -> None:
        for inspection in result.inspections:
            if inspection.alg in options.debug:
                for line in debug_lines(inspection, time_ns):
                    sys.stdout.write(line + "\n")
            if options.explain and (inspection.outcome.edits or inspection.outcome.drop):
                for line in explain(inspection, packet):
                    sys.stdout.write(line + "\n")

    return watch


def _summary(found: Json) -> Iterator[str]:
    packets = found["packets"]
    yield (
        f"{packets['read']} packets: {packets['from_inside']} from inside, {packets['from_outside']} from outside, "
        f"{packets['passed']} passed unchanged, {packets['dropped']} dropped; {packets['written']} written"
    )
    for alg, messages in found["messages"].items():
        if messages:
            counted = ", ".join(f"{name} {count}" for name, count in messages.items())
            yield f"{alg}: {sum(messages.values())} messages ({counted}), {found['rewritten']} rewritten"
    for title, lines in (
        ("show ip nat translations", show_translations(found["translations"])),
        ("show ip nat doors", show_doors(found["doors"])),
        ("show alg sip calls", show_calls(found["calls"])),
        ("left alone, and why", _notes(found["notes"])),
        ("dropped, and why", _drops(found["drops"])),
    ):
        yield ""
        yield f"# {title}"
        yield from lines
    yield ""
    yield from _verdict(found)


_MEANINGS = {
    "address-left": "addresses that are not an inside host's: they mean the same on both sides",
    "asymmetry": "messages that would have arrived otherwise than captured",
    "between-inside-hosts": "packets that do not pass the gateway",
    "between-outside-hosts": "packets that do not pass the gateway",
    "cut-short-by-capture": "packets of which the capture kept only the beginning",
    "cseq-method-differs": "requests whose CSeq names another method",
    "encoded-body": "bodies that are compressed: not looked into",
    "encrypted-body": "bodies that are encrypted: not looked into",
    "media-host-name": "media at a host name instead of an address",
    "not-ip": "frames without an IP packet",
    "not-sip": "something else on SIP's port: passed, and its flow is never looked into again",
    "sip-over-tcp-not-inspected": "SIP over TCP: only IP and TCP headers are translated",
    "signalling-port-refused": "no door to a port that signalling does not use",
    "third-party-address": "no door to another host than the sender",
    "too-many-signalling-doors": "no more doors for one call",
    "unknown-method": "requests of a method without an RFC",
}


def _notes(notes: dict[str, int]) -> Iterator[str]:
    if not notes:
        yield "nothing"
    else:
        yield from table(
            ["Count", "Note", "Meaning"],
            [[str(count), name, _MEANINGS.get(name, "")] for name, count in notes.items()],
        )


def _drops(drops: list[Json]) -> Iterator[str]:
    if not drops:
        yield "nothing"
        return
    reasons = Counter(drop["reason"] for drop in drops)
    first = {drop["reason"]: drop["packet"] for drop in reversed(drops)}
    yield from table(
        ["Count", "Reason", "First packet"],
        [[str(count), reason, str(first[reason])] for reason, count in reasons.most_common()],
    )


def _verdict(found: Json) -> Iterator[str]:
    asymmetries = found["asymmetries"]
    if not asymmetries:
        yield "every message arrives inside exactly as it was captured"
        return
    yield f"{len(asymmetries)} packets would have arrived otherwise than captured:"
    for asymmetry in asymmetries[:3]:
        yield f"packet {asymmetry['packet']}, captured:"
        yield from (f"  {line}" for line in asymmetry["captured"].split("\n"))
        yield "delivered:"
        yield from (f"  {line}" for line in asymmetry["delivered"].split("\n"))
