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


class DescriptionTranslation:
    """One session description on its way through the NAT.

    Attributes:
        edits: what is to be changed, in order of discovery.
        effects: notes on what was left.
        announced: what each media line announces, in order.
    """

    __slots__ = ("_data", "_named", "_nat", "_sdp", "announced", "edits", "effects")

    def __init__(self, data: bytes, sdp: SessionDescription, nat: Nat) -> None:
        self._data = data
        self._sdp = sdp
        self._nat = nat
        self._named: Address | None = None
        self.edits: list[Edit] = []
        self.effects: list[Effect] = []
        self.announced: list[Announced] = []

    def run(self, max_media: int) -> None:
        """Translate the whole description.

        Raises:
            Malformed: a media line has no connection, or there are more of them than allowed.
            Refused: an address or port may not be announced, or no name is left for it.
        """
        sdp = self._sdp
        if len(sdp.media) > max_media:
            raise Excessive("too-many-media-lines")
        for media in sdp.media:
            connection = media.connection or sdp.connection
            if connection is None:
                raise Malformed("no-connection-line")
            self.announced.append(self._media(media, connection))
        if sdp.connection is not None and self._named is None:
            self._host(sdp.connection, "SDP c=")
        if sdp.origin is not None:
            self._host(sdp.origin, "SDP o=")

    def _media(self, media: Media, connection: Host) -> Announced:
        line = MediaLine(self._data, media, media.setup or self._sdp.setup, self._nat, self.edits, self.effects)
        announced = line.translate(connection)
        if line.named is not None:
            self._connection(connection, line.named)
        elif line.idle and connection is not self._sdp.connection:
            self._host(connection, "SDP c=")  # the session's is written anyway
        said = media.direction or self._sdp.direction
        if announced.receives is None or (said and said != SENDRECV):
            announced.direction = _direction(media, connection, said or SENDRECV)
        return announced

    def _connection(self, host: Host, address: Address) -> None:
        if host is self._sdp.connection:
            if self._named is not None:
                if self._named != address:
                    raise Refused("one-connection-line-two-addresses")
                return
            self._named = address
        write_host(self.edits, host, address, "SDP c=")

    def _host(self, host: Host, rule: str) -> None:
        if host.address is not None:
            write_host(self.edits, host, self._nat.host(host.address, own=True), rule)


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
