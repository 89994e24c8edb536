"""Random SIP and media, in any order, from both sides of a gateway, and what must hold of its tables all the time.

Few hosts, Call-IDs, numbers, tags and ports are drawn from, so that messages meet: answers that are late, requests that
belong to no dialog, media ports that two calls announce, names that had another owner a moment ago.
"""
# ruff: noqa: SLF001 - nothing but the tables themselves can tell what is left in them

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from doorman.nat.bindings import Binding
from doorman.net.addresses import address_text
from kit.sip import PEER, STRANGER, Gateway, answer, incoming, request, sdp, sip

HOSTS = st.sampled_from(["10.0.0.10", "10.0.0.11"])
CALL_IDS = st.sampled_from("ab")
METHODS = st.sampled_from(
    ["INVITE", "INVITE", "ACK", "BYE", "BYE", "CANCEL", "UPDATE", "UPDATE", "PRACK", "REGISTER", "SUBSCRIBE", "OPTIONS"]
)
STATUSES = st.sampled_from([100, 180, 183, 200, 200, 401, 486, 488])
NUMBERS = st.integers(1, 3)
TAGS = st.sampled_from(["", "a", "b", "b", "q"])
PORTS = st.sampled_from([4000, 4000, 4001, 4002, 5001])
MEDIA = st.sampled_from(["198.51.100.99:6000", "198.51.100.20:9", "192.0.2.66:6000"])
SENDERS = st.sampled_from([PEER, PEER, STRANGER])
EXTRAS = st.sampled_from(["X: y", "X: y", "Expires: 0", "Expires: 60", "Record-Route: <sip:10.0.0.10;lr>"])
NAMES = st.integers(0, 9)
PAUSES = st.sampled_from([0.3, 6.0, 6.0, 33.0, 200.0, 400.0])

OWN_LINES = st.sampled_from([
    [], [], ["m=video 4000 RTP/AVP 9"], ["m=video 4002 RTP/AVP 9"], ["m=video 0 RTP/AVP 9"], ["a=rtcp:4009"],
    ["a=candidate:1 1 UDP 1 10.0.0.11 4002 typ host"], ["a=inactive"],
])  # fmt: skip
THEIR_LINES = st.sampled_from([[], [], ["m=video 6002 RTP/AVP 9"], ["m=video 0 RTP/AVP 9"]])
THEIR_HOSTS = st.sampled_from(
    ["198.51.100.99", "198.51.100.99", "192.168.9.9", "203.0.113.1", "192.0.2.66", "10.0.0.11"]
)


def retold(message: bytes, number: int, tag: str) -> bytes:
    """The message with another CSeq number, and with this To tag or none."""
    head, end, rest = message.replace(b"CSeq: 1 ", b"CSeq: %d " % number).partition(b"\r\nCall-ID: ")
    plain = head.removesuffix(b";tag=a").removesuffix(b";tag=b")
    return plain + (b";tag=" + tag.encode() if tag else b"") + end + rest


def own_body(draw: st.DrawFn, host: str) -> str:
    """A description by a phone, mostly there."""
    return sdp(host, draw(PORTS), *draw(OWN_LINES)) if draw(st.integers(0, 3)) else ""


def their_body(draw: st.DrawFn) -> str:
    """A description by somebody outside, mostly there."""
    return sdp(draw(THEIR_HOSTS), draw(st.sampled_from([6000, 4000, 0])), *draw(THEIR_LINES)) if draw(NAMES) else ""


@st.composite
def of_phones(draw: st.DrawFn) -> tuple[str, bytes]:
    """A request or a response of a phone, and where it comes from."""
    host, call_id, method = draw(HOSTS), draw(CALL_IDS), draw(METHODS)
    body = own_body(draw, host)
    if draw(st.booleans()):
        message = request(method, draw(EXTRAS), call_id=call_id, host=host, body=body)
        return host + ":5060", retold(message, draw(NUMBERS), draw(TAGS))
    response = sip(
        f"SIP/2.0 {draw(STATUSES)} Whatever",
        f"Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK{call_id}",
        "From: <sip:bob@198.51.100.20>;tag=b",
        f"To: <sip:alice@{host}>;tag=a",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:alice@{host}:5060>",
        "Content-Type: application/sdp",
        body=body,
    )
    return host + ":5060", retold(response, draw(NUMBERS), "a")


@st.composite
def of_peers(draw: st.DrawFn) -> bytes:
    """A request or a response of somebody outside."""
    call_id, method, body = draw(CALL_IDS), draw(METHODS), their_body(draw)
    if draw(st.booleans()):
        message = incoming(method, draw(EXTRAS), call_id=call_id, body=body)
    else:
        message = answer(draw(STATUSES), draw(EXTRAS), call_id=call_id, method=method, body=body)
    return retold(message, draw(NUMBERS), draw(TAGS))


