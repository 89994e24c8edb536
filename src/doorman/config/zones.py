"""The zone-based firewall as values: classes of traffic, policies for them, zones of interfaces, and pairs of zones.

A class map says which flows are meant, a policy map what becomes of the flows of each class, a zone pair which policy
is asked about flows that begin in one zone and go to another. A flow is judged by its first packet, as it is after
translation of its destination and before that of its source: inside local and outside global addresses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from doorman.config.applications import MessageClass, MessagePolicy, RegexMap
from doorman.config.port_map import PortMap

SELF = "self"
"""The zone of the router itself: what it sends, and what is sent to it."""
DEFAULT = "default"
"""The zone of all interfaces that were given none, once it is configured."""
CLASS_DEFAULT = "class-default"
"""The class of what no other class of a policy covers."""
DEFAULT_MAP = "default"
"""The parameter map of `inspect` without a name."""
GLOBAL_MAP = "global"
"""The parameter map whose limits hold for all sessions together."""

Action = Literal["inspect", "pass", "drop"]


@dataclass(frozen=True, slots=True)
class MatchProtocol:
    """`match protocol NAME`: flows to the ports of an application, or of a transport."""

    protocol: str


@dataclass(frozen=True, slots=True)
class MatchList:
    """`match access-group {N | name NAME}`: flows whose first packet an access list permits."""

    access_list: str


@dataclass(frozen=True, slots=True)
class MatchClass:
    """`match class-map NAME`: flows of another class."""

    class_map: str


Match = MatchProtocol | MatchList | MatchClass


@dataclass(frozen=True, slots=True)
class ClassMap:
    """`class-map type inspect`: flows that one of the matches covers (`any_of`), or all of them; without any, none."""

    name: str
    matches: tuple[Match, ...] = ()
    any_of: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Police:
    """`police rate R [burst B]`: bits per second of both directions of a class, and bytes that may come at once."""

    rate: int
    burst: int | None = None

    @property
    def bucket(self) -> int:
        """The burst in bytes, where none was given what comes in 1/32 of a second (`rate`/32/8), 1,500 at least."""
        return self.burst or max(1_500, self.rate // 256)


@dataclass(frozen=True, slots=True)
class PolicyClass:
    """What becomes of a class: no action is a drop.

    Attributes:
        class_map: its name, or `class-default`.
        action: `inspect` keeps a session, so that answers and doors pass; `pass` lets through what goes this way.
        parameter_map: of the sessions that are kept; None for the one named `default`.
        log: tell of each flow that is dropped or passed.
        police: of what is inspected.
        application: the policy that messages of the class must pass, by its protocol and name.
    """

    class_map: str
    action: Action | None = None
    parameter_map: str | None = None
    log: bool = False
    police: Police | None = None
    application: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PolicyMap:
    """`policy-map type inspect`: the first class that covers a flow decides; what none covers is dropped."""

    name: str
    classes: tuple[PolicyClass, ...] = ()
    description: str = ""

    def __getitem__(self, class_map: str) -> PolicyClass:
        return next(one for one in self.classes if one.class_map == class_map)

    def __contains__(self, class_map: object) -> bool:
        return any(one.class_map == class_map for one in self.classes)

    def with_class(self, changed: PolicyClass) -> "PolicyMap":
        """The policy with a class in its place, or as the last one; `class-default` stays behind all others."""
        if changed.class_map in self:
            classes = [changed if one.class_map == changed.class_map else one for one in self.classes]
        else:
            classes = sorted((*self.classes, changed), key=lambda one: one.class_map == CLASS_DEFAULT)
        return replace(self, classes=tuple(classes))

    def without(self, class_map: str) -> "PolicyMap":
        """The policy without a class."""
        return replace(self, classes=tuple(one for one in self.classes if one.class_map != class_map))


@dataclass(frozen=True, slots=True)
class Zone:
    """`zone security NAME`."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ZonePair:
    """`zone-pair security NAME source Z destination Z`: who may begin a flow; without a policy nobody may."""

    name: str
    source: str
    destination: str
    policy: str | None = None
    description: str = ""

    @property
    def zones(self) -> tuple[str, str]:
        """Where flows begin, and where they go."""
        return self.source, self.destination


