"""Route maps, and NAT rules that look at where flows go."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config, DynamicSource
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.route_maps import RouteMapEntry

LISTS = "access-list 101 permit tcp any any eq 80\naccess-list 102 permit ip any 192.0.2.0 0.0.0.255\n"
MAP = (
    "route-map M deny 5\n match ip address 101\n"
    "route-map M permit 10\n match ip address 102 NAMED\n match interface out0\n"
)
RULE = "ip nat inside source route-map M interface out0 overload\n"
REST = LISTS + (
    "interface out0\n ip address 203.0.113.1 255.255.255.0\nip access-list extended NAMED\n permit ip any any\n"
)


def read(text: str) -> Config:
    return read_config(text, "test.cfg")


def errors(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    return [(error.line, error.message) for error in caught.value.errors]


def test_entries_are_read_in_order_and_written() -> None:
    config = read(MAP)
    assert config.route_maps["M"].entries == (
        RouteMapEntry(5, permit=False, access_lists=("101",)),
        RouteMapEntry(10, access_lists=("102", "NAMED"), interfaces=("out0",)),
    )
    assert MAP.replace("route-map M permit", "!\nroute-map M permit") in render(config)
    assert read(render(config)) == config
    assert read("route-map M\n").route_maps["M"].entries == (RouteMapEntry(10),)
    later = read(MAP + "route-map M permit 10\n no match ip address 102\n match ip address 7\n")
    assert later.route_maps["M"].entries[1].access_lists == ("NAMED", "7")


def test_entries_and_maps_are_removed() -> None:
    left = read(MAP + "no route-map M deny 5\n").route_maps["M"]
    assert [entry.sequence for entry in left.entries] == [10]
    assert read(MAP + "no route-map M\n").route_maps == {}
    assert read("route-map M\nno route-map M permit 10\n").route_maps == {}
    assert errors("no route-map M\n") == [(1, "% Could not find route-map M")]
    assert errors(MAP + "no route-map M permit 7\n") == [(6, "% Route-map M has no entry 7")]


def test_what_other_features_match_and_set_is_kept() -> None:
    text = (
        "route-map BGP permit 10\n description to the peers\n match community 5 exact-match\n"
        " match ip next-hop 7\n set local-preference 200\n"
    )
    config = read(text)
    assert read(render(config)) == config
    for line in text.splitlines()[1:]:
        assert f"{line}\n" in render(config)
    rule = "ip nat inside source route-map BGP interface out0\n"
    assert [message for _, message in errors(REST + text + rule)] == [
        "% Route-map BGP has `match community 5 exact-match`, which is of no use in a NAT rule",
        "% Route-map BGP has `match ip next-hop 7`, which is of no use in a NAT rule",
    ]


def test_rules_are_read_and_written() -> None:
    config = read(REST + MAP + RULE)
    assert config.dynamic_sources == [DynamicSource("", None, "out0", overload=True, route_map="M")]
    assert RULE in render(config)
    assert read(render(config)) == config
    assert read(REST + MAP + RULE + f"no {RULE}").dynamic_sources == []
    extended = "ip nat inside source list 101 interface out0 overload\n"
    assert extended in render(read(REST + extended))
    other = "ip nat inside source route-map M interface out0\n"
    assert errors(REST + MAP + RULE + other)[0][1] == "% Dynamic mapping in use, cannot change"


def test_static_names_for_some_flows() -> None:
    first = "ip nat inside source static 10.0.0.5 203.0.113.5 route-map M\n"
    second = "ip nat inside source static 10.0.0.5 203.0.113.6\n"
    config = read(REST + MAP + first + second)
    assert first in render(config)
    assert second in render(config)
    assert len(read(REST + MAP + first + "no ip nat inside source static 10.0.0.5 203.0.113.5\n").statics) == 0
    port = "ip nat inside source static tcp 10.0.0.5 80 203.0.113.7 80 route-map M extendable\n"
    assert port in render(read(REST + MAP + port))


def test_names_that_nothing_bears() -> None:
    assert [message for _, message in errors(RULE + REST)] == ["% Route-map M does not exist"]
    static = "ip nat inside source static 10.0.0.5 203.0.113.5 route-map M\n"
    assert [message for _, message in errors(static)] == ["% Route-map M does not exist"]
    assert [message for _, message in errors(MAP + RULE + "interface out0\n")] == [
        f"% Access list {name} of route-map M does not exist" for name in ("101", "102", "NAMED")
    ]
    config = read(REST + MAP + RULE)
    config.route_maps.clear()
    assert in_force(config)[0].dynamic_sources == []
