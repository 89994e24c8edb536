"""A script: what a phone and its peer send each other through a gateway, message by message. The input of the fuzzer.

    gateway overload        which configuration, see `trial`
    out 345                 so many bytes of the phone, and a line end behind them
    INVITE sip:bob@198.51.100.20 SIP/2.0
    ...
    in 301                  so many of its peer
    SIP/2.0 200 OK
    ...
    wait 32.5               seconds

Messages are kept byte by byte, so a file of this kind must never be changed by an editor.
"""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a step is."""

    OUT = "out"
    IN = "in"
    WAIT = "wait"


class Step(NamedTuple):
    """A message, or seconds without one."""

    kind: Kind
    data: bytes = b""
    seconds: float = 0.0


class Script(NamedTuple):
    """A conversation through a gateway of this name."""

    gateway: str
    steps: tuple[Step, ...]

    @property
    def messages(self) -> list[bytes]:
        """All messages, in order."""
        return [step.data for step in self.steps if step.kind != Kind.WAIT]

    def __bytes__(self) -> bytes:
        parts = [b"gateway %s\n" % self.gateway.encode()]
        for kind, data, seconds in self.steps:
            if kind == Kind.WAIT:
                parts.append(b"wait %g\n" % seconds)
            else:
                parts.append(b"%s %d\n%s\n" % (kind.value.encode(), len(data), data))
        return b"".join(parts)


def read_script(data: bytes) -> Script:
    """Read a script.

    Raises:
        ValueError: it is none, or was damaged.
    """
    word, name, at = _line(data, 0)
    if word != "gateway":
        raise ValueError("a script begins with its gateway")
    steps = []
    while at < len(data):
        word, value, at = _line(data, at)
        kind = Kind(word)
        if kind == Kind.WAIT:
            steps.append(Step(kind, seconds=float(value)))
            continue
        end = at + int(value)
        if data[end : end + 1] != b"\n":
            raise ValueError(f"no line end behind the message at byte {at}")
        steps.append(Step(kind, data[at:end]))
        at = end + 1
    return Script(name, tuple(steps))


def _line(data: bytes, at: int) -> tuple[str, str, int]:
    """The two words of a line, and where the next begins."""
    end = data.index(b"\n", at)
    word, _, value = data[at:end].decode("ascii").partition(" ")
    return word, value, end + 1
