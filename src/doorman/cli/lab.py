"""`doorman lab`: a test bed with telephones, built on this machine in network namespaces."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from doorman.cli.lab_call import add_call_arguments, run_call
from doorman.lab import bed
from doorman.lab.capture import capturing_both_sides
from doorman.lab.errors import LabError
from doorman.lab.gateway import SAMPLE_CONFIG, doorman
from doorman.lab.wire import Faults

_PACKAGES = {
    "up": {"ip": "iproute2", "ethtool": "ethtool", "nft": "nftables"},
    "call": {"ip": "iproute2", "sipp": "sip-tester", "baresip": "baresip-core"},
    "capture": {"ip": "iproute2", "tcpdump": "tcpdump"},
    "shell": {},
    "down": {"ip": "iproute2"},
}
"""The programs that each needs, and the Debian packages that bring them."""
_NEXT = {
    "call": "a call from inside, media counted at both ends",
    "call --from outside": "one to the exchange",
    "call --registered": "one to a phone that registered outside",
    "call --phone baresip": "one of a real telephone",
    "shell": "ask the gateway",
    "capture": "record both sides while you call from another terminal",
    "down": "take it down",
}
_MOST_DELAY_MS = 10_000


def add_lab_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `doorman lab`."""
    parser.description = (
        "A test bed in network namespaces of this machine: telephones inside and outside, and a gateway between them. "
        "Needs root. Exit code 0; 1 if something failed; 2 if nothing could be done."
    )
    parser.add_argument("--name", default=bed.DEFAULT_NAME, help="which lab, if there are several (%(default)s)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_up(actions.add_parser("up", allow_abbrev=False, help="build it and start the gateway"))
    add_call_arguments(actions.add_parser("call", allow_abbrev=False, help="make a call and count its media"))
    _add_capture(actions.add_parser("capture", allow_abbrev=False, help="record both sides of the gateway"))
    # No word is an option of ours: all are the shell's, `-c` and `--help` too.
    shell = actions.add_parser("shell", prefix_chars="\0", add_help=False, help="talk to the gateway")
    shell.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="given to `doorman shell`")
    actions.add_parser("down", allow_abbrev=False, help="take it down, after a crash too")


def run_lab(options: argparse.Namespace) -> int:
    """Run one subcommand and return the exit code."""
    if problems := _obstacles(options.action):
        sys.stderr.write("".join(f"doorman lab: {problem}\n" for problem in problems))
        return 2
    actions = {"up": _up, "call": run_call, "capture": _capture, "shell": _shell, "down": _down}
    try:
        return actions[options.action](options)
    except LabError as error:
        sys.stderr.write(f"doorman lab: {error}\n")
        return 1


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--config", metavar="FILE", type=Path, default=SAMPLE_CONFIG, help="what the gateway does (a sample)"
    )
    parser.add_argument("--loss", metavar="PERCENT", type=_percent, default=0.0, help="of packets on the outside link")
    parser.add_argument("--delay", metavar="MS", type=_delay, default=0.0, help="of the outside link, each way")
    parser.add_argument("--reorder", metavar="PERCENT", type=_percent, default=0.0, help="overtaken by the next packet")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="decides which packets (%(default)s)")
    parser.add_argument("--phones", metavar="N", type=int, default=1, help="inside telephones (%(default)s)")
    parser.add_argument(
        "--gateway",
        choices=["doorman", "kernel"],
        default="doorman",
        help="kernel: plain NAT without any ALG, to see what is missing then",
    )


def _add_capture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory", metavar="DIRECTORY", type=Path, nargs="?", default=Path(), help="for inside.pcap and outside.pcap"
    )
    parser.add_argument("--seconds", metavar="N", type=float, help="how long; otherwise until ^C")


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:  # noqa: PLR2004 - percent
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100")
    return value


def _delay(text: str) -> float:
    value = float(text)
    if not 0 <= value <= _MOST_DELAY_MS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_MOST_DELAY_MS}")
    return value


def _up(options: argparse.Namespace) -> int:
    faults = Faults(options.loss, options.delay, options.reorder, options.seed)
    faulty = faults if any(faults[:3]) else None
    setup = bed.Setup(options.name, options.config, options.phones, faulty, options.gateway)
    bed.up(setup)
    sys.stdout.write(_what_there_is(setup))
    return 0


def _what_there_is(setup: bed.Setup) -> str:
    network = setup.network
    last = network.phone(setup.phones - 1).rpartition(".")[2]
    phones = f"192.168.1.10 to .{last}, phones" if setup.phones > 1 else "192.168.1.10, phone"
    gateway = f"doorman run {setup.config}" if setup.gateway == "doorman" else "NAT of the kernel, no ALG"
    spaces = {
        network.inside: f"{phones}; 192.168.1.5, exchange (outside: 203.0.113.5)",
        network.gateway: f"in0 192.168.1.1, out0 203.0.113.1: {gateway}",
    }
    if setup.faults is not None:
        spaces[network.wire] = "loses {:g} %, delays {:g} ms, reorders {:g} %".format(*setup.faults)
    spaces[network.outside] = "198.51.100.20, phone; 198.51.100.10, proxy and registrar"
    own = "doorman lab" if setup.name == bed.DEFAULT_NAME else f"doorman lab --name {setup.name}"
    return "".join(
        [
            "The lab is up. Its network namespaces:\n",
            *_columns(spaces),
            f"Logs are in {setup.directory}.\n\nNext:\n",
            *_columns({f"{own} {words}": what for words, what in _NEXT.items()}),
        ]
    )


def _columns(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {left:<{width}}  {right}\n" for left, right in rows.items()]


def _capture(options: argparse.Namespace) -> int:
    network = bed.standing(options.name).network
    options.directory.mkdir(parents=True, exist_ok=True)
    # tcpdump's own log is of no interest, once it records.
    with tempfile.TemporaryDirectory(prefix="doorman-") as folder:
        with capturing_both_sides(network, Path(folder)) as files:
            sys.stdout.write(
                "Recording both sides of the gateway" + ("" if options.seconds else "; ^C ends it") + ".\n"
            )
            sys.stdout.flush()
            _wait(options.seconds)
        for each in files:
            kept = Path(shutil.copyfile(each, options.directory / each.name))
            sys.stdout.write(f"{kept}: {kept.stat().st_size:,} bytes\n")
    return 0


def _wait(seconds: float | None) -> None:
    try:
        if seconds is None:
            signal.pause()
        else:
            time.sleep(seconds)
    except KeyboardInterrupt:
        return


def _shell(options: argparse.Namespace) -> int:
    setup = bed.standing(options.name)
    if setup.gateway != "doorman":
        raise LabError("this lab's gateway is the kernel, which has no shell")
    shell = doorman("shell", "--socket", str(setup.socket), *options.arguments)
    return subprocess.run(shell, check=False).returncode  # noqa: S603 - the operator's own words, no shell


def _down(options: argparse.Namespace) -> int:
    there_was = bed.down(options.name)
    sys.stdout.write("The lab is down.\n" if there_was else "No lab was up.\n")
    return 0


def _obstacles(action: str) -> list[str]:
    if os.geteuid() != 0:
        return ["network namespaces are root's to make: run this as root"]
    return [
        f"{program} is missing: install the package {package}"
        for program, package in _PACKAGES[action].items()
        if shutil.which(program) is None
    ]
