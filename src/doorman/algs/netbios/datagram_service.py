"""The ALG of NetBIOS's datagram service: the header says who sent a datagram, and there the answer goes.

    host inside                    gateway                        host outside
      | from 192.168.1.10:138 ------->| from 203.0.113.1:138 ------->|
      |<------- to 192.168.1.10:138   |<------- to 203.0.113.1:138   |

Address and port are named as the receiver knows them, be it the sender itself or, where a distribution server passes
the datagram on, another host. Both keep their size, and so the length in the header stays true. Names are only read
over, and what a datagram carries is the business of its ends. RFC 1002, section 4.4.
"""

from doorman.algs.api import Edit, Effect, Message, Nat, Note, Outcome, Refused, StopInspecting
from doorman.algs.mentions import left, named_endpoint
from doorman.algs.stateless import Stateless
from doorman.algs.statistics import MALFORMED
from doorman.net.packet import UDP
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import Origin, read_origin, written

_LENGTH = 6


class DatagramService(Stateless):
    """NetBIOS's datagram service. Its settings are those of all ALGs."""

    name = "netbios-dgm"

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Name the sender in the header. See `Alg.on_message`."""
        try:
            origin = read_origin(message.data)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, MALFORMED, message)
        if origin is None:
            return Outcome([], [StopInspecting(), Note("not-netbios")])
        effects: list[Effect] = []
        return Outcome(_name_origin(origin, message, nat, effects), effects, origin.name)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name the sender as it did itself. See `Alg.as_sent`."""
        try:
            origin = read_origin(message.data)
            return _name_origin(origin, message, nat, []) if origin is not None else []
        except (Malformed, Refused):
            return []


def _name_origin(origin: Origin, message: Message, nat: Nat, effects: list[Effect]) -> list[Edit]:
    """The edit of the header.

    Raises:
        Refused: no port is left for the sender.
    """
    own = origin.endpoint
    name = named_endpoint(own, message, nat, UDP)
    if name == own:
        effects += left(own.address, message, nat)
        return []
    if len(name.address) != len(own.address):
        return []
    return [Edit(origin.at, origin.at + _LENGTH, written(name), "datagram source")]
