"""The kernel's routes, as an engine asks for them, and what it makes of them."""

import random
from collections.abc import Callable

from doorman.config.reader import read_config
from doorman.daemon.routes import Routes
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import address_of
from doorman.net.routes import UNKNOWN
from kit.namespaces import Namespace, connect
from kit.packets import udp
from kit.sip import OVERLOAD, PEER, PHONE, request, sdp


def test_hosts_are_behind_the_interfaces_that_routes_lead_by(new_namespace: Callable[[], Namespace]) -> None:
    here, there = new_namespace(), new_namespace()
    _, first = connect(there, "10.0.0.2/24", here, "10.0.0.1/24")
    _, second = connect(there, "10.1.0.2/24", here, "10.1.0.1/24")
    here.run("ip", "route", "add", "172.16.0.0/12", "via", "10.0.0.2")
    here.run("ip", "route", "add", "unreachable", "192.0.2.0/24")
    now = 0.0
    routes = Routes(lambda: now)

    def ask(*addresses: str) -> list[str]:
        with here.inside():
            return [routes(address_of(address)) for address in addresses]

    asked = "10.0.0.9", "10.1.0.9", "172.16.5.5", "198.51.100.1", "192.0.2.1", "2001:db8::1"
    assert ask(*asked) == [first, second, first, UNKNOWN, UNKNOWN, UNKNOWN]
    here.run("ip", "route", "replace", "172.16.0.0/12", "via", "10.1.0.2")
    assert ask("172.16.5.5") == [first], "for some seconds"
    now = 5.0
    assert ask("172.16.5.5") == [second]


def test_a_message_is_judged_by_the_list_of_the_interface_that_it_will_leave_by() -> None:
    config = OVERLOAD + (
        "interface out1\n ip address 203.0.114.1 255.255.255.0\n ip nat outside\n ip access-group NONE out\n"
        "ip access-list extended NONE\n deny ip any any\n"
    )
    for way, fate in (("out0", ""), ("out1", "access-list")):
        read = read_config(config, "test.cfg")
        engine = Engine(
            read, random.Random(1).random, delegated=True, route={address_of("198.51.100.20"): way}.__getitem__
        )
        assert engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1000.0).reason == fate


def test_a_host_behind_an_inside_router_is_inside_where_routes_say_so() -> None:
    """Its messages are translated, though the rule's list says `any` and so not where it is."""
    ways = {"10.9.0.5": "in0", "198.51.100.20": "out0"}
    read = read_config(OVERLOAD.replace("access-list 1 permit 10.0.0.0 0.0.0.255", "access-list 1 permit any"), "t")
    assert read.access_lists["1"].permits(address_of("10.9.0.5"))
    routes = {address_of(address): way for address, way in ways.items()}
    engine = Engine(read, random.Random(1).random, delegated=True, route=lambda address: routes.get(address, UNKNOWN))
    invite = request(body=sdp("10.9.0.5"), host="10.9.0.5")
    sent = engine.receive(udp("10.9.0.5:5060", PEER, invite), Side.INSIDE, 1000.0)
    assert b"c=IN IP4 203.0.113.1" in sent.packet
    assert b"10.9.0.5" not in sent.packet
    assert not engine.state.rules.is_inside(address_of("198.51.100.20"))
    routes[address_of("10.9.0.5")] = "out0"
    assert engine.receive(udp("10.9.0.5:9", "203.0.113.1:5060"), Side.OUTSIDE, 1000.5).reason == "spoofed-source"
    assert engine.receive(udp("10.9.0.5:9", "203.0.113.1:5060"), Side.OUTSIDE, 1001.5).reason != "spoofed-source"
