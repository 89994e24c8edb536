"""Doors for signalling: where responses and new requests may reach an inside host.

One endpoint serves all calls of a host, so its door is shared: it opens with the first call that needs it and closes
after the last. It never ages out while a dialog or a registration lives.

A REFER may ask its receiver to call another inside host, which nobody outside knows yet (RFC 3515; with Replaces, RFC
3891). It gets a door as well: at a port that SIP is served on, for the receiver of the REFER, while the call lives.
An exchange or proxy that the operator trusts may name others in Via, Contact and Record-Route, too, at those ports: the
phones whose calls it handles, or those that it forwards a call to (3xx).
"""

from collections import Counter
from collections.abc import Container
from typing import Final

from doorman.algs.api import CloseDoors, Effect, Message, Note, OpenDoor, Owner
from doorman.algs.sip.calls import Call
from doorman.algs.sip.limits import Limits
from doorman.algs.sip.signal_doors import SignalDoor, SignalKey
from doorman.algs.sip.wanted import REFERRAL, Guests, Reachable
from doorman.net.addresses import Address, address_ascii
from doorman.wire.sip import SipMessage

MAX_GUESTS: Final = 16
"""Doors to other inside hosts that the calls of one host may have together, because of its REFERs."""
_REFERRED: Final = frozenset({REFERRAL})
_EVERYWHERE: Final = frozenset({"via", "contact", "record-route", REFERRAL})


class Signals:
    """The signalling doors that are open. `ports`: those SIP is served on."""

    __slots__ = ("_doors", "_guests", "_joined", "limits", "ports")

    def __init__(self, ports: frozenset[int], limits: Limits) -> None:
        self.ports = ports
        self.limits = limits
        self._guests: Counter[Address] = Counter()
        self._joined: dict[Owner, Call] = {}
        self._doors: dict[SignalKey, SignalDoor] = {}

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
        if not self._joined or (sip.method and not sip.to_tag):
            return None
        return self._joined.get(owner)

    def open(self, wanted: list[Reachable], message: Message, call: Call) -> list[Effect]:
        """Open what a message from a shielded host asks for: by its first Via, its Contacts and Record-Routes.

        Whom a REFER refers to is let in as well.
        """
        effects: list[Effect] = []
        for place in wanted:
            self._open(place, message, call, effects)
        return effects

    def expect(self, visitor: Address) -> bool:
        """Whether an inside host has asked something of a visitor itself, as a phone has of its registrar."""
        return any(door.visitor == visitor for door in self._doors.values())

    def release(self, call: Call, at: float) -> list[Effect]:
        """Let go of a call's doors; those that no other call needs close at time `at`."""
        effects: list[Effect] = []
        for door in call.signals:
            self._count_guest(call, door, -1)
            door.calls -= 1
            if not door.calls:
                del self._doors[door.key]
                effects.append(CloseDoors(door.owner, at))
        call.signals = ()
        return effects

    def restore(self, call: Call, doors: Container[Owner]) -> list[Owner]:
        """Count the doors of a call that was saved; give the owners of those that are open still."""
        keys = [door.key for door in call.signals if door.owner in doors]
        call.signals = ()
        return [self._use(call, key).owner for key in keys]

    def _open(self, place: Reachable, message: Message, call: Call, effects: list[Effect]) -> None:
        name, visitor = place.name, place.visitor
        protocol, leads_to = name.protocol, name.endpoint
        for door in call.signals:
            if door.is_for(protocol, leads_to, visitor):
                return
        if leads_to.address != message.path.sent_from.address and not place.invited:
            effects.append(Note("third-party-address", address_ascii(leads_to.address)))
        elif leads_to.port != message.path.sent_from.port and leads_to.port not in self.ports:
            effects.append(Note("signalling-port-refused", b"%d" % leads_to.port))
        elif len(call.signals) >= self.limits.signalling_doors:
            effects.append(Note("too-many-signalling-doors"))
        else:
            door = self._use(call, (protocol, leads_to, visitor))
            if door.calls == 1:
                effects.append(OpenDoor(door.opened(place.role, name.new)))

    def _use(self, call: Call, key: SignalKey) -> SignalDoor:
        """Let a call keep a door open."""
        door = self._doors.get(key)
        if door is None:
            door = self._doors[key] = SignalDoor(*key)
        door.calls += 1
        call.signals += (door,)
        self._count_guest(call, door, 1)
        return door

    def _count_guest(self, call: Call, door: SignalDoor, more: int) -> None:
        """Count a door to another inside host; one for all comers is where the call goes on, see `joined`."""
        leads_to, party = door.leads_to, call.owner.party
        if leads_to.address == party:
            return
        if door.visitor is not None:
            self._guests[party] += more
            if not self._guests[party]:
                del self._guests[party]
        elif more > 0:
            self._joined[call.owner._replace(party=leads_to.address)] = call
        else:
            self._joined.pop(call.owner._replace(party=leads_to.address), None)
