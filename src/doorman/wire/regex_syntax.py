r"""The syntax of regular expressions, read into trees; `regex` makes automata of them.

abc  .  [a-z]  [^0-9]  x*  x+  x?  x{2,5}  a|b  (…)  ^  $  \d \w \s \D \W \S  \.  \x41
"""

from typing import NamedTuple, TypeAlias, Union

from doorman.wire.malformed import Malformed

MOST_TIMES = 255
"""The largest number in `{…}`."""
MOST_DEPTH = 50
"""Brackets within brackets."""
ALL = (1 << 256) - 1


class Members(NamedTuple):
    """One byte of these, each a bit of `mask`."""

    mask: int


class Place(NamedTuple):
    """The beginning of the text, or its end."""

    end: bool


class Both(NamedTuple):
    """All parts, one after the other."""

    parts: tuple["Tree", ...]


class Either(NamedTuple):
    """One of several parts."""

    parts: tuple["Tree", ...]


class Times(NamedTuple):
    """A part so many times; `most` is None for as often as it comes."""

    part: "Tree"
    least: int
    most: int | None


Tree: TypeAlias = Union[Members, Place, Both, Either, Times]  # noqa: UP007 - names itself


def read_pattern(text: str) -> Tree:
    """Read a pattern.

    Raises:
        Malformed: it is none; the reason says what is wrong with it.
    """
    reader = _Reader(text)
    tree = reader.choice(0)
    if not reader.done:
        raise Malformed("unbalanced-bracket")
    return tree


def _range(first: int, last: int) -> int:
    return (1 << (last + 1)) - (1 << first)


_DIGITS = _range(0x30, 0x39)
_LETTERS = _range(0x41, 0x5A) | _range(0x61, 0x7A) | _DIGITS | 1 << 0x5F
_BLANKS = 1 << 0x20 | _range(9, 13)
_CLASSES = {"d": _DIGITS, "w": _LETTERS, "s": _BLANKS}
_CLASSES |= {name.upper(): ALL & ~members for name, members in _CLASSES.items()}
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._text)

    def choice(self, depth: int) -> Tree:
        if depth > MOST_DEPTH:
            raise Malformed("too-many-brackets")
        found = [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            found.append(self._sequence(depth))
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _sequence(self, depth: int) -> Tree:
        found: list[Tree] = []
        while self._peek() not in {"", "|", ")"}:
            one = self._one(depth)
            times = self._times()
            while times is not None:
                one = Times(one, *times)
                times = self._times()
            found.append(one)
        return Both(tuple(found))

    def _times(self) -> tuple[int, int | None] | None:
        sign = self._peek()
        if sign in _SIGNS:
            self._at += 1
            return _SIGNS[sign]
        if sign != "{":
            return None
        inner, closed, _ = self._text[self._at + 1 :].partition("}")
        low, comma, high = inner.partition(",")
        if not closed or not low.isdecimal() or not (high.isdecimal() or not high) or len(inner) > 7:  # noqa: PLR2004
            raise Malformed("bad-repetition")
        self._at += len(inner) + 2
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > MOST_TIMES or (most is not None and most < least):
            raise Malformed("bad-repetition")
        return least, most

    def _one(self, depth: int) -> Tree:
        sign = self._take()
        match sign:
            case "(":
                inner = self.choice(depth + 1)
                if self._take() != ")":
                    raise Malformed("unbalanced-bracket")
                return inner
            case "[":
                return Members(self._members())
            case ".":
                return Members(ALL)
            case "^" | "$":
                return Place(end=sign == "$")
            case "\\":
                return Members(self._escaped())
            case "*" | "+" | "?" | "{":
                raise Malformed("nothing-to-repeat")
        return Both(tuple(Members(1 << byte) for byte in sign.encode()))

    def _members(self) -> int:
        negated = self._peek() == "^"
        self._at += negated
        members, first = 0, True
        while first or self._peek() != "]":
            first = False
            low = self._member()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                high = self._member()
                if low.bit_count() != 1 or high.bit_count() != 1 or high < low:
                    raise Malformed("bad-range")
                low = _range(low.bit_length() - 1, high.bit_length() - 1)
            members |= low
        self._at += 1
        return ALL & ~members if negated else members

    def _member(self) -> int:
        sign = self._take()
        return self._escaped() if sign == "\\" else _bit(sign)

    def _escaped(self) -> int:
        sign = self._take()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign == "x":
            digits = self._text[self._at : self._at + 2]
            self._at += 2
            if len(digits) != 2 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):  # noqa: PLR2004
                raise Malformed("bad-escape")
            return 1 << int(digits, 16)
        if sign in _CONTROLS:
            return 1 << _CONTROLS[sign]
        if sign.isalnum():
            raise Malformed("bad-escape")
        return _bit(sign)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        sign = self._peek()
        if not sign:
            raise Malformed("ends-too-early")
        self._at += 1
        return sign


def _bit(sign: str) -> int:
    if not sign.isascii():
        raise Malformed("not-ascii")
    return 1 << ord(sign)
