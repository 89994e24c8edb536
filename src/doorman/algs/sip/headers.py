"""The addresses in a SIP message's start line and headers: where they stand, and what they mean there.

An outbound request has its own addresses in Via, From, Contact, Route and Record-Route; in its response they come back,
and in requests of the other side they stand in the Request-URI and To. So each place is translated wherever its value
is one of ours, in both directions, and left alone everywhere else.

Never touched: Call-ID, In-Reply-To, Replaces, Target-Dialog and Join, which name dialogs; tags and branch; credentials;
User-Agent and the like; P-Charging-Vector and P-Charging-Function-Addresses, which only correlate charging records (RFC
7315, sections 4.5 and 4.6); headers within a URI (`?Replaces=…`), which are another message's.
"""

from typing import Final

from doorman.algs.sip.naming import Naming, Treatment
from doorman.algs.sip.wanted import REFERRAL
from doorman.wire.sip import SipMessage
from doorman.wire.sip_lines import FROM, NAMES, TO, VIA, HeaderLine

_ROUTING: Final = (
    "Alert-Info", "Also", "Call-Info", "Error-Info", "Geolocation", "Path", "Policy-Contact", "Refer-Events-At",
    "Route", "Service-Route", "Trigger-Consent",
)  # fmt: skip
"""Where requests are sent: RFC 3261, 3327, 3608, 5360, 6442, 6794, 7614, draft-ietf-sip-cc-transfer."""
_IDENTITIES: Final = (
    "CC-Diversion", "Diversion", "From", "History-Info", "P-Asserted-Identity", "P-Associated-URI",
    "P-Called-Party-ID", "P-Charge-Info", "P-Preferred-Identity", "P-Served-User", "Referred-By", "Remote-Party-ID",
    "Reply-To", "Requested-By", "To", "Warning",
)  # fmt: skip
"""Who somebody is, or was: RFC 3261, 3325, 3892, 5502, 5806, 7044, 7315, 8496, draft-ietf-sip-privacy."""

_BY_NAME: Final = {
    "contact": Treatment("Contact", "contact", routing=True, role="contact"),
    "record-route": Treatment("Record-Route", "record-route", routing=True, role="record-route"),
    "refer-to": Treatment("Refer-To", "refer-to", routing=True, role=REFERRAL),
    **{name.lower(): Treatment(name, name.lower(), routing=True) for name in _ROUTING},
    **{name.lower(): Treatment(name, name.lower(), routing=False) for name in _IDENTITIES},
}
_TREATMENTS: Final = [_BY_NAME.get(name) for name in NAMES]
"""By the kinds of headers."""
_REQUEST_URI: Final = Treatment("Request-URI", "", routing=True)
_FIRST_VIA: Final = Treatment("Via", "via", routing=True, role="via")
_VIA: Final = Treatment("Via", "via", routing=True)
_VIA_PARAMETER: Final = Treatment("Via received", "via", routing=True)

# What a side says of itself, in responses and in requests; other headers echo what the other side said.
_OWN_OF_RESPONSE: Final = frozenset({"to", "p-asserted-identity", "remote-party-id", "reply-to", "warning"})
_OWN_OF_REQUEST: Final = frozenset({
    "cc-diversion", "diversion", "from", "history-info", "p-asserted-identity", "p-charge-info",
    "p-preferred-identity", "referred-by", "remote-party-id", "reply-to", "requested-by",
})  # fmt: skip


def own_identities(sip: SipMessage) -> frozenset[str]:
    """The headers in which the side that sends a message says who it is itself."""
    return _OWN_OF_REQUEST if sip.method else _OWN_OF_RESPONSE


def echoed_identity(sip: SipMessage) -> frozenset[str]:
    """The header in which a message says who the side is that gets it."""
    return frozenset({"to"} if sip.method else {"from"})


def translate_headers(sip: SipMessage, naming: Naming) -> None:
    """Find and translate every address of the start line and the headers.

    Raises:
        Excessive: there are more of them than a message may have.
        Refused: the NAT has no name left for one of them.
    """
    for place in sip.target:
        naming.place(sip.uri_start, place, _REQUEST_URI)
    via, at, gaps = _FIRST_VIA, sip.lines_start, sip.gaps
    for index, line in enumerate(sip.lines):
        kind = line.kind
        gap = gaps[index] if index < len(gaps) else 0
        if kind == VIA:
            _translate_vias(line, at + line.start, gap, via, naming)
            via = _VIA
        else:
            treatment = _TREATMENTS[kind]
            if treatment is not None:
                places = line.places(naming.budget)
                naming.spend(len(places))
                for place in places:
                    naming.place(at + line.start, place, treatment)
        at += line.length + gap


def find_users(sip: SipMessage) -> tuple[bytes, bytes]:
    """Who a message is from and to: the user parts of From and To, b"" where there is none."""
    sender = receiver = b""
    for line in sip.lines:
        if line.kind in (FROM, TO):
            places = line.places(1)
            user = places[0].user if places else b""
            if line.kind == FROM:
                sender = user
            else:
                receiver = user
    return sender, receiver


def _translate_vias(line: HeaderLine, start: int, gap: int, treatment: Treatment, naming: Naming) -> None:
    """Translate one Via header, of which so many bytes are new."""
    for via in line.vias(naming.budget):
        naming.spend(1 + len(via.parameters))
        naming.place(start + line.shift(via.sent_by, gap), via.sent_by, treatment)
        treatment = _VIA
        for place in via.parameters:
            naming.place(start + line.shift(place, gap), place, _VIA_PARAMETER)
