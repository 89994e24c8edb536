"""docs/reasons.md is what the program says."""

import runpy
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_reference_is_up_to_date() -> None:
    reference = runpy.run_path(str(PROJECT / "tools" / "reason_table.py"))["reference"]
    written = (PROJECT / "docs" / "reasons.md").read_text(encoding="utf-8")
    assert written == reference(), "run tools/reason_table.py"