@dataclass(frozen=True, slots=True)
class ParameterMap:
    """`parameter-map type inspect NAME`: how sessions are kept. Timeouts in seconds; None is no limit.

    Attributes:
        tcp_idle, udp_idle, icmp_idle, dns_timeout: how long a session lives without a packet.
        tcp_synwait: how long a connection may take to be established.
        tcp_finwait: how long a session lives after both sides closed.
        max_incomplete_low, max_incomplete_high: half-open sessions; past `high` old ones are ended until `low` remain.
        one_minute_low, one_minute_high: sessions begun within a minute, with the same effect.
        sessions_maximum: sessions of a class at once.
        tcp_host_incomplete, tcp_host_block: half-open connections to one host, and minutes for which it gets no more.
        alert: tell when a limit is passed, and when it is kept again.
        audit_trail: tell of the beginning and the end of each session.
        log_dropped: tell of each packet dropped; of the global map.
    """

    name: str
    tcp_idle: int = 3_600
    tcp_synwait: int = 30
    tcp_finwait: int = 5
    udp_idle: int = 30
    icmp_idle: int = 10
    dns_timeout: int = 5
    max_incomplete_low: int | None = None
    max_incomplete_high: int | None = None
    one_minute_low: int | None = None
    one_minute_high: int | None = None
    sessions_maximum: int | None = None
    tcp_host_incomplete: int | None = None
    tcp_host_block: int = 0
    alert: bool = True
    audit_trail: bool = False
    log_dropped: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a configuration that a fault can be about: what section it is in, whose, and what it says there."""

    section: str
    name: str
    said: object = None


@dataclass(slots=True)
class Firewall:
    """All that is said of the zone-based firewall. Dictionaries are keyed by the name that commands use."""

    class_maps: dict[str, ClassMap] = field(default_factory=dict)
    policy_maps: dict[str, PolicyMap] = field(default_factory=dict)
    parameter_maps: dict[str, ParameterMap] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    zone_pairs: dict[str, ZonePair] = field(default_factory=dict)
    port_maps: dict[PortMap, None] = field(default_factory=dict)
    """`ip port-map`, a set that keeps its order."""
    message_classes: dict[tuple[str, str], MessageClass] = field(default_factory=dict)
    """Classes of messages, by protocol and name."""
    message_policies: dict[tuple[str, str], MessagePolicy] = field(default_factory=dict)
    """Policies for them, by protocol and name."""
    regexes: dict[str, RegexMap] = field(default_factory=dict)

    def __copy__(self) -> "Firewall":
        return Firewall(
            dict(self.class_maps),
            dict(self.policy_maps),
            dict(self.parameter_maps),
            dict(self.zones),
            dict(self.zone_pairs),
            dict(self.port_maps),
            dict(self.message_classes),
            dict(self.message_policies),
            dict(self.regexes),
        )

    def parameters(self, name: str | None) -> ParameterMap:
        """The parameter map of an `inspect`, the built-in one where none has that name."""
        wanted = name or DEFAULT_MAP
        return self.parameter_maps.get(wanted, ParameterMap(wanted))

    def rules(self, pair: ZonePair) -> tuple[PolicyClass, ...]:
        """The classes of a pair's policy in order, the default one always the last; none where it has no policy."""
        policy = self.policy_maps.get(pair.policy or "")
        if policy is None:
            return ()
        return policy.classes if CLASS_DEFAULT in policy else (*policy.classes, PolicyClass(CLASS_DEFAULT))

    def rule(self, pair: str, class_map: str) -> PolicyClass | None:
        """What becomes of a class at a zone pair; None where the pair's policy has no such class."""
        rules = self.rules(self.zone_pairs[pair]) if pair in self.zone_pairs else ()
        return next((rule for rule in rules if rule.class_map == class_map), None)

    def pair(self, source: str, destination: str) -> ZonePair | None:
        """The pair of two zones, in this direction."""
        return next((one for one in self.zone_pairs.values() if one.zones == (source, destination)), None)

    def zone_of(self, zone: str | None) -> str | None:
        """The zone of an interface that says this: its own, or the default one if that is configured."""
        return zone if zone is not None or DEFAULT not in self.zones else DEFAULT


def classes_within(class_maps: Mapping[str, ClassMap], name: str) -> Iterator[str]:
    """The class maps that a class map is made of, itself among them; those that do not exist are named, too."""
    yield name
    for match in class_maps[name].matches if name in class_maps else ():
        if isinstance(match, MatchClass):
            yield from classes_within(class_maps, match.class_map)
