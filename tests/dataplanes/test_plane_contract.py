"""The contract of a data plane, kept by the fake that lives in memory; tests/kernel has the same for the kernel."""

import pytest

from doorman.dataplanes.memory import MemoryPlane
from doorman.dataplanes.plane import Plane
from doorman.engine.results import Side
from kit.packets import endpoint
from kit.plane_contract import PlaneContract, World, gate, shown

__all__ = ["gate"]


class Memory:
    """A plane in memory, as the contract's tests want it."""

    def __init__(self) -> None:
        self.memory = MemoryPlane()
        self.plane: Plane = self.memory

    def arrives(self, protocol: int, sender: str, receiver: str, side: Side) -> tuple[str, str] | None:
        return shown(self.memory.arrives(protocol, endpoint(sender), endpoint(receiver), side))

    def spoil(self, entrance: str) -> None:  # noqa: ARG002 - it refuses whatever it is asked
        self.memory.refusing = True

    def mend(self, entrance: str) -> None:  # noqa: ARG002
        self.memory.refusing = False


class TestMemoryPlane(PlaneContract):
    @pytest.fixture
    def world(self) -> World:
        return Memory()
