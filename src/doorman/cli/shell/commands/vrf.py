"""`show vrf`, and the words by which show and clear commands choose the hosts of one VRF."""

from collections.abc import Iterable, Iterator

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.table import table
from doorman.config.command import Command
from doorman.config.commands.vrf import require_vrf
from doorman.config.model import Config
from doorman.dataplanes.report import Json

OF_VRF = "[vrf VRF:word]"
OF_VRF_HELP = {"vrf": "Only those of a VRF", "VRF": "VPN routing/forwarding instance name"}


def of_vrf(terminal: Terminal, entries: Iterable[Json], vrf: str | None) -> Iterator[Json]:
    """The entries that are of a VRF; all where none is named.

    Raises:
        Refused: there is no such VRF.
    """
    require_vrf(terminal.gateway.config, vrf)
    return iter(entries) if vrf is None else (entry for entry in entries if entry.get("vrf") == vrf)


def _show(terminal: Terminal, *, name: str | None = None) -> Output:
    """Show the VRFs, with their route distinguishers, address families and interfaces."""
    config = terminal.gateway.config
    require_vrf(config, name, "name")
    return Output([entry for entry in _entries(config) if name in {None, entry["name"]}], _lines)


def _entries(config: Config) -> Iterator[Json]:
    for vrf in config.vrfs.values():
        yield {
            "name": vrf.name,
            "rd": vrf.distinguisher or None,
            "protocols": ["ipv4"] if vrf.by_ip else list(vrf.families),
            "interfaces": [one.name for one in config.interfaces.values() if one.vrf == vrf.name],
        }


def _lines(vrfs: list[Json]) -> Iterator[str]:
    rows = []
    for vrf in vrfs:
        first, *others = vrf["interfaces"] or [""]
        rows.append([vrf["name"], vrf["rd"] or "<not set>", ",".join(vrf["protocols"]), first])
        rows += [["", "", "", name] for name in others]
    return table(("Name", "Default RD", "Protocols", "Interfaces"), rows, most=len(rows))


COMMANDS = (
    Command(
        "show vrf [NAME:word]",
        SHOW | {"vrf": "VPN routing/forwarding instances", "NAME": "VPN routing/forwarding instance name"},
        _show,
    ),
)
