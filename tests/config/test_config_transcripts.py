"""What an operator types and reads, as transcripts: a prompt with a line, then what comes back.

A line that ends in `?` asks for help with what stands before it.
"""

from pathlib import Path

import pytest

from doorman.config.command import CommandError, InvalidInputError
from doorman.config.model import Config
from doorman.config.session import Session
from doorman.config.tree import help_text

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def answer(session: Session, prompt: str, line: str) -> str:
    """What the terminal shows after a line; the caret stands under the line as it was typed."""
    try:
        if line.endswith("?"):
            return help_text(session.completions(line[:-1]))
        session.execute(line)
    except InvalidInputError as error:
        return f"{' ' * (len(prompt) + error.column)}^\n{error}\n"
    except CommandError as error:
        return f"{error}\n"
    return ""


def replayed(transcript: str) -> str:
    session = Session(Config())
    shown = ""
    for line in transcript.splitlines():
        prompt = f"{session.config.hostname}{session.mode.prompt} "
        if line.startswith(prompt):
            shown += line + "\n" + answer(session, prompt, line.removeprefix(prompt))
        elif not line:
            shown += "\n" + answer(session, prompt, line)
    return shown


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_terminal_shows_what_the_transcript_says(path: Path) -> None:
    transcript = path.read_text()
    assert replayed(transcript) == transcript


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 3
