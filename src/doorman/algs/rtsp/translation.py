"""One RTSP message on its way through the gateway: what becomes of its bytes, and what it announces."""

from doorman.algs.api import Edit, Effect, Message, Nat, Note, Refused
from doorman.algs.edits import corrected
from doorman.algs.rtsp.announcing import Announced, Offer, mentioned, of_client, of_server, repeated, void
from doorman.algs.rtsp.mentions import translate_mentions
from doorman.net.edits import growth
from doorman.wire.rtsp import RtspMessage, read_rtsp
from doorman.wire.rtsp_transport import Transport, read_transports


class Translation:
    """A message, as its receiver must read it.

    Args:
        message: the message.
        nat: how things are named.

    Attributes:
        rtsp: what was read.
        transports: of all its headers, in order.
        effects: notes on what was left, or made void.

    Raises:
        Malformed: it cannot be read.
    """

    __slots__ = ("_edits", "_message", "_nat", "effects", "rtsp", "transports")

    def __init__(self, message: Message, nat: Nat) -> None:
        self._message = message
        self._nat = nat
        self.rtsp: RtspMessage = read_rtsp(message.data)
        self.transports: list[Transport] = []
        for name, start, end in self.rtsp.headers:
            if name == b"transport":
                self.transports += read_transports(message.data, start, end)
        self._edits: list[Edit] = []
        self.effects: list[Effect] = []
        translate_mentions(self.rtsp, nat, self._edits, self.effects)

    @property
    def edits(self) -> list[Edit]:
        """What is to be changed, in order, the length of the body included."""
        edits = sorted(self._edits)
        longer = growth(edit for edit in edits if edit.start >= self.rtsp.body_start)
        length = self.rtsp.length() if longer else None
        if length is not None:
            edits.append(corrected(self.rtsp.data, length, longer))
            edits.sort()
        return edits

    def offers(self, reason: str = "", *, unreadable_pass: bool) -> tuple[Offer | None, ...]:
        """Translate what a client asks for; with a reason, none of it is let through.

        Args:
            reason: why nothing may be announced, "" where it may.
            unreadable_pass: whether a transport that cannot be read goes on as it came.
        """
        return tuple(self._offer(transport, reason, unreadable_pass=unreadable_pass) for transport in self.transports)

    def _offer(self, transport: Transport, reason: str, *, unreadable_pass: bool) -> Offer | None:
        if not transport.readable and unreadable_pass:
            self.effects.append(Note("passed-as-it-came", b"rtsp-transport"))
            return None
        if not transport.readable:
            return self._refuse(transport, "rtsp-transport")
        if reason and not (transport.interleaved or transport.multicast):
            return self._refuse(transport, reason)
        try:
            return self._take(of_client(transport, self._message, self._nat))
        except Refused as refused:
            return self._refuse(transport, str(refused))

    def _refuse(self, transport: Transport, reason: str) -> Offer | None:
        self._edits.append(void(transport, reason))
        self.effects.append(Note(reason, self.rtsp.data[transport.start : transport.end]))
        return None

    def answers(self, *, expected: bool) -> tuple[Offer | None, ...]:
        """Translate what a server says of transports; only if it was `expected` to, anything is announced by that."""
        receiver = self._message.path.sent_to.address
        offers: list[Offer | None] = []
        for transport in self.transports:
            if not transport.readable:
                self.effects.append(Note("rtsp-transport", self.rtsp.data[transport.start : transport.end]))
                offers.append(None)
                continue
            self._edits += repeated(transport, receiver, self._nat)
            if expected:
                offers.append(self._take(of_server(transport, self._message, self._nat)))
            else:
                self._edits += mentioned(transport, self._nat)
        return tuple(offers)

    def as_sent(self) -> list[Edit]:
        """The edits that make of the message, as it arrived, what was sent. See `Alg.as_sent`."""
        if self.rtsp.status:
            for transport in self.transports:
                if transport.readable:
                    self._edits += repeated(transport, self._message.path.sent_from.address, self._nat)
                    self._edits += mentioned(transport, self._nat)
        return self.edits

    def _take(self, announced: Announced) -> Offer | None:
        self._edits += announced.edits
        self.effects += announced.effects
        return announced.offer
