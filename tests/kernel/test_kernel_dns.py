"""DNS past a live gateway: the kernel carries it, and hands out what an address may be translated in, and no more."""

from collections.abc import Callable

import pytest

from kit.dns import ASKING, HOST, OUTSIDE_LIST, POOL, RESOLVER, SERVER, STATIC, answer, lines, query, read
from kit.live import Live
from kit.sip import OVERLOAD

WWW = "www.example.org."
SERVED = STATIC + "ip nat service dns udp port 5353\n"
ASKS, RESOLVES = f"{HOST}:4000", f"{RESOLVER}:53"


def a(address: str) -> str:
    return f"{WWW} 300 IN A {address}"


def asked(live: Live, name: str = WWW, kind: str = "A", sender: str = ASKS, receiver: str = RESOLVES) -> str:
    """The host inside asks; by which name."""
    [left] = live.out(query(name, kind).to_wire(), sender, receiver)
    assert left.data
    return left.sender


def told(live: Live, *records: str) -> list[str]:
    """The host inside asks, and is answered."""
    name = asked(live)
    [came] = live.in_(answer(query(WWW), *records).to_wire(), RESOLVES, name)
    assert (came.sender, came.receiver) == (RESOLVES, ASKS)
    return lines(read(came.data))


def test_answers_are_translated_both_ways(make: Callable[..., Live]) -> None:
    live = make(SERVED)
    assert told(live, a("203.0.113.5"), a("192.0.2.1")) == [a(SERVER), a("192.0.2.1")]
    assert live.traffic.received == 1  # the question was none of its business
    [came] = live.in_(query(WWW).to_wire(), f"{ASKING}:5000", "203.0.113.5:53")
    assert came.receiver == f"{SERVER}:53"
    [left] = live.out(answer(query(WWW), a(SERVER)).to_wire(), f"{SERVER}:53", f"{ASKING}:5000")
    assert (left.sender, lines(read(left.data))) == ("203.0.113.5:53", [a("203.0.113.5")])
    assert live.traffic.received == 2
    assert not len(live.engine.state.sessions)
    assert live.engine.inspector.messages["dns"] == {"NOERROR": 2}


def test_addresses_in_reverse_change_the_length_of_a_datagram(make: Callable[..., Live]) -> None:
    live = make(SERVED)
    [left] = live.out(query("5.0.0.10.in-addr.arpa", "PTR").to_wire(), ASKS, f"{RESOLVER}:5353")
    question = read(left.data)
    assert question.question[0].name.to_text() == "5.113.0.203.in-addr.arpa."
    said = answer(question, f"5.113.0.203.in-addr.arpa. 300 IN PTR {WWW}")
    [came] = live.in_(said.to_wire(), f"{RESOLVER}:5353", left.sender)
    assert lines(read(came.data)) == [f"5.0.0.10.in-addr.arpa. 300 IN PTR {WWW}"]
    assert live.traffic.received == 2


def test_hosts_that_only_share_an_address_cost_nothing(make: Callable[..., Live]) -> None:
    live = make(OVERLOAD)
    assert told(live, a("203.0.113.1")) == [a("203.0.113.1")]
    asked(live, "5.0.0.10.in-addr.arpa", "PTR")
    assert live.traffic.received == 0
    [left] = live.out(answer(query(WWW), a(SERVER)).to_wire(), ASKS, RESOLVES)
    assert lines(read(left.data)) == [a("203.0.113.1")]


BEHIND = OVERLOAD + f"ip nat inside source static udp {SERVER} 53 203.0.113.1 5353\n"


def test_a_server_behind_a_port_tells_of_the_address_that_hosts_share(make: Callable[..., Live]) -> None:
    """By whichever port it is reached."""
    live = make(BEHIND)
    for _ in range(2):
        [came] = live.in_(query(WWW).to_wire(), f"{ASKING}:5000", "203.0.113.1:5353")
        assert came.receiver == f"{SERVER}:53"
        [left] = live.out(answer(query(WWW), a(HOST)).to_wire(), f"{SERVER}:53", f"{ASKING}:5000")
        assert (left.sender, lines(read(left.data))) == ("203.0.113.1:5353", [a("203.0.113.1")])
    assert live.traffic.received == 2


