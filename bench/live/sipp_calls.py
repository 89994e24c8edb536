"""Calls per second between two sipp of which every one is clean: no retransmission, no failure.

The rate is doubled until calls are not clean, then narrowed down. Rounds are short, so a gateway that is a little too
slow may pass: what piles up must stay below the half second after which a phone repeats itself (RFC 3261, timer T1).
"""

import csv
import itertools
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

from doorman.lab.errors import LabError
from doorman.lab.network import OUTSIDE_PHONE
from doorman.lab.programs import running
from figures import figure
from live.beds import PHONES, Bed
from live.messages import SIP_PORT

_FIRST, _LAST = 800, 12_800
"""Calls per second."""
_HALVINGS = 2
_SECONDS = 3
_PATIENCE = 1.0
"""Seconds after which calls that are still not over were not clean."""
_COMMON = ("-p", str(SIP_PORT), "-nostdin", "-trace_stat", "-fd", "1", "-buff_size", "4000000")


class _Search:
    """The highest clean rate of a gateway, found step by step."""

    def __init__(self, bed: Bed, phones: Iterator[str]) -> None:
        self.bed = bed
        self.clean, self._unclean = 0.0, math.inf
        self._phones = phones
        self._left = _HALVINGS

    @property
    def is_over(self) -> bool:
        return self.clean >= _LAST or self._left < 0

    def step(self, directory: Path) -> None:
        """Try the next rate."""
        rate = self._next()
        if _is_clean(self.bed, round(rate), next(self._phones), directory):
            self.clean = rate
        else:
            self._unclean = rate
        if self._unclean < math.inf:
            self._left -= 1

    def _next(self) -> float:
        if self._unclean == math.inf:
            return self.clean * 2 or _FIRST
        return math.sqrt(self.clean * self._unclean) if self.clean else self._unclean / 2


def measure(beds: list[Bed]) -> None:
    """Print clean calls per second, Doorman's beside those of the kernel's helper."""
    # An ended call is remembered for a while, so each round has a phone of its own.
    phones = itertools.cycle(f"192.168.1.{10 + number}" for number in range(PHONES))
    searches = [_Search(bed, phones) for bed in beds]
    while going := [search for search in searches if not search.is_over]:
        for search in going:
            with tempfile.TemporaryDirectory(prefix="doorman-bench-") as directory:
                search.step(Path(directory))
    rates = {search.bed.name: search.clean for search in searches}
    shown = {name: round(rate) for name, rate in rates.items()}
    figure("live-clean-calls-vs-helper", rates["doorman"] / rates["helper"], "times", ">= 1", **shown, most=_LAST)


def _is_clean(bed: Bed, rate: int, phone: str, directory: Path) -> bool:
    calls = str(rate * _SECONDS)
    answering = ["sipp", "-sn", "uas", "-i", OUTSIDE_PHONE, "-m", calls, "-stf", "uas.csv", *_COMMON]
    target = f"{OUTSIDE_PHONE}:{SIP_PORT}"
    calling = ["sipp", "-sn", "uac", target, "-i", phone, "-r", str(rate), "-m", calls, "-l", calls, "-stf", "uac.csv"]
    with running("uas", bed.network.outside, answering, directory) as uas:
        uas.wait_for_udp(OUTSIDE_PHONE, SIP_PORT)
        with running("uac", bed.network.inside, [*calling, *_COMMON], directory) as uac:
            try:
                uac.wait_until(uac.has_ended, "has not ended", _SECONDS + _PATIENCE)
            except LabError:
                return False
    return _all_went_well(directory / "uac.csv", int(calls)) and _repeated(directory / "uas.csv") == 0


def _all_went_well(path: Path, calls: int) -> bool:
    last = _last(path)
    return int(last["SuccessfulCall(C)"]) == calls and _repeated(path) == 0


def _repeated(path: Path) -> int:
    return int(_last(path)["Retransmissions(C)"])


def _last(path: Path) -> dict[str, str]:
    """The newest of the statistics that sipp writes each second, and at its end."""
    with path.open(newline="") as lines:
        *_, last = csv.DictReader(lines, delimiter=";")
    return last
