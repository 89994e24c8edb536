"""The routing tables of VRFs as the kernel tells of them, and the rules that lead packets there by their mark."""

from contextlib import ExitStack

from doorman.dataplanes.netfilter.routing import Routing, forget_mark, lead_mark, observe_routing
from kit.namespaces import Namespace


def test_a_vrf_has_the_table_that_a_rule_leads_to_by_its_interface() -> None:
    with ExitStack() as stack:
        place = Namespace.make()
        stack.callback(place.remove)
        place.run("ip", "link", "add", "red0", "type", "veth", "peer", "name", "red1")
        place.run("ip", "rule", "add", "iif", "red0", "lookup", "1010")
        with place.inside():
            known = observe_routing()
            assert known.table_of("red", ["red1", "red0"]) == 1010
            assert known.table_of("blue", ["blue0"]) is None
            for _ in range(2):  # the second is as good
                lead_mark(0x0700_0000, 1010)
        assert place.run("ip", "rule", "list").count("fwmark 0x7000000/0xff000000 lookup 1010") == 1
        with place.inside():
            for _ in range(2):
                forget_mark(0x0700_0000, 1010)
        assert "fwmark" not in place.run("ip", "rule", "list")


def test_a_vrf_device_counts_more_than_rules() -> None:
    known = Routing({"red": 101}, {"red0": 7})
    assert known.table_of("red", ["red0"]) == 101
    assert known.table_of("blue", ["red0"]) == 7
