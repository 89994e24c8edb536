"""The two ends of a dialog, for which a test speaks, message by message; each message goes through the gateway.

    invite = caller.asks("INVITE", body=audio(...))           as the callee heard it
    answer = callee.answers(invite, 200, body=audio(...))     as the caller heard it

They go by what they hear (Via, Contact, Record-Route, tags), as RFC 3261 has it, clauses 12 and 18: where a name leads
nowhere the other one hears nothing, and the step fails.
"""

import itertools
import re
from typing import NamedTuple, Self

from doorman.lab.stream import Endpoint
from kit.agents import SIP_PORT, Agent, Heard
from kit.messages import message

_ERRORS = 300
_URI = re.compile(r"sip:(?:[^@>;]*@)?([\d.]+)(?::(\d+))?")
_TAG = re.compile(r";tag=([^;>\s]+)")
_numbers = itertools.count(1)


class _Invite(NamedTuple):
    """A request as far as an ACK or CANCEL repeats it."""

    target: str
    cseq: int
    branch: str
    accepted: bool = True


class Party:
    """One end of a dialog.

    Attributes:
        agent: whose.
        call_id: of the dialog.
        other: the other end.
        target: the URI that its requests ask for: that of the call, then the other one's Contact.
        tag: its own.
        more: headers of all that it sends.
    """

    other: Self

    def __init__(self, agent: Agent, user: str, target: str, call_id: str) -> None:
        self.agent = agent
        self.user = user
        self.target = target
        self.call_id = call_id
        self.tag = user
        self.more: tuple[str, ...] = ()
        self._remote_tag = ""
        self._routes: list[str] = []
        self._cseq = 0
        self._invite = _Invite("", 0, "")

    @property
    def uri(self) -> str:
        """Its own, as its Contact says it."""
        return f"sip:{self.user}@{self.agent.address}:{SIP_PORT};transport={self.agent.transport}"

    def asks(self, method: str, *headers: str, body: str = "", kind: str = "application/sdp") -> Heard:
        """Send a request, and let the other one hear it. ACK and CANCEL are about the last INVITE."""
        invite = self._invite
        if method not in ("ACK", "CANCEL"):
            self._cseq += 1
            invite = _Invite(self.target, self._cseq, f"z9hG4bK{next(_numbers)}")
        elif method == "ACK" and invite.accepted:
            invite = _Invite(self.target, invite.cseq, f"z9hG4bK{next(_numbers)}")
        if method == "INVITE":
            self._invite = invite
        remote = f";tag={self._remote_tag}" if self._remote_tag and method != "CANCEL" else ""
        sent = message(
            f"{method} {invite.target} SIP/2.0",
            f"Via: SIP/2.0/{self.agent.transport.upper()} {self.agent.sent_by};branch={invite.branch}",
            *(f"Route: {route}" for route in self._routes),
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@{self.agent.address}>;tag={self.tag}",
            f"To: <{invite.target}>{remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {invite.cseq} {method}",
            f"Contact: <{self.uri}>",
            *self.more,
            *headers,
            body=body,
            kind=kind,
        )
        self.agent.send(sent, endpoint(self._routes[0] if self._routes else invite.target))
        heard = self.other.hears(method)
        if method not in ("ACK", "CANCEL"):
            self.other.goes_by(heard, heard.one("From"), heard.all("Record-Route"))
        return heard

    def answers(self, request: Heard, status: int, *headers: str, body: str = "") -> Heard:
        """Send a response, and let the other one hear it."""
        to = request.one("To")
        sent = message(
            f"SIP/2.0 {status} Whatever",
            *(f"Via: {via}" for via in request.all("Via")),
            *(f"Record-Route: {route}" for route in request.all("Record-Route")),
            f"From: {request.one('From')}",
            f"To: {to}" + ("" if ";tag=" in to else f";tag={self.tag}"),
            f"Call-ID: {self.call_id}",
            f"CSeq: {request.one('CSeq')}",
            *([] if any(line.startswith("Contact:") for line in headers) else [f"Contact: <{self.uri}>"]),
            *self.more,
            *headers,
            body=body,
        )
        self.agent.send(sent, request.back)
        heard = self.other.hears(str(status))
        if request.what in ("INVITE", "SUBSCRIBE"):
            self.other.goes_by(heard, heard.one("To"), heard.all("Record-Route")[::-1])
            self.other.is_answered(status)
        return heard

    def hears(self, what: str) -> Heard:
        """The next message, which is to be this one."""
        try:
            heard = self.agent.hear()
        except TimeoutError:
            raise AssertionError(f"{self.user} does not hear {what}") from None
        assert heard.what == what
        return heard

    def is_answered(self, status: int) -> None:
        """Its INVITE was."""
        self._invite = self._invite._replace(accepted=status < _ERRORS)

    def goes_by(self, heard: Heard, remote: str, routes: list[str]) -> None:
        """Send later requests as this message says."""
        found = _TAG.search(remote)
        self._remote_tag = found[1] if found else ""
        if contact := heard.all("Contact"):
            self.target = contact[0].partition("<")[2].partition(">")[0]
        # A route through itself is what a proxy beside it has put there, and takes away.
        own = self.agent.address
        self._routes = [route for route in routes if endpoint(route)[0] != own] or self._routes


def parties(caller: Agent, callee: Agent, target: str) -> tuple[Party, Party]:
    """The two ends of a dialog that the first is to begin, by a request to this URI."""
    call_id = f"dialog-{next(_numbers)}"
    one, other = Party(caller, "alice", target, call_id), Party(callee, "bob", "", call_id)
    one.other, other.other = other, one
    return one, other


def registered(phone: Agent, registrar: Agent) -> str:
    """The contact of a phone that has registered, as the registrar knows it."""
    one, other = parties(phone, registrar, f"sip:{registrar.address}")
    asked = one.asks("REGISTER", "Expires: 600")
    other.answers(asked, 200, f"Contact: {asked.one('Contact')};expires=600")
    return asked.one("Contact")[1:-1]


def endpoint(uri: str) -> Endpoint:
    """Where a URI leads."""
    found = _URI.search(uri)
    assert found is not None, uri
    return found[1], int(found[2] or SIP_PORT)
