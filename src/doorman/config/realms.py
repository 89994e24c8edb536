"""What a configuration says of one realm: of a VRF, or (None) of the hosts that are in none.

An inside address means something within its realm only. The outside of a VRF are its own outside interfaces; one that
has none shares those that are in no VRF, with all others that have none: then no two of them may have one name there.
"""

from dataclasses import replace

from doorman.config.model import Config, Interface, MaxEntries
from doorman.config.nat64 import Nat64
from doorman.config.numbering import numbered
from doorman.config.stand_ins import is_at_work, with_stand_ins
from doorman.config.statics import Statics

Realm = str | None
"""The name of a VRF, None for the hosts that are in none."""

_NUMBERS = 255


def realms(config: Config) -> list[Realm]:
    """Those of which there is something to do: there is an inside; with none anywhere, the one without a VRF."""
    found = {interface.vrf for interface in config.interfaces.values() if interface.nat == "inside"}
    if is_at_work(config):
        found.add(None)
    return [realm for realm in (None, *config.vrfs) if realm in found] or [None]


def outside_of(config: Config, realm: Realm) -> Realm:
    """Whose outside interfaces a realm has: its own, or those that are in no VRF."""
    own = any(interface.vrf == realm for interface in config.interfaces.values() if interface.nat == "outside")
    return realm if own else None


def config_of(config: Config, realm: Realm) -> Config:
    """A configuration as if there were nothing but this realm, no VRF, and no IPv6: its hosts are their stand-ins."""
    if realm is None:
        config = with_stand_ins(config)
    if not config.vrfs:
        return config
    shared = sharing(config, realm)
    interfaces = {name: one for name, one in config.interfaces.items() if _is_of(config, one, realm)}
    return replace(
        config,
        vrfs={},
        interfaces=interfaces,
        members_elsewhere={name: zone for name, zone in config.zone_members.items() if name not in interfaces},
        dynamic_sources=[rule for rule in config.dynamic_sources if rule.vrf == realm],
        statics=Statics(rule for rule in config.statics if rule.vrf == realm),
        destinations=[rule for rule in config.destinations if rule.vrf == realm],
        outside_sources=[rule for rule in config.outside_sources if rule.vrf == realm],
        outside_statics=Statics((rule for rule in config.outside_statics if rule.vrf == realm), in_vrf=True),
        nat64=config.nat64 if realm is None else Nat64(),
        ipsec=config.ipsec if realm is None else replace(config.ipsec, inward=()),
        others=Statics(rule for rule in config.statics if rule.vrf != realm and rule.vrf in shared),
        max_entries=_limits(config.max_entries, realm),
    )


def sharing(config: Config, realm: Realm) -> set[Realm]:
    """The realms that have the outside of this one, itself included."""
    return {other for other in realms(config) if outside_of(config, other) == outside_of(config, realm)} | {realm}


def config_of_outside(config: Config, realm: Realm) -> Config:
    """A configuration as if there were nothing but the rules of those who share the outside of a realm."""
    config = with_stand_ins(config)
    if not config.vrfs:
        return config
    known = sharing(config, realm)
    return replace(
        config,
        dynamic_sources=[rule for rule in config.dynamic_sources if rule.vrf in known],
        statics=Statics(rule for rule in config.statics if rule.vrf in known),
    )


def _is_of(config: Config, interface: Interface, realm: Realm) -> bool:
    if interface.nat == "outside":
        return interface.vrf == outside_of(config, realm)
    return interface.vrf == realm


def _limits(limits: MaxEntries, realm: Realm) -> MaxEntries:
    """A limit of all is one of each realm; that of a VRF, or of every VRF, takes its place."""
    own = dict(limits.vrfs).get(realm or "", limits.all_vrf if realm is not None else None)
    return replace(limits, all=own if own is not None else limits.all, all_vrf=None, vrfs=())


def numbers(config: Config) -> dict[str, int]:
    """A number from 1 to 255 for each VRF, made of its name: other VRFs change it only where two clash."""
    found = numbered((name.encode() for name in config.vrfs), _NUMBERS)
    return {name: found[name.encode()] for name in config.vrfs}
