"""The output in README.md is what the commands print."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```console\n\$ (doorman [^\n]*)\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)


def test_there_is_something_to_compare() -> None:
    assert len(BLOCKS) == 2


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[command.split()[1] for command, _ in BLOCKS])
def test_the_output_is_true(command: str, shown: str, tmp_path: Path) -> None:
    """A line `…` stands for what is left out; all other text is there, in this order."""
    words = [
        str(tmp_path / word.removeprefix("build/")) if word.startswith("build/") else word
        for word in shlex.split(command)
    ]
    words[0] = str(Path(sys.executable).with_name("doorman"))
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    at = 0
    for piece in shown.split("\n…\n"):
        found = done.stdout.find(piece.rstrip("\n"), at)
        assert found >= at, piece
        at = found + len(piece)
