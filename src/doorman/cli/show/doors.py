"""`show ip nat doors`: the flows that were announced, and when each door opened, got its first packet, and closed."""

from collections.abc import Iterator

from doorman.cli.show.table import table
from doorman.dataplanes.report import Json


def show_doors(doors: list[Json]) -> Iterator[str]:
    """A line for each door; its life is told in packet numbers of the capture."""
    rows = [
        [
            door["transport"],
            door["visitor"] or "any",
            door["entrance"],
            door["leads_to"],
            door["role"],
            *_life(door),
            door["label"],
        ]
        for door in doors
    ]
    if not rows:
        yield "no doors"
        return
    yield from table(["Pro", "Visitor", "Entrance", "Leads to", "Role", "Opened", "Used", "Closed", "For"], rows)


def _life(door: Json) -> list[str]:
    return [str(door[f"{event}_at_packet"] or "-") for event in ("opened", "promoted", "closed")]
