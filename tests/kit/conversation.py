"""One call between two honest ends, changed in any way they like, over a network that delivers late copies of anything.

The ends do what RFC 3261, 3262, 3264 and 3311 say. What they have agreed on must have a way through the gateway as long
as the call lives; nothing may have one to or from where they never announced, nor when the call is over.

phone 10.0.0.10, tag a      gateway 203.0.113.1      peer 198.51.100.20, tag b
"""

from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from doorman.algs.api import Direction
from doorman.engine.results import Fate
from doorman.net.addresses import address_text
from kit.dialogs import RTP, numbered, reply, within, within_inbound
from kit.sip import Gateway, Passage, answer, incoming, request, sdp
from kit.traffic import tables

PHONE_PORTS = (4000, 4100, 4200)
PEER_MEDIA = ("198.51.100.99:6000", "198.51.100.98:6000", "198.51.100.99:6002")
DIRECTIONS = ("sendrecv", "sendrecv", "sendonly", "recvonly", "inactive")
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""How a stream is answered (RFC 3264, section 6.1)."""
_OUT, _IN = Direction


class Side(NamedTuple):
    """What an end announces: where it receives, and the direction."""

    media: str
    direction: str = "sendrecv"

    @property
    def description(self) -> str:
        """As its SDP."""
        host, _, port = self.media.partition(":")
        return sdp(host, int(port), "a=" + self.direction)


class Conversation(RuleBasedStateMachine):
    """A call, its two ends, and all that was ever sent of it."""

    def __init__(self, config: str) -> None:
        super().__init__()
        self.config = config
        self.gateway = Gateway(config)
        self.ends = [Side("10.0.0.10:4000"), Side(PEER_MEDIA[0])]
        self.name = self.public = self.announced = ""
        self.numbers = [1, 1]
        self.copies: list[tuple[Direction, bytes]] = []
        self.unasked = set(PEER_MEDIA)
        self.flowed = self.over = False

    @initialize(outbound=st.booleans(), early=st.booleans(), delayed=st.booleans(), late=st.booleans())
    def begins(self, *, outbound: bool, early: bool, delayed: bool, late: bool) -> None:
        """The call is made and answered; `delayed`: with the offer in the answer."""
        self.name = self.gateway.out(request("REGISTER", call_id="r")).source
        self.gateway.in_(answer(200, "Expires: 3600", call_id="r", method="REGISTER"), target=self.name)
        caller = _OUT if outbound else _IN
        offer, accepted = self.ends if outbound else self.ends[::-1]
        first = "" if delayed else offer.description
        asked = self.send(caller, request(body=first) if outbound else incoming(call_id="one", body=first))
        last = accepted.description
        if early:
            self.send(1 - caller, self.response(caller, asked, 183, "INVITE", 1, last))
        self.send(1 - caller, self.response(caller, asked, 200, "INVITE", 1, last))
        if late:
            self.again(len(self.copies) - 1)
        self.send(caller, self.request(caller, "ACK", 1, offer.description if delayed else ""))

    @rule(
        caller=st.sampled_from([_OUT, _IN]),
        method=st.sampled_from(["INVITE", "INVITE", "UPDATE"]),
        media=st.integers(0, 2),
        other=st.integers(0, 2),
        direction=st.sampled_from(DIRECTIONS),
        status=st.sampled_from([200, 200, 200, 488, 491]),
        delayed=st.booleans(),
        twice=st.sampled_from(["", "", "request", "answer", "ack"]),
    )
    @precondition(lambda self: not self.over)
    def change(  # noqa: PLR0913 - all that a change can be
        self, *, caller: Direction, method: str, media: int, other: int, direction: str, status: int, delayed: bool,
        twice: str,
    ) -> None:  # fmt: skip
        """One end offers something else, and the other accepts, perhaps with something else, or refuses."""
        callee = 1 - caller
        ways = [[f"10.0.0.10:{port}" for port in PHONE_PORTS], list(PEER_MEDIA)]
        offers, accepts = Side(ways[caller][media], direction), Side(ways[callee][other], ANSWERS[direction])
        delayed = delayed and method == "INVITE"
        if delayed:
            offers, accepts = Side(offers.media, ANSWERS[direction]), Side(accepts.media, direction)
        self.numbers[caller] += 1
        number = self.numbers[caller]
        asked = self.send(caller, self.request(caller, method, number, "" if delayed else offers.description))
        if twice == "request":
            self.again(len(self.copies) - 1)
        if self.flowed:
            self.check()
        body = accepts.description if status == 200 else ""
        self.send(callee, self.response(caller, asked, status, method, number, body))
        if twice == "answer":
            self.again(len(self.copies) - 1)
        if method == "INVITE":
            self.send(caller, self.request(caller, "ACK", number, offers.description if delayed and body else ""))
            if twice == "ack":
                self.again(len(self.copies) - 1)
        if status == 200:
            self.ends[caller], self.ends[callee] = offers, accepts
            self.public = self.announced
            self.flowed = False
        self.check()

    @rule()
    @precondition(lambda self: not self.over)
    def both_change_at_once(self) -> None:
        """RFC 3261, section 14.1."""
        self.numbers = [number + 1 for number in self.numbers]
        held = [Side(end.media, "inactive").description for end in self.ends]
        asked = [self.send(end, self.request(end, "INVITE", self.numbers[end], held[end])) for end in (_OUT, _IN)]
        for end in (_IN, _OUT):
            self.send(1 - end, self.response(end, asked[end], 491, "INVITE", self.numbers[end], ""))
        for end in (_OUT, _IN):
            self.send(end, self.request(end, "ACK", self.numbers[end], ""))
        self.check()

    @rule(which=st.integers(0, 10_000))
    def a_late_copy_comes(self, which: int) -> None:
        """Whatever was sent may be sent again, or have been on its way for long; not when all is forgotten."""
        if list(self.gateway.sip.calls)[1:]:
            self.again(which % len(self.copies))

    @rule()
    def media_flow(self) -> None:
        """Those that were agreed on, or none."""
        self.check()

    @rule(seconds=st.sampled_from([1, 7, 40]))
    def time_passes(self, seconds: int) -> None:
        """While media flow; a call that is over has none."""
        self.gateway.wait(seconds)
        self.check()

    @rule(caller=st.sampled_from([_OUT, _IN]), answered=st.booleans())
    @precondition(lambda self: not self.over)
    def ends_(self, *, caller: Direction, answered: bool) -> None:
        """One end hangs up."""
        self.numbers[caller] += 1
        asked = self.send(caller, self.request(caller, "BYE", self.numbers[caller], ""))
        if answered:
            self.send(1 - caller, self.response(caller, asked, 200, "BYE", self.numbers[caller], ""))
        self.over = True
        self.gateway.wait(7)
        self.check()

    @invariant()
    def doors_are_for_what_was_announced(self) -> None:
        """By one of the ends, at any time."""
        for door in self.gateway.doors:
            if door.inspect_as is None:
                assert door.leads_to.port & ~1 in PHONE_PORTS
                assert door.visitor is not None
                assert address_text(door.visitor).startswith("198.51.100.")
        assert len(self.gateway.media_doors()) <= 2 * len(PHONE_PORTS)

    def teardown(self) -> None:
        """An hour after its end there is nothing left of it, nor of the registration."""
        if not self.over and self.public:
            self.send(_OUT, self.request(_OUT, "BYE", self.numbers[_OUT] + 1, ""))
        for _ in range(12):
            self.gateway.wait(400)
        assert tables(self.gateway) == tables(Gateway(self.config))

    def check(self) -> None:
        """Whether media go where the ends agreed that they do, and nowhere when the call is over."""
        phone, peer = self.ends
        if self.over:
            for media in self.unasked:
                assert self.gateway.in_(RTP, media, self.public).fate == Fate.DROPPED
            assert self.gateway.media_doors() == []
            return
        if phone.direction in {"sendrecv", "recvonly"}:
            heard = self.gateway.in_(RTP, peer.media, self.public)
            assert (heard.fate, heard.target) == (Fate.FORWARDED, phone.media), heard.reason
        if phone.direction in {"sendrecv", "sendonly"}:
            assert self.gateway.out(RTP, phone.media, peer.media).source == self.public
            if phone.direction == "sendonly":  # a flow like any other, which is answered where it came from
                self.unasked.discard(peer.media)
        self.flowed = True

    def send(self, end: int, message: bytes) -> Passage:
        """Send a message through the gateway, and learn from it what the peer learns."""
        direction = Direction(end)
        self.copies.append((direction, message))
        passage = self.gateway.out(message) if direction == _OUT else self.gateway.in_(message, target=self.name)
        assert passage.fate == Fate.FORWARDED, passage.reason
        if direction == _OUT and passage.lines("m"):
            self.announced = f"{passage.line('c').split()[-1]}:{passage.line('m').split()[1]}"
            self.public = self.public or self.announced
        return passage

    def again(self, which: int) -> None:
        """Send a copy."""
        direction, message = self.copies[which]
        if direction == _OUT:
            self.gateway.out(message)
        else:
            self.gateway.in_(message, target=self.name)

    def request(self, end: int, method: str, number: int, body: str) -> bytes:
        """A request of an end within the dialog."""
        if end == _OUT:
            return within(method, number, body=body)
        return within_inbound(method, number, body=body)

    def response(self, caller: int, asked: Passage, status: int, method: str, number: int, body: str) -> bytes:  # noqa: PLR0913, PLR0917
        """The response of the other end to a request as it arrived there."""
        if caller == _IN:
            return reply(asked, status, body=body)
        return numbered(answer(status, method=method, body=body), number)
