"""The `doorman` command.

What a subcommand needs is imported when it runs: `doorman check` shall not wait for the engine.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from doorman import __version__
from doorman.cli.places import DEFAULT_SOCKET, DEFAULT_STATE
from doorman.memory import settle_collector


def main() -> None:
    """Run the command line and exit with its code; 2 for one that cannot be understood."""
    settle_collector()
    options = _parser(sys.argv[1:2]).parse_args()
    try:
        code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough, such as `head`; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)


def _parser(first: list[str]) -> argparse.ArgumentParser:
    """The parser; a subcommand whose arguments are told elsewhere is imported only if it is the one that is run."""
    parser = argparse.ArgumentParser(
        prog="doorman", description="Application-level gateways for NAT and firewalls.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"doorman {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (explanation, add_arguments) in _COMMANDS.items():
        command = commands.add_parser(name, allow_abbrev=False, help=explanation)
        if first == [name]:
            add_arguments(command)
    return parser


def _check(options: argparse.Namespace) -> int:
    from doorman.cli.check import check_file  # noqa: PLC0415 - see above

    return check_file(options.file, strict=options.strict)


def _replay(options: argparse.Namespace) -> int:
    from doorman.cli.replay import Options, replay_capture  # noqa: PLC0415 - see above

    return replay_capture(
        Options(
            captures=tuple(options.captures),
            config=options.config,
            inside=tuple(options.inside),
            outside_address=options.outside_address,
            output=options.output,
            json_report=options.json,
            debug=tuple(options.debug),
            explain=options.explain,
            ladder=options.ladder,
            vrfs=tuple(options.vrf),
            mtu=options.mtu,
            strict=options.strict,
        )
    )


def _run(options: argparse.Namespace) -> int:
    from doorman.daemon.run import Options, run_gateway  # noqa: PLC0415 - see above

    return run_gateway(
        Options(
            config=options.config,
            socket=options.socket,
            state_directory=options.state_dir,
            table=options.table,
            apply_addresses=options.apply_addresses,
            keep_table=options.keep_table,
            strict=options.strict,
        )
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Read a configuration; exit code 2, with line and caret for each error, if it cannot be used."
    parser.set_defaults(run=_check)
    parser.add_argument("file", metavar="FILE", help="a configuration in the language of Cisco IOS")
    _add_strict(parser)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    from doorman.algs.registry import ENTRIES  # noqa: PLC0415 - see above

    parser.description = (
        "Put a capture of the inside network through the gateway. Exit code 0; 1 if the capture ends in damage "
        "(what stands before is used); 2 if nothing could be done."
    )
    parser.set_defaults(run=_replay)
    parser.add_argument(
        "captures", metavar="CAPTURE", type=Path, nargs="+", help="pcap or pcapng, as the inside network saw it"
    )
    parser.add_argument("-c", "--config", metavar="FILE", type=Path, help="what the gateway does")
    parser.add_argument(
        "--inside", metavar="PREFIX", action="append", default=[], help="instead: a network that is inside (repeatable)"
    )
    parser.add_argument("--outside-address", metavar="ADDR", help="and the address that all its hosts share outside")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="write what the outside sees: .pcapng, else pcap"
    )
    parser.add_argument("--json", metavar="REPORT", type=Path, help="write a report as JSON")
    parser.add_argument(
        "--debug",
        metavar="ALG",
        choices=list(ENTRIES),
        action="append",
        default=[],
        help=f"debug lines: {', '.join(ENTRIES)}",
    )
    parser.add_argument("--explain", action="store_true", help="show each rewritten message before and after, and why")
    parser.add_argument("--ladder", metavar="CALL-ID", help="show one call, message by message; its beginning suffices")
    parser.add_argument(
        "--vrf", metavar="NAME", action="append", default=[], help="of which VRF a capture is; one for each capture"
    )
    parser.add_argument("--mtu", metavar="BYTES", type=_mtu, default=1500, help="of the outside link (default 1500)")
    _add_strict(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run the gateway in the foreground; it says `ready` on stderr when it serves. SIGHUP reads the configuration "
        "again, SIGTERM ends it. Exit code 2, with what is missing, if it cannot begin."
    )
    parser.set_defaults(run=_run)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="a configuration in the language of Cisco IOS")
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, default=DEFAULT_SOCKET, help=f"for the shell (default {DEFAULT_SOCKET})"
    )
    parser.add_argument(
        "--state-dir", metavar="DIR", type=Path, default=DEFAULT_STATE, help=f"for its state (default {DEFAULT_STATE})"
    )
    parser.add_argument(
        "--table", metavar="NAME", type=_table, default="doorman", help="the nft table (default doorman)"
    )
    parser.add_argument(
        "--apply-addresses", action="store_true", help="give the interfaces the addresses of the configuration"
    )
    parser.add_argument(
        "--keep-table", action="store_true", help="leave the table, and all flows, when it ends: to be started again"
    )
    _add_strict(parser)


def _add_shell(parser: argparse.ArgumentParser) -> None:
    from doorman.cli.shell.client import add_shell_arguments, run_shell  # noqa: PLC0415 - see above

    parser.set_defaults(run=run_shell)
    add_shell_arguments(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    from doorman.cli.doctor import add_doctor_arguments, run_doctor  # noqa: PLC0415 - see above

    parser.set_defaults(run=run_doctor)
    add_doctor_arguments(parser)


def _add_selftest(parser: argparse.ArgumentParser) -> None:
    from doorman.cli.selftest.command import add_selftest_arguments, run_selftest  # noqa: PLC0415 - see above

    parser.set_defaults(run=run_selftest)
    add_selftest_arguments(parser)


def _add_lab(parser: argparse.ArgumentParser) -> None:
    from doorman.cli.lab import add_lab_arguments, run_lab  # noqa: PLC0415 - see above

    parser.set_defaults(run=run_lab)
    add_lab_arguments(parser)


def _add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strict", action="store_true", help="commands of features that doorman has not are errors, not warnings"
    )


def _table(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", text):
        raise argparse.ArgumentTypeError("small letters, digits, - and _, up to 31")
    return text


def _mtu(text: str) -> int:
    if not text.isdecimal() or not 68 <= int(text) <= 65_535:  # noqa: PLR2004 - RFC 791, section 3.2
        raise argparse.ArgumentTypeError("between 68 and 65535")
    return int(text)


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": ("read a configuration and say what is wrong with it", _add_check),
    "replay": ("put a capture through the gateway: what would it do to my call?", _add_replay),
    "run": ("run the gateway on this machine", _add_run),
    "shell": ("talk to a running gateway", _add_shell),
    "doctor": ("say what the gateway needs of this machine, and what is missing", _add_doctor),
    "selftest": ("make a test call through the running gateway: do NAT and ALG work?", _add_selftest),
    "lab": ("a test bed of network namespaces, with real telephones", _add_lab),
}
