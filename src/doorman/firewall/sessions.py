"""Sessions of the firewall: flows that a policy lets begin and `inspect`s, so that what answers them passes.

A session is known by its two endpoints as policies see them: the inside one by its local name, the outside one by its
global name. It is half-open until it is answered; a TCP connection until it is established.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator

from doorman.algs.api import Refused
from doorman.config.access_lists import Traffic
from doorman.config.zones import GLOBAL_MAP, Firewall, ParameterMap, Police
from doorman.firewall.news import began_line, ended_line, target
from doorman.firewall.policy import Verdict
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ICMP, ICMP_QUERIES, ICMP_REQUESTS, TCP, UDP
from doorman.net.tcp import answers_syn, may_follow_syn
from doorman.timers import Timed, Timers

FULL = "zone-session-limit"
"""There are as many sessions as `sessions maximum`, or too many half-open ones to a host, allow."""
INVALID = "zone-invalid-packet"
"""A packet that begins nothing: a segment inside a connection nobody knows, an answer that nobody asked for."""
POLICED = "zone-police"
"""More than the rate of the class."""

UNKNOWN_TIME = -math.inf
FIN, SYN, RST, ACK = 1, 2, 4, 16
_DNS_PORT = 53
_MINUTE = 60.0
_Key = tuple[int, Endpoint, Endpoint]


class Inspected(Timed):
    """A session.

    Attributes:
        traffic: its first packet.
        initiator, responder: its ends.
        verdict: what let it begin.
        parameters: how it is kept.
        began, last_used, timeout: seconds; `began` is UNKNOWN_TIME where a kernel does not tell.
        half_open: whether it is not established yet.
        answered: whether the responder sent anything.
        alone: whether no kernel judges it: a connection of the proxy, without which it is over.
        calls: whether nobody has answered the SYN of its initiator.
        audited: whether its beginning was told here, and its end will be; a kernel tells of its own.
        closed: the ends that closed it, as bits; 4: it was reset.
        sent: bytes that the initiator and the responder sent.
    """

    __slots__ = (
        "alone", "answered", "audited", "began", "calls", "closed", "half_open", "initiator", "last_used", "parameters",
        "responder", "sent", "timeout", "traffic", "verdict",
    )  # fmt: skip

    def __init__(self, traffic: Traffic, ends: tuple[Endpoint, Endpoint], verdict: Verdict, now: float) -> None:
        super().__init__()
        self.traffic = traffic
        self.initiator, self.responder = ends
        self.verdict = verdict
        self.parameters = ParameterMap("")
        self.began = self.last_used = now
        self.timeout = 0.0
        self.half_open = True
        self.alone = self.answered = self.audited = False
        self.calls = traffic.tcp_flags & (SYN | ACK) == SYN
        self.closed = 0
        self.sent = [0, 0]

    @property
    def key(self) -> _Key:
        """What its packets from the initiator are known by."""
        return self.traffic.protocol, self.initiator, self.responder

    @property
    def state(self) -> str:
        """`SIS_OPENING`, `SIS_OPEN` or `SIS_CLOSING`, as IOS calls them."""
        return "SIS_CLOSING" if self.closed else "SIS_OPENING" if self.half_open else "SIS_OPEN"

    @property
    def is_over(self) -> bool:
        """Whether both ends closed it, or one reset it."""
        return self.closed >= 3  # noqa: PLR2004 - both bits, or the third

    def see(self, flags: int, *, answer: bool, size: int) -> None:
        """Follow a packet of it, with these flags of TCP."""
        self.sent[answer] += size
        self.answered = self.answered or answer
        if self.traffic.protocol != TCP:
            self.half_open = not self.answered
        else:
            self.calls = self.calls and not answers_syn(flags)
            if self.half_open and self.answered and not answer and not flags & SYN:
                self.half_open = False
            if flags & RST:
                self.closed |= 4
            elif flags & FIN:
                self.closed |= 2 if answer else 1
        self.timeout = math.inf if self.alone and not self.half_open else float(self.allowed_silence)

    @property
    def allowed_silence(self) -> int:
        """Seconds that it may be silent, as it is now."""
        parameters, protocol = self.parameters, self.traffic.protocol
        if protocol == TCP:
            if self.is_over:
                return parameters.tcp_finwait
            return parameters.tcp_synwait if self.half_open else parameters.tcp_idle
        if protocol == UDP:
            return parameters.dns_timeout if self.responder.port == _DNS_PORT else parameters.udp_idle
        return parameters.icmp_idle if protocol == ICMP else parameters.udp_idle


class _Bucket:
    """What a class may still send: it fills with its rate, up to the burst (RFC 2697 has such a token bucket)."""

    __slots__ = ("_at", "_police", "_room")

    def __init__(self, police: Police, now: float) -> None:
        self._police = police
        self._room = float(police.bucket)
        self._at = now

    def takes(self, size: int, now: float) -> bool:
        police = self._police
        self._room = min(float(police.bucket), self._room + max(0.0, now - self._at) * police.rate / 8)
        self._at = now
        if size > self._room:
            return False
        self._room -= size
        return True


class InspectedSessions:
    """All sessions of the firewall.

    Args:
        firewall: how they are kept.
        tell: told of what the operator wants to know: alerts, and with `audit-trail` beginnings and ends.
        delegated: whether a kernel carries the flows, but those that it does not judge.

    Attributes:
        half_open: how many there are of each parameter map.
        of_class: how many sessions there are of each zone pair and class.
        most: the most sessions, and the most half-open ones, that there ever were at once.
    """

    def __init__(self, firewall: Firewall, tell: Callable[[str], None], *, delegated: bool = False) -> None:
        self._delegated = delegated
        self.half_open: Counter[str] = Counter()
        self.of_class: Counter[tuple[str, str]] = Counter()
        self.most = [0, 0]
        self._firewall = firewall
        self._tell = tell
        self._table: dict[_Key, Inspected] = {}
        self._timers: Timers[Inspected] = Timers()
        self._opening: dict[str, dict[_Key, Inspected]] = {}
        self._begun: dict[str, deque[float]] = {}
        self._fast: set[str] = set()
        self._blocked: dict[Address, float] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def __iter__(self) -> Iterator[Inspected]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)

    def find(self, protocol: int, sender: Endpoint, receiver: Endpoint) -> Inspected | None:
        """The session of a packet, whoever sends it."""
        return self._table.get((protocol, sender, receiver)) or self._table.get((protocol, receiver, sender))

    def __contains__(self, session: object) -> bool:
        return isinstance(session, Inspected) and self._table.get(session.key) is session

    def of_packet(self, traffic: Traffic, sender: Endpoint, receiver: Endpoint) -> Inspected | None:
        """The session of a packet, an ICMP query only of one in which its sender asks, an answer of the other."""
        if traffic.icmp_type not in ICMP_QUERIES:
            return self.find(traffic.protocol, sender, receiver)
        ends = (sender, receiver) if traffic.icmp_type in ICMP_REQUESTS else (receiver, sender)
        return self._table.get((traffic.protocol, *ends))

    def carry(self, session: Inspected, traffic: Traffic, sender: Endpoint, size: int, now: float) -> None:
        """Let a packet of a session pass.

        Raises:
            Refused: it is more than the rate of its class; or nobody has answered its SYN.
        """
        awaits = session.calls and sender == session.initiator and not self._delegated
        if awaits and not may_follow_syn(traffic.tcp_flags):
            raise Refused(INVALID)
        self._police(session.verdict, size, now)
        self.follow(session, traffic.tcp_flags, size, now, answer=sender != session.initiator)

    def follow(self, session: Inspected, flags: int, size: int, now: float, *, answer: bool) -> None:
        """Know of a packet of a session that passes."""
        was_opening = session.half_open
        session.last_used = now
        before = session.timeout
        session.see(flags, answer=answer, size=size)
        if was_opening and not session.half_open:
            self._opened(session)
        if session.timeout < before:
            self._timers.start(now + session.timeout, session)

    def begin(  # noqa: PLR0913 - a packet, what became of it, and who judges it besides
        self,
        traffic: Traffic,
        ends: tuple[Endpoint, Endpoint],
        verdict: Verdict,
        size: int,
        now: float,
        *,
        alone: bool = False,
    ) -> None:
        """Begin a session with its first packet, which a policy inspects; no kernel judges it `alone`.

        Raises:
            Refused: it begins nothing, or there are too many already.
        """
        if not _begins(traffic):
            raise Refused(INVALID)
        rule = verdict.rule
        parameters = self._firewall.parameters(rule.parameter_map if rule is not None else None)
        if traffic.protocol == TCP and parameters.tcp_host_incomplete is not None:
            self._admit_to_host(parameters, ends[1].address, now)
        here = self.of_class[verdict.pair, verdict.class_map]
        self._admit(parameters, here, verdict, now)
        together = self._firewall.parameter_maps.get(GLOBAL_MAP)
        if together is not None and parameters is not together:
            self._admit(together, len(self._table), verdict, now)
        self._police(verdict, size, now)
        session = Inspected(traffic, ends, verdict, now)
        session.alone = alone
        self.keep(session, parameters)
        session.see(traffic.tcp_flags, answer=False, size=size)
        self._timers.start(now + session.timeout, session)
        session.audited = parameters.audit_trail and (alone or not self._delegated)
        if session.audited:
            self._tell(began_line(_target(verdict), traffic.protocol, ends))

    def keep(self, session: Inspected, parameters: ParameterMap) -> None:
        """Enter a session that is kept so."""
        session.parameters = parameters
        self._table[session.key] = session
        self.of_class[session.verdict.pair, session.verdict.class_map] += 1
        if session.half_open:
            self.half_open[parameters.name] += 1
            for name in {parameters.name, GLOBAL_MAP}:
                self._opening.setdefault(name, {})[session.key] = session
        self.most = [max(self.most[0], len(self._table)), max(self.most[1], self.half_open.total())]

    def adopt(self, session: Inspected, verdict: Verdict) -> None:
        """Go on with a session of another configuration, which this one still allows."""
        rule = verdict.rule
        session.verdict = verdict
        self.keep(session, self._firewall.parameters(rule.parameter_map if rule is not None else None))
        self._timers.start(session.last_used + session.timeout, session)

    def end(self, session: Inspected) -> None:
        """Forget a session."""
        if session not in self:
            return
        del self._table[session.key]
        self._timers.stop(session)
        self.of_class[session.verdict.pair, session.verdict.class_map] -= 1
        if session.half_open:
            self._opened(session)
        if session.audited:
            ends, sent = (session.initiator, session.responder), (session.sent[0], session.sent[1])
            self._tell(ended_line(_target(session.verdict), session.traffic.protocol, ends, sent))

    def expire(self, now: float) -> None:
        """End what was silent for too long."""
        for session in self._timers.due(now):
            ends = session.last_used + session.timeout
            if ends > now:
                self._timers.look(ends, session, now)
            else:
                self.end(session)

    def _opened(self, session: Inspected) -> None:
        if self._opening[session.parameters.name].pop(session.key, None) is not None:
            self.half_open[session.parameters.name] -= 1
        self._opening[GLOBAL_MAP].pop(session.key, None)

    def _police(self, verdict: Verdict, size: int, now: float) -> None:
        if verdict.rule is None or verdict.rule.police is None:
            return
        bucket = self._buckets.get((verdict.pair, verdict.class_map))
        if bucket is None:
            bucket = self._buckets[verdict.pair, verdict.class_map] = _Bucket(verdict.rule.police, now)
        if not bucket.takes(size, now):
            raise Refused(POLICED)

    def _admit(self, parameters: ParameterMap, sessions: int, verdict: Verdict, now: float) -> None:
        """See that there may be one more session beside so many; where too many are half-open, old ones go."""
        if parameters.sessions_maximum is not None and sessions >= parameters.sessions_maximum:
            raise Refused(FULL)
        opening = self._opening.setdefault(parameters.name, {})
        high, low = parameters.max_incomplete_high, parameters.max_incomplete_low
        if high is not None and len(opening) >= high:
            self._thin_out(opening, min(low or high, high) - 1, verdict, f"({len(opening) + 1}/{high})")
        recent = self._begun.setdefault(parameters.name, deque())
        while recent and recent[0] <= now - _MINUTE:
            recent.popleft()
        recent.append(now)
        if self._is_fast(parameters, len(recent)):
            self._thin_out(opening, len(opening) - 1, verdict, f"current 1-min rate: {len(recent)}")
        elif parameters.one_minute_high is None:
            recent.clear()

    def _is_fast(self, parameters: ParameterMap, rate: int) -> bool:
        """Whether more begin in a minute than may, or did and are not few again."""
        high = parameters.one_minute_high
        if high is None:
            return False
        least = min(parameters.one_minute_low or high, high) if parameters.name in self._fast else high
        if rate > least:
            self._fast.add(parameters.name)
            return True
        self._fast.discard(parameters.name)
        return False

    def _admit_to_host(self, parameters: ParameterMap, server: Address, now: float) -> None:
        if self._blocked.get(server, 0.0) > now:
            raise Refused(FULL)
        self._blocked.pop(server, None)
        opening = self._opening.get(parameters.name, {})
        mine = [one for one in opening.values() if one.responder.address == server and one.traffic.protocol == TCP]
        if len(mine) < (parameters.tcp_host_incomplete or 0):
            return
        if parameters.tcp_host_block:
            self._blocked[server] = now + parameters.tcp_host_block * _MINUTE
            for one in mine:
                self.end(one)
            raise Refused(FULL)
        self.end(mine[0])

    def _thin_out(self, opening: dict[_Key, Inspected], left: int, verdict: Verdict, why: str) -> None:
        if opening and next(iter(opening.values())).parameters.alert:
            self._tell(f"%FW-4-ALERT_ON: {_target(verdict)}:getting aggressive, {why}")
        while len(opening) > max(left, 0):
            self.end(next(iter(opening.values())))


def _begins(traffic: Traffic) -> bool:
    """Whether a packet may be the first of a session; of a connection met in the middle, a plain segment is."""
    if traffic.protocol == TCP:
        flags = traffic.tcp_flags
        return not flags & RST and flags & (SYN | ACK) in {SYN, ACK} and not flags & FIN
    return traffic.protocol != ICMP or traffic.icmp_type in ICMP_REQUESTS


def _target(verdict: Verdict) -> str:
    return target(verdict.pair, verdict.class_map)
