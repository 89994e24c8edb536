"""What most ALGs have in common: settings of a class of their own, and nothing that outlives a gateway.

Whoever follows something, or has to tell what an outside end must have written, says so in methods of its own.
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from doorman.algs.api import Edit, Effect, Ends, Message, Nat, Note, Outcome, Owner, Plain, Record, Shown, Touched
from doorman.algs.records import DamagedRecord
from doorman.algs.settings import Settings, lets_pass

S = TypeVar("S", bound=Settings)


class BaseAlg(Generic[S]):
    """An ALG but for `on_message`. See `Alg` for what its methods are.

    Args:
        ports: those it is served on.
        settings: of its own class; None for those it has by default.

    Attributes:
        name, touched: see `Alg`.
        own: its class of settings.
        settings: as they are configured now.

    Raises:
        TypeError: they are those of another ALG.
    """

    name: str
    own: type[S]

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        self.touched = Touched()
        self.settings = self.own()
        self._ports = ports
        if settings is not None:
            self.configure(ports, settings)

    def configure(self, ports: frozenset[int], settings: Settings) -> None:
        """Heed other ports and settings. See `Alg.configure`.

        Raises:
            TypeError: they are those of another ALG.
        """
        if not isinstance(settings, self.own):
            raise TypeError(f"not of {self.name}: {settings!r}")
        self._ports, self.settings = ports, settings

    def recognises(self, data: bytes) -> bool:  # noqa: ARG002 - see there
        """Nothing: on a port that is not served its messages are like any others. See `Alg.recognises`."""
        return False

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:  # noqa: ARG002 - see there
        """Nothing: an end outside announces itself, which has one name. See `Alg.as_sent`."""
        return []

    def on_time(self, now: float) -> list[Effect]:  # noqa: ARG002 - see there
        """Nothing: doors end by themselves. See `Alg.on_time`."""
        return []

    def on_end(self, ends: Ends, now: float) -> list[Effect]:  # noqa: ARG002 - see there
        """Nothing: no flow is followed. See `Alg.on_end`."""
        return []

    def totals(self) -> Mapping[str, int]:
        """Nothing is counted but messages. See `Alg.totals`."""
        return {}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:  # noqa: ARG002 - see there
        """None is followed. See `Alg.sessions`."""
        return iter(())

    def remembered(self) -> Iterable[Hashable]:
        """Nothing that outlives a gateway. See `Alg.remembered`."""
        return ()

    def of_owner(self, owner: Owner) -> Hashable | None:  # noqa: ARG002 - see there
        """Nothing, for the same reason. See `Alg.of_owner`."""
        return None

    def record(self, item: Hashable) -> Record:
        """No record, for the same reason. See `Alg.record`.

        Raises:
            TypeError: always, since nothing is noted in `touched`.
        """
        raise TypeError(f"not of {self.name}: {item!r}")

    def restore(self, key: Plain, value: Plain, doors: Container[Owner]) -> Iterable[Owner]:  # noqa: ARG002 - see there
        """Nothing was saved. See `Alg.restore`."""
        raise DamagedRecord(f"no record of {self.name}")

    def unreadable(self, reason: str, name: str, message: Message) -> Outcome:
        """What becomes of a message that breaks the rules of its protocol, as the setting `malformed` says."""
        if lets_pass(self.settings.malformed, translated=message.path.translated):
            return Outcome([], [Note("passed-as-it-came", reason.encode())], name)
        return Outcome([], [], name, reason)
