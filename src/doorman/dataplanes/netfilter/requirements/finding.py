"""What a check found: a value to print, to put out as JSON, or to refuse a start with."""

from typing import Literal, NamedTuple

State = Literal["found", "missing", "warning"]


class Finding(NamedTuple):
    """The result of one check.

    `warning` is for what may do harm, and for what could not be tried.
    """

    name: str
    state: State
    required: bool
    detail: str = ""
    """What was seen, or why it counts as missing."""
    mend: str = ""
    """What to do about it, with the exact command where there is one; empty if nothing need be done."""

    @property
    def blocks(self) -> bool:
        """Whether the gateway cannot run like this."""
        return self.required and self.state == "missing"


def found(name: str, detail: str = "", *, required: bool = True) -> Finding:
    """What is as it should be."""
    return Finding(name, "found", required, detail)


def missing(name: str, detail: str, mend: str, *, required: bool = True) -> Finding:
    """What is not there."""
    return Finding(name, "missing", required, detail, mend)


def warning(name: str, detail: str, mend: str = "", *, required: bool = False) -> Finding:
    """What may do harm, or could not be tried."""
    return Finding(name, "warning", required, detail, mend)
