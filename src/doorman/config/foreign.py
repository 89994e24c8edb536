"""Lines of a router's configuration that are about features which this gateway has not: they are passed over.

A section goes with the command it belongs to: what stands deeper than that, as routers write it, and of a banner its
text up to the delimiter.
"""

import re

_BANNER = re.compile(
    r"[ \t]*banner(?:[ \t]+(?:exec|incoming|login|motd|prompt-timeout|slip-ppp))?"
    r"[ \t]+(?P<delimiter>\^C|\S)(?P<text>.*)"
)


class ForeignCommand:
    """A command of another feature, and the section that belongs to it.

    Attributes:
        number: of its line, from 1.
        text: the line.
        column: of the word that nothing here begins with, from 0.
        lines: how many lines its section has so far.
    """

    def __init__(self, number: int, text: str, column: int) -> None:
        self.number = number
        self.text = text
        self.column = column
        self.lines = 0
        self._depth = _depth(text)
        banner = _BANNER.fullmatch(text)
        self._delimiter = banner["delimiter"] if banner and banner["delimiter"] not in banner["text"] else ""

    def takes(self, line: str) -> bool:
        """Whether the line after those it has is its own as well."""
        if self._delimiter:
            if self._delimiter in line:
                self._delimiter = ""
        elif _depth(line) <= self._depth:
            return False
        self.lines += 1
        return True

    @property
    def message(self) -> str:
        """What the operator reads."""
        section = f", with the {self.lines} after it that belong to it" if self.lines else ""
        return f"% Warning: not a command of this gateway; the line is passed over{section}"


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
