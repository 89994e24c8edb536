"""`policy-map type inspect`: what becomes of the flows of each class, in the order of the classes."""

from dataclasses import replace
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.message_forms import FORMS
from doorman.config.model import Config
from doorman.config.zones import CLASS_DEFAULT, Action, Place, Police, PolicyClass, PolicyMap


def _enter(config: Config, *, name: str) -> str:
    """Describe a policy, made here if it is new; what none of its classes covers is dropped."""
    config.firewall.policy_maps.setdefault(name, PolicyMap(name))
    return name


def _remove(config: Config, *, name: str) -> None:
    """Remove the policy, which no zone pair may use any more."""
    if name not in config.firewall.policy_maps:
        raise Refused(f"% Policy-map {name} not configured", "name")
    users = [pair.name for pair in config.firewall.zone_pairs.values() if pair.policy == name]
    if users:
        raise Refused(f"% Policy-map {name} is being used by zone-pair {users[0]}, remove it there first", "name")
    del config.firewall.policy_maps[name]


def _enter_class(config: Config, policy: str, *, class_map: str) -> Place:
    """Say what becomes of a class; a new one comes behind those there are."""
    known = config.firewall.policy_maps[policy]
    if class_map not in known:
        config.firewall.policy_maps[policy] = known.with_class(PolicyClass(class_map))
    return Place("policy-map", policy, class_map)


def _remove_class(config: Config, policy: str, *, class_map: str) -> None:
    """Take the class out of the policy."""
    known = config.firewall.policy_maps[policy]
    if class_map not in known:
        raise Refused(f"% Class-map {class_map} is not part of policy-map {policy}", "class_map")
    config.firewall.policy_maps[policy] = known.without(class_map)


def _enter_default(config: Config, policy: str) -> Place:
    """Say what becomes of the flows that no class covers; they are dropped unless something else is said."""
    return _enter_class(config, policy, class_map=CLASS_DEFAULT)


def _remove_default(config: Config, policy: str) -> None:
    """Drop what no class covers."""
    _remove_class(config, policy, class_map=CLASS_DEFAULT)


def _describe(config: Config, policy: str, *, text: str) -> None:
    """Say in words what the policy is for."""
    policy_maps = config.firewall.policy_maps
    policy_maps[policy] = replace(policy_maps[policy], description=text)


def _no_description(config: Config, policy: str) -> None:
    """Remove the description."""
    _describe(config, policy, text="")


def _inspect(config: Config, place: Place, *, parameters: str | None = None) -> Place:
    """Let flows of the class begin, and keep a session of each: what answers it passes, and what its ALG announces."""
    _act(config, place, "inspect")
    _store(config, place, replace(_class(config, place), parameter_map=parameters))
    return Place("inspect", place.name, (place.said, parameters))


def _no_inspect(config: Config, place: Place, *, parameters: str | None = None) -> None:  # noqa: ARG001 - may be typed
    """Take the action back, with the limit of its rate."""
    _no_action(config, place, "inspect")


def _pass(config: Config, place: Place, *, log: Literal["log"] | None = None) -> None:
    """Let packets of the class pass in this direction, without a session: answers need a policy of their own."""
    _act(config, place, "pass", log=log is not None)


def _no_pass(config: Config, place: Place, *, log: Literal["log"] | None = None) -> None:  # noqa: ARG001 - may be typed
    """Take the action back."""
    _no_action(config, place, "pass")


def _drop(config: Config, place: Place, *, log: Literal["log"] | None = None) -> None:
    """Drop packets of the class, and with `log` tell of it."""
    _act(config, place, "drop", log=log is not None)


def _no_drop(config: Config, place: Place, *, log: Literal["log"] | None = None) -> None:  # noqa: ARG001 - may be typed
    """Take the action back: a class without one is dropped in silence."""
    _no_action(config, place, "drop")


