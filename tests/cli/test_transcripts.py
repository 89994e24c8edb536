"""Commands with the bundled captures, and all that they print: after `$` the command, then its output.

`PYTHONPATH=tests python tests/cli/test_transcripts.py`, where the project lies, writes them anew: after that, read what
changed.
"""

import shlex
from contextlib import chdir
from pathlib import Path

import pytest

from kit.command import doorman

PROJECT = Path(__file__).parents[2]
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def played(transcript: str) -> str:
    """The transcript as the commands in it print it now."""
    shown = ""
    for line in transcript.splitlines():
        if line.startswith("$ "):
            _, *arguments = shlex.split(line[2:])
            with chdir(PROJECT):
                done = doorman(*arguments)
            shown += f"{line}\n{done.out}{done.err}"
            if done.code:
                shown += f"exit code {done.code}\n"
    return shown


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    assert played(path.read_text()) == path.read_text()


def test_every_example_has_one() -> None:
    texts = "".join(path.read_text() for path in TRANSCRIPTS)
    examples = [*(PROJECT / "examples").glob("*.pcap"), *(PROJECT / "examples").glob("*.cfg")]
    assert [path.name for path in examples if path.name not in texts] == []


if __name__ == "__main__":
    for transcript in TRANSCRIPTS:
        transcript.write_text(played(transcript.read_text()))
