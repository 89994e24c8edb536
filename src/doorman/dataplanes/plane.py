"""The contract of a data plane that carries flows for an engine: the kernel (`netfilter`), or a fake of it (`memory`).

    engine.receive(packet) -> changes -> plane.commit(changes) -> only then the packet goes on
    plane: a flow began, was answered, ended              -> engine.flows

What is committed is in force when `commit` returns. A plane is told of names (bindings), doors, and flows to cut; the
same contract tests run against both.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from doorman.algs.api import Door
from doorman.config.model import Config
from doorman.engine.flows import KernelFlow
from doorman.engine.results import Change, IpsecChange
from doorman.nat.bindings import Binding


class PlaneRefused(Exception):  # noqa: N818 - the outcome of a request, as in 'connection refused'
    """The plane could not do what was asked, and did none of it; the text says why."""


class Plane(Protocol):
    """Who carries the flows."""

    def synchronise(
        self,
        config: Config,
        bindings: Iterable[Binding],
        doors: Iterable[Door],
        now: float,
        ipsec: Iterable[IpsecChange] = (),
    ) -> None:
        """Translate as a configuration says, with these names and doors and no others; flows that pass go on.

        `ipsec`: what makes the tunnels that there are, and with whom hosts speak IKE that keep its port.

        Raises:
            PlaneRefused: all is as it was.
        """
        ...

    def commit(self, changes: Sequence[Change], now: float) -> None:
        """Carry out changes of the engine, all or none.

        Raises:
            PlaneRefused: none was carried out.
        """
        ...

    def flows(self) -> Iterator[tuple[KernelFlow, bool]]:
        """The flows that go through names of the engine, now; each with whether it was answered."""
        ...
