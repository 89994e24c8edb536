"""Random traffic through a gateway that is killed at random: it goes on with the tables it had, and ends with none."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from doorman.config.reader import read_config
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import Keeper
from doorman.engine.engine import Engine
from doorman.engine.snapshot import contents_of
from kit.saved import Read, everything
from kit.sip import OVERLOAD, POOL
from kit.traffic import QUICK, Traffic


class Killed(Traffic):
    """The gateway has a journal."""

    def __init__(self, config: str) -> None:
        super().__init__(config)
        self._directory = tempfile.TemporaryDirectory()
        self._begin()

    def _begin(self) -> None:
        config = read_config(self.config, "test.cfg")
        engine = Engine(config, random.Random(7).random, delegated=True)
        engine.state.sessions.set_timeouts(config.timeouts)  # no kernel tells when they end
        self.gateway.engine = engine
        self.journal = Journal(Path(self._directory.name), "boot")
        self.keeper = Keeper(engine, self.journal, pytest.fail)
        self.restored = self.keeper.restore(self.gateway.now)

    def _flush(self) -> list[Read]:
        self.keeper.note(self.gateway.engine.take_changes())
        self.keeper.flush(self.gateway.now)
        return sorted(everything(self.gateway.engine))

    @rule()
    def the_gateway_is_killed(self) -> None:
        before = self._flush()
        self.journal.close()
        self._begin()
        assert not set(self.restored.refused) - {"door-without-owner"}
        if not self.restored.refused:
            assert self._flush() == before

    @rule()
    def the_gateway_is_killed_before_it_saved(self) -> None:
        """What the last packets did is lost; what is left still fits together."""
        self.journal.close()
        self._begin()

    @rule()
    def the_journal_is_flushed(self) -> None:
        everything = self._flush()
        assert sorted(self.journal.load().items()) == everything

    @invariant()
    def saving_ends(self) -> None:
        assert self.keeper.counts["failures"] == 0

    def teardown(self) -> None:
        super().teardown()
        self._flush()
        left = [contents_of(record).key for record in self.journal.load().items()]
        assert [key for key in left if not isinstance(key, tuple) or key[0] != "bare"] == []
        self.journal.close()
        self._directory.cleanup()


@pytest.mark.parametrize("config", [OVERLOAD, POOL], ids=["overload", "pool"])
def test_a_gateway_that_is_killed_time_and_again(config: str) -> None:
    class KilledHere(Killed):
        def __init__(self) -> None:
            super().__init__(config)

    run_state_machine_as_test(KilledHere, settings=settings(QUICK, max_examples=25))