@st.composite
def answered_calls(draw: st.DrawFn) -> tuple[str, bytes, bytes]:
    """Where a call comes from, its INVITE and its 200."""
    host, call_id, number = draw(HOSTS), draw(CALL_IDS), draw(NUMBERS)
    invite = request(call_id=call_id, host=host, body=own_body(draw, host))
    accepted = answer(200, call_id=call_id, body=their_body(draw))
    return host + ":5060", retold(invite, number, ""), retold(accepted, number, draw(st.sampled_from("bbq")))


class Traffic(RuleBasedStateMachine):
    """Two phones, a peer and a stranger around a gateway."""

    def __init__(self, config: str) -> None:
        super().__init__()
        self.config = config
        self.gateway = Gateway(config)
        for host in ("10.0.0.10", "10.0.0.11"):
            sent = self.gateway.out(request("REGISTER", call_id="r", host=host), host + ":5060")
            self.gateway.in_(answer(200, "Expires: 9999", call_id="r", method="REGISTER"), PEER, sent.source)

    @rule(sent=of_phones())
    def a_phone_signals(self, sent: tuple[str, bytes]) -> None:
        source, message = sent
        self.gateway.out(message, source)

    @rule(message=of_peers(), sender=SENDERS, number=NAMES)
    def the_outside_signals(self, message: bytes, sender: str, number: int) -> None:
        self.gateway.in_(message, sender, self.name(number, 5060))

    @rule(call=answered_calls())
    def a_call_is_answered(self, call: tuple[str, bytes, bytes]) -> None:
        """Far more often than chance would have it, since most of the rest needs a call."""
        source, invite, accepted = call
        sent = self.gateway.out(invite, source)
        self.gateway.in_(accepted, PEER, sent.source)

    @rule(call_id=CALL_IDS, tag=TAGS, number=NAMES)
    def a_call_is_over(self, call_id: str, tag: str, number: int) -> None:
        self.gateway.in_(retold(incoming("BYE", call_id=call_id), 1, tag), PEER, self.name(number, 5060))
        self.gateway.wait(6)

    @rule(host=HOSTS, port=PORTS, receiver=MEDIA)
    def a_phone_speaks(self, host: str, port: int, receiver: str) -> None:
        self.gateway.out(b"media of the phone", f"{host}:{port}", receiver)

    @rule(sender=MEDIA, number=NAMES, port=PORTS)
    def the_outside_speaks(self, sender: str, number: int, port: int) -> None:
        self.gateway.in_(b"media of the peer", sender, self.name(number, port))

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.gateway.wait(seconds)

    @invariant()
    def each_door_stands_at_a_name_of_the_endpoint_it_leads_to(self) -> None:
        state = self.gateway.engine.state
        counted: Counter[Binding] = Counter()
        for owned in state.doors._by_owner.values():
            for door in owned.doors:
                binding = state.bindings.by_global(door.protocol, door.entrance)
                assert binding is not None, door.entrance
                assert binding.inward(door.entrance) == door.leads_to
                counted[binding] += 1
        assert {binding: binding.doors for binding in state.bindings if binding.doors} == counted

    @invariant()
    def each_session_is_counted_by_a_binding_that_is_there(self) -> None:
        state = self.gateway.engine.state
        counted = Counter(session.binding for session in state.sessions)
        assert {binding: binding.sessions for binding in state.bindings if binding.sessions} == counted

    @invariant()
    def nothing_went_wrong_inside(self) -> None:
        assert [reason for reason in self.gateway.engine.drops if "internal-error" in reason] == []

    def teardown(self) -> None:
        """After a week without a packet the gateway is as it was in the beginning."""
        for _ in range(7):
            self.gateway.wait(86_400)
        assert tables(self.gateway) == tables(Gateway(self.config))

    def name(self, number: int, port: int) -> str:
        """A name that a host has at the moment, one for this port if there are any."""
        found = [
            f"{address_text(binding.global_.address)}:{binding.global_.port or port}"
            for binding in self.gateway.engine.state.bindings
            if binding.local.port in {port, 0}
        ]
        return sorted(found)[number % len(found)] if found else f"203.0.113.1:{port}"


def tables(gateway: Gateway) -> dict[str, object]:
    """All that a gateway remembers of its hosts and their calls."""
    state, alg = gateway.engine.state, gateway.sip
    timers = state._unused, state.doors._timers, state.doors.silence._timers, state.sessions._timers, alg.calls._timers
    return {
        "bindings": [(str(b.local), str(b.global_), b.doors, b.sessions) for b in state.bindings],
        "ports": {
            space: taken for space, ports in state.bindings.holdings._spaces.items() if (taken := sum(ports._taken))
        },
        "hosts": [
            [one.shares for one in state.bindings._ways.values() if one.shares],
            [rule.pool._leased for rule in state.rules.dynamic],
        ],
        "doors": [state.doors._newest, state.doors._by_owner],
        "sessions": [state.sessions.outward, state.sessions.inward, state.sessions._of_endpoint],
        "calls": [list(alg.calls), alg.calls._counts, {key: door.calls for key, door in alg._signals._doors.items()}],
        "timers": [timer._filed for timer in timers],
    }


QUICK = settings(
    max_examples=40,
    stateful_step_count=80,
    derandomize=True,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
