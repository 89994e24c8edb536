"""Regular expressions that mean the same in every Python from 3.11 on."""

import re
from pathlib import Path

import doorman

SOURCES = sorted(Path(doorman.__file__).parent.rglob("*.py"))
GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


def test_no_group_is_possessive() -> None:
    """Python before 3.11.5 matches them wrongly, and Debian 12 has 3.11.2; single characters may be."""
    assert len(SOURCES) > 50
    found = [
        f"{path.name}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text("utf-8").splitlines()
        if GROUP.search(line) and ('rb"' in line or "rb'" in line or 'r"' in line)
    ]
    assert found == []


def test_what_would_be_found() -> None:
    assert all(GROUP.search(pattern) for pattern in ("(a)*+", "(?:a|b)?+", "(a)++", "(a){1,2}+", "(?>a)"))
    assert not any(GROUP.search(pattern) for pattern in ("[a-z]*+", "a?+", "(a)*", "(a)+", "[)]++", "x{1,5}+"))
