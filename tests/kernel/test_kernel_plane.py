"""The contract of a data plane, kept by the kernel, with real packets."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.plane import Plane
from doorman.engine.results import Side
from doorman.net.packet import TCP
from kit.namespaces import Namespace
from kit.packets import tcp, udp
from kit.plane_contract import PlaneContract, gate
from kit.wires import Wires, ends_of

__all__ = ["gate"]

TABLE = "doorman"
QUEUE = 5060
_numbers = itertools.count()


class Kernel:
    """A plane in a namespace, as the contract's tests want it."""

    def __init__(self, wires: Wires, stack: ExitStack) -> None:
        self.wires = wires
        self.run = wires.gateway.run
        stack.enter_context(wires.gateway.inside())
        self.netfilter = NetfilterPlane(Setting(TABLE, QUEUE, 0, timeouts=True))
        stack.callback(self.netfilter.close, remove=True)
        self.plane: Plane = self.netfilter

    def arrives(self, protocol: int, sender: str, receiver: str, side: Side) -> tuple[str, str] | None:
        token = b"packet %d" % next(_numbers)
        packet = tcp(sender, receiver, data=token) if protocol == TCP else udp(sender, receiver, token)
        out = self.wires.through(packet, side)
        return ends_of(out) if out is not None else None

    def spoil(self, entrance: str) -> None:
        """Somebody put an element into our map that leads elsewhere."""
        self._element("add", entrance, " : 192.168.1.66 . 66")

    def mend(self, entrance: str) -> None:
        self._element("delete", entrance)

    def _element(self, verb: str, entrance: str, data: str = "") -> None:
        address, _, port = entrance.partition(":")
        self.run("nft", f"{verb} element ip {TABLE} doors_any {{ {address} . udp . {port}{data} }}")


@pytest.fixture
def world(new_namespace: Callable[[], Namespace]) -> Iterator[Kernel]:
    with ExitStack() as stack:
        yield Kernel(Wires(new_namespace(), new_namespace(), stack), stack)


class TestNetfilterPlane(PlaneContract):
    pass
