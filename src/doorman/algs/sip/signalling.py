"""Doors for signalling: where responses and new requests may reach an inside host.

One endpoint serves all calls of a host, so its door is shared: it opens with the first call that needs it and closes
after the last. It never ages out while a dialog or a registration lives.
"""

import math

from doorman.algs.api import CloseDoors, Door, Effect, Message, Nat, Note, OpenDoor, Owner
from doorman.algs.sip.calls import Call, SignalKey
from doorman.net.addresses import Endpoint, address_text, parse_address
from doorman.net.packet import PROTOCOL_NAMES
from doorman.wire.sip import SipMessage
from doorman.wire.uri import HostPort

MAX_SIGNALS = 16
"""Signalling doors of one call; further addresses are translated but get none."""


class Signals:
    """The signalling doors that are open, and how many calls use each. `ports`: those SIP is served on."""

    __slots__ = ("_ports", "_users")

    def __init__(self, ports: frozenset[int]) -> None:
        self._ports = ports
        self._users: dict[SignalKey, int] = {}

    def of_message(
        self, sip: SipMessage, places: list[tuple[str, HostPort]], message: Message, nat: Nat, call: Call
    ) -> list[Effect]:
        """Open what a message asks for: by its first Via (any request but ACK), its Contacts and Record-Routes."""
        if not nat.shielded(message.path.sent_from.address):
            return []
        effects: list[Effect] = []
        via_due = bool(sip.method) and sip.method != b"ACK"
        for role, place in places:
            if role != "via":
                self._open(place, role, message, nat, call, effects)
            elif via_due:
                via_due = False
                self._open(place, role, message, nat, call, effects)
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

    def _open(  # noqa: PLR0913, PLR0917 - the message's view, plus where to put the result
        self, place: HostPort, role: str, message: Message, nat: Nat, call: Call, effects: list[Effect]
    ) -> None:
        address = parse_address(place.host)
        if address is None or not nat.owns(address):
            return
        protocol = place.protocol or message.protocol
        leads_to = Endpoint(address, place.port if place.port >= 0 else place.default_port)
        # Responses come from where the request went; new requests may come from anywhere.
        key = (protocol, leads_to, message.path.arrives_to.address if role == "via" else None)
        if key in call.signals:
            return
        if address != message.path.sent_from.address:
            effects.append(Note("third-party-address", place.host))
            return
        if leads_to.port != message.path.sent_from.port and leads_to.port not in self._ports:
            effects.append(Note("signalling-port-refused", b"%d" % leads_to.port))
            return
        if len(call.signals) >= MAX_SIGNALS:
            effects.append(Note("too-many-signalling-doors"))
            return
        entrance = nat.translate(leads_to, protocol)
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
