"""The test call: a phone behind the inside interface calls a mirror behind the outside one, and both say what they see.

phone                         gateway                         mirror
  INVITE ----------------------------------------------------->  what does it see?
  <------------------------------------------------------- 200
  ACK -------------------------------------------------------->
  <------------------------------------- media, to what it saw     does a door let it in?
  media ------------------------------------------------------>  from what it saw?
  BYE -------------------------------------------------------->
  <------------------------------------------------------- 200
"""

from collections.abc import Callable
from typing import NamedTuple, Self

from doorman.lab.rtp import Rtp
from doorman.net.addresses import Endpoint
from doorman.selftest import messages
from doorman.selftest.stand_in import Datagram, StandIn

PHONE_PORT, PHONE_MEDIA = 32_060, 32_000
"""The phone's ports, which are not those that real ones like to keep: the gateway needs a while to forget its names."""
MIRROR_MEDIA = 30_000
_SOUND = bytes(160)
"""20 ms of G.711."""
_BRIEFLY = 0.2
"""Seconds to wait for what may not come, so that nothing is under way any more."""


class Observed(NamedTuple):
    """What was sent and seen in a call; None for what did not come.

    Attributes:
        phone, mirror: where they do their signalling.
        sent: the INVITE as the phone sent it.
        seen: as the mirror got it.
        answered: its answer, as the phone got it.
        announced: where the mirror was told to send media.
        media_in: what it sent there, as the phone got it; nothing is sent to the phone's own address.
        media_out: what the phone sent, as the mirror got it.
        ended: the BYE, as the mirror got it.
    """

    phone: Endpoint
    mirror: Endpoint
    sent: bytes
    seen: Datagram | None = None
    answered: Datagram | None = None
    announced: Endpoint | None = None
    media_in: Datagram | None = None
    media_out: Datagram | None = None
    ended: Datagram | None = None


class Call:
    """A call that is to be made; when its block ends it is ended, whatever happened.

    Args:
        phone, mirror: who makes it, and who is called.
        port: of the mirror, for signalling.
        token: tells it from all other calls.
        seconds: how long to wait for each packet.

    Attributes:
        seen: what was seen by now.
    """

    def __init__(self, phone: StandIn, mirror: StandIn, port: int, token: str, seconds: float) -> None:
        self._phone, self._mirror = phone, mirror
        self._port = port
        self._token = token
        self._seconds = seconds
        ends = self._ends = Endpoint(phone.address, PHONE_PORT), Endpoint(mirror.address, port)
        self.seen = Observed(*ends, messages.invite(*ends, PHONE_MEDIA, token))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return messages.call_id(self._token)

    def make(self) -> None:
        """Make it, as far as it goes.

        Raises:
            OSError: an interface is gone.
        """
        self._invite()
        if self.seen.answered is not None:
            self._talk()

    def _invite(self) -> None:
        self._say(self.seen.sent)
        seen = self._mirror.receive(self._port, _begins(b"INVITE "), self._seconds)
        if seen is None:
            return
        self.seen = self.seen._replace(seen=seen, announced=messages.announced(seen.data))
        self._mirror.send(self._port, seen.sender, messages.answer(seen.data, self._ends[1], MIRROR_MEDIA))
        answered = self._phone.receive(PHONE_PORT, _begins(b"SIP/2.0 200"), self._seconds)
        self.seen = self.seen._replace(answered=answered)

    def _talk(self) -> None:
        self._say(messages.acknowledgement(*self._ends, self._token))
        announced = self.seen.announced
        if announced is not None and announced.address != self._phone.address:
            inward = Rtp(1, 0, 1).packet(_SOUND)
            self._mirror.send(MIRROR_MEDIA, announced, inward)
            media_in = self._phone.receive(PHONE_MEDIA, lambda data: data == inward, self._seconds)
            self.seen = self.seen._replace(media_in=media_in)
        outward = Rtp(1, 0, 2).packet(_SOUND)
        self._phone.send(PHONE_MEDIA, Endpoint(self._mirror.address, MIRROR_MEDIA), outward)
        media_out = self._mirror.receive(MIRROR_MEDIA, lambda data: data == outward, self._seconds)
        self.seen = self.seen._replace(media_out=media_out)

    def _hang_up(self) -> None:
        """End it also where only the gateway heard of it: by CANCEL, and by BYE if it heard of an answer, too."""
        patience = self._seconds
        if self.seen.answered is None:
            self._say(messages.withdrawal(*self._ends, self._token))
            patience = _BRIEFLY
        self._say(messages.end(*self._ends, self._token))
        ended = self._mirror.receive(self._port, _begins(b"BYE "), patience)
        if ended is None:
            return
        self.seen = self.seen._replace(ended=ended)
        self._mirror.send(self._port, ended.sender, messages.consent(ended.data))
        self._phone.receive(PHONE_PORT, _begins(b"SIP/2.0 200"), patience)

    def _say(self, message: bytes) -> None:
        self._phone.send(PHONE_PORT, self._ends[1], message)


def _begins(start: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(start)
