"""`ip nat translation max-entries`: how many names hosts get, and what becomes of packets that would need more."""

import random

import pytest

from doorman.config.reader import read_config
from kit.gateway import OVERLOAD, POOL, STATIC, Gateway, gateway
from kit.packets import ping, tcp, udp

FIRST, SECOND, THIRD = "192.168.1.10", "192.168.1.11", "192.168.1.12"
PEER, STRANGER = "198.51.100.7:9000", "198.51.100.8:9000"
LIMIT = "ip nat translation max-entries "
LISTED = "access-list 7 permit host 192.168.1.10\naccess-list 7 permit host 192.168.1.11\n"


def limited(*limits: str, config: str = OVERLOAD) -> Gateway:
    return gateway(config + LISTED + "".join(f"{LIMIT}{limit}\n" for limit in limits))


def sent(gate: Gateway, host: str, port: int) -> str:
    """`ok`, or why not."""
    text = gate.inside(udp(f"{host}:{port}", PEER))
    return "ok" if text.startswith("outside: udp 203.0.113.") else text


def test_no_more_than_so_many_of_all() -> None:
    gate = limited("2")
    assert [sent(gate, FIRST, 1), sent(gate, SECOND, 2)] == ["ok", "ok"]
    assert sent(gate, THIRD, 3) == "dropped: max-entries"
    assert gate.inside(tcp(f"{FIRST}:9", PEER)) == "dropped: max-entries"
    assert gate.inside(ping(FIRST, PEER, 7)) == "dropped: max-entries"
    assert gate.engine.drops == {"max-entries": 3}


def test_a_name_has_any_number_of_flows() -> None:
    gate = limited("1")
    assert sent(gate, FIRST, 1) == "ok"
    assert gate.inside(udp(f"{FIRST}:1", STRANGER)).startswith("outside: ")
    assert gate.outside(udp(PEER, "203.0.113.1:1")).startswith("inside: ")


def test_each_host_has_its_own_limit_and_some_another() -> None:
    gate = limited("all-host 1", f"host {SECOND} 2")
    assert [sent(gate, FIRST, 1), sent(gate, FIRST, 2)] == ["ok", "dropped: max-entries-of-host"]
    assert [sent(gate, SECOND, port) for port in (1, 2, 3)] == ["ok", "ok", "dropped: max-entries-of-host"]
    assert sent(gate, THIRD, 1) == "ok"


def test_hosts_of_an_access_list_share_one() -> None:
    gate = limited("list 7 2", "all-host 5")
    assert [sent(gate, FIRST, 1), sent(gate, SECOND, 1)] == ["ok", "ok"]
    assert [sent(gate, FIRST, 2), sent(gate, SECOND, 2)] == ["dropped: max-entries-of-list"] * 2
    assert [sent(gate, THIRD, port) for port in range(1, 6)] == ["ok"] * 5


def test_the_list_may_be_extended_and_use_a_group() -> None:
    phones = f"object-group network PHONES\n host {FIRST}\n host {SECOND}\n"
    lists = "ip access-list extended LIMITED\n permit ip object-group PHONES any\n"
    gate = limited("list LIMITED 1", config=OVERLOAD + phones + lists)
    assert [sent(gate, FIRST, 1), sent(gate, SECOND, 1)] == ["ok", "dropped: max-entries-of-list"]
    assert [sent(gate, THIRD, port) for port in (1, 2)] == ["ok"] * 2


def test_what_ends_makes_room() -> None:
    gate = limited("1", "all-host 1", "list 7 1")
    assert [sent(gate, FIRST, 1), sent(gate, SECOND, 1)] == ["ok", "dropped: max-entries"]
    gate.wait(1_000)
    assert [sent(gate, SECOND, 1), sent(gate, FIRST, 1)] == ["ok", "dropped: max-entries"]


def test_the_address_of_a_host_is_one() -> None:
    gate = limited("1", config=POOL)
    assert [sent(gate, FIRST, 1), sent(gate, FIRST, 2)] == ["ok", "ok"]
    assert sent(gate, SECOND, 1) == "dropped: max-entries"


def test_static_translations_do_not_count() -> None:
    gate = limited("1", config=STATIC)
    assert [sent(gate, "192.168.1.5", port) for port in (1, 2, 3)] == ["ok"] * 3
    assert sent(gate, FIRST, 1) == "ok"


def test_a_lower_limit_ends_nothing_and_is_heeded_from_then_on() -> None:
    gate = limited()
    assert [sent(gate, FIRST, port) for port in (1, 2, 3)] == ["ok"] * 3
    gate.engine.reconfigure(read_config(f"{OVERLOAD}{LIMIT}2\n", "gw.conf"), gate.now)
    assert [sent(gate, FIRST, port) for port in (1, 2, 3, 4)] == ["ok"] * 3 + ["dropped: max-entries"]
    gate.wait(200)
    assert sent(gate, FIRST, 1) == "ok"
    gate.wait(200)  # the others were silent for longer than 300 seconds
    assert [sent(gate, FIRST, 5), sent(gate, FIRST, 6)] == ["ok", "dropped: max-entries"]


@pytest.mark.parametrize("seed", range(5))
def test_there_are_never_more_whatever_comes_and_goes(seed: int) -> None:
    chance = random.Random(seed)
    gate = limited("6", "all-host 3", "list 7 4")
    for _ in range(300):
        sent(gate, chance.choice((FIRST, SECOND, THIRD)), chance.randrange(1, 9))
        gate.wait(chance.choice((0, 1, 100)))
        hosts = [str(one.local).partition(":")[0] for one in gate.engine.state.bindings]
        assert len(hosts) <= 6
        assert all(hosts.count(host) <= 3 for host in set(hosts))
        assert sum(host != THIRD for host in hosts) <= 4
