"""The daemon's log: whatever somebody sent, a record is a record and a terminal is left alone."""

import logging
from collections.abc import Iterator

import pytest

from doorman.daemon.log import log_to_stderr


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_what_was_sent_moves_no_cursor_and_makes_no_record(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr({"JOURNAL_STREAM": "8:1"})
    logging.getLogger("doorman").warning("call %s\r<3>of\nsomebody", "\x1b[2J\x9b\u202e")
    assert capsys.readouterr().err == "<4>call \\x1b[2J\\x9b\\u202e\\r<3>of\n    somebody\n"


def read(text: str) -> None:
    raise ValueError(text)


def test_nor_does_an_error_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr({})
    try:
        read("\x1b]0;title\x07")
    except ValueError:
        logging.getLogger("doorman").exception("an internal error")
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\\x1b]0;title\\x07" in said
    assert all(line.startswith("    ") for line in said.splitlines()[1:])