def _police(config: Config, place: Place, *, rate: int, burst: int | None = None) -> None:
    """Drop what is more than a rate in bits per second; `burst` are the bytes that may come at once."""
    if _class(config, place).action != "inspect":
        raise Refused("% police is for a class that is inspected: configure inspect first")
    _store(config, place, replace(_class(config, place), police=Police(rate, burst)))


def _no_police(config: Config, place: Place) -> None:
    """Take the limit back."""
    _store(config, place, replace(_class(config, place), police=None))


def _apply(config: Config, place: Place, *, protocol: str, name: str) -> Place:
    """Let messages of the class pass only as a policy of their protocol says."""
    if _class(config, place).action != "inspect":
        raise Refused("% service-policy is for a class that is inspected: configure inspect first")
    _store(config, place, replace(_class(config, place), application=(protocol, name)))
    return Place("application", place.name, (place.said, protocol, name))


def _no_policy(config: Config, place: Place, *, protocol: str, name: str) -> None:
    """Let all of them pass."""
    if _class(config, place).application == (protocol, name):
        _store(config, place, replace(_class(config, place), application=None))


def _act(config: Config, place: Place, action: Action, *, log: bool = False) -> None:
    known = _class(config, place)
    if known.action not in {None, action}:
        raise Refused(f"% Action {known.action} is configured for this class, remove it first")
    _store(config, place, replace(known, action=action, log=log))


def _no_action(config: Config, place: Place, action: Action) -> None:
    known = _class(config, place)
    if known.action == action:
        _store(config, place, PolicyClass(known.class_map))


def _class(config: Config, place: Place) -> PolicyClass:
    return config.firewall.policy_maps[place.name][str(place.said)]


def _store(config: Config, place: Place, changed: PolicyClass) -> None:
    policy_maps = config.firewall.policy_maps
    policy_maps[place.name] = policy_maps[place.name].with_class(changed)


_HELP = {
    "policy-map": "Configure Policy Map",
    "type": "type of the policy-map",
    "inspect": "Configure Firewall Policy Map",
    "NAME": "Policy-map name",
    "class": "policy criteria",
    "CLASS-MAP": "Class-map name",
    CLASS_DEFAULT: "System default class matching otherwise unclassified packets",
    "description": "Policy-Map description",
    "TEXT": "Up to the end of the line",
}
_IN_CLASS = {
    "inspect": "Context-based Access Control Engine",
    "PARAMETERS": "Parameter-map (inspect) name",
    "pass": "Pass the packet",
    "drop": "Drop the packet",
    "log": "Log the packet",
    "police": "Police",
    "rate": "Specify police rate",
    "RATE": "Bits per second",
    "burst": "Specify 'burst' parameter",
    "BURST": "Burst in bytes",
    "service-policy": "Deep Packet Inspection Engine",
    "sip": "Session Initiation Protocol",
    "ftp": "File Transfer Protocol",
    "NAME": "Policy-map name",
}

COMMANDS = (Command("policy-map type inspect NAME:word", _HELP, _enter, _remove, enters="policy-map"),)

POLICY_MAP_COMMANDS = (
    Command("class type inspect CLASS-MAP:word", _HELP, _enter_class, _remove_class, enters="policy-class"),
    Command(f"class {CLASS_DEFAULT}", _HELP, _enter_default, _remove_default, enters="policy-class"),
    Command("description ~ TEXT:line", _HELP, _describe, _no_description),
)

POLICY_CLASS_COMMANDS = (
    Command("inspect [PARAMETERS:word]", _IN_CLASS, _inspect, _no_inspect),
    Command("pass [LOG:log]", _IN_CLASS, _pass, _no_pass),
    Command("drop [LOG:log]", _IN_CLASS, _drop, _no_drop),
    Command("police ~ rate RATE:8000-2000000000 [burst BURST:1000-512000000]", _IN_CLASS, _police, _no_police),
    Command(f"service-policy PROTOCOL:{'|'.join(FORMS)} NAME:word", _IN_CLASS, _apply, _no_policy),
)
