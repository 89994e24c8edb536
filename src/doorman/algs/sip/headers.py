"""Translating the addresses in a SIP message's start line and headers.

Which headers: those of the header table, in both directions. An outbound request has its own addresses in Via, From,
Contact, Route and Record-Route; in its response they come back, and in requests of the other side they stand in the
Request-URI and To. So each place is translated wherever its value is one of ours, and left alone everywhere else.
Call-ID, tags, branch, credentials and User-Agent are never touched.
"""

from typing import NamedTuple

from doorman.algs.api import Direction, Edit, Effect, Message, Nat, Note
from doorman.net.addresses import Address, Endpoint, address_ascii, parse_address
from doorman.wire.sip import SipMessage
from doorman.wire.uri import HostPort, Part, find_request_uri, find_uris, find_via

_TREATMENTS = {
    "contact": ("Contact", True),
    "path": ("Path", True),
    "record-route": ("Record-Route", True),
    "refer-to": ("Refer-To", True),
    "route": ("Route", True),
    "service-route": ("Service-Route", True),
    "from": ("From", False),
    "p-asserted-identity": ("P-Asserted-Identity", False),
    "p-preferred-identity": ("P-Preferred-Identity", False),
    "referred-by": ("Referred-By", False),
    "remote-party-id": ("Remote-Party-ID", False),
    "reply-to": ("Reply-To", False),
    "to": ("To", False),
}
"""What is done with a header: the rule's name, and whether messages are routed by it.

A routing address without a port means the default one; an identity without a port means the host.
"""
_REACHED_AT = frozenset({"contact", "record-route"})
_PARTIES = frozenset({"from", "to"})
_BARE_LIMIT = 65_536
_MAX_ALIASES = 64
"""Third parties of one call that are told apart by their user parts."""


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


class Spelling:
    """What a translation cannot tell from an address alone: how an inside host wrote itself.

    `10.0.0.1` and `10.0.0.1:5060` are one endpoint. Where its name outside has another port, both become
    `203.0.113.1:20480`; on the way back the host must find what it wrote.
    """

    __slots__ = ("_bare",)

    def __init__(self) -> None:
        self._bare: set[tuple[Endpoint, bool]] = set()

    def remember(self, endpoint: Endpoint, *, via: bool, bare: bool) -> None:
        """Note whether an endpoint with the default port was last written without it."""
        if not bare:
            self._bare.discard((endpoint, via))
        elif len(self._bare) < _BARE_LIMIT:
            self._bare.add((endpoint, via))

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
        users: the user parts of From and To.
        reachable: the endpoints of ours by which the message says where answers and new requests may go.
        aliases: inside hosts written as an identity by somebody else, by the user part they stand with; a
            shared global address does not tell which host it was.
    """

    __slots__ = (
        "_data", "_left", "_message", "_nat", "_own", "_sip", "_spelling",
        "aliases", "edits", "effects", "reachable", "users",
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
        self._left: set[bytes] = set()
        self.aliases = aliases
        self.edits: list[Edit] = []
        self.effects: list[Effect] = []
        self.users: dict[str, bytes] = {}
        self.reachable: list[Reachable] = []

    def run(self) -> None:
        """Find and translate every address of the start line and the headers.

        Raises:
            Refused: the NAT has no name left for one of them.
        """
        sip, data = self._sip, self._data
        if sip.method:
            for place in find_request_uri(data[sip.uri_start : sip.uri_end]):
                self._place(sip.uri_start, place, "Request-URI")
        role = "via"
        for name, start, end in sip.headers:
            if name == "via":
                self._via(start, data[start:end], role)
                role = ""
                continue
            treatment = _TREATMENTS.get(name)
            if treatment is not None:
                rule, routing = treatment
                reached_at = name if name in _REACHED_AT else ""
                for place in find_uris(data[start:end]):
                    self._place(start, place, rule, reached_at, routing=routing, own=name in self._own)
                    if name in _PARTIES:
                        self.users[name] = place.user

    def _via(self, start: int, value: bytes, role: str) -> None:
        for sent_by, parameters in find_via(value):
            self._place(start, sent_by, "Via", role)
            role = ""
            for place in parameters:
                self._place(start, place, "Via received")

    def _place(  # noqa: PLR0913 - what is known of a place
        self, at: int, place: HostPort, rule: str, role: str = "", *, routing: bool = True, own: bool = False
    ) -> None:
        """Translate a place that is counted from `at`."""
        new = self._translate(place, role, via=rule == "Via", routing=routing, own=own)
        if new is not None:
            self.edits.append(Edit(at + place.start, at + place.end, new, rule))

    def _translate(self, place: HostPort, role: str, *, via: bool, routing: bool, own: bool) -> bytes | None:
        """What to write at a place; None where it stays as it is."""
        address = parse_address(place.host)
        if address is None:
            return None
        if not self._nat.owns(address):
            if place.host not in self._left:
                self._left.add(place.host)
                self.effects.append(Note("address-left", place.host))
            return None
        if place.port < 0 and (not routing or place.part != Part.BOTH):
            host = self._identity(address, place.user, own=own)
            return None if host == address else _write_host(host)
        old = Endpoint(address, place.port if place.port >= 0 else place.default_port)
        protocol = place.protocol or self._message.protocol
        new = self._nat.translate(old, protocol)
        if role and place.part == Part.BOTH:
            self.reachable.append(Reachable(role, protocol, old, new))
        return None if new == old else self._spell(place, old, new, via=via, routing=routing)

    def _identity(self, address: Address, user: bytes, *, own: bool) -> Address:
        message = self._message
        if message.direction == Direction.OUTBOUND:
            if address != message.party and own:
                self.aliases = self.aliases or {}
                if user in self.aliases or len(self.aliases) < _MAX_ALIASES:
                    self.aliases[user] = address
        elif self.aliases and user in self.aliases:
            return self.aliases[user]
        return self._nat.host(address, own=own)

    def _spell(self, place: HostPort, old: Endpoint, new: Endpoint, *, via: bool, routing: bool) -> bytes:
        """How to write the new name of an endpoint at a place."""
        if place.part == Part.PORT:
            return str(new.port).encode()
        host = _write_host(new.address)
        if place.part == Part.HOST:
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
