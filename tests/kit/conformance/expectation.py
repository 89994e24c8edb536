"""What a test asks of a cell: that it is as required, or known not to be, and that docs/rfc.md says the same."""

from functools import cache
from pathlib import Path

from kit.conformance.accepted import ACCEPTED
from kit.conformance.beds import NAMES
from kit.conformance.table import ROWS, Row, measure
from kit.subjects.subject import Subject

_DOCUMENT = Path(__file__).parents[3] / "docs" / "rfc.md"


def meets(row: Row, subject: Subject) -> None:
    """Fail if a gateway of ours falls short of a requirement unexpectedly, or the document says something else."""
    cell = measure(row, subject)
    if subject.name != NAMES[-1]:
        accepted = (row.name, subject.name) in ACCEPTED
        assert (cell.verdict == "fail") == accepted, f"{cell}, which is {'' if accepted else 'not '}accepted"
    written = _written()[ROWS.index(row)][NAMES.index(subject.name)]
    assert written == str(cell), "docs/rfc.md is out of date: make rfc-table"


@cache
def _written() -> list[list[str]]:
    """The cells of the document, row by row, without the numbers of reasons."""
    lines = _DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ")[2:] for line in lines if line[:3].strip("| ").isdigit()]
    return [[cell.partition(" [")[0] for cell in row] for row in rows]
