"""What an end of a control connection announces, as the other end must read it, and the door that it needs.

Who announces anything but itself, or a port that none may be led to, is not helped: zeros stand in place of what it
wrote, so that the other end refuses it, and both go on in step.
"""

from doorman.algs.api import VOID, CloseDoors, Edit, Effect, Message, Nat, Note, Refused
from doorman.algs.flows import Flow, open_once
from doorman.algs.ftp.control import Control, Data
from doorman.algs.ftp.families import Families
from doorman.net.addresses import PRIVILEGED_END, UNSPECIFIED_V4, UNSPECIFIED_V6, Endpoint
from doorman.net.packet import TCP
from doorman.wire.ftp import Announcement, Form

_VOID_ARGUMENTS = {b"PORT": b"0,0,0,0,0,0", b"EPRT": b"|1|0.0.0.0|0|", b"LPRT": b"0"}


def in_family_of_server(families: Families, found: Announcement) -> Announcement | None:
    """What a client announces, in the form that the server knows of; None: it goes on as it came, and is refused."""
    if families.client_v6 and found.address == families.client:
        return found.as_six_numbers() if families.translates else None
    return found.as_extended() if families.translates_for_v6 else found


def announce(  # noqa: PLR0913, PLR0917 - what is announced, and where
    control: Control, found: Announcement, rule: str, message: Message, nat: Nat, timeout: float
) -> tuple[list[Edit], list[Effect]]:
    """Translate an announcement, and open a door for it if it needs one; the one before has no door any more.

    Raises:
        Refused: it must not be made.
    """
    own = _announced(control, found, message, nat)
    before: list[Effect] = [CloseDoors(control.owner, message.now)] if control.data is not None else []
    control.data = Data(own, message.of_client)
    if not nat.shielded(own.address):
        name = nat.translate(own, TCP) if found.form != Form.PORT_ALONE else own
        if message.of_client and control.families.translates_for_v6:
            name = Endpoint(nat.embedded(name.address), name.port)
        return rewritten(found, name, rule, message), before
    name = nat.expose(own, TCP)
    if found.form == Form.PORT_ALONE and name.address != message.path.arrives_from.address:
        raise Refused("other-address")  # which is what the other end would take
    door = open_once(control.owner, Flow("data", TCP, name, own), message, timeout)
    return rewritten(found, name, rule, message), [*before, door]


def await_by_default(control: Control, message: Message, nat: Nat, timeout: float) -> list[Effect]:
    """Let the server connect to where the client's commands come from, as nothing else was said (RFC 959, 3.2)."""
    own = message.path.sent_from
    if not nat.shielded(own.address):
        return []
    try:
        name = nat.expose(own, TCP)
    except Refused as refused:
        return [Note(str(refused), message.data)]
    control.data = Data(own, by_client=True)
    return [open_once(control.owner, Flow("data", TCP, name, own), message, timeout)]


def _announced(control: Control, found: Announcement, message: Message, nat: Nat) -> Endpoint:
    """The endpoint that is announced, as its own end knows it; it may have been told its name outside."""
    path, address = message.path, found.address
    own = Endpoint(path.sent_from.address, found.port)
    native = control.families.client if message.of_client else control.families.server
    if address not in {None, own.address, native}:
        name = Endpoint(path.arrives_from.address, found.port)
        if address != name.address:
            raise Refused("third-party-address")
        own = nat.behind(name, TCP) or own
    if control.extended_only and found.form != Form.PORT_ALONE:
        raise Refused("epsv-all")
    if message.of_client and own.port < PRIVILEGED_END:
        raise Refused("port-not-allowed")
    return own


def rewritten(found: Announcement, name: Endpoint, rule: str, message: Message) -> list[Edit]:
    """Let an announcement be of another endpoint, unless that stands there."""
    written = found.written(name)
    if written == message.data[found.start : found.end]:
        return []
    return [Edit(found.start, found.end, written, rule)]


def void(found: Announcement, reason: str) -> Edit:
    """Let an announcement be of nobody."""
    address = UNSPECIFIED_V6 if found.address is not None and len(found.address) > 4 else UNSPECIFIED_V4  # noqa: PLR2004 - IPv6
    return Edit(found.start, found.end, found.written(Endpoint(address, 0)), VOID + reason)


def void_argument(verb: bytes, start: int, end: int, reason: str) -> Edit:
    """Let a command announce nobody, whatever it says."""
    return Edit(start, end, _VOID_ARGUMENTS[verb], VOID + reason)


def void_line(end: int, reason: str) -> Edit:
    """Let a line announce nobody that cannot be taken apart."""
    return Edit(0, end, b"PORT " + _VOID_ARGUMENTS[b"PORT"], VOID + reason)
