"""What must hold of a message that leaves for the outside, and how a script fails."""

import signal
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from doorman.net.addresses import address_of
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import find_parts
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import SipMessage, read_sip
from doorman.wire.uri import HostPort, find_uris, find_via
from doorman.wire.xml_uris import find_xml_uris

_INSIDE = b"10.0.0.10"
_INSIDE_ADDRESS = address_of("10.0.0.10")
_ENDLESS = 10.0
"""Seconds of CPU time after which a script is taken to be in a loop."""
_URI_HEADERS = frozenset({
    "contact", "from", "to", "record-route", "route", "path", "service-route", "refer-to", "referred-by", "reply-to",
    "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "history-info",
})  # fmt: skip
_BODY_LEFT = frozenset({"encoded-body", "signed-body", "encrypted-body", "fragment-unreadable"})
"""Notes that say that a body goes on as it came."""


Footprint = set[Hashable]
"""What a script made the gateway do: what is new there is worth another look."""


class Failure(Exception):  # noqa: N818 - the outcome of a trial
    """Something that must hold did not; `kind` names what."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class Endless(BaseException):
    """A script takes too long; no `except Exception` may swallow it."""


@contextmanager
def alarm(seconds: float = _ENDLESS) -> Iterator[None]:
    """Let nothing take longer, in CPU time.

    Raises:
        Failure: it did.
    """

    def ring(_: int, frame: FrameType | None) -> NoReturn:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "nowhere"
        raise Endless(place)

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    except Endless as endless:
        raise Failure("endless", str(endless)) from endless
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def judge_drop(reason: str, road: str) -> None:
    """A message was dropped.

    Raises:
        Failure: nobody knows why, or because of an error of the gateway's own.
    """
    if not reason:
        raise Failure("nameless", f"dropped over {road}")
    if "internal-error" in reason:
        raise Failure("internal-error", reason)


def judge_departure(before: bytes, after: bytes, notes: set[str]) -> None:
    """A message of the phone went on.

    Raises:
        Failure: it cannot be read any more, is another message now, or names the inside host.
    """
    if "passed-as-it-came" in notes:
        if before != after:
            raise Failure("touched", "though it was to pass as it came")
        return
    try:
        came, left = read_sip(before), read_sip(after)
    except Malformed as malformed:
        raise Failure("unreadable-after", malformed.reason) from malformed
    if came is None or left is None:
        if came is not left or before != after:
            raise Failure("unreadable-after", "no SIP any more")
        return
    _judge_same(came, left)
    _judge_headers(left, notes)
    if not notes & _BODY_LEFT and left.body:
        _judge_body(left)


def _judge_same(came: SipMessage, left: SipMessage) -> None:
    """What no gateway may change."""
    for same in ("method", "status", "call_id", "cseq", "cseq_method"):
        if getattr(came, same) != getattr(left, same):
            raise Failure("another-message", f"{same} was {getattr(came, same)!r}, is {getattr(left, same)!r}")
    if [header.name for header in came.headers] != [header.name for header in left.headers]:
        raise Failure("another-message", "other headers")
    if came.data[came.body_end :] != left.data[left.body_end :]:
        raise Failure("another-message", "another length of the body")


def _judge_headers(message: SipMessage, notes: set[str]) -> None:
    data = message.data
    places: list[tuple[str, HostPort]] = []
    for header in message.headers:
        name, value = header.name, data[header.start : header.end]
        if name in _URI_HEADERS and (name != "refer-to" or "third-party-address" not in notes):
            places += [(name, place) for place in find_uris(value)]
        elif name == "via":
            for via in find_via(value):
                places += [(name, place) for place in (via.sent_by, *via.parameters)]
    for name, place in places:
        if place.host == _INSIDE:
            raise Failure("inside-address", f"in {name}")


def _judge_body(message: SipMessage) -> None:
    data = message.data
    try:
        parts = find_parts(data, message.value("content-type"), message.body_start, message.body_end)
        for part in parts:
            if part.encoded or part.signed:
                continue
            if part.content_type == b"application/sdp":
                _judge_description(data, part.start, part.end)
            elif part.content_type.endswith(b"+xml"):
                for start, end, _ in find_xml_uris(data, part.start, part.end):
                    if any(place.host == _INSIDE for place in find_uris(b"<" + data[start:end] + b">")):
                        raise Failure("inside-address", "in XML")
    except Malformed as malformed:
        raise Failure("unreadable-after", malformed.reason) from malformed


def _judge_description(data: bytes, start: int, end: int) -> None:
    session = read_sdp(data, start, end)
    for media in session.media:
        connection = media.connection or session.connection
        hosts = [connection, media.rtcp_host, *(candidate.host for candidate in media.candidates)]
        if media.port.number and any(host is not None and host.address == _INSIDE_ADDRESS for host in hosts):
            raise Failure("inside-address", f"in {media.kind!r} of SDP")
