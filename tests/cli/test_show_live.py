"""The tables of a running gateway, where the shell's transcripts do not reach."""

import pytest

from doorman.cli.show.alg_statistics import show_alg_statistics
from doorman.cli.show.calls import live_calls
from doorman.cli.show.durations import duration, uptime
from doorman.cli.show.table import endless_table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-0.5, "00:00:00"),
        (59.9, "00:00:59"),
        (86_399, "23:59:59"),
        (86_400, "1d00h"),
        (604_799, "6d23h"),
        (604_800, "1w0d"),
        (10.0**9, "1653w3d"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 minutes"),
        (60, "1 minute"),
        (3600, "1 hour, 0 minutes"),
        (31_536_000 + 2 * 604_800 + 86_400 + 60, "1 year, 2 weeks, 1 day, 1 minute"),
    ],
)
def test_uptime(seconds: float, text: str) -> None:
    assert uptime(seconds) == text


def test_a_cell_that_is_too_long_pushes_the_others() -> None:
    assert list(endless_table(["A", "B"], [["long cell", "b"], ["", "b"]], [3, 0])) == [
        "A    B",
        "long cell  b",
        "     b",
    ]


def test_a_table_is_made_as_it_is_read() -> None:
    call = {"call_id": "x", "inside_party": "p", "from": "a", "to": "b", "state": "early", "left": 1, "streams": []}
    lines = live_calls(call for _ in iter(int, 1))  # calls without end
    assert next(lines).startswith("Call-ID")
    assert next(lines).split() == ["x", "p", "a", "->", "b", "early", "00:00:01"]


def test_drops_are_ordered_and_explained() -> None:
    drops = {"sip: cseq": 1, "no-translation": 2, "of-tomorrow": 1}
    lines = list(show_alg_statistics({"rows": [], "repeated": {}, "totals": {}, "drops": drops, "notes": {}}))
    assert lines[0] == "Messages: 0"
    assert lines[2:4] == ["Drops: 4", "  Name            Count  Meaning"]
    assert lines[4].startswith("  no-translation  2      ")
    assert lines[5:] == ["  of-tomorrow     1", lines[6], "Notes: 0"]
