"""Every ALG of the registry keeps to its own settings and its own records."""

import pytest

from doorman.algs.makers import MAKERS
from doorman.algs.records import DamagedRecord
from doorman.algs.registry import ENTRIES, REGISTRY, Entry
from doorman.algs.settings import Settings
from doorman.algs.stateless import Stateless

PORTS = frozenset({7777})
every = pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)


def test_each_has_a_maker_and_a_framer_where_it_is_spoken_over_tcp() -> None:
    assert MAKERS.keys() == ENTRIES.keys()
    for name, maker in MAKERS.items():
        assert (maker.framer is not None) == (ENTRIES[name].tcp is not None)


@every
def test_settings_are_of_its_own_class(entry: Entry) -> None:
    alg = MAKERS[entry.name].make(PORTS, entry.settings)
    assert alg.name == entry.name
    alg.configure(PORTS, entry.settings)
    if isinstance(alg, Stateless):
        return  # it looks at none but those of all ALGs
    with pytest.raises(TypeError):
        alg.configure(PORTS, Settings())
    with pytest.raises(TypeError):
        MAKERS[entry.name].make(PORTS, Settings())


@every
def test_records_are_its_own(entry: Entry) -> None:
    alg = MAKERS[entry.name].make(PORTS, entry.settings)
    assert list(alg.remembered()) == []
    with pytest.raises(TypeError):
        alg.record("somebody else's")
    with pytest.raises(DamagedRecord):
        alg.restore("no key", None, frozenset())
