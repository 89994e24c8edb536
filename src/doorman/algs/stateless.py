"""What every ALG must answer, for those that remember nothing: each message is translated by itself."""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping

from doorman.algs.api import Effect, Ends, Json, Message, Note, Outcome, Owner, Record, Shown, Touched
from doorman.algs.records import DamagedRecord
from doorman.algs.settings import Settings, lets_pass


class Stateless:
    """The part of an ALG that is about what it remembers: nothing. A protocol's own says what it does with a message.

    Args:
        ports: those it is served on.
        settings: those of its class.

    Attributes:
        name, touched: see `Alg`.
        settings: as they are configured now.
    """

    name = ""

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:  # noqa: ARG002 - no door leads there
        self.touched = Touched()
        self.settings = settings or Settings()

    def configure(self, ports: frozenset[int], settings: Settings) -> None:  # noqa: ARG002 - it opens no doors to them
        """Heed other settings. See `Alg.configure`."""
        self.settings = settings

    def on_time(self, now: float) -> list[Effect]:  # noqa: ARG002 - see there
        """Nothing. See `Alg.on_time`."""
        return []

    def on_end(self, ends: Ends, now: float) -> list[Effect]:  # noqa: ARG002 - see there
        """Nothing. See `Alg.on_end`."""
        return []

    def totals(self) -> Mapping[str, int]:
        """Nothing. See `Alg.totals`."""
        return {}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:  # noqa: ARG002 - see there
        """None. See `Alg.sessions`."""
        return iter(())

    def remembered(self) -> Iterable[Hashable]:
        """Nothing. See `Alg.remembered`."""
        return ()

    def record(self, item: Hashable) -> Record:
        """No record. See `Alg.record`."""
        raise TypeError(f"{self.name} remembers nothing: {item!r}")

    def restore(self, key: str, value: Json, doors: Container[Owner]) -> Iterable[Owner]:  # noqa: ARG002 - see there
        """Nothing was saved. See `Alg.restore`."""
        raise DamagedRecord(f"no record of {self.name}")

    def unreadable(self, reason: str, name: str, message: Message) -> Outcome:
        """What becomes of a message that breaks the rules of its protocol, as the setting `malformed` says."""
        if lets_pass(self.settings.malformed, translated=message.path.translated):
            return Outcome([], [Note("passed-as-it-came", reason.encode())], name)
        return Outcome([], [], name, reason)
