"""Whatever comes, no SPI of a server leads to two hosts, none is taken for another's, and all is given back."""

import random

from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.engine.state import State
from doorman.nat.tunnels import Tunnels
from doorman.net.addresses import Address, address_of
from kit.gateway import SHARED_POOL

HOSTS = [address_of(f"192.168.1.{number}") for number in (10, 11, 12)]
SERVERS = [address_of("198.51.100.7"), address_of("198.51.100.8")]
CONFIG = SHARED_POOL + "access-list 10 permit 192.168.1.10 0.0.0.1\nip nat service list 10 esp spi-match\n"

steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(HOSTS), st.sampled_from(SERVERS), st.integers(256, 261)),
        st.tuples(st.just("receive"), st.sampled_from(HOSTS), st.sampled_from(SERVERS), st.integers(256, 261)),
        st.tuples(st.just("wait"), st.sampled_from(HOSTS), st.sampled_from(SERVERS), st.sampled_from((1, 6, 70, 400))),
    ),
    max_size=40,
)


@given(steps)
def test_tunnels_stay_apart_and_give_all_back(script: list[tuple[str, Address, Address, int]]) -> None:
    state = State(read_config(CONFIG, "test.cfg"), random.Random(1).random)
    now = 1000.0
    received: dict[tuple[Address, Address, int], Address] = {}
    for what, host, server, number in script:
        tunnels = state.tunnels
        try:
            if what == "wait":
                now += number
                state.expire(now)
                received = {key: known for key, known in received.items() if _leads(tunnels, key) == known}
            elif what == "send":
                tunnel = tunnels.send(host, server, number, now)
                assert (tunnel.host, tunnel.server, tunnel.outbound) == (host, server, number)
                assert state.bindings.global_host(host) == tunnel.name
            else:
                name = state.bindings.global_host(host) or address_of("203.0.113.20")
                tunnel = tunnels.receive(server, name, number, now)
                assert received.setdefault((server, name, number), tunnel.host) == tunnel.host
        except Refused:
            pass
        everyone = list(tunnels)
        assert len(everyone) == len(tunnels)
        inbound = [(one.server, one.name, one.inbound) for one in everyone if one.inbound is not None]
        assert len(inbound) == len(set(inbound))
    state.expire(now + 100_000)
    assert list(state.tunnels) == []
    assert all(state.bindings.global_host(host) is None for host in HOSTS)


def _leads(tunnels: Tunnels, key: tuple[Address, Address, int]) -> Address | None:
    found = [one for one in tunnels if (one.server, one.name, one.inbound) == key]
    return found[0].host if found else None
