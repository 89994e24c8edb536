"""How the addresses in a message are written for its receiver, wherever they stand: in a header or in a body.

    sip:alice@10.0.0.10            an endpoint, where messages are sent to: no port means the default one
    sip:alice@10.0.0.10            an identity, which says who somebody is: it means the host

Which of the two an address is says its `Treatment`. A host without a name of its own goes by its speaker's only as an
identity, and only where that side speaks of itself.
"""

from typing import Final

from doorman.algs.api import Direction, Edit, Effect, Message, Name, Nat, Note
from doorman.algs.sip.settings import MAX_VALUES
from doorman.algs.sip.spelling import BARE, PUBLIC, Spelling
from doorman.algs.sip.wanted import REFERRAL, Guests, WantedDoors
from doorman.net.addresses import Address, Endpoint, address_ascii
from doorman.wire.malformed import Excessive
from doorman.wire.uri import HostPort, Part, uri_host

_MAX_ALIASES: Final = 64
_MOST_NOTES: Final = 32
"""Addresses of one message that are told to have been left alone."""
# Looked up once: in Python 3.11 each `Part.BOTH` costs more than a look-up in a dictionary.
_BOTH: Final = Part.BOTH
_HOST: Final = Part.HOST
_PORT: Final = Part.PORT
_OUTBOUND: Final = Direction.OUTBOUND


class Treatment:
    """How an address at some place is treated.

    Attributes:
        rule: on what ground it is changed, for `explain` and `debug`.
        header: the header's canonical name, "" elsewhere.
        routing: whether messages are sent there: without a port it means the default one. Else it says who somebody is,
            and means the host.
        role: of the door by which somebody is to be reached there, "" for none.
    """

    __slots__ = ("header", "role", "routing", "rule")

    def __init__(self, rule: str, header: str, *, routing: bool, role: str = "") -> None:
        self.rule = rule
        self.header = header
        self.routing = routing
        self.role = role


