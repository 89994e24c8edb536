"""docs/commands.md is what the command tree says."""

import runpy
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_reference_is_up_to_date() -> None:
    reference = runpy.run_path(str(PROJECT / "tools" / "command_table.py"))["reference"]
    written = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == reference(), "run tools/command_table.py"
