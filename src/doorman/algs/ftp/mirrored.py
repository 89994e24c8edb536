"""Replay's question where families differ: what an end outside said, of IPv4, for the one inside to hear this, of IPv6.

inside hears                             outside said
229 (|||40003|)                          227 (198,51,100,20,156,67)      if it was asked by PASV for an EPSV
216, 504, 522                            200                             if it was asked by NOOP
EPRT |2|2001:db8:64::c633:6414|40003|    EPRT |1|198.51.100.20|40003|
"""

from doorman.algs.api import Edit, Message, Nat
from doorman.algs.ftp.announcing import rewritten
from doorman.algs.ftp.control import Control
from doorman.algs.ftp.families import Families
from doorman.net.addresses import Endpoint
from doorman.wire.ftp import find_extended_passive, read_command, read_extended_port, read_reply
from doorman.wire.malformed import Malformed


def reply_as_sent(control: Control, message: Message) -> list[Edit]:
    """What makes of a line that a client heard what its server said; the message goes back from client to server."""
    data = message.data
    reply = read_reply(data)
    code = reply.code if reply is not None else b"229"
    said = control.said(code)
    if said == code:
        return []
    if said != b"227":
        return [Edit(0, len(data), said + b" OK\r\n", "NOOP")]
    edits = [Edit(reply.at, reply.at + len(said), said, "229")] if reply is not None else []
    found = find_extended_passive(data, reply.start if reply is not None else 0, len(data))
    if found is not None:
        edits += rewritten(found.as_six_numbers(), _at_sender(message, found.port), "229", message)
    return edits


def command_as_sent(families: Families, message: Message, nat: Nat) -> list[Edit]:
    """What makes of a line that a server got what its client said; the message goes back from server to client."""
    data = message.data
    if not families.translates_for_v6:
        return []
    try:
        verb, _, start, end = read_command(data)
        found = read_extended_port(data, start, end)
    except Malformed:
        return []
    if verb != b"EPRT" or found.address != nat.embedded(message.path.sent_to.address):
        return []
    return rewritten(found, _at_sender(message, found.port), "EPRT", message)


def _at_sender(message: Message, port: int) -> Endpoint:
    """A port of who sent the message that goes back."""
    return Endpoint(message.path.arrives_to.address, port)
