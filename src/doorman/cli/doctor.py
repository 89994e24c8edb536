"""`doorman doctor`: what the live gateway needs of this machine, what is missing, and how to mend it."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from doorman.cli.check import UnreadableError, read_text
from doorman.cli.places import DEFAULT_SOCKET, DEFAULT_STATE
from doorman.config.errors import ConfigErrors, printable
from doorman.config.model import Config
from doorman.config.reader import Reader
from doorman.dataplanes.netfilter.requirements.finding import Finding
from doorman.dataplanes.netfilter.requirements.survey import requirements

_GOOD = 0
_BAD = 2


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of `doorman doctor`."""
    parser.description = (
        "Find out whether the live gateway can run on this machine, by trying; nothing is changed or left behind. "
        "Exit code 0, or 2 if something required is missing."
    )
    parser.add_argument("config", metavar="CONFIG", nargs="?", type=Path, help="look at its interfaces too")
    parser.add_argument("--socket", metavar="PATH", type=Path, default=DEFAULT_SOCKET, help="of 'doorman run'")
    parser.add_argument("--state-dir", metavar="DIR", type=Path, default=DEFAULT_STATE, help="of 'doorman run'")
    parser.add_argument("--table", metavar="NAME", default="doorman", help="of 'doorman run' (default doorman)")
    parser.add_argument("--json", action="store_true", help="write the findings as JSON")


def run_doctor(options: argparse.Namespace) -> int:
    """Check the machine and write what was found to standard output.

    Returns:
        The exit code: 0, or 2 if something required is missing or the configuration cannot be read.
    """
    config = None
    if options.config is not None:
        config = _read(options.config)
        if config is None:
            return _BAD
    findings = requirements(
        config, table=options.table, control_socket=options.socket, state_directory=options.state_dir
    )
    if options.json:
        shown = [finding._asdict() for finding in findings]
        sys.stdout.write(json.dumps({"ready": _ready(findings), "findings": shown}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in (*lines(findings), "", _verdict(findings)))
    return _GOOD if _ready(findings) else _BAD


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Findings for people: `ok` found, `!!` required and missing, `--` anything else; below it how to mend it."""
    shown = list(findings)
    width = max((len(finding.name) for finding in shown), default=0)
    for finding in shown:
        sign = "ok" if finding.state == "found" else "!!" if finding.blocks else "--"
        yield f"{sign}  {finding.name:{width}}  {printable(finding.detail)}".rstrip()
        if finding.mend:
            yield f"    {'':{width}}  mend: {printable(finding.mend)}"


def _ready(findings: list[Finding]) -> bool:
    return not any(finding.blocks for finding in findings)


def _verdict(findings: list[Finding]) -> str:
    blocking = sum(finding.blocks for finding in findings)
    if blocking:
        return f"The gateway cannot run here: {blocking} of what it needs {'is' if blocking == 1 else 'are'} missing."
    return "The gateway can run here."


def _read(path: Path) -> Config | None:
    try:
        return Reader(str(path)).read(read_text(path))
    except (OSError, UnreadableError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        sys.stderr.write(f"{printable(str(path))}: {reason}\n")
    except ConfigErrors as errors:
        sys.stderr.write(f"{errors}\n")
    return None
