"""Doors for signalling, which the calls of an endpoint share: who comes by them, and how many calls still need them."""

import math

from doorman.algs.api import Door, Owner
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES

SignalKey = tuple[int, Endpoint, Address | None]
"""What a signalling door is known by: protocol, inside endpoint, and the one visitor it lets in, None for any."""


class SignalDoor:
    """A signalling door.

    Attributes:
        protocol: 17 or 6.
        leads_to: the inside endpoint.
        visitor: the one that it lets in, None for any.
        calls: how many keep it open.
    """

    __slots__ = ("calls", "leads_to", "protocol", "visitor")

    def __init__(self, protocol: int, leads_to: Endpoint, visitor: Address | None) -> None:
        self.protocol = protocol
        self.leads_to = leads_to
        self.visitor = visitor
        self.calls = 0

    @property
    def key(self) -> SignalKey:
        """What it is known by."""
        return self.protocol, self.leads_to, self.visitor

    def is_for(self, protocol: int, leads_to: Endpoint, visitor: Address | None) -> bool:
        """Whether it is the one for this visitor to this endpoint."""
        return self.leads_to == leads_to and self.visitor == visitor and self.protocol == protocol

    @property
    def owner(self) -> Owner:
        """Whose it is: no call's, since a Call-ID has no blanks."""
        whom = address_text(self.visitor) if self.visitor is not None else "any"
        name = f"signalling {PROTOCOL_NAMES[self.protocol]} {self.leads_to} from {whom}"
        return Owner("sip", name.encode(), self.leads_to.address)

    def opened(self, role: str, entrance: Endpoint) -> Door:
        """The door that the firewall is to have, at its name for the outside."""
        return Door(
            self.owner,
            role,
            self.protocol,
            visitor=self.visitor,
            entrance=entrance,
            leads_to=self.leads_to,
            closes=math.inf,
            inspect_as="sip",
        )
