"""The engines of a configuration, one for each realm (see `config.realms`): what an engine knows is of one VRF alone.

An inside address, a session, a door, a call: each means something within its realm. Names outside are shared by those
that have one outside, so they give them out of the same holdings.
"""

from collections.abc import Callable, Collection, Mapping

from doorman.config.model import Config
from doorman.config.realms import Realm, config_of, config_of_outside, outside_of, realms
from doorman.engine.engine import Engine
from doorman.engine.plan import Plan, hold
from doorman.nat.holdings import Holdings
from doorman.net.routes import Route

RouteOf = Callable[[Realm], Route | None]


def no_route(realm: Realm) -> None:
    """The routes where no kernel carries the flows."""


def engines(
    config: Config,
    chance: Callable[[], float],
    *,
    delegated: bool = False,
    reserved: Collection[tuple[int, int]] = (),
    route_of: RouteOf = no_route,
) -> dict[Realm, Engine]:
    """An engine for each realm; see `Engine` for the arguments. `route_of`: the routes of a realm.

    Raises:
        UnusableConfig: a rule of the configuration cannot be put to work.
    """
    shared: dict[Realm, Holdings] = {}
    found = {}
    for realm in realms(config):
        owner = outside_of(config, realm)
        if owner not in shared:
            rules = config_of_outside(config, realm)
            shared[owner] = hold(rules, chance, delegated=delegated, reserved=reserved)
        own = config_of(config, realm)
        found[realm] = Engine(
            own,
            chance,
            delegated=delegated,
            reserved=reserved,
            holdings=shared[owner],
            route=route_of(realm),
        )
    return found


def reserve(found: Mapping[Realm, Engine], reserved: Collection[tuple[int, int]]) -> None:
    """Give these ports to nobody from the next configuration on; names that have been given out stay."""
    given = {
        (binding.protocol, binding.global_.port)
        for engine in found.values()
        for binding in engine.state.bindings
        if not binding.static
    }
    for engine in found.values():
        engine.state.reserve(frozenset(reserved) - given)


def carry_on(
    found: Mapping[Realm, Engine], config: Config, now: float, route_of: RouteOf = no_route
) -> dict[Realm, Engine]:
    """Let engines go on by another configuration, what it allows undisturbed; give those of new realms, made anew.

    Those of realms that are no more stay as they are.

    Raises:
        UnusableConfig: a rule cannot be put to work; nothing has changed.
    """
    state = next(iter(found.values())).state
    shared: dict[Realm, Holdings] = {}
    plans: dict[Realm, Plan] = {}
    made: dict[Realm, Engine] = {}
    for realm in realms(config):
        own, owner = config_of(config, realm), outside_of(config, realm)
        if owner not in shared:
            shared[owner] = state.hold(config_of_outside(config, realm))
        if realm in found:
            plans[realm] = found[realm].state.plan(own, shared[owner])
        else:
            made[realm] = Engine(
                own,
                state.chance,
                delegated=state.delegated,
                reserved=state.reserved,
                holdings=shared[owner],
                route=route_of(realm),
            )
    for realm, plan in plans.items():
        found[realm].carry_on(plan, now)
    return made
