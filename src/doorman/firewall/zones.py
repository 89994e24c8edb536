"""The zone-based firewall on packets: asked about each at the place where both its interfaces are known.

    packet of a session            passes
    packet of a flow that begins   is judged by the policy of its zone pair; with `inspect` a session begins

What comes through a door of an ALG is not asked about: the message that opened it was. Addresses are those after
translation of the destination and before that of the source; the firewall is about IPv4.
"""

from collections import deque
from typing import NamedTuple

from doorman.algs.api import Message, Refused
from doorman.algs.makers import FIELDS
from doorman.config.access_lists import Traffic
from doorman.config.errors import printable
from doorman.config.model import Config
from doorman.firewall.access import traffic_of
from doorman.firewall.counts import PolicyCounts
from doorman.firewall.interfaces import Interfaces, Known
from doorman.firewall.messages import MessagePolicies
from doorman.firewall.news import packet_line
from doorman.firewall.policy import Judge, Verdict
from doorman.firewall.sessions import Inspected, InspectedSessions
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import Packet
from doorman.net.routes import Route

_V4 = 4
_SHOWN = 32
"""Characters of the name of a message."""
_KEPT = 1_000
"""Lines for the operator that are kept."""


class Told(NamedTuple):
    """A line for the operator, and when it was told, in seconds."""

    time: float
    line: str


