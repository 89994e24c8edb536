"""Views of the NAT: what ALGs are told of hosts and endpoints, one at a time or several whose ports are in a row."""

import random

import pytest

from doorman.algs.api import Path
from doorman.config.reader import read_config
from doorman.engine.state import State
from doorman.engine.views import Inward, Mirror, Outward
from doorman.net.addresses import Address, address_of, endpoints_from
from doorman.net.packet import TCP, UDP
from kit.gateway import OVERLOAD, POOL
from kit.packets import endpoint

PARTY = address_of("192.168.1.10")
PAIR = endpoints_from(endpoint("192.168.1.10:5000"), 2)


@pytest.mark.parametrize(("config", "name"), [(OVERLOAD, "203.0.113.1"), (POOL, "203.0.113.20")])
def test_each_endpoint_of_a_run_is_told_its_name(config: str, name: str) -> None:
    """A host of its own name has it with all its ports: one binding is then made for the whole run."""
    state = State(read_config(config, "test.cfg"), random.Random(1).random)
    mirror, view = Mirror(state.names, PARTY), Outward(state.names, PARTY)
    assert mirror.expose_run(PAIR, UDP, even=True) == PAIR
    named = [f"{name}:5000", f"{name}:5001"]
    for _ in range(2):
        assert [str(one) for one in view.expose_run(PAIR, UDP, even=True)] == named
        assert [str(one) for one in mirror.expose_run(PAIR, UDP, even=True)] == named
    assert len(view.made) == (2 if config == OVERLOAD else 1)


def test_a_name_is_told_again_as_long_as_its_binding_is_held() -> None:
    """A view serves all messages of a flow; meanwhile others may end what a name was given for."""
    state = State(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    view, own = Outward(state.names, PARTY), PAIR[0]
    first = view.name(own, UDP)
    assert first.written == b"203.0.113.1:5000"
    binding = view.made[0]
    back = Inward(state.names, Path(PAIR[1], first.new, PAIR[1], own))
    assert back.name(first.new, UDP).written == b"192.168.1.10:5000"
    assert back.name(first.new, UDP) is back.name(first.new, UDP)
    assert view.name(own, UDP) is first
    assert view.name(own, TCP) is not first, "another protocol has names of its own"
    state.bindings.free(binding)
    state.bindings.bind(UDP, endpoint("192.168.1.11:5000"))  # takes the port
    assert back.name(first.new, UDP).written == b"192.168.1.11:5000"
    assert view.name(own, UDP).written not in {None, first.written}


def test_whose_an_address_is_is_asked_again_after_the_routes_were() -> None:
    inside, routed = "in0", address_of("10.9.9.9")
    ways: dict[Address, str] = {}
    config = read_config(OVERLOAD + "access-list 1 permit any\n", "test.cfg")
    state = State(config, random.Random(1).random, route=lambda address: ways.get(address, ""))
    view = Outward(state.names, PARTY)
    for _ in range(2):
        assert view.owns(PARTY)
        assert not view.owns(routed)
    ways[routed] = inside
    state.rules.look_anew()
    assert view.owns(routed)
    ways.clear()
    state.rules.look_anew()
    assert not view.owns(routed)
