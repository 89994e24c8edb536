"""A playbook for RTSP: this message in at one end of a connection, that message out at the other. See `Dialogue`.

rtsp = Rtsp(OVERLOAD)                                                   the client is inside
rtsp.asks("SETUP", FILM, "Transport: RTP/AVP;unicast;client_port=4588-4589")    -> as the server gets it
rtsp.answers("Transport: …", session="1")                                       -> as the client gets it
"""

from doorman.engine.connections import End
from doorman.engine.engine import Engine
from kit.dialogue import INSIDE, OUTSIDE, SERVED, STRANGER, Dialogue
from kit.sip import GLOBAL, INTERFACES, OVERLOAD

PORT = 554
FORWARDED = OVERLOAD + f"ip nat inside source static tcp {INSIDE} {PORT} interface out0 8554\n"
"""The inside host is a server by another port of the shared address."""
FILM = f"rtsp://{OUTSIDE}/film"
TRACK = f"{FILM}/trackID=1"
CLIENT_PORTS = "RTP/AVP;unicast;client_port=4588-4589"
SERVER_PORTS = "RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257"

__all__ = ["FORWARDED", "GLOBAL", "INSIDE", "INTERFACES", "OUTSIDE", "OVERLOAD", "SERVED", "STRANGER", "Rtsp"]


class Rtsp(Dialogue):
    """A gateway with a connection on which RTSP is spoken. See `Dialogue`.

    Attributes:
        number: of the newest request.
    """

    def __init__(
        self,
        config: str = OVERLOAD,
        *,
        server_inside: bool = False,
        engine: Engine | None = None,
        client: str = "",
        server: str = "",
    ) -> None:
        port = 8554 if server_inside and config.startswith(FORWARDED) else PORT
        super().__init__(config, port, server_inside=server_inside, engine=engine, client=client, server=server)
        self.number = 0

    def asks(self, method: str, url: str, *headers: str, body: str = "", end: End = End.CLIENT) -> str:
        """A request of the client, as the server gets it."""
        self.number += 1
        return self.passes(f"{method} {url} RTSP/1.0", f"CSeq: {self.number}", *headers, body=body, end=end)

    def answers(
        self, *headers: str, status: str = "200 OK", session: str = "", body: str = "", end: End = End.SERVER
    ) -> str:
        """The response to the newest request, as the client gets it."""
        more = [f"Session: {session}"] if session else []
        return self.passes(f"RTSP/1.0 {status}", f"CSeq: {self.number}", *more, *headers, body=body, end=end)

    def sets_up(self, asked: str, answered: str, url: str = TRACK, session: str = "7") -> tuple[str, str]:
        """The transports of a SETUP and of the response to it, each as the other end gets them."""
        heard = self.asks("SETUP", url, f"Transport: {asked}", *([f"Session: {session}"] if self._known else []))
        self._known = True
        return value(heard, "Transport"), value(self.answers(f"Transport: {answered}", session=session), "Transport")

    _known = False

    def passes(self, start: str, *headers: str, body: str = "", end: End = End.CLIENT) -> str:
        """A message of an end, as the other gets it; its length is added."""
        content = "".join(line + "\r\n" for line in body.splitlines()).encode("latin-1")
        more = [f"Content-Length: {len(content)}"] if content else []
        head = "\r\n".join([start, *headers, *more, "", ""]).encode("latin-1")
        heard = self.send(head + content, end)
        if heard:
            told, _, rest = heard.partition(b"\r\n\r\n")
            assert len(rest) == int(value(told.decode("latin-1"), "Content-Length") or 0)
        return heard.decode("latin-1")


def value(message: str, name: str) -> str:
    """The value of a header, "" where there is none."""
    head = message.partition("\r\n\r\n")[0].split("\r\n")
    return next((line.partition(": ")[2] for line in head if line.lower().startswith(name.lower() + ": ")), "")
