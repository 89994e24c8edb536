"""What lets a connection of the proxy pass the zone-based firewall, as long as it does.

    by a door              nobody is asked again
    a policy inspects it   its session is there as long as the connection is; where it was ended, so is the connection
    a policy passes it     until there are other policies

No packet of it passes the rules of a kernel, so it is judged anew here once the policies have become others.
"""

from doorman.algs.api import Refused
from doorman.engine.engine import Engine
from doorman.engine.screen import Screen
from doorman.firewall.sessions import ACK, FIN, SYN
from doorman.nat.sessions import Session


class Clearance:
    """Of one connection, which the firewall has let begin.

    Args:
        engine: whose firewall it passes.
        session: its flow; of two, the one that is judged.
        outward: whether the client is the inside end.
    """

    __slots__ = ("_engine", "_established", "_inspected", "_outward", "_refused", "_screen", "_session")

    def __init__(self, engine: Engine, session: Session, *, outward: bool) -> None:
        self._engine = engine
        self._session = session
        self._outward = outward
        self._screen = engine.screen
        self._inspected = self._screen.inspected(session) if self._screen is not None else None
        self._established = self._refused = False

    @property
    def holds(self) -> bool:
        """Whether the firewall, as it is now, lets the connection go on."""
        screen = self._engine.screen
        if screen is not self._screen:
            self._follow(screen)
        if self._refused:
            return False
        return screen is None or self._inspected is None or self._inspected in screen.firewall.sessions

    def establish(self, now: float) -> None:
        """The server has answered, and the client heard it."""
        self._established = True
        self._see(SYN | ACK, 0, now, answer=True)
        self._see(ACK, 0, now, answer=False)

    def see(self, size: int, now: float, *, answer: bool) -> None:
        """An end sent so many bytes; `answer`: the server."""
        self._see(ACK, size, now, answer=answer)

    def finish(self, now: float, *, answer: bool) -> None:
        """An end sends no more."""
        self._see(FIN | ACK, 0, now, answer=answer)

    def end(self, now: float) -> None:
        """The connection is over."""
        if self.holds and self._screen is not None and self._inspected is not None:
            self._screen.firewall.end(self._inspected, now)

    def _see(self, flags: int, size: int, now: float, *, answer: bool) -> None:
        if self.holds and self._screen is not None and self._inspected is not None:
            self._screen.firewall.follow(self._inspected, flags, size, now, answer=answer)

    def _follow(self, screen: Screen | None) -> None:
        """Be judged by other policies, unless these have gone on with the session."""
        self._screen, self._inspected = screen, None
        if screen is None or self._session.by_door is not None:
            return
        now = screen.firewall.now
        try:
            self._inspected = screen.go_on(self._session, now, outward=self._outward)
        except Refused:
            self._refused = True
        else:
            if self._established:
                self.establish(now)
