"""The requirements of all three RFCs, one below the other, and what each gateway does about them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kit.conformance import icmp, tcp, udp
from kit.conformance.accepted import ACCEPTED
from kit.conformance.gate import Cell, Gate, Requirement
from kit.subjects.subject import Subject

RFCS: Mapping[str, Sequence[Requirement]] = {
    "RFC 4787, UDP": udp.REQUIREMENTS,
    "RFC 5382, TCP": tcp.REQUIREMENTS,
    "RFC 5508, ICMP": icmp.REQUIREMENTS,
}


class Row(NamedTuple):
    """A requirement and where it stands."""

    rfc: str
    requirement: Requirement

    @property
    def name(self) -> str:
        """Such as `4787-3a`; of two that have one number, with its text."""
        number = f"{self.rfc[4:8]}-{self.requirement.number}"
        alone = sum(other.number == self.requirement.number for other in RFCS[self.rfc]) == 1
        return number if alone else f"{number} {self.requirement.text}"


ROWS = [Row(rfc, requirement) for rfc, requirements in RFCS.items() for requirement in requirements]


def measure(row: Row, subject: Subject) -> Cell:
    """What a gateway does about a requirement."""
    return row.requirement.probe(Gate(subject))


def rendered(subjects: Sequence[Subject | str]) -> Iterator[str]:
    """The lines of the table, in Markdown; a gateway that is not there is given by its name, and has no cells."""
    names = [one if isinstance(one, str) else one.name for one in subjects]
    reasons: dict[str, None] = {}
    for rfc, requirements in RFCS.items():
        yield from (f"## {rfc}", "", f"| REQ | | {' | '.join(names)} |", "| --- " * (2 + len(names)) + "|")
        for row in (Row(rfc, requirement) for requirement in requirements):
            cells = ["" if isinstance(one, str) else _shown(row, one, reasons) for one in subjects]
            yield f"| {row.requirement.number} | {row.requirement.text} | {' | '.join(cells)} |"
        yield ""
    yield from ("## Why not", "", *(f"{number}. {reason}" for number, reason in enumerate(reasons, 1)))


def _shown(row: Row, subject: Subject, reasons: dict[str, None]) -> str:
    cell = measure(row, subject)
    reason = ACCEPTED.get((row.name, subject.name))
    if reason is None or cell.verdict != "fail":
        return str(cell)
    reasons.setdefault(reason)
    return f"{cell} [{list(reasons).index(reason) + 1}]"
