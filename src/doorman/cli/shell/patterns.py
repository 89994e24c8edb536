r"""Regular expressions of the output filters, as IOS has them, in time linear to the text.

    .  any character      [abc] [a-z] [^a]  one of a set      ^ $  begin and end of the line
    x* x+ x?  repetition  (x)  a group      x|y  either       \x   the character itself

An operator's pattern is matched against as many lines as there are translations, in the process that carries
signalling: so there is no backtracking. A pattern becomes a graph (Thompson, CACM 11(6), 1968), and its sets of states
become the states of an automaton as they are met.
"""

from typing import NoReturn

LONGEST_PATTERN = 128
"""In characters."""

_MOST_STATES = 512
"""States of the automaton that are remembered; more are worked out anew."""
_REPEATS = frozenset("*+?")


class BadPattern(ValueError):  # noqa: N818 - says what it is
    """What was typed is no regular expression; the text says why."""


class _Node:
    """A place in the graph: where a character leads from here, and where one gets without any."""

    __slots__ = ("at_begin", "at_end", "characters", "free", "negated", "then")

    def __init__(self) -> None:
        self.characters = ""
        self.negated = False
        self.then: _Node | None = None
        self.free: list[_Node] = []
        self.at_begin: _Node | None = None
        self.at_end: _Node | None = None

    def accepts(self, character: str) -> bool:
        """Whether a character leads on from here."""
        return self.then is not None and (character in self.characters) != self.negated


_Part = tuple[_Node, _Node]
"""The first and the last node of a part of the graph."""


class _State:
    """A set of nodes, and the state that each character was found to lead to."""

    __slots__ = ("next", "nodes")

    def __init__(self, nodes: frozenset[_Node]) -> None:
        self.nodes = nodes
        self.next: dict[str, _State] = {}


class Pattern:
    """A regular expression, found anywhere in a line.

    Raises:
        BadPattern: it is too long, or none.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_PATTERN:
            raise BadPattern(f"longer than {LONGEST_PATTERN} characters")
        self._start, self._match = _Reader(text).read()
        self._again = _closure([self._start])
        self._states: dict[frozenset[_Node], _State] = {}
        self._first = self._state(_closure([self._start], at_begin=True))

    def search(self, line: str) -> bool:
        """Whether a line has the pattern in it."""
        state = self._first
        for character in line:
            if self._match in state.nodes:
                return True
            following = state.next.get(character)
            state = following if following is not None else self._step(state, character)
        return self._match in _closure(state.nodes, at_end=True)

    def _step(self, state: _State, character: str) -> _State:
        """The state after a character; the pattern may also begin behind it."""
        reached = [node.then for node in state.nodes if node.then is not None and node.accepts(character)]
        following = state.next[character] = self._state(_closure(reached) | self._again)
        return following

    def _state(self, nodes: frozenset[_Node]) -> _State:
        known = self._states.get(nodes)
        if known is None:
            if len(self._states) >= _MOST_STATES:
                for old in self._states.values():
                    old.next.clear()
                self._states.clear()
            known = self._states[nodes] = _State(nodes)
        return known


def _closure(
    nodes: "list[_Node] | frozenset[_Node]", *, at_begin: bool = False, at_end: bool = False
) -> frozenset[_Node]:
    """All nodes that can be reached without a character."""
    reached = set(nodes)
    waiting = list(reached)
    while waiting:
        node = waiting.pop()
        ways = [*node.free, node.at_begin if at_begin else None, node.at_end if at_end else None]
        new = {way for way in ways if way is not None} - reached
        reached |= new
        waiting.extend(new)
    return frozenset(reached)


class _Reader:
    """Reads a pattern into a graph."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> _Part:
        part = self._either()
        if self._at < len(self._text):
            raise BadPattern(") without (")
        return part

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._peek()
        self._at += 1
        return taken

    def _either(self) -> _Part:
        first, last = _Node(), _Node()
        while True:
            begin, end = self._sequence()
            first.free.append(begin)
            end.free.append(last)
            if self._peek() != "|":
                return first, last
            self._at += 1

    def _sequence(self) -> _Part:
        first = last = _Node()
        while self._peek() and self._peek() not in "|)":
            begin, end = self._repeated()
            last.free.append(begin)
            last = end
        return first, last

    def _repeated(self) -> _Part:
        begin, end = self._one()
        while self._peek() in _REPEATS:
            sign = self._take()
            first, last = _Node(), _Node()
            first.free.append(begin)
            end.free.append(last)
            if sign != "?":
                end.free.append(begin)
            if sign != "+":
                first.free.append(last)
            begin, end = first, last
        return begin, end

    def _one(self) -> _Part:
        character = self._take()
        first, last = _Node(), _Node()
        if character in _REPEATS:
            raise BadPattern(f"nothing stands before {character}")
        if character == "(":
            part = self._either()
            return part if self._take() == ")" else self._unclosed("(")
        if character == "^":
            first.at_begin = last
        elif character == "$":
            first.at_end = last
        else:
            first.then = last
            self._read_characters(first, character)
        return first, last

    def _read_characters(self, node: _Node, character: str) -> None:
        """What a node accepts: the character, any, or those of a set."""
        if character == ".":
            node.negated = True
        elif character == "[":
            node.negated = self._peek() == "^"
            self._at += node.negated
            node.characters = self._set()
        elif character == "\\":
            node.characters = self._take() or self._unclosed("\\")
        else:
            node.characters = character

    def _set(self) -> str:
        """The characters up to the closing bracket, which may itself stand first."""
        characters = ""
        while True:
            character = self._take() or self._unclosed("[")
            if character == "]" and characters:
                return characters
            end = self._text[self._at + 1 : self._at + 2]
            if self._peek() == "-" and end not in {"", "]"}:
                self._at += 2
                if not character <= end <= "~":
                    raise BadPattern(f"{character}-{end} is no range")
                characters += "".join(map(chr, range(ord(character), ord(end) + 1)))
            else:
                characters += character

    def _unclosed(self, what: str) -> NoReturn:
        raise BadPattern(f"{what} is not closed" if what != "\\" else "nothing stands behind \\")
