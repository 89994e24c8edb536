"""What a configuration says of one realm: of a VRF, or (None) of the hosts that are in none.

An inside address means something within its realm only. The outside of a VRF are its own outside interfaces; one that
has none shares those that are in no VRF, with all others that have none: then no two of them may have one name there.
"""

from dataclasses import replace

from doorman.config.model import Config, Interface, MaxEntries
from doorman.config.statics import Statics

Realm = str | None
"""The name of a VRF, None for the hosts that are in none."""


def realms(config: Config) -> list[Realm]:
    """Those of which there is something to do: there is an inside; with none anywhere, the one without a VRF."""
    found = {interface.vrf for interface in config.interfaces.values() if interface.nat == "inside"}
    return [realm for realm in (None, *config.vrfs) if realm in found] or [None]


def outside_of(config: Config, realm: Realm) -> Realm:
    """Whose outside interfaces a realm has: its own, or those that are in no VRF."""
    own = any(interface.vrf == realm for interface in config.interfaces.values() if interface.nat == "outside")
    return realm if own else None


def config_of(config: Config, realm: Realm) -> Config:
    """A configuration as if there were nothing but this realm, and no VRF."""
    if not config.vrfs:
        return config
    return replace(
        config,
        vrfs={},
        interfaces={name: one for name, one in config.interfaces.items() if _is_of(config, one, realm)},
        dynamic_sources=[rule for rule in config.dynamic_sources if rule.vrf == realm],
        statics=Statics(rule for rule in config.statics if rule.vrf == realm),
        destinations=config.destinations if realm is None else [],
        ipsec=config.ipsec if realm is None else replace(config.ipsec, inward=()),
        max_entries=_limits(config.max_entries, realm),
    )


def config_of_outside(config: Config, owner: Realm) -> Config:
    """The same of all realms that share an outside, see `outside_of`: nothing but their rules."""
    if not config.vrfs:
        return config
    sharing = {realm for realm in realms(config) if outside_of(config, realm) == owner}
    return replace(
        config,
        dynamic_sources=[rule for rule in config.dynamic_sources if rule.vrf in sharing],
        statics=Statics(rule for rule in config.statics if rule.vrf in sharing),
    )


def _is_of(config: Config, interface: Interface, realm: Realm) -> bool:
    if interface.nat == "outside":
        return interface.vrf == outside_of(config, realm)
    return interface.vrf == realm


def _limits(limits: MaxEntries, realm: Realm) -> MaxEntries:
    """A limit of all is one of each realm; that of a VRF, or of every VRF, takes its place."""
    own = dict(limits.vrfs).get(realm or "", limits.all_vrf if realm is not None else None)
    return replace(limits, all=own if own is not None else limits.all, all_vrf=None, vrfs=())
