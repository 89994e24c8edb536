"""`ip nat translation max-entries` for flows whose names the kernel gives out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.engine.results import Side
from kit.gateway import OVERLOAD
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import udp
from kit.wires import Wires

PEER = "198.51.100.7"
MOST = "ip nat translation max-entries "


@pytest.fixture
def live(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Live]:
    with ExitStack() as stack:
        yield Live(Wires(new_namespace(), new_namespace(), stack), stack, tmp_path)


def passed(live: Live, host: str, ports: range) -> list[int]:
    """The ports of a host whose packets got through."""
    return [
        port
        for port in ports
        if live.wires.through(udp(f"{host}:{port}", f"{PEER}:9", f"{host} {port}".encode()), Side.INSIDE)
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("all-host 2", ([1, 2], [1, 2], [1, 2])),
        (f"all-host 2\n{MOST}host 192.168.1.11 3", ([1, 2], [1, 2, 3], [1, 2])),
        ("4", ([1, 2, 3, 4], [], [])),
        ("list 5 5", ([1, 2, 3, 4], [1], [1, 2, 3, 4])),
    ],
)
def test_more_flows_than_allowed_do_not_pass(live: Live, limits: str, expected: tuple[list[int], ...]) -> None:
    config = f"{OVERLOAD}access-list 5 deny 192.168.1.12\naccess-list 5 permit 192.168.1.0 0.0.0.15\n{MOST}{limits}\n"
    live.reconfigure(config, 0.0)
    hosts = "192.168.1.10", "192.168.1.11", "192.168.1.12"
    assert tuple(passed(live, host, range(1, 5)) for host in hosts) == expected
    assert passed(live, hosts[0], range(1, 2)) == [1], "a flow that is there goes on"


def test_a_flow_that_has_ended_makes_room(live: Live) -> None:
    live.reconfigure(OVERLOAD + MOST + "2\n", 0.0)
    assert passed(live, "192.168.1.10", range(1, 4)) == [1, 2]
    live.run("conntrack", "-D", "-p", "udp", "--orig-port-src", "1")
    assert passed(live, "192.168.1.10", range(3, 5)) == [3]
