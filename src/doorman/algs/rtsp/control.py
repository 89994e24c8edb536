"""A connection on which RTSP is spoken: which requests wait for their responses, and which sessions it is about."""

from typing import NamedTuple

from doorman.algs.api import Ends, Owner
from doorman.algs.rtsp.announcing import Offer
from doorman.net.addresses import Endpoint


class Request(NamedTuple):
    """A request that waits for its response.

    Attributes:
        method: what is asked.
        url: what for, as its sender wrote it.
        session: the name of the session it is about, b"" for none.
        offers: what each of its transports announces, in order; None for what announces nothing.
    """

    method: bytes
    url: bytes
    session: bytes
    offers: tuple[Offer | None, ...] = ()


class Control:
    """A connection.

    Attributes:
        ends: its ends, as the inside knows them.
        client, server: the same, each as it knows itself.
        owners: of the sessions that were talked about.
    """

    __slots__ = ("_waiting", "client", "ends", "owners", "server")

    def __init__(self, ends: Ends, client: Endpoint, server: Endpoint) -> None:
        self.ends = ends
        self.client = client
        self.server = server
        self.owners: set[Owner] = set()
        self._waiting: tuple[dict[bytes, Request], dict[bytes, Request]] = ({}, {})

    def ask(self, number: bytes, request: Request, most: int, *, of_client: bool) -> bool:
        """An end asked something; False if too many of its requests wait: the oldest is forgotten."""
        waiting = self._waiting[of_client]
        waiting.pop(number, None)
        waiting[number] = request
        if len(waiting) > most:
            del waiting[next(iter(waiting))]
            return False
        return True

    def answered(self, number: bytes, *, of_client: bool, final: bool) -> Request | None:
        """The request that a response is to, None where nobody asked; `of_client`: whether the client answers.

        It waits no more once the response is final.
        """
        waiting = self._waiting[not of_client]
        return waiting.pop(number, None) if final else waiting.get(number)

    def torn_down(self) -> set[bytes]:
        """The names of the sessions that the client ends, and did not wait to hear that they are over."""
        return {request.session for request in self._waiting[True].values() if request.method == b"TEARDOWN"}
