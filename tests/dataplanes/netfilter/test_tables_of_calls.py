"""Elements for a call, change by change: after each message they are those of all names and doors that there are."""

from collections.abc import Iterable

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.needs import Terms
from doorman.dataplanes.netfilter.packed import text_of
from doorman.dataplanes.netfilter.tables import Tables
from doorman.engine.engine import Engine
from doorman.engine.results import Change, DoorOpened
from doorman.nat.bindings import BindingMade
from doorman.net.packet import TCP, UDP
from kit.packets import endpoint
from kit.sip import OVERLOAD, PHONE, POOL, STATIC, Gateway, answer, request, sdp

TERMS = Terms({UDP: frozenset({5060}), TCP: frozenset({5060})})
TO = b"To: <sip:bob@198.51.100.20>"


def texts(tables: Tables) -> set[str]:
    return {f"{element.set_name}: {text_of(element)}" for element in tables}


def afresh(engine: Engine) -> Tables:
    """The elements of all names and doors, whatever happened to them."""
    tables, doors = Tables(TERMS), engine.state.doors.everyone()
    there: Iterable[Change] = [*map(BindingMade, engine.state.bindings), *map(DoorOpened, doors)]
    tables.plan(there, 0.0)
    return tables


@pytest.mark.parametrize("config", [OVERLOAD, POOL, STATIC], ids=["overload", "pool", "static"])
def test_changes_come_to_what_there_is(config: str) -> None:
    gateway = Gateway()
    engine = gateway.engine = Engine(read_config(config, "test.cfg"), lambda: 0.5, delegated=True)
    tables = afresh(engine)

    def follow(*, doors: bool) -> None:
        tables.plan(engine.take_changes(), gateway.now)
        assert texts(tables) == texts(afresh(engine))
        assert any("doors" in text for text in texts(tables)) == doors

    gateway.out(request(body=sdp()))
    follow(doors=True)
    binding = engine.state.bindings.by_local(UDP, endpoint(PHONE))
    assert binding is not None
    name = str(binding.outward(endpoint(PHONE)))
    address = name.partition(":")[0].encode()
    ok = answer(200, body=sdp("198.51.100.99", 7000)).replace(b"203.0.113.1", address)
    assert gateway.in_(ok, target=name).reason == ""
    follow(doors=True)
    gateway.out(request("BYE").replace(TO, TO + b";tag=b"))
    gateway.wait(10.0)
    follow(doors=True)
    gateway.wait(50_000.0)
    follow(doors=False)
