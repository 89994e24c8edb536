"""What application inspection can look at in SIP messages.

    method                what a request asks for
    uri                   the Request-URI
    header:NAME           the values of a header, by its full name in small letters; compact forms are the same header
    content-type          of the body, without parameters
    content-length        the bytes of the body
    max-forwards          how often it may be forwarded still
    unknown-header        headers that are not registered (RFC 3261, section 20, and later ones)
    protocol-violation    why it is no right message

Headers are found by their lines, also in a message that breaks the rules.
"""

from typing import Literal

from doorman.algs.api import Message
from doorman.wire.malformed import Malformed
from doorman.wire.sip import MAX_HEADERS, MAX_LINE, header_lines, read_sip

KNOWN_HEADERS = frozenset(
    b"accept accept-contact accept-encoding accept-language accept-resource-priority additional-identity alert-info "
    b"allow allow-events answer-mode authentication-info authorization call-id call-info cellular-network-info contact "
    b"content-disposition content-encoding content-id content-language content-length content-type cseq date "
    b"diversion encryption error-info event expires feature-caps flow-timer from geolocation geolocation-error "
    b"geolocation-routing hide history-info identity identity-info info-package in-reply-to join max-breadth "
    b"max-forwards mime-version min-expires min-se organization p-access-network-info p-answer-state "
    b"p-asserted-identity p-asserted-service p-associated-uri p-called-party-id p-charging-function-addresses "
    b"p-charging-vector p-charge-info p-dcs-billing-info p-dcs-laes p-dcs-osps p-dcs-redirect p-dcs-trace-party-id "
    b"p-early-media p-media-authorization p-preferred-identity p-preferred-service p-private-network-indication "
    b"p-profile-key p-refused-uri-list p-served-user p-user-database p-visited-network-id path "
    b"permission-missing policy-contact policy-id priority priority-share priority-verstat priv-answer-mode privacy "
    b"proxy-authenticate proxy-authorization proxy-require rack reason reason-phrase record-route recv-info "
    b"refer-events-at refer-sub refer-to referred-by reject-contact relayed-charge remote-party-id replaces reply-to "
    b"request-disposition require resource-priority resource-share response-key response-source restoration-info "
    b"retry-after route rseq security-client security-server security-verify server service-interact-info "
    b"service-route session-expires session-id sip-etag sip-if-match subject subscription-state supported "
    b"suppress-if-match target-dialog timestamp to trigger-consent unsupported user-agent user-to-user via warning "
    b"www-authenticate".split()
)
"""Registered names, in small letters (IANA, SIP header fields)."""

_OF_ALL = frozenset({"protocol-violation", "unknown-header"})
_COMPACT = {
    b"a": b"accept-contact", b"b": b"referred-by", b"c": b"content-type", b"d": b"request-disposition",
    b"e": b"content-encoding", b"f": b"from", b"i": b"call-id", b"j": b"reject-contact", b"k": b"supported",
    b"l": b"content-length", b"m": b"contact", b"n": b"identity-info", b"o": b"event", b"r": b"refer-to",
    b"s": b"subject", b"t": b"to", b"u": b"allow-events", b"v": b"via", b"x": b"session-expires", b"y": b"identity",
}  # fmt: skip


def read_fields(message: Message) -> "SipFields":
    """The fields of a message."""
    return SipFields(message.data)


class SipFields:
    """A SIP message as application inspection sees it. Whatever is not SIP has no fields."""

    __slots__ = ("_body", "_headers", "_start", "_violation", "kind", "name")

    def __init__(self, data: bytes, max_headers: int = MAX_HEADERS, max_line: int = MAX_LINE) -> None:
        self._violation, self._body = "", 0
        self._headers: dict[bytes, list[bytes]] = {}
        try:
            message = read_sip(data, max_headers, max_line)
        except Malformed as malformed:
            message, self._violation = None, malformed.reason
        self._body = len(message.body) if message is not None else 0
        lines = header_lines(data, max_headers) if self._violation or message is not None else []
        self._start = lines[0][0].split() if lines else []
        for name, value in lines[1:]:
            known = name.strip().lower()
            self._headers.setdefault(_COMPACT.get(known, known), []).append(value.strip())
        responds = bool(self._start) and self._start[0].upper().startswith(b"SIP/")
        self.kind: Literal["request", "response", ""] = "response" if responds else "request" if self._start else ""
        self.name = self._start[responds].decode("ascii", "replace") if len(self._start) > responds else ""

    def values(self, field: str) -> list[bytes]:
        """See `algs.fields.Fields`."""
        match field:
            case "method":
                return self._start[:1] if self.kind == "request" else []
            case "uri":
                return self._start[1:2] if self.kind == "request" else []
            case "content-length":
                return [str(self._body).encode()]
            case "content-type":
                return [value.partition(b";")[0].strip() for value in self._headers.get(b"content-type", [])]
        return self._names(field) if field in _OF_ALL else self._headers.get(field.removeprefix("header:").encode(), [])

    def _names(self, field: str) -> list[bytes]:
        if field == "unknown-header":
            return [name for name in self._headers if name not in KNOWN_HEADERS]
        return [self._violation.encode()] if self._violation else []