class Naming:
    """One message's addresses on their way through the NAT.

    Attributes:
        edits: what is to be changed, in the order in which it was found.
        effects: notes on what was left.
        aliases: inside hosts written as an identity in messages of another, or of one with guests, by the user part
            they stand with; a shared global address does not tell which host it was.
        wanted: told where somebody is to be reached; None where that needs no doors.
        budget: how many more addresses the message may have, in headers and bodies.
    """

    __slots__ = (
        "_guests", "_left", "_name", "_own", "_spelling", "aliases", "budget", "edits",
        "effects", "message", "nat", "wanted",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - a message, its NAT, and what is remembered
        self,
        message: Message,
        nat: Nat,
        spelling: Spelling,
        aliases: dict[bytes, Address] | None,
        own: frozenset[str],
        guests: Guests | None = None,
        wanted: WantedDoors | None = None,
        budget: int = MAX_VALUES,
    ) -> None:
        """Begin.

        Args:
            message: what is translated.
            nat: how.
            spelling: how inside hosts wrote themselves.
            aliases: see the attribute.
            own: the headers in which the sender's side speaks of itself.
            guests: whom the message may ask its receiver to talk to, None for nobody but its own host.
            wanted: see the attribute.
            budget: see the attribute.
        """
        self.budget = budget
        self.message = message
        self.nat = nat
        self._spelling = spelling
        self._own = own
        self._guests = guests
        self.wanted = wanted
        self._left = b""
        # The endpoint of ours that was met last: most messages write but one.
        self._name: Name | None = None
        self.aliases = aliases
        self.edits: list[Edit] = []
        self.effects: list[Effect] = []

    def spend(self, count: int) -> None:
        """Take so many addresses off the budget.

        Raises:
            Excessive: it has not that many left.
        """
        self.budget -= count
        if self.budget < 0:
            raise Excessive("too-many-values")

    def mentioned(self) -> "Naming":
        """For what the body mentions: the same names, but nothing is remembered of it, nor anybody to be let in."""
        naming = Naming(self.message, self.nat, self._spelling.fixed(), self.aliases, frozenset(), budget=self.budget)
        naming.effects = self.effects
        return naming

    def place(self, at: int, place: HostPort, treatment: Treatment) -> None:
        """Translate a place that is counted from `at`.

        Raises:
            Refused: the NAT has no name left for it.
        """
        old = place.endpoint
        if old is None:
            return
        address, end = old.address, place.end
        met = self._name is not None and self._name.endpoint is old
        if not met and not self.nat.owns(address):
            if not treatment.role or not self._is_own_name(old, place, treatment):
                self._leave(place.host)
            return
        if place.port <= 0 and (place.port == 0 or not treatment.routing or place.part is not _BOTH):
            named = self._identity(address, place.user, own=treatment.header in self._own)
            new = None if named == address or place.part is _PORT else uri_host(named)
            if place.port == 0 and place.part is _BOTH:  # nothing can be sent there, so that is no endpoint to be named
                end = place.start + len(place.host)
        else:
            new = self._endpoint(old, place, treatment)
        if new is not None:
            self.edits.append(Edit(at + place.start, at + end, new, treatment.rule))

    def _leave(self, host: bytes) -> None:
        if host != self._left:
            self._left = host
            self._tell(Note("address-left", host))

    def _tell(self, note: Note) -> None:
        if len(self.effects) < _MOST_NOTES and note not in self.effects:
            self.effects.append(note)

    def _is_own_name(self, name: Endpoint, place: HostPort, treatment: Treatment) -> bool:
        """Whether the sender writes itself as the receiver knows it: then it stays, and must be reachable there."""
        protocol = place.protocol or self.message.protocol
        local = self.nat.behind(name, protocol)
        if local is None:
            return False
        self._spelling.remember(local, PUBLIC, via=treatment.rule == "Via", so=True)
        if place.part is _BOTH and self.wanted is not None:
            self.wanted.add(treatment.role, Name(local, protocol, name))
        return True

    def _endpoint(self, old: Endpoint, place: HostPort, treatment: Treatment) -> bytes | None:
        """What to write for an endpoint; None where it stays as it is."""
        protocol, via, role = place.protocol or self.message.protocol, treatment.rule == "Via", treatment.role
        name = self._name
        if name is None or name.endpoint is not old or name.protocol != protocol:
            name = self._name = self.nat.name(old, protocol)
        if role and place.part is _BOTH:
            if role == REFERRAL or self._guests is not None:
                name = self._name = self._invite(role, name)
            elif self.wanted is not None:
                self.wanted.add(role, name)
        if name.written is None:
            return None
        if self._spelling.any_public:
            if self.message.direction is _OUTBOUND:
                if role:
                    self._spelling.remember(old, PUBLIC, via=via, so=False)
            elif self._spelling.was(name.new, PUBLIC, via=via):
                return None
        return self._spell(place, name, name.written, via=via, routing=treatment.routing)

    def _invite(self, role: str, name: Name) -> Name:
        """Somebody to talk to, perhaps another host: who has no name gets one, if that is allowed, and a door."""
        guests, refers, old = self._guests, role == REFERRAL, name.endpoint
        invited = guests is not None and role in guests.roles and old.port in guests.ports
        if invited and (refers or old.address != self.message.path.sent_from.address):
            name = Name(old, name.protocol, self.nat.introduce(old, name.protocol))
            invited = name.written is not None
        if guests is not None and refers and invited:
            self._guests = guests._replace(roles=guests.roles - {REFERRAL})  # it is about one (RFC 3515, section 2.4.2)
        if invited or not refers:
            if self.wanted is not None:
                self.wanted.add(role, name, invited=invited)
        elif name.written is None:
            self._tell(Note("third-party-address", address_ascii(old.address)))
        return name

    def _identity(self, address: Address, user: bytes, *, own: bool) -> Address:
        if self.message.direction is _OUTBOUND:
            # With guests, the call may go on at another host, to which the same name must mean this one.
            if own and (address != self.message.party or self._guests is not None):
                self.aliases = self.aliases or {}
                if user in self.aliases or len(self.aliases) < _MAX_ALIASES:
                    self.aliases[user] = address
        elif self.aliases and user in self.aliases:
            return self.aliases[user]
        return self.nat.host(address, own=own)

    def _spell(self, place: HostPort, name: Name, written: bytes, *, via: bool, routing: bool) -> bytes:
        """How to write the new name of an endpoint at a place."""
        port, default_port = name.port, place.default_port
        if place.part is _PORT:
            return b"%d" % port
        if place.part is _HOST:
            return uri_host(name.new.address)
        if place.port < 0:
            if port == default_port:
                return uri_host(name.new.address)
            self._spelling.remember(name.endpoint, BARE, via=via, so=True)
        elif not routing:
            pass  # an identity that has a port was written with it
        elif port == default_port:
            if place.port != default_port and self._spelling.was(name.new, BARE, via=via):
                return uri_host(name.new.address)
        elif place.port == default_port:
            self._spelling.remember(name.endpoint, BARE, via=via, so=False)
        return written
