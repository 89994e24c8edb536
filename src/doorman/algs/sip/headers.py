"""Translating the addresses in a SIP message's start line and headers.

Which headers: those of the header table, in both directions. An outbound request has its own addresses in Via, From,
Contact, Route and Record-Route; in its response they come back, and in requests of the other side they stand in the
Request-URI and To. So each place is translated wherever its value is one of ours, and left alone everywhere else.
A host without a name of its own goes by its speaker's only in the headers in which that side speaks of itself.
Call-ID, tags, branch, credentials and User-Agent are never touched.
"""

from collections.abc import Iterator
from typing import NamedTuple

from doorman.algs.api import Direction, Edit, Effect, Message, Nat, Note, Touched
from doorman.net.addresses import Address, Endpoint, address_ascii, parse_address
from doorman.wire.sip import SipMessage
from doorman.wire.uri import HostPort, Part, find_request_uri, find_uris, find_via


class Treatment(NamedTuple):
    """How an address in a header is treated.

    Attributes:
        rule: on what ground it is changed, for `explain` and `debug`.
        header: the header's canonical name.
        routing: whether messages are sent there: without a port it means the default one. Else it says who somebody is,
            and means the host.
        role: of the door by which the sender wants to be reached there, "" for none.
    """

    rule: str
    header: str
    routing: bool
    role: str = ""


_TREATMENTS = {
    treatment.header: treatment
    for treatment in (
        Treatment("Contact", "contact", routing=True, role="contact"),
        Treatment("Path", "path", routing=True),
        Treatment("Record-Route", "record-route", routing=True, role="record-route"),
        Treatment("Refer-To", "refer-to", routing=True),
        Treatment("Route", "route", routing=True),
        Treatment("Service-Route", "service-route", routing=True),
        Treatment("From", "from", routing=False),
        Treatment("P-Asserted-Identity", "p-asserted-identity", routing=False),
        Treatment("P-Preferred-Identity", "p-preferred-identity", routing=False),
        Treatment("Referred-By", "referred-by", routing=False),
        Treatment("Remote-Party-ID", "remote-party-id", routing=False),
        Treatment("Reply-To", "reply-to", routing=False),
        Treatment("To", "to", routing=False),
    )
}
# Looked up once: in Python 3.11 each `Part.BOTH` costs more than a look-up in a dictionary.
_BOTH, _HOST, _PORT = Part
_OUTBOUND = Direction.OUTBOUND
_REQUEST_URI = Treatment("Request-URI", "", routing=True)
_FIRST_VIA = Treatment("Via", "via", routing=True, role="via")
_VIA = Treatment("Via", "via", routing=True)
_VIA_PARAMETER = Treatment("Via received", "via", routing=True)
_FROM = _TREATMENTS["from"]
_TO = _TREATMENTS["to"]
_MOST_NOTES = 32
"""Addresses of one message that are told to have been left alone."""
_BARE_LIMIT = 65_536
_MAX_ALIASES = 64

# What a side says of itself, in responses and in requests; other headers echo what the other side said.
_OWN = (
    frozenset({"to", "p-asserted-identity", "remote-party-id", "reply-to"}),
    frozenset({"from", "p-asserted-identity", "p-preferred-identity", "referred-by", "remote-party-id", "reply-to"}),
)


def own_identities(sip: SipMessage) -> frozenset[str]:
    """The headers in which the side that sends a message says who it is itself."""
    return _OWN[bool(sip.method)]


def echoed_identity(sip: SipMessage) -> frozenset[str]:
    """The header in which a message says who the side is that gets it."""
    return frozenset({"to"} if sip.method else {"from"})


class Bare(NamedTuple):
    """An inside endpoint that was written without its port; `via`: in a Via header, where responses find it."""

    endpoint: Endpoint
    via: bool


class Spelling:
    """What a translation cannot tell from an address alone: how an inside host wrote itself.

    `10.0.0.1` and `10.0.0.1:5060` are one endpoint. Where its name outside has another port, both become
    `203.0.113.1:20480`; on the way back the host must find what it wrote. `touched` is told of each change.
    """

    __slots__ = ("_bare", "_touched")

    def __init__(self, touched: Touched) -> None:
        self._bare: set[Bare] = set()
        self._touched = touched

    def __iter__(self) -> Iterator[Bare]:
        return iter(self._bare)

    def remember(self, endpoint: Endpoint, *, via: bool, bare: bool) -> None:
        """Note whether an endpoint with the default port was last written without it."""
        written = Bare(endpoint, via)
        if bare == (written in self._bare):
            return
        if not bare:
            self._bare.discard(written)
        elif len(self._bare) < _BARE_LIMIT:
            self._bare.add(written)
        self._touched.add(written)

    def is_bare(self, endpoint: Endpoint, *, via: bool) -> bool:
        """Whether it was."""
        return (endpoint, via) in self._bare


class Reachable(NamedTuple):
    """Where the sender of a message says that it can be reached for signalling.

    Attributes:
        role: by which header: `via` (the first), `contact` or `record-route`.
        protocol: 17 or 6.
        leads_to: the endpoint as the sender wrote it.
        entrance: its name for the receiver.
    """

    role: str
    protocol: int
    leads_to: Endpoint
    entrance: Endpoint


