"""`show ip nat doors`: the flows that were announced, and when each door opened, got its first packet, and closed."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table, table
from doorman.dataplanes.report import Json

_PLACES = ("Pro", "Visitor", "Entrance", "Leads to", "Role")
_WIDTHS = (3, 15, 21, 21, 12)
_LIFE_WIDTHS = (8, 8, 5, 0)


def show_doors(doors: list[Json]) -> Iterator[str]:
    """A line for each door; its life is told in packet numbers of the capture."""
    if not doors:
        yield "no doors"
        return
    rows = [[*_places(door), *_packets(door), door["label"]] for door in doors]
    yield from table([*_PLACES, "Opened", "Used", "Closed", "For"], rows)


def live_doors(doors: Iterable[Json]) -> Iterator[str]:
    """A line for each open door of a running gateway, however many there are."""
    rows = ([*_places(door), *_life(door), door["label"]] for door in doors)
    yield from endless_table([*_PLACES, "Age", "Left", "Flows", "For"], rows, [*_WIDTHS, *_LIFE_WIDTHS])


def _places(door: Json) -> list[str]:
    return [door["transport"], door["visitor"] or "any", door["entrance"], door["leads_to"], door["role"]]


def _packets(door: Json) -> list[str]:
    return [str(door[f"{event}_at_packet"] or "-") for event in ("opened", "promoted", "closed")]


def _life(door: Json) -> list[str]:
    return [
        duration(door["opened"]),
        duration(door["left"]),
        "any" if door["flows"] is None else str(door["flows"]),
    ]
