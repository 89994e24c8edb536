"""Changes to the bytes of a message: what stands somewhere is replaced, all else stays as it came."""

from collections.abc import Iterable


class Edit:
    """Replace `data[start:end]` by `new`; `rule` says on what ground, for `explain` and `debug`.

    In order of where they begin; what is put in goes before what is replaced there.
    """

    __slots__ = ("end", "new", "rule", "start")

    def __init__(self, start: int, end: int, new: bytes, rule: str) -> None:
        self.start = start
        self.end = end
        self.new = new
        self.rule = rule

    def __lt__(self, other: "Edit") -> bool:
        return self.start < other.start or (self.start == other.start and self.end < other.end)

    def moved(self, by: int) -> "Edit":
        """The same in a message of which this one is a part that begins there."""
        return Edit(self.start + by, self.end + by, self.new, self.rule)

    def __repr__(self) -> str:
        return f"Edit({self.start}, {self.end}, {self.new!r}, {self.rule!r})"


def apply_edits(data: bytes, edits: list[Edit]) -> bytes:
    """Carry out edits, which are in order and without overlap."""
    parts = []
    at = 0
    for edit in edits:
        parts.append(data[at : edit.start])
        parts.append(edit.new)
        at = edit.end
    parts.append(data[at:])
    return b"".join(parts)


def growth(edits: Iterable[Edit]) -> int:
    """How many bytes longer a message becomes."""
    longer = 0
    for edit in edits:
        longer += len(edit.new) - edit.end + edit.start
    return longer
