"""The signalling doors that a message asks for: where it says that somebody inside can be reached."""

from typing import Final, NamedTuple

from doorman.algs.api import Message, Name
from doorman.algs.sip.signal_doors import SignalDoor
from doorman.net.addresses import Address
from doorman.wire.sip import SipMessage

REFERRAL: Final = "refer-to"
"""The role of a door for somebody who is to be called because a REFER says so."""
_VIA: Final = "via"


class Guests(NamedTuple):
    """The other inside hosts that a message may ask its receiver to talk to.

    Attributes:
        ports: at which of their ports.
        roles: where in the message, see `Treatment`.
    """

    ports: frozenset[int]
    roles: frozenset[str]


class Reachable:
    """Where a message says that somebody can be reached for signalling.

    Attributes:
        role: by which header: `via` (the first), `contact`, `record-route`: its sender. `refer-to`: who it refers to.
        name: the endpoint as the sender's side knows it, and what the receiver calls it.
        visitor: who is to come in, None for anybody.
        invited: whether that is another inside host, which the message may ask its receiver to talk to.
    """

    __slots__ = ("invited", "name", "role", "visitor")

    def __init__(self, role: str, name: Name, visitor: Address | None, *, invited: bool) -> None:
        self.role = role
        self.name = name
        self.visitor = visitor
        self.invited = invited


class WantedDoors:
    """What a message of an inside host asks for that its call has not.

    A response, and an ACK, which draws none, ask for nothing by Via.

    Args:
        sip, message: the message.
        signals: the doors that its call has.

    Attributes:
        places: where somebody is to be reached, in order.
    """

    __slots__ = ("_draws_response", "_receiver", "_signals", "places")

    def __init__(self, sip: SipMessage, message: Message, signals: tuple[SignalDoor, ...]) -> None:
        self._draws_response = bool(sip.method) and sip.method != b"ACK"
        self._receiver = message.path.arrives_to.address
        self._signals = signals
        self.places: list[Reachable] = []

    def add(self, role: str, name: Name, *, invited: bool = False) -> None:
        """Ask for a door to an endpoint; see `Reachable`."""
        via = role == _VIA
        if via and not self._draws_response:
            return
        # Responses come from where the request went; new requests may come from anywhere.
        visitor = self._receiver if via or role == REFERRAL else None
        for door in self._signals:
            if door.is_for(name.protocol, name.endpoint, visitor):
                return
        self.places.append(Reachable(role, name, visitor, invited=invited))
