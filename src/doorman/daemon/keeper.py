"""The keeper: what changed in a gateway goes into its journal, a moment later and each thing once.

engine, kernel -> changes -> `note`           which bindings, whose doors
ALGs           -> `Alg.touched`               which calls
                             `flush`          their state as it is now, in one transaction
                             `flush_urgent`   only that of names, of doors that open, close or end at another time, and
                                              of the calls that have these: before it is told of; all else may wait
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Final

from doorman.algs.api import Alg, Owner
from doorman.daemon.journal import Batch, Journal, JournalFailed
from doorman.engine.engine import Engine
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted, IpsecChange
from doorman.engine.snapshot import (
    Restored,
    restore,
    save_binding,
    save_doors,
    save_everything,
    save_ipsec,
    save_item,
    save_stand_in,
    stands_alone,
)
from doorman.nat.bindings import Binding, BindingFreed, BindingMade
from doorman.net.addresses import Address

LATEST: Final = 0.05
"""Seconds after which a change should be in the journal, however busy the gateway is."""
RETRY: Final = 5.0
"""Seconds after which a journal that failed is begun again."""


class Keeper:
    """Keeps a journal of an engine. Whatever becomes of the journal, the gateway goes on.

    Args:
        engine: the gateway.
        journal: opened, for this gateway.
        say: told, once each, when saving fails and when it works again.

    Attributes:
        counts: `saved` and `too-long`, in records; `flushes` and `failures`.
    """

    def __init__(self, engine: Engine, journal: Journal, say: Callable[[str], None]) -> None:
        self.counts = {"saved": 0, "too-long": 0, "flushes": 0, "failures": 0}
        self._engine = engine
        self._journal = journal
        self._say = say
        self._records: Batch = {}
        # Names that changed, or the doors by them: whether they are there still. And those that have a record.
        self._names: dict[Binding, bool] = {}
        self._alone: set[Binding] = set()
        self._owners: dict[Owner, None] = {}
        self._retry_at: float | None = None
        self._watched: list[Alg] = []
        engine.state.doors.retimed.watch()
        engine.state.stand_ins.touched.watch()
        self._watch()

    @property
    def dirty(self) -> bool:
        """Whether there is anything to be flushed."""
        if self.urgent or self._retry_at is not None or self._engine.state.stand_ins.touched:
            return True
        return any(alg.touched for alg in self._watched)

    @property
    def urgent(self) -> bool:
        """Whether there is anything to be flushed at once: a restart that did not know would keep doors open."""
        return bool(self._records or self._names or self._owners or self._engine.state.doors.retimed)

    def restore(self, now: float) -> Restored:
        """Let the engine, which is new, go on where the journal ends.

        Raises:
            JournalFailed: it cannot be read.
        """
        loaded = self._journal.load()
        restored = restore(self._engine, loaded.items(), now)
        self._alone = {name for name in self._bindings() if save_binding(name)[0] in loaded}
        self._write(dict(restored.corrections), now)
        return restored

    def note(self, changes: Iterable[Change]) -> None:
        """Take note of what the engine did; also of nothing, when it was given another configuration."""
        self._watch()
        last: Owner | None = None
        for change in changes:
            if isinstance(change, (DoorOpened, DoorClosed, DoorPromoted)):
                owner = change.door.owner
                if owner is not last:  # mostly they are of one call
                    self._owners[owner], last = None, owner
                if change.binding is not None and change.binding.is_port:
                    self._names.setdefault(change.binding, True)
            elif isinstance(change, (BindingMade, BindingFreed)):
                self._names[change.binding] = isinstance(change, BindingMade)
            elif isinstance(change, IpsecChange):
                saved = save_ipsec(change)
                if saved is not None:
                    self._records[saved[0]] = saved[1]

    def flush(self, now: float) -> None:
        """Save what has changed since the last time. What fails is told of, and tried again after a while."""
        self._save(self._changed(), now)

    def flush_urgent(self, now: float) -> None:
        """The same, only of what must not be told of before it is saved, or is to be saved right after."""
        self._save(self._urgent(), now)

    def _save(self, records: Batch, now: float) -> None:
        if self._retry_at is None:
            self._write(records, now)
        elif now >= self._retry_at:
            self._begin_again(now)

    def close(self, now: float) -> None:
        """Save what has changed, and close the journal."""
        self.flush(now)
        self._journal.close()

    def discard(self) -> None:
        """Keep nothing of what there was: the engine ends for good."""
        self._changed()
        with suppress(JournalFailed):
            self._journal.begin_again({})

    def _watch(self) -> None:
        """Let the ALGs take note; another configuration may have brought others, and takes none away."""
        algs = self._engine.inspector.algs
        if len(self._watched) < len(algs):
            self._watched = list(algs.values())
            for alg in self._watched:
                alg.touched.watch()

    def _changed(self) -> Batch:
        """The records of all that has changed, as it is now; it is noted no more."""
        records = self._urgent()
        for alg in self._watched:
            for item in alg.touched.take():
                name, value = save_item(alg, item)
                records[name] = value
        return records

    def _urgent(self) -> Batch:
        """The same of names and doors, of the calls that have them, and of hosts that got a stand-in."""
        algs, doors = self._engine.inspector.algs, self._engine.state.doors
        for retimed in doors.retimed.take():
            if isinstance(retimed, Owner) and doors.of_owner(retimed):
                self._owners[retimed] = None
        records, names, owners = self._records, self._names, self._owners
        self._records, self._names, self._owners = {}, {}, {}
        for host in self._engine.state.stand_ins.touched.take():
            if isinstance(host, bytes):
                name, value = save_stand_in(self._engine, Address(host))
                records[name] = value
        for binding, is_there in names.items():
            self._save_name(binding, records, alone=is_there and stands_alone(binding))
        for owner in owners:
            left = doors.of_owner(owner)
            alg = algs.get(owner.alg) if left else None
            if alg is not None:
                self._save_keepers(alg, owner, records)
            name, value = save_doors(owner, left)
            records[name] = value
        return records

    @staticmethod
    def _save_keepers(alg: Alg, owner: Owner, records: Batch) -> None:
        """Save whose doors these are; of those that are nobody's own, who keeps them may be any that was touched."""
        item = alg.of_owner(owner)
        if item is None:
            records.update(save_item(alg, touched) for touched in alg.touched.take())
        elif alg.touched.drop(item):
            name, value = save_item(alg, item)
            records[name] = value

    def _save_name(self, binding: Binding, records: Batch, *, alone: bool) -> None:
        """Give a name a record of its own, or take that away, if it has to be."""
        if alone == (binding in self._alone):
            return
        name, value = save_binding(binding, freed=not alone)
        records[name] = value
        if alone:
            self._alone.add(binding)
        else:
            self._alone.remove(binding)

    def _bindings(self) -> Iterator[Binding]:
        """All that there are of inside and outside hosts."""
        return chain(self._engine.state.bindings, self._engine.state.outside)

    def _write(self, records: Batch, now: float) -> None:
        if not records:
            return
        try:
            self.counts["too-long"] += self._journal.write(records)
        except JournalFailed as failed:
            self._fail(failed, now)
            return
        self.counts["flushes"] += 1
        self.counts["saved"] += len(records)

    def _begin_again(self, now: float) -> None:
        records: Batch = dict(save_everything(self._engine))
        try:
            self.counts["too-long"] += self._journal.begin_again(records)
        except JournalFailed as failed:
            self._fail(failed, now)
            return
        self._retry_at = None
        self._alone = set(filter(stands_alone, self._bindings()))
        self.counts["flushes"] += 1
        self.counts["saved"] += len(records)
        self._say("the state is saved again")

    def _fail(self, failed: JournalFailed, now: float) -> None:
        self.counts["failures"] += 1
        if self._retry_at is None:
            self._say(f"the state cannot be saved, and will not survive a restart: {failed}")
        self._retry_at = now + RETRY
