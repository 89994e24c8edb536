"""Translating session descriptions (RFC 8866): their lines `o=` and `c=`, and each media line in turn.

The address of a media line comes from its own `c=` line, or else from the session's; no `c=` at all is an error.
"""

from doorman.algs.api import Edit, Effect, Nat, Refused
from doorman.algs.edits import write_host
from doorman.algs.sip.media import GONE, INACTIVE, SENDONLY, SENDRECV, Announced
from doorman.algs.sip.media_line import DISCARD_PORT, MediaLine
from doorman.net.addresses import Address, is_unspecified
from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.places import Host
from doorman.wire.session_description import Media, SessionDescription


def translate_description(  # noqa: PLR0913, PLR0917 - a description, its NAT, and where the outcome goes
    data: bytes, sdp: SessionDescription, nat: Nat, max_media: int, edits: list[Edit], effects: list[Effect]
) -> list[Announced]:
    """Translate a whole description that stands in `data`; what each of its media lines announces, in order.

    Args:
        data: the message.
        sdp: the description.
        nat: how things are named.
        max_media: media lines that it may have.
        edits: where to add what is to be changed, in order of discovery.
        effects: where to add notes on what was left.

    Raises:
        Malformed: a media line has no connection, or there are more of them than allowed.
        Refused: an address or port may not be announced, or no name is left for it.
    """
    if len(sdp.media) > max_media:
        raise Excessive("too-many-media-lines")
    common = sdp.connection
    named: Address | None = None
    announced: list[Announced] = []
    for media in sdp.media:
        connection = media.connection or common
        if connection is None:
            raise Malformed("no-connection-line")
        line = MediaLine(data, media, media.setup or sdp.setup, nat, edits, effects)
        one = line.translate(connection)
        said = media.direction or sdp.direction or SENDRECV
        if one.receives is None or said != SENDRECV:
            one.direction = _direction(media, connection, said)
        announced.append(one)
        if connection is common:
            named = _of_all(named, line.named)
        elif line.named is not None or line.idle:
            _write(edits, connection, line.named, nat, "SDP c=")
    _write(edits, common, named, nat, "SDP c=")
    _write(edits, sdp.origin, None, nat, "SDP o=")
    return announced


def _of_all(named: Address | None, another: Address | None) -> Address | None:
    """The address of a connection line that several media lines share."""
    if named is not None and another is not None and named != another:
        raise Refused("one-connection-line-two-addresses")
    return named or another


def _write(edits: list[Edit], host: Host | None, name: Address | None, nat: Nat, rule: str) -> None:
    """Name a host as its media lines do, or where none says it, as one of the sender's side."""
    if host is not None and host.address is not None:
        write_host(edits, host, name or nat.host(host.address, own=True), rule)


def _direction(media: Media, connection: Host, said: bytes) -> bytes:
    """The direction of a media line; `c=0.0.0.0` means that nothing is to be sent there (RFC 3264, section 8.4).

    Not so with ICE, where candidates say where to send, now or later (RFC 8840, section 4.1.1).
    """
    if media.port.number == 0:
        return GONE
    if media.candidates or media.port.number == DISCARD_PORT:
        return said
    if connection.address is None or not is_unspecified(connection.address):
        return said
    return SENDONLY if said in {SENDRECV, SENDONLY} else INACTIVE