def test_what_begins_a_flow_may_tell_of_hosts(make: Callable[..., Live]) -> None:
    """An update is no question; one for the gateway itself, or for another host inside, stays as it is."""
    live = make(OVERLOAD)
    said = answer(query(WWW), a(HOST)).to_wire()
    [left] = live.out(said, ASKS, RESOLVES)
    assert lines(read(left.data)) == [a("203.0.113.1")]
    assert live.traffic.received == 1
    live.out(said, f"{HOST}:4001", "203.0.113.1:53")
    live.out(said, f"{HOST}:4001", "10.0.0.1:53")
    [beside] = live.out(said, f"{HOST}:4001", f"{SERVER}:53")
    assert beside.data == said
    assert live.traffic.received == 1


def test_a_flow_that_began_before_somebody_looked_begins_anew(make: Callable[..., Live]) -> None:
    live = make(OVERLOAD + "no ip nat service dns\n")
    asked(live)
    live.reconfigure(OVERLOAD, 1.0)
    with live.wires.gateway.inside():
        live.traffic.forget_uninspected(live.config)
    assert not [flow for flow in live.flows() if "dport=53 " in flow]
    asked(live)
    with live.wires.gateway.inside():
        live.traffic.forget_uninspected(live.config)
    assert [flow for flow in live.flows() if "dport=53 " in flow]
    [left] = live.out(answer(query(WWW), a(HOST)).to_wire(), ASKS, RESOLVES)
    assert lines(read(left.data)) == [a("203.0.113.1")]


def test_leases_are_there_when_they_are_told_of(make: Callable[..., Live]) -> None:
    live = make(POOL)
    live.in_(query(WWW).to_wire(), f"{ASKING}:5000", "203.0.113.5:53")
    [left] = live.out(answer(query(WWW), a("10.0.0.7")).to_wire(), f"{SERVER}:53", f"{ASKING}:5000")
    name = lines(read(left.data))[0].split()[-1]
    assert name.startswith("203.0.113.2")
    [came] = live.in_(b"x", f"{ASKING}:999", f"{name}:80")
    assert came.receiver == "10.0.0.7:80"
    assert told(live, a(name)) == [a("10.0.0.7")]


def test_outside_hosts_are_found_by_names_of_their_own(make: Callable[..., Live]) -> None:
    live = make(OUTSIDE_LIST)
    [record] = told(live, a("10.0.0.5"))
    name = record.split()[-1]
    assert name.startswith("10.99.0.")
    [left] = live.out(b"x", f"{HOST}:1000", f"{name}:80")
    assert left.receiver == "10.0.0.5:80"


@pytest.mark.parametrize(("said", "arrives"), [("off", "203.0.113.5"), ("full", SERVER)])
def test_the_mode_of_an_interface(make: Callable[..., Live], said: str, arrives: str) -> None:
    live = make(STATIC.replace(" ip nat inside\n", f" ip nat inside\n ip nat service dns mode {said}\n"))
    assert told(live, a("203.0.113.5")) == [a(arrives)]


@pytest.mark.parametrize("config", [STATIC, OVERLOAD])
def test_what_is_no_dns_is_handed_out_once(make: Callable[..., Live], config: str) -> None:
    live = make(config)
    for _ in range(3):
        [left] = live.out(b"no message", ASKS, RESOLVES)
        assert left.data == b"no message"
    assert live.traffic.received == 1
    assert live.engine.state.notes["not-dns"] == 1


def test_what_cannot_be_read_is_dropped(make: Callable[..., Live]) -> None:
    live = make(STATIC)
    name = asked(live)
    data = answer(query(WWW), a("203.0.113.5")).to_wire()
    assert live.in_(data[:6] + b"\0\2" + data[8:], RESOLVES, name) == []
    assert live.engine.drops == {"dns: dns-cut-short": 1}


def test_it_can_be_switched_off_and_on(make: Callable[..., Live]) -> None:
    live = make(STATIC)
    live.reconfigure(STATIC + "no ip nat service dns\n", 1.0)
    assert told(live, a("203.0.113.5")) == [a("203.0.113.5")]
    live.reconfigure(STATIC, 2.0)
    assert told(live, a("203.0.113.5")) == [a(SERVER)]
