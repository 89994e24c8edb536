"""The tables in docs/shell.md are what the command tree says."""

import runpy
from pathlib import Path

PROJECT = Path(__file__).parents[3]


def test_the_reference_is_up_to_date() -> None:
    shell_page = runpy.run_path(str(PROJECT / "tools" / "command_table.py"))["shell_page"]
    written = (PROJECT / "docs" / "shell.md").read_text(encoding="utf-8")
    assert written == shell_page(written), "run tools/command_table.py"
