"""Configuration of a running gateway: each line takes effect at once, or leaves everything as it was."""

from collections.abc import Container, Iterator
from copy import copy
from dataclasses import fields

from doorman.cli.gateway import Gateway, NotApplied
from doorman.config.command import CommandError, RefusedError
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.modes import (
    CLASS_MAP,
    EXIT,
    INTERFACE,
    MESSAGES,
    PARAMETER_MAP,
    POLICY_CLASS,
    POLICY_MAP,
    POOL,
    REGEX,
    ZONE,
    ZONE_PAIR,
    Mode,
)
from doorman.config.session import Done, Session
from doorman.config.tree import Parsed
from doorman.config.zones import Place


class Configuring(Session):
    """A session on the configuration of a gateway, which others may change meanwhile.

    Attributes:
        told: what the gateway had to say about the last line: warnings, and rules that wait for what they name.
    """

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway.config)
        self.told: list[str] = []
        self._gateway = gateway

    def execute(self, line: str) -> Done | None:
        """Carry out one line.

        Raises:
            CommandError: it is no command here, or is refused, by its function or by the gateway.
        """
        self.told = []
        before = self._gateway.config
        # Out of the mode of what somebody else removed.
        known = _subjects(before)
        levels = [level for level in self._levels if level.mode not in known or level.subject[0] in known[level.mode]]
        self.config, self._levels = editable(before), list(levels)
        try:
            done = super().execute(line)
            if self.config != before:
                self._apply(before, line)
        except CommandError:
            self.config, self._levels = before, levels
            raise
        return done

    def _apply(self, before: Config, line: str) -> None:
        try:
            self.told = self._gateway.apply(self.config)
        except NotApplied as refused:
            raise RefusedError(f"% {refused}", len(line) - len(line.lstrip(" \t"))) from None
        waited = in_force(before)[1]
        waits = in_force(self.config)[1]
        self.told += [f"{message}; the rule has no effect" for message in waits if message not in waited]

    def _run(self, parsed: Parsed, line: str) -> object:
        if parsed.command is EXIT and len(self._levels) == 1:
            self.ended = True
            return None
        return super()._run(parsed, line)


def _subjects(config: Config) -> dict[Mode, Container[object]]:
    """What there is that modes can be about."""
    firewall = config.firewall
    return {
        INTERFACE: config.interfaces,
        POOL: config.pools,
        PARAMETER_MAP: firewall.parameter_maps,
        CLASS_MAP: firewall.class_maps,
        POLICY_MAP: firewall.policy_maps,
        POLICY_CLASS: [
            Place("policy-map", policy.name, one.class_map)
            for policy in firewall.policy_maps.values()
            for one in policy.classes
        ],
        REGEX: firewall.regexes,
        ZONE: firewall.zones,
        ZONE_PAIR: [Place("zone-pair", name) for name in firewall.zone_pairs],
        **{mode: subjects for protocol in MESSAGES for mode, subjects in _of_messages(config, protocol)},
    }


def _of_messages(config: Config, protocol: str) -> Iterator[tuple[Mode, Container[object]]]:
    firewall = config.firewall
    class_mode, policy_mode, rule_mode = MESSAGES[protocol]
    policies = [policy for policy in firewall.message_policies.values() if policy.protocol == protocol]
    yield class_mode, [name for known, name in firewall.message_classes if known == protocol]
    yield policy_mode, [policy.name for policy in policies]
    rules = [(policy.name, rule.class_map) for policy in policies for rule in policy.rules]
    yield rule_mode, [Place(f"{protocol}-policy-map", *rule) for rule in rules]


def editable(config: Config) -> Config:
    """A copy whose tables can be changed without changing the original's."""
    return Config(**{field.name: copy(getattr(config, field.name)) for field in fields(config)})
