"""Views of the NAT: what ALGs are told when they announce endpoints whose ports are in a row."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.state import State
from doorman.engine.views import Mirror, Outward
from doorman.net.addresses import address_of, endpoints_from
from doorman.net.packet import UDP
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