class HeaderTranslation:
    """One message's headers on their way through the NAT.

    Attributes:
        edits: what is to be changed, in order.
        effects: notes on what was left.
        caller, callee: the user parts of From and To.
        reachable: the endpoints of ours by which the message says where answers and new requests may go.
        aliases: inside hosts written as an identity by somebody else, by the user part they stand with; a
            shared global address does not tell which host it was.
    """

    __slots__ = (
        "_data",
        "_left",
        "_message",
        "_nat",
        "_own",
        "_sip",
        "_spelling",
        "aliases",
        "callee",
        "caller",
        "edits",
        "effects",
        "reachable",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - a message, its NAT, and what is remembered
        self,
        sip: SipMessage,
        message: Message,
        nat: Nat,
        spelling: Spelling,
        aliases: dict[bytes, Address] | None,
        own: frozenset[str],
    ) -> None:
        self._sip = sip
        self._own = own
        self._data = sip.data
        self._message = message
        self._nat = nat
        self._spelling = spelling
        self._left = b""
        self.aliases = aliases
        self.edits: list[Edit] = []
        self.effects: list[Effect] = []
        self.caller = self.callee = b""
        self.reachable: list[Reachable] = []

    def run(self) -> None:
        """Find and translate every address of the start line and the headers.

        Raises:
            Refused: the NAT has no name left for one of them.
        """
        sip, data = self._sip, self._data
        if sip.method:
            for place in find_request_uri(data[sip.uri_start : sip.uri_end]):
                self._place(sip.uri_start, place, _REQUEST_URI)
        via = _FIRST_VIA
        for name, start, end in sip.headers:
            if name == "via":
                self._via(start, data[start:end], via)
                via = _VIA
                continue
            treatment = _TREATMENTS.get(name)
            if treatment is not None:
                for place in find_uris(data[start:end]):
                    self._place(start, place, treatment)
                    if treatment is _FROM:
                        self.caller = place.user
                    elif treatment is _TO:
                        self.callee = place.user

    def _via(self, start: int, value: bytes, treatment: Treatment) -> None:
        for sent_by, parameters in find_via(value):
            self._place(start, sent_by, treatment)
            treatment = _VIA
            for place in parameters:
                self._place(start, place, _VIA_PARAMETER)

    def _place(self, at: int, place: HostPort, treatment: Treatment) -> None:
        """Translate a place that is counted from `at`."""
        address = parse_address(place.host)
        if address is None:
            return
        if not self._nat.owns(address):
            self._leave(place.host)
            return
        if place.port < 0 and (not treatment.routing or place.part != _BOTH):
            host = self._identity(address, place.user, own=treatment.header in self._own)
            new = None if host == address else _write_host(host)
        else:
            new = self._endpoint(address, place, treatment)
        if new is not None:
            self.edits.append(Edit(at + place.start, at + place.end, new, treatment.rule))

    def _leave(self, host: bytes) -> None:
        if host != self._left:
            self._left = host
            note = Note("address-left", host)
            if len(self.effects) < _MOST_NOTES and note not in self.effects:
                self.effects.append(note)

    def _endpoint(self, address: Address, place: HostPort, treatment: Treatment) -> bytes | None:
        """What to write for an endpoint; None where it stays as it is."""
        old = Endpoint(address, place.port if place.port >= 0 else place.default_port)
        protocol = place.protocol or self._message.protocol
        new = self._nat.translate(old, protocol)
        if treatment.role and place.part == _BOTH:
            self.reachable.append(Reachable(treatment.role, protocol, old, new))
        if new == old:
            return None
        return self._spell(place, old, new, via=treatment.rule == "Via", routing=treatment.routing)

    def _identity(self, address: Address, user: bytes, *, own: bool) -> Address:
        message = self._message
        if message.direction == _OUTBOUND:
            if address != message.party and own:
                self.aliases = self.aliases or {}
                if user in self.aliases or len(self.aliases) < _MAX_ALIASES:
                    self.aliases[user] = address
        elif self.aliases and user in self.aliases:
            return self.aliases[user]
        return self._nat.host(address, own=own)

    def _spell(self, place: HostPort, old: Endpoint, new: Endpoint, *, via: bool, routing: bool) -> bytes:
        """How to write the new name of an endpoint at a place."""
        if place.part == _PORT:
            return str(new.port).encode()
        host = _write_host(new.address)
        if place.part == _HOST:
            return host
        if place.port < 0:
            if new.port == place.default_port:
                return host
            self._spelling.remember(old, via=via, bare=True)
        elif not routing:
            pass  # an identity that has a port was written with it
        elif new.port == place.default_port != place.port and self._spelling.is_bare(new, via=via):
            return host
        elif old.port == place.default_port != new.port:
            self._spelling.remember(old, via=via, bare=False)
        return host + b":%d" % new.port


def _write_host(address: Address) -> bytes:
    text = address_ascii(address)
    return text if len(address) == 4 else b"[" + text + b"]"  # noqa: PLR2004 - IPv4 needs no brackets
