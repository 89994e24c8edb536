"""What becomes of a flow between two interfaces: asked once for each flow, about its first packet.

    interfaces -> zones -> zone pair -> policy -> the first class that covers the packet -> action

The gateway itself is an interface like others, in zone `self`. Who asks counts, keeps sessions and tells of drops.
"""

from typing import NamedTuple

from doorman.config.access_lists import Traffic
from doorman.config.model import Config
from doorman.config.zones import SELF, Action, PolicyClass, ZonePair
from doorman.firewall.classes import Classes, Test

NO_PAIR = "no-zone-pair"
"""Nothing says that flows may go from the one zone to the other."""
DENIED = "zone-policy"
"""The policy of the zone pair drops flows of the class."""


class Verdict(NamedTuple):
    """What becomes of a flow.

    Attributes:
        action: what is to be done.
        pair: the zone pair that says so, "" where none does.
        rule: the class of its policy, None where no policy was asked.
        reason: why it is dropped, else "".
    """

    action: Action
    pair: str = ""
    rule: PolicyClass | None = None
    reason: str = ""

    @property
    def class_map(self) -> str:
        """The name of the class, "" where no policy was asked."""
        return self.rule.class_map if self.rule is not None else ""


_FREE = Verdict("pass")
_APART = Verdict("drop", reason=NO_PAIR)


class _Policy:
    """The policy of a zone pair: its classes in order."""

    __slots__ = ("_rules",)

    def __init__(self, pair: ZonePair, config: Config, classes: Classes) -> None:
        rules = config.firewall.rules(pair)
        self._rules: list[tuple[Test, Verdict]] = [
            (classes.test(rule.class_map), _verdict(pair.name, rule)) for rule in rules
        ]

    def verdict(self, traffic: Traffic) -> Verdict | None:
        return next((verdict for test, verdict in self._rules if test(traffic)), None)


def _verdict(pair: str, rule: PolicyClass) -> Verdict:
    action = rule.action or "drop"
    return Verdict(action, pair, rule, DENIED if action == "drop" else "")


class Judge:
    """The zones of a configuration, and what their policies say."""

    __slots__ = ("_pairs", "_policies", "_zones")

    def __init__(self, config: Config) -> None:
        firewall = config.firewall
        self._zones: dict[str | None, str | None] = {
            one.name: firewall.zone_of(one.zone) for one in config.interfaces.values()
        }
        self._zones[None] = SELF
        self._pairs = {pair.zones: pair for pair in firewall.zone_pairs.values()}
        classes = Classes(config)
        self._policies = {pair.name: _Policy(pair, config, classes) for pair in firewall.zone_pairs.values()}

    def judge(self, ingress: str | None, egress: str | None, traffic: Traffic) -> Verdict:
        """Judge a flow by its first packet.

        Args:
            ingress: the name of the interface that the packet came in by; None is the gateway itself.
            egress: that of the interface it would go out by.
            traffic: the packet, with the addresses it has after translation of its destination, and before that of its
                source.
        """
        source, destination = self._zones.get(ingress), self._zones.get(egress)
        pair = self._pairs.get((source, destination)) if source is not None and destination is not None else None
        if pair is None:
            return _FREE if source == destination or SELF in {source, destination} else _APART
        if pair.policy is None:
            return _FREE if SELF in pair.zones else Verdict("drop", pair.name, reason=NO_PAIR)
        return self._policies[pair.name].verdict(traffic) or Verdict("drop", pair.name, reason=DENIED)
