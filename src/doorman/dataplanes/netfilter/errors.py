"""What netfilter refuses, as exceptions."""

import errno
import os


class NetlinkError(OSError):
    """The kernel refused: `errno`, `asked` (what of it was asked), `explanation` (its own words, often empty)."""

    def __init__(self, number: int, asked: str, explanation: str = "") -> None:
        super().__init__(number, os.strerror(number))
        self.asked = asked
        self.explanation = explanation

    def __str__(self) -> str:
        return f"{self.asked}: {self.explanation or self.strerror}"


class DumpInterrupted(NetlinkError):  # noqa: N818 - what happened to the list
    """What was being listed changed meanwhile; the list may lack entries or name some twice: ask again (EINTR)."""

    def __init__(self, asked: str) -> None:
        super().__init__(errno.EINTR, asked, "changed while it was listed")


class ElementError(NetlinkError):
    """A transaction was refused, and nothing of it done, because of the operation on `key` of `set_name`.

    Both are None if the kernel blamed no operation but the whole. The `errno` is ENFILE for a set that is full, EEXIST
    for a key that is there with other data (or at all, if `new` was asked), ENOENT for a missing set, or a deletion of
    what is missing.
    """

    def __init__(self, number: int, asked: str, explanation: str, set_name: str | None, key: bytes | None) -> None:
        super().__init__(number, asked, explanation)
        self.set_name = set_name
        self.key = key


class QueueTaken(NetlinkError):  # noqa: N818 - what is the case with the queue
    """Another program listens to the queue of this number: try the next."""
