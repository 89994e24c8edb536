"""Regular expressions whose matching takes time in proportion to the text, whatever the pattern and the text are.

A pattern becomes an automaton (Thompson, CACM 11(6), 1968) that is in several states at once: a set, held as the bits
of a number. Steps that were made are remembered. There are no back references: those cannot be had so.
"""

from doorman.wire.malformed import Malformed
from doorman.wire.regex_syntax import Both, Either, Members, Place, Times, Tree, read_pattern

MOST_STATES = 1_000
"""States of the automaton of a pattern: each byte of a text costs that many steps at most."""
_MOST_STEPS = 4_096
"""Steps that are remembered of a pattern."""
_GOAL = 1
"""The set of the goal alone: state 0."""


class _State:
    """A state: the bytes that lead on from it, a bit each, or None where none is needed; and where they lead."""

    __slots__ = ("at", "takes", "then")

    def __init__(self, takes: int | None, then: tuple[int, ...], at: Place | None = None) -> None:
        self.takes = takes
        self.then = then
        self.at = at


class Pattern:
    """A pattern, ready to be looked for.

    Args:
        text: the pattern.

    Raises:
        Malformed: it is none, or too large.
    """

    __slots__ = ("_begins", "_ending", "_first", "_inside", "_known", "_states", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._states = [_State(0, ())]
        self._first = self._make(read_pattern(text), 0)
        self._known: dict[tuple[int, int], int] = {}
        numbers = range(len(self._states))
        self._inside = [self._reached(number, begin=False, end=False) for number in numbers]
        self._ending = [self._reached(number, begin=False, end=True) for number in numbers]
        self._begins = self._reached(self._first, begin=True, end=False)

    def search(self, data: bytes) -> bool:
        """Whether the pattern is anywhere in a text."""
        if not data:
            return bool(self._reached(self._first, begin=True, end=True) & _GOAL)
        states, again, known = self._begins, self._inside[self._first], self._known
        for byte in data:
            if states & _GOAL:
                return True
            step = known.get((states, byte))
            if step is None:
                step = self._step(states, byte) | again
                if len(known) >= _MOST_STEPS:
                    known.clear()
                known[states, byte] = step
            states = step
        return any(self._ending[number] & _GOAL for number in _bits(states))

    def _step(self, states: int, byte: int) -> int:
        found = 0
        for number in _bits(states):
            state = self._states[number]
            if state.takes is not None and state.takes >> byte & 1:
                found |= self._inside[state.then[0]]
        return found

    def _reached(self, first: int, *, begin: bool, end: bool) -> int:
        """The set of states that one leads to without any byte, at the beginning of the text, or at its end."""
        found, waiting = 0, [first]
        while waiting:
            number = waiting.pop()
            if found >> number & 1:
                continue
            found |= 1 << number
            state = self._states[number]
            if state.takes is None and (state.at is None or (end if state.at.end else begin)):
                waiting += state.then
        return found

    def _make(self, tree: Tree, then: int) -> int:
        """The state where a part begins behind which another state comes."""
        match tree:
            case Members(mask):
                return self._add(_State(mask, (then,)))
            case Place():
                return self._add(_State(None, (then,), tree))
            case Both(parts):
                for part in reversed(parts):
                    then = self._make(part, then)
                return then
            case Either(parts):
                return self._add(_State(None, tuple(self._make(part, then) for part in parts)))
            case Times():
                return self._repeat(tree, then)

    def _repeat(self, times: Times, then: int) -> int:
        if times.most is None:
            loop = self._add(_State(None, ()))
            self._states[loop].then = (self._make(times.part, loop), then)
            then = loop
        for _ in range((times.most or times.least) - times.least):
            then = self._add(_State(None, (self._make(times.part, then), then)))
        for _ in range(times.least):
            then = self._make(times.part, then)
        return then

    def _add(self, state: _State) -> int:
        if len(self._states) >= MOST_STATES:
            raise Malformed("pattern-too-large")
        self._states.append(state)
        return len(self._states) - 1


def _bits(states: int) -> list[int]:
    found = []
    while states:
        lowest = states & -states
        found.append(lowest.bit_length() - 1)
        states ^= lowest
    return found
