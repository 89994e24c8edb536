"""Doors for signalling: where responses and new requests may reach an inside host.

One endpoint serves all calls of a host, so its door is shared: it opens with the first call that needs it and closes
after the last. It never ages out while a dialog or a registration lives.

A REFER may ask its receiver to call another inside host, which nobody outside knows yet (RFC 3515; with Replaces, RFC
3891). It gets a door as well: at a port that SIP is served on, for the receiver of the REFER, while the call lives.
An exchange or proxy that the operator trusts may name others in Via, Contact and Record-Route, too, at those ports: the
phones whose calls it handles, or those that it forwards a call to (3xx).
"""

import math
from collections import Counter
from collections.abc import Container
from typing import Final

from doorman.algs.api import CloseDoors, Door, Effect, Message, Note, OpenDoor, Owner
from doorman.algs.sip.calls import Call, SignalKey
from doorman.algs.sip.limits import Limits
from doorman.algs.sip.naming import REFERRAL, Guests, Reachable
from doorman.algs.sip.tags import to_tag
from doorman.net.addresses import Address, Endpoint, address_ascii, address_text
from doorman.net.packet import PROTOCOL_NAMES
from doorman.wire.sip import SipMessage

MAX_GUESTS: Final = 16
"""Doors to other inside hosts that the calls of one host may have together, because of its REFERs."""
_REFERRED: Final = frozenset({REFERRAL})
_EVERYWHERE: Final = frozenset({"via", "contact", "record-route", REFERRAL})


class _Use:
    """How many calls use a door."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


class Signals:
    """The signalling doors that are open, and how many calls use each. `ports`: those SIP is served on."""

    __slots__ = ("_guests", "_joined", "_users", "limits", "ports")

    def __init__(self, ports: frozenset[int], limits: Limits) -> None:
        self.ports = ports
        self.limits = limits
        self._guests: Counter[Address] = Counter()
        self._joined: dict[Owner, Call] = {}
        self._users: dict[SignalKey, _Use] = {}

    def guests(self, sip: SipMessage, call: Call, *, trusted: bool) -> Guests | None:
        """The other inside hosts which a message may ask its receiver to talk to; `trusted`: its sender is."""
        if not (trusted or sip.method == b"REFER") or len(call.signals) >= self.limits.signalling_doors:
            return None
        if trusted:
            return Guests(self.ports, _EVERYWHERE)
        return Guests(self.ports, _REFERRED) if self._guests[call.owner.party] < MAX_GUESTS else None

    def joined(self, sip: SipMessage, owner: Owner) -> Call | None:
        """The call of a proxy that a message is of, though it goes by: the proxy named this host to send requests to.

        `owner`: the host, which has no call of this name itself. A request without a tag begins one.
        """
        if not self._joined or (sip.method and not to_tag(sip)):
            return None
        return self._joined.get(owner)

    def of_message(self, sip: SipMessage, reachable: list[Reachable], message: Message, call: Call) -> list[Effect]:
        """Open what a message from a shielded host asks for: by its first Via, its Contacts and Record-Routes.

        A response, and an ACK, which draws none, open nothing by Via. Whom a REFER refers to is let in as well.
        """
        effects: list[Effect] = []
        answered = bool(sip.method) and sip.method != b"ACK"
        for place in reachable:
            if place.role != "via" or answered:
                self._open(place, message, call, effects)
        return effects

    def expect(self, visitor: Address) -> bool:
        """Whether an inside host has asked something of a visitor itself, as a phone has of its registrar."""
        return any(key[2] == visitor for key in self._users)

    def release(self, call: Call, at: float) -> list[Effect]:
        """Let go of a call's doors; those that no other call needs close at time `at`."""
        effects: list[Effect] = []
        for key in call.signals:
            self._count_guest(call, key, -1)
            use = self._users[key]
            use.calls -= 1
            if not use.calls:
                del self._users[key]
                effects.append(CloseDoors(_owner(key), at))
        call.signals.clear()
        return effects

    def restore(self, call: Call, doors: Container[Owner]) -> list[Owner]:
        """Count the doors of a call that was saved; give the owners of those that are open still."""
        owners = {key: _owner(key) for key in call.signals}
        call.signals = [key for key, owner in owners.items() if owner in doors]
        for key in call.signals:
            self._count_guest(call, key, 1)
            self._use(key)
        return [owners[key] for key in call.signals]

    def _open(self, place: Reachable, message: Message, call: Call, effects: list[Effect]) -> None:
        role, protocol, leads_to = place.role, place.protocol, place.leads_to
        # Responses come from where the request went; new requests may come from anywhere.
        known = message.path.arrives_to.address if role in {"via", REFERRAL} else None
        key = (protocol, leads_to, known)
        if key in call.signals:
            return
        if leads_to.address != message.path.sent_from.address and not place.invited:
            effects.append(Note("third-party-address", address_ascii(leads_to.address)))
        elif leads_to.port != message.path.sent_from.port and leads_to.port not in self.ports:
            effects.append(Note("signalling-port-refused", b"%d" % leads_to.port))
        elif len(call.signals) >= self.limits.signalling_doors:
            effects.append(Note("too-many-signalling-doors"))
        else:
            call.signals.append(key)
            self._count_guest(call, key, 1)
            if self._use(key) == 1:
                effects.append(OpenDoor(_door(key, role, place.entrance)))

    def _use(self, key: SignalKey) -> int:
        """Count a call that uses a door; how many do now."""
        use = self._users.get(key)
        if use is None:
            use = self._users[key] = _Use()
        use.calls += 1
        return use.calls

    def _count_guest(self, call: Call, key: SignalKey, more: int) -> None:
        """Count a door to another inside host; one for all comers is where the call goes on, see `joined`."""
        _, leads_to, visitor = key
        party = call.owner.party
        if leads_to.address == party:
            return
        if visitor is not None:
            self._guests[party] += more
            if not self._guests[party]:
                del self._guests[party]
        elif more > 0:
            self._joined[call.owner._replace(party=leads_to.address)] = call
        else:
            self._joined.pop(call.owner._replace(party=leads_to.address), None)


def _door(key: SignalKey, role: str, entrance: Endpoint) -> Door:
    protocol, leads_to, visitor = key
    return Door(
        _owner(key),
        role,
        protocol,
        visitor=visitor,
        entrance=entrance,
        leads_to=leads_to,
        closes=math.inf,
        inspect_as="sip",
    )


def _owner(key: SignalKey) -> Owner:
    """Whose a door is: no call's, since a Call-ID has no blanks."""
    protocol, leads_to, visitor = key
    whom = address_text(visitor) if visitor is not None else "any"
    return Owner("sip", f"signalling {PROTOCOL_NAMES[protocol]} {leads_to} from {whom}".encode(), leads_to.address)
