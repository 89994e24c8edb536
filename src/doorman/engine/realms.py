"""The engines of a configuration, one for each realm (see `config.realms`): what an engine knows is of one VRF alone.

An inside address, a session, a door, a call: each means something within its realm. Names outside are shared by those
that have one outside, so they give them out of the same holdings.
"""

from collections.abc import Callable, Collection

from doorman.config.model import Config
from doorman.config.realms import Realm, config_of, config_of_outside, outside_of, realms
from doorman.engine.engine import Engine
from doorman.engine.state import hold
from doorman.nat.holdings import Holdings


def engines(
    config: Config,
    chance: Callable[[], float],
    *,
    delegated: bool = False,
    reserved: Collection[tuple[int, int]] = (),
) -> dict[Realm, Engine]:
    """An engine for each realm; see `Engine` for the arguments.

    Raises:
        UnusableConfig: a rule of the configuration cannot be put to work.
    """
    shared = _Shared(config, chance, delegated=delegated, reserved=reserved)
    return {
        realm: Engine(
            config_of(config, realm),
            chance,
            delegated=delegated,
            reserved=reserved,
            holdings=shared.of(realm),
        )
        for realm in realms(config)
    }


class _Shared:
    """The holdings of each outside."""

    def __init__(
        self,
        config: Config,
        chance: Callable[[], float],
        *,
        delegated: bool,
        reserved: Collection[tuple[int, int]],
    ) -> None:
        self._config = config
        self._chance = chance
        self._delegated = delegated
        self._reserved = reserved
        self._known: dict[Realm, Holdings] = {}

    def of(self, realm: Realm) -> Holdings:
        """What a realm gives out of."""
        owner = outside_of(self._config, realm)
        if owner not in self._known:
            rules = config_of_outside(self._config, owner)
            self._known[owner] = hold(rules, self._chance, delegated=self._delegated, reserved=self._reserved)
        return self._known[owner]
