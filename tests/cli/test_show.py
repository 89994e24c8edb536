"""The tables: as IOS prints them, as wide as they must be."""

from doorman.cli.show.calls import show_calls
from doorman.cli.show.doors import show_doors
from doorman.cli.show.table import table
from doorman.cli.show.translations import show_translations
from kit.captures import call, frames, replayed
from kit.packets import ping, udp
from kit.sip import OVERLOAD, STATIC


def test_translations_as_ios_prints_them() -> None:
    config = OVERLOAD + "ip nat inside source static 10.0.0.5 203.0.113.5\n"
    found = replayed(
        frames(udp("10.0.0.10:123", "198.51.100.7:123"), ping("10.0.0.11", "198.51.100.8", 77)), config
    ).found
    assert list(show_translations(found["translations"])) == [
        "Pro   Inside global    Inside local   Outside local     Outside global",
        "---   203.0.113.5      10.0.0.5       ---               ---",
        "udp   203.0.113.1:123  10.0.0.10:123  198.51.100.7:123  198.51.100.7:123",
        "icmp  203.0.113.1:77   10.0.0.11:77   198.51.100.8:77   198.51.100.8:77",
    ]
    assert list(show_translations([])) == ["no translations"]


def test_a_static_port() -> None:
    found = replayed([], OVERLOAD + "ip nat inside source static tcp 10.0.0.5 80 203.0.113.1 8080\n").found
    assert list(show_translations(found["translations"]))[1].split() == [
        "tcp", "203.0.113.1:8080", "10.0.0.5:80", "---", "---",
    ]  # fmt: skip


def test_doors() -> None:
    found = replayed(frames(*call()), OVERLOAD).found
    lines = list(show_doors(found["doors"]))
    assert lines[0].split() == ["Pro", "Visitor", "Entrance", "Leads", "to", "Role", "Opened", "Used", "Closed", "For"]
    assert lines[2].split()[:8] == ["udp", "any", "203.0.113.1:5060", "10.0.0.10:5060", "contact", "1", "-", "-"]
    assert lines[3].split() == [
        *("udp", "198.51.100.20", "203.0.113.1:4000", "10.0.0.10:4000", "rtp", "1", "6", "-", "sip", "one"),
    ]
    assert list(show_doors([])) == ["no doors"]


def test_calls() -> None:
    found = replayed(frames(*call()), STATIC).found
    assert list(show_calls(found["calls"])) == [
        "Call-ID  Inside party  From -> to    State  Media (inside / outside)",
        "one      10.0.0.10     alice -> bob  ended  audio 10.0.0.10:4000 / 198.51.100.20:6000",
    ]
    assert list(show_calls([])) == ["no calls"]


def test_a_table_without_end_is_cut() -> None:
    lines = list(table(["N", "Text"], ([str(n), "x" * n] for n in range(60)), most=3))
    assert lines == ["N  Text", "0", "1  x", "2  xx", "... and 57 more"]
