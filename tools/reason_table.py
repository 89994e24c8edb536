#!/usr/bin/env python3
"""Write docs/reasons.md, what the names of drops and notes mean, from the table the program itself shows."""

from pathlib import Path

from doorman.cli.reasons import DROPS, NOTES

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reasons.md"

_OPENING = """\
# Reasons

Made from `src/doorman/cli/reasons.py` by `tools/reason_table.py`; a test sees that it is up to date. The reason of an
ALG has the ALG's name before it: `sip: no-call-id`.
"""


def reference() -> str:
    """The whole document."""
    return "\n".join([_OPENING, *_table("Why a packet is dropped", DROPS), "", *_table("What is noted", NOTES), ""])


def _table(title: str, meanings: dict[str, str]) -> list[str]:
    rows = [f"| `{name}` | {meaning.replace('|', '&#124;')} |" for name, meaning in sorted(meanings.items())]
    return [f"## {title}", "", "| name | meaning |", "| --- | --- |", *rows]


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
