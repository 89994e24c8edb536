"""The `doorman` command.

What a subcommand needs is imported when it runs: `doorman check` shall not wait for the engine.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from doorman import __version__
from doorman.memory import settle_collector


def main() -> None:
    """Run the command line and exit with its code; 2 for one that cannot be understood."""
    settle_collector()
    options = _parser().parse_args()
    try:
        code = _check(options) if options.command == "check" else _replay(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough, such as `head`; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)


def _check(options: argparse.Namespace) -> int:
    from doorman.cli.check import check_file  # noqa: PLC0415 - see above

    return check_file(options.file)


def _replay(options: argparse.Namespace) -> int:
    from doorman.cli.replay import Options, replay_capture  # noqa: PLC0415 - see above

    return replay_capture(
        Options(
            capture=options.capture,
            config=options.config,
            inside=tuple(options.inside),
            outside_address=options.outside_address,
            output=options.output,
            json_report=options.json,
            debug=tuple(options.debug),
            explain=options.explain,
            mtu=options.mtu,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doorman", description="Application-level gateways for NAT and firewalls.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"doorman {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_check(
        commands.add_parser("check", allow_abbrev=False, help="read a configuration and say what is wrong with it")
    )
    _add_replay(
        commands.add_parser(
            "replay", allow_abbrev=False, help="put a capture through the gateway: what would it do to my call?"
        )
    )
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Read a configuration; exit code 2, with line and caret for each error, if it cannot be used."
    parser.add_argument("file", metavar="FILE", help="a configuration in the language of Cisco IOS")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Put a capture of the inside network through the gateway. Exit code 0; 1 if the capture ends in damage "
        "(what stands before is used); 2 if nothing could be done."
    )
    parser.add_argument("capture", metavar="CAPTURE", type=Path, help="pcap or pcapng, as the inside network saw it")
    parser.add_argument("-c", "--config", metavar="FILE", type=Path, help="what the gateway does")
    parser.add_argument(
        "--inside", metavar="PREFIX", action="append", default=[], help="instead: a network that is inside (repeatable)"
    )
    parser.add_argument("--outside-address", metavar="ADDR", help="and the address that all its hosts share outside")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="write what the outside sees: .pcapng, else pcap"
    )
    parser.add_argument("--json", metavar="REPORT", type=Path, help="write a report as JSON")
    parser.add_argument("--debug", metavar="ALG", choices=["sip"], action="append", default=[], help="debug lines: sip")
    parser.add_argument("--explain", action="store_true", help="show each rewritten message before and after, and why")
    parser.add_argument("--mtu", metavar="BYTES", type=_mtu, default=1500, help="of the outside link (default 1500)")


def _mtu(text: str) -> int:
    if not text.isdecimal() or not 68 <= int(text) <= 65_535:  # noqa: PLR2004 - RFC 791, section 3.2
        raise argparse.ArgumentTypeError("between 68 and 65535")
    return int(text)
