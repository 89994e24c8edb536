"""Doors for signalling: where responses and new requests may reach an inside host.

One endpoint serves all calls of a host, so its door is shared: it opens with the first call that needs it and closes
after the last. It never ages out while a dialog or a registration lives.
"""

import math
from collections.abc import Container

from doorman.algs.api import CloseDoors, Door, Effect, Message, Note, OpenDoor, Owner
from doorman.algs.sip.calls import Call, SignalKey
from doorman.algs.sip.headers import Reachable
from doorman.net.addresses import Endpoint, address_ascii, address_text
from doorman.net.packet import PROTOCOL_NAMES
from doorman.wire.sip import SipMessage

MAX_SIGNALS = 16
"""Signalling doors of one call; further addresses are translated but get none."""


class Signals:
    """The signalling doors that are open, and how many calls use each. `ports`: those SIP is served on."""

    __slots__ = ("_users", "ports")

    def __init__(self, ports: frozenset[int]) -> None:
        self.ports = ports
        self._users: dict[SignalKey, int] = {}

    def of_message(self, sip: SipMessage, reachable: list[Reachable], message: Message, call: Call) -> list[Effect]:
        """Open what a message from a shielded host asks for: by its first Via, its Contacts and Record-Routes.

        A response, and an ACK, which draws none, open nothing by Via.
        """
        effects: list[Effect] = []
        answered = bool(sip.method) and sip.method != b"ACK"
        for place in reachable:
            if place.role != "via" or answered:
                self._open(place, message, call, effects)
        return effects

    def release(self, call: Call, at: float) -> list[Effect]:
        """Let go of a call's doors; those that no other call needs close at time `at`."""
        effects: list[Effect] = []
        for key in call.signals:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                effects.append(CloseDoors(_owner(key), at))
        call.signals.clear()
        return effects

    def restore(self, call: Call, doors: Container[Owner]) -> list[Owner]:
        """Count the doors of a call that was saved; give the owners of those that are open still."""
        owners = {key: _owner(key) for key in call.signals}
        call.signals = [key for key, owner in owners.items() if owner in doors]
        for key in call.signals:
            self._users[key] = self._users.get(key, 0) + 1
        return [owners[key] for key in call.signals]

    def _open(self, place: Reachable, message: Message, call: Call, effects: list[Effect]) -> None:
        role, protocol, leads_to, entrance = place
        # Responses come from where the request went; new requests may come from anywhere.
        key = (protocol, leads_to, message.path.arrives_to.address if role == "via" else None)
        if key in call.signals:
            return
        if leads_to.address != message.path.sent_from.address:
            effects.append(Note("third-party-address", address_ascii(leads_to.address)))
        elif leads_to.port != message.path.sent_from.port and leads_to.port not in self.ports:
            effects.append(Note("signalling-port-refused", b"%d" % leads_to.port))
        elif len(call.signals) >= MAX_SIGNALS:
            effects.append(Note("too-many-signalling-doors"))
        else:
            call.signals.append(key)
            users = self._users[key] = self._users.get(key, 0) + 1
            if users == 1:
                effects.append(OpenDoor(_door(key, role, entrance)))


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
    protocol, leads_to, visitor = key
    whom = address_text(visitor) if visitor is not None else "any"
    return Owner("sip", f"signalling {PROTOCOL_NAMES[protocol]} {leads_to} from {whom}".encode(), leads_to.address)
