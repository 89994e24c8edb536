"""Ordinary flows after another configuration: the kernel goes by what it says now."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.config.reader import read_config
from doorman.daemon.gateway import Gateway
from doorman.engine.results import Side
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import udp
from kit.sip import OVERLOAD
from kit.wires import Places, Wires

HOST, PEER = "10.0.0.10:7000", "198.51.100.20:7000"
NOBODY = OVERLOAD.replace("permit 10.0.0.0 0.0.0.255", "permit host 10.0.0.77")
STATIC = "ip nat inside source static 10.0.0.10 203.0.113.5\n"
STATIC_PORT = "ip nat inside source static udp 10.0.0.10 7000 203.0.113.6 7000\n"


class Changing:
    """A live gateway whose configuration is changed as operators do it."""

    def __init__(self, live: Live, directory: Path, config: str) -> None:
        self.live = live
        with live.wires.gateway.inside():
            self.gateway = Gateway(directory / "config", live.config, live.parts, directory / "traces")
        self.change(config)

    def change(self, config: str) -> None:
        with self.live.wires.gateway.inside():
            self.gateway.apply(read_config(config, "test.cfg"))

    def name(self, receiver: str = PEER) -> str:
        """The address that the host's packets leave with."""
        [sent] = self.live.out(b"ordinary", HOST, receiver)
        return sent.sender.partition(":")[0]

    def comes_in(self, receiver: str) -> bool:
        return [came.receiver for came in self.live.in_(b"ordinary", PEER, receiver)] == [HOST]


Make = Callable[[str], Changing]


@pytest.fixture
def make(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def changing(config: str) -> Changing:
            wires = Wires(new_namespace(), new_namespace(), stack, Places(inside="10.0.0.1"))
            return Changing(Live(wires, stack, tmp_path), tmp_path, config)

        yield changing


@pytest.mark.parametrize(
    ("before", "name_before", "after", "name_after"),
    [
        (NOBODY, "10.0.0.10", OVERLOAD, "203.0.113.1"),
        (OVERLOAD, "203.0.113.1", NOBODY, "10.0.0.10"),
        (OVERLOAD, "203.0.113.1", OVERLOAD + STATIC, "203.0.113.5"),
        (NOBODY + STATIC, "203.0.113.5", NOBODY, "10.0.0.10"),
        (NOBODY + STATIC, "203.0.113.5", OVERLOAD, "203.0.113.1"),
    ],
)
def test_a_flow_gets_the_name_its_host_has_now(
    make: Make, before: str, name_before: str, after: str, name_after: str
) -> None:
    changing = make(before)
    assert changing.name() == name_before
    assert changing.name() == name_before
    changing.change(after)
    assert changing.name() == name_after


@pytest.mark.parametrize(("rule", "name"), [(STATIC, "203.0.113.5:7000"), (STATIC_PORT, "203.0.113.6:7000")])
def test_nothing_comes_in_by_a_static_name_that_is_gone(make: Make, rule: str, name: str) -> None:
    changing = make(OVERLOAD + rule)
    assert changing.comes_in(name)
    changing.change(OVERLOAD + rule + "ip nat translation udp-timeout 100\n")
    assert changing.comes_in(name)
    changing.change(OVERLOAD)
    assert not changing.comes_in(name)


def test_flows_that_a_change_does_not_concern_are_the_same(make: Make) -> None:
    changing = make(OVERLOAD + STATIC.replace(".10 ", ".11 "))
    live = changing.live
    changing.name()
    live.in_(b"ordinary", PEER, "203.0.113.5:7000")
    live.packets(Side.INSIDE, udp("10.0.0.10:7001", "10.0.0.1:7001", b"to the gateway itself"))
    before = flows(live)
    assert len(before) >= 2
    changing.change(OVERLOAD + STATIC.replace(".10 ", ".11 ") + STATIC_PORT.replace("7000", "7009"))
    assert flows(live) == before


def flows(live: Live) -> list[str]:
    """All flows, without what changes by itself."""
    ids = live.run("conntrack", "-L", "-o", "id").splitlines()
    return sorted(" ".join(line.split()[3:]) for line in ids)
