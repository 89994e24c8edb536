"""`write memory` and what may stand in its way."""

import os
import stat
from pathlib import Path

import pytest

from doorman.daemon.startup_file import rewrite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.cfg"
    path.write_text("old")
    path.chmod(0o640)
    return path


def test_the_file_keeps_its_mode(path: Path) -> None:
    rewrite(path, "new\n")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_one(path: Path) -> None:
    link = path.with_name("link.cfg")
    link.symlink_to(path.name)
    rewrite(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_link_in_the_way_leads_nowhere(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to(victim)
    rewrite(path, "new")
    assert (victim.read_text(), path.read_text()) == ("precious", "new")


def test_what_cannot_be_written_leaves_the_file_as_it_was(path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        rewrite(path, "\ud800")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_gone_is_not_made(path: Path) -> None:
    path.unlink()
    with pytest.raises(FileNotFoundError):
        rewrite(path, "new")
    assert list(path.parent.iterdir()) == []