class ZoneFirewall:
    """The firewall of a configuration.

    Args:
        config: it.
        delegated: whether a kernel judges as well, and counts what passes: only what is dropped here is counted here.
        route: its routes.
        is_inside: whether a host is known to be inside.

    Attributes:
        config: what is configured.
        judge: the policies; who asks it only asks.
        interfaces: which of them a host is behind.
        sessions: the flows that are inspected.
        counts: what policies said, by zone pair and class.
        told: what the operator wants to know, the newest last.
        now: when it was asked last, in seconds.
    """

    def __init__(
        self,
        config: Config,
        *,
        delegated: bool = False,
        route: Route | None = None,
        is_inside: Known | None = None,
    ) -> None:
        self.config = config.firewall
        self._delegated = delegated
        self.judge = Judge(config)
        self.interfaces = Interfaces(config, route, is_inside)
        self.counts = PolicyCounts()
        self.told: deque[Told] = deque(maxlen=_KEPT)
        self.sessions = InspectedSessions(config.firewall, self._tell, delegated=delegated)
        self._messages = MessagePolicies(config.firewall)
        self._log_all = config.firewall.parameters("global").log_dropped
        self.now = 0.0

    def crosses(self, source: Address, destination: Address) -> bool:
        """Whether what a host sends to another goes through the gateway: between two interfaces, or to itself."""
        ingress, egress = self.interfaces.between(source, destination)
        return len(source) == _V4 and ingress != egress

    def is_outward(self, source: Address, destination: Address) -> bool:
        """Whether a packet goes from an interface to one that stands behind it in the configuration."""
        ingress, egress = self.interfaces.between(source, destination)
        return self.interfaces.order(ingress) < self.interfaces.order(egress)

    def admit(self, packet: Packet, sender: Endpoint, receiver: Endpoint, now: float) -> None:
        """Let a packet pass.

        Args:
            packet: it.
            sender: its source, as policies see it.
            receiver: its destination, as they do.
            now: the time in seconds.

        Raises:
            Refused: the firewall drops it; that is counted.
        """
        if len(packet.source) == _V4:
            self.admit_traffic(traffic_of(packet, sender, receiver), sender, receiver, len(packet.data), now)

    def admit_traffic(  # noqa: PLR0913 - a packet, and who judges it besides
        self,
        traffic: Traffic,
        sender: Endpoint,
        receiver: Endpoint,
        size: int,
        now: float,
        *,
        alone: bool = False,
    ) -> None:
        """The same, of a packet that is not at hand; no kernel judges it `alone`, the first of a proxied connection."""
        self.now = now
        session = self.sessions.of_packet(traffic, sender, receiver)
        if session is not None and (session.is_over or alone) and _opens(traffic):
            self.sessions.end(session)
            session = None
        verdict = session.verdict if session is not None else self._verdict(traffic)
        try:
            self._carry_out(verdict, session, traffic, (sender, receiver), size, now, alone=alone)
        except Refused as refused:
            self.counts.dropped(verdict, size, str(refused))
            self._log(verdict, traffic, sender, receiver, str(refused))
            raise
        if alone or not self._delegated:
            self.counts.passed(verdict, size, begins=session is None)
        if session is None and verdict.action == "pass" and verdict.rule is not None and verdict.rule.log:
            self._tell(packet_line(traffic.protocol, sender, receiver, verdict.pair, verdict.class_map, ""))

    def _carry_out(  # noqa: PLR0913, PLR0917 - a packet, and what is known of it
        self,
        verdict: Verdict,
        session: Inspected | None,
        traffic: Traffic,
        ends: tuple[Endpoint, Endpoint],
        size: int,
        now: float,
        *,
        alone: bool,
    ) -> None:
        if session is not None:
            self.sessions.carry(session, traffic, ends[0], size, now)
        elif verdict.action == "inspect":
            self.sessions.begin(traffic, ends, verdict, size, now, alone=alone)
        elif verdict.action == "drop":
            raise Refused(verdict.reason)

    @property
    def inspects_messages(self) -> bool:
        """Whether any class has a policy for messages."""
        policies = self.config.policy_maps.values()
        return any(one.application is not None for policy in policies for one in policy.classes)

    def passes(self, alg: str, message: Message, sender: Endpoint) -> bool:
        """Whether the policy for messages lets one pass, of a flow that is inspected or came by a door.

        `sender` is whoever sent it, as policies see it.
        """
        receiver = message.path.arrives_to
        session = self.sessions.find(message.protocol, sender, receiver)
        traffic = Traffic(message.protocol, sender.address, receiver.address, sender.port, receiver.port)
        verdict = session.verdict if session is not None else self._verdict(traffic)
        application = verdict.rule.application if verdict.rule is not None else None
        read = FIELDS[alg] if application is not None and application[0] == alg else None
        if application is None or read is None:
            return True
        fields = read(message)
        rule = self._messages.rule(application, fields) if fields.kind else None
        if rule is None:
            return True
        self.now = message.now
        if rule.log:
            done = f"{rule.verb or 'allow'} {printable(fields.name[:_SHOWN])} {sender} => {receiver}"
            self._tell(f"%APPFW-6-MESSAGE: class {rule.class_map} of {alg} policy {application[1]}: {done}")
        return rule.verb != "reset"

    def knows(self, protocol: int, sender: Endpoint, receiver: Endpoint) -> bool:
        """Whether a flow is inspected: then an ICMP error about it may pass."""
        return self.sessions.find(protocol, sender, receiver) is not None

    def follow(self, session: Inspected, flags: int, size: int, now: float, *, answer: bool) -> None:
        """Know of what an end of a proxied connection sent: bytes, and flags of TCP; `answer`: its responder did."""
        self.now = now
        self.sessions.follow(session, flags, size, now, answer=answer)
        if size:
            self.counts.passed(session.verdict, size, begins=False)

    def end(self, session: Inspected, now: float) -> None:
        """End a session."""
        self.now = now
        self.sessions.end(session)

    def expire(self, now: float) -> None:
        """End what is over."""
        self.now = now
        self.sessions.expire(now)

    def go_on(self, before: "ZoneFirewall") -> None:
        """Take over the counts and sessions of another configuration, as far as this one still allows them."""
        self.counts = before.counts
        self.told = before.told
        for session in before.sessions:
            verdict = self._verdict(session.traffic)
            if verdict.action == "inspect":
                self.sessions.adopt(session, verdict)

    def _verdict(self, traffic: Traffic) -> Verdict:
        return self.judge.judge(*self.interfaces.between(traffic.source, traffic.destination), traffic)

    def _log(self, verdict: Verdict, traffic: Traffic, sender: Endpoint, receiver: Endpoint, reason: str) -> None:
        if self._log_all or (verdict.rule is not None and verdict.rule.log):
            self._tell(packet_line(traffic.protocol, sender, receiver, verdict.pair, verdict.class_map, reason))

    def _tell(self, line: str) -> None:
        self.told.append(Told(self.now, line))


def _opens(traffic: Traffic) -> bool:
    return traffic.tcp_flags & 0x12 == 0x02  # noqa: PLR2004 - SYN without ACK


def zone_firewall(
    config: Config,
    *,
    delegated: bool = False,
    route: Route | None = None,
    is_inside: Known | None = None,
) -> ZoneFirewall | None:
    """The firewall of a configuration; None where it has no zones."""
    if not config.firewall.zones:
        return None
    return ZoneFirewall(config, delegated=delegated, route=route, is_inside=is_inside)
