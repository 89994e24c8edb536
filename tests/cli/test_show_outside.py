"""`show ip nat statistics` and `show ip nat translations` of outside hosts and virtual ones."""

from typing import Any

from doorman.cli.show.statistics import show_statistics
from doorman.cli.show.translations import show_translations
from doorman.dataplanes.report import binding_entry, session_entry
from kit.gateway import OVERLOAD, gateway
from kit.packets import udp

RULES = OVERLOAD + "ip nat outside source static 198.51.100.7 10.99.0.7\n"


def mapping(kind: str, pool: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "access_list": "7",
        "pool": pool,
        "interface": None,
        "overload": False,
        "in_use": 2,
        "ranges": [["10.99.0.1", "10.99.0.4"]],
        "netmask": "255.255.255.0",
        "type": "rotary" if "destination" in kind else "generic",
        "addresses": 4,
        "allocated": 1,
        "misses": 0,
    }


def test_mappings_are_told_apart_by_what_they_map() -> None:
    found: dict[str, Any] = {
        "translations": {"static": 0, "dynamic": 0, "extended": 0},
        "interfaces": {"inside": [], "outside": []},
        "hits": 0,
        "misses": 0,
        "expired": 0,
        "mappings": [mapping("outside source", "OUT"), mapping("inside destination", "REAL")],
        "doors": {"open": 0, "opened": 0, "promoted": 0, "closed": 0},
        "queued": 0,
        "counters": {},
        "drops": {},
        "notes": {},
    }
    lines = list(show_statistics(found))
    start = lines.index("-- Outside Source")
    assert lines[start + 1] == "[Id: 1] access-list 7 pool OUT refcount 2"
    assert lines[lines.index("-- Inside Destination") + 1] == "[Id: 2] access-list 7 pool REAL refcount 2"
    assert "        type rotary, total addresses 4, allocated 1 (25%), misses 0" in lines


def test_all_four_columns() -> None:
    gate = gateway(RULES)
    gate.inside(udp("192.168.1.10:5000", "10.99.0.7:53"))
    state = gate.engine.state
    entries = [*map(binding_entry, state.outside), *map(session_entry, state.sessions)]
    assert [line.split() for line in show_translations(entries)][1:] == [
        ["---", "---", "---", "10.99.0.7", "198.51.100.7"],
        ["udp", "203.0.113.1:5000", "192.168.1.10:5000", "10.99.0.7:53", "198.51.100.7:53"],
    ]
