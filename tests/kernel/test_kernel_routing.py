"""The routing tables of VRFs as the kernel tells of them, and the rules that lead packets there by their mark."""

from contextlib import ExitStack

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.outside_routes import OutsideRoutes
from doorman.dataplanes.netfilter.routing import Lead, Routing, forget_mark, lead_mark, observe_routing
from kit.gateway import OVERLOAD
from kit.namespaces import Namespace


def test_a_vrf_has_the_table_that_a_rule_leads_to_by_its_interface() -> None:
    with ExitStack() as stack:
        place = Namespace.make()
        stack.callback(place.remove)
        place.run("ip", "link", "add", "red0", "type", "veth", "peer", "name", "red1")
        place.run("ip", "rule", "add", "iif", "red0", "lookup", "1010")
        lead = Lead(0x0700_0000, 0xFF00_0000, 1010)
        with place.inside():
            known = observe_routing()
            assert known.table_of("red", ["red1", "red0"]) == 1010
            assert known.table_of("blue", ["blue0"]) is None
            for _ in range(2):  # the second is as good
                lead_mark(lead)
        assert place.run("ip", "rule", "list").count("fwmark 0x7000000/0xff000000 lookup 1010") == 1
        with place.inside():
            for _ in range(2):
                forget_mark(lead)
        assert "fwmark" not in place.run("ip", "rule", "list")


def test_a_vrf_device_counts_more_than_rules() -> None:
    known = Routing({"red": 101}, {"red0": 7})
    assert known.table_of("red", ["red0"]) == 101
    assert known.table_of("blue", ["red0"]) == 7


def test_routes_to_names_of_outside_hosts_are_made_adopted_and_removed() -> None:
    config = read_config(
        OVERLOAD
        + "ip nat outside source static 198.51.100.7 10.99.0.7 add-route\n"
        + "ip nat outside source static 198.51.100.8 10.99.0.8 add-route\n"
        + "ip nat outside source static 198.51.100.9 10.99.0.9\n"
        + "ip nat pool OUT 10.98.0.1 10.98.0.3 prefix-length 24\naccess-list 7 permit 198.51.100.0 0.0.0.255\n"
        + "ip nat outside source list 7 pool OUT add-route\n"
        + "ip nat outside source static 203.0.114.7 10.99.0.10 add-route\n",
        "gw.cfg",
    )
    with ExitStack() as stack:
        place = Namespace.make()
        stack.callback(place.remove)
        place.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "far0")
        place.run("ip", "address", "add", "203.0.113.1/24", "dev", "out0")
        place.run("ip", "link", "set", "far0", "up")
        place.run("ip", "link", "set", "out0", "up")
        place.run("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.9")
        place.run("ip", "route", "add", "10.99.0.8", "via", "203.0.113.8")
        before = place.run("ip", "route")

        def ours() -> list[str]:
            return [line.split()[0] for line in place.run("ip", "route", "show", "proto", "208").splitlines()]

        with place.inside():
            killed, routes = OutsideRoutes(), OutsideRoutes()
            killed.follow(config)
            routes.follow(config)
            assert ours() == ["10.98.0.1", "10.98.0.2/31", "10.99.0.7"]
            assert "10.99.0.7 via 203.0.113.9 dev out0" in place.run("ip", "route")
            routes.follow(read_config(OVERLOAD, "gw.cfg"))
            assert place.run("ip", "route") == before
            routes.follow(config)
            routes.close()
        assert place.run("ip", "route") == before
