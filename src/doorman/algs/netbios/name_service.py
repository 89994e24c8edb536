"""The ALG of NetBIOS's name service: who owns a name, told to hosts on the other side.

    host inside              gateway                       name server outside
      | registration: FRED is at 192.168.1.10 ---->| FRED is at 203.0.113.10 --->|
      |<---- query response: MARY is at 198.51.100.7 <---------------------------|
      |                                            |<--- query: FRED ------------|     to 203.0.113.10, a static name
      | query response: FRED is at 192.168.1.10 -->| FRED is at 203.0.113.10 --->|

Each address of an owner is named as the receiver knows that host; requests have them as additional records. Nothing
is remembered and no door opens: who shall be reached from outside needs a static name. Redirections to other name
servers, waits (WACK) and node status tell of no owner, and stay. RFC 1002, section 4.2.
"""

from doorman.algs.api import Edit, Effect, Message, Nat, Note, Outcome, StopInspecting
from doorman.algs.mentions import left, named_host
from doorman.algs.stateless import Stateless
from doorman.algs.statistics import MALFORMED
from doorman.net.addresses import Address
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import NamePacket, read_name_packet

_RULE = "NB owner"


class NameService(Stateless):
    """NetBIOS's name service. Its settings are those of all ALGs."""

    name = "netbios-ns"

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Name the owners in a packet. See `Alg.on_message`."""
        try:
            packet = read_name_packet(message.data)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, MALFORMED, message)
        if packet is None:
            return Outcome([], [StopInspecting(), Note("not-netbios")])
        effects: list[Effect] = []
        return Outcome(_name_owners(packet, message, nat, effects), effects, packet.name)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name the owners as the sender did. See `Alg.as_sent`."""
        try:
            packet = read_name_packet(message.data)
        except Malformed:
            return []
        return _name_owners(packet, message, nat, []) if packet is not None else []


def _name_owners(packet: NamePacket, message: Message, nat: Nat, effects: list[Effect]) -> list[Edit]:
    edits = []
    for at in packet.owners:
        address = Address(message.data[at : at + 4])
        name = named_host(address, message, nat)
        if name == address:
            effects += left(address, message, nat)
        elif len(name) == len(address):
            edits.append(Edit(at, at + 4, name, _RULE))
    return edits
