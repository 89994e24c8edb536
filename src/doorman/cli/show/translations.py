"""`show ip nat translations`."""

from collections.abc import Iterator

from doorman.cli.show.table import table
from doorman.dataplanes.report import Json

_NONE = "---"


def show_translations(translations: list[Json]) -> Iterator[str]:
    """The table of IOS: what has no protocol or no other side yet shows `---`."""
    rows = [
        [
            entry[key] or _NONE
            for key in ("protocol", "inside_global", "inside_local", "outside_local", "outside_global")
        ]
        for entry in translations
    ]
    if not rows:
        yield "no translations"
        return
    yield from table(["Pro", "Inside global", "Inside local", "Outside local", "Outside global"], rows)
