"""Commands with the bundled captures, and all that they print: after `$` the command, then its output.

`python tests/cli/test_transcripts.py`, where the project lies, writes them anew: after that, read what changed.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def played(transcript: str) -> str:
    """The transcript as the commands in it print it now."""
    shown = ""
    for line in transcript.splitlines():
        if line.startswith("$ "):
            program, *arguments = shlex.split(line[2:])
            command = [str(Path(sys.executable).with_name(program)), *arguments]
            done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
            shown += f"{line}\n{done.stdout}{done.stderr}"
            if done.returncode:
                shown += f"exit code {done.returncode}\n"
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
