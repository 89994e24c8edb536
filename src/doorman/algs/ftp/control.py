"""A control connection: which commands wait for their replies, and what is being transferred."""

from collections import deque
from typing import NamedTuple

from doorman.algs.api import Owner
from doorman.algs.ftp.commands import GRANTS, TRANSFERS, Asked
from doorman.algs.ftp.families import Families
from doorman.net.addresses import Endpoint

_PRELIMINARY = b"1"


class Data(NamedTuple):
    """A data connection that was announced: where it is awaited, as that end knows itself, and by which end."""

    awaited_at: Endpoint
    by_client: bool


class Control:
    """One control connection.

    Attributes:
        owner: of its doors.
        client, server: its ends, as each knows itself.
        begun: when its first message came, in seconds.
        user: who logs in, as the client wrote it.
        data: the data connection that was announced last.
        doing: the command whose transfer is going on, with its argument; empty where none is.
        reply: the code of a reply that is not whole yet.
        extended_only: whether the client promised to use nothing but EPSV (RFC 2428, section 4).
        over: whether it has ended.
        families: whether its ends are of two families, and how that is bridged.
    """

    __slots__ = (
        "_waiting", "begun", "client", "data", "doing", "extended_only", "families", "over", "owner", "reply", "server",
        "user",
    )  # fmt: skip

    def __init__(self, owner: Owner, client: Endpoint, server: Endpoint, begun: float, families: Families) -> None:
        self.owner = owner
        self.client = client
        self.server = server
        self.begun = begun
        self.families = families
        self.user = self.doing = self.reply = b""
        self.data: Data | None = None
        self.extended_only = self.over = False
        self._waiting: deque[Asked] = deque()

    def ask(self, command: Asked, most: int) -> bool:
        """The client gave a command; False if too many wait for their replies: the oldest is forgotten."""
        self._waiting.append(command)
        if len(self._waiting) > most:
            self._waiting.popleft()
            return False
        return True

    def waits_for(self, code: bytes) -> bool:
        """Whether a command waits that this code alone can grant; those before it were never answered then."""
        granted = GRANTS[code]
        while self._waiting and any(command.may_be_granted(granted) for command in self._waiting):
            if self._waiting[0].may_be_granted(granted):
                return True
            self._waiting.popleft()
        return False

    def heard(self, code: bytes) -> bytes:
        """The code by which the client hears that what it waits for was granted."""
        return self._waiting[0].heard(code)

    def said(self, code: bytes) -> bytes:
        """The code that the server must have said for the client, which waits for it, to hear this one."""
        return next((said for said in (command.said(code) for command in self._waiting) if said != code), code)

    @property
    def uses_default_port(self) -> bool:
        """Whether neither end has said where data shall go, nor was asked to (RFC 959, section 3.2)."""
        data = self.data
        if data is not None and data.awaited_at != self.client:
            return False
        return not any(command.asks_for_passive for command in self._waiting)

    def answered_here(self, code: bytes) -> bytes:
        """The line by which the gateway itself answers the command that a reply is to; empty where the server does."""
        command = self._waiting[0] if self._waiting else None
        return command.answer if command is not None and command.is_answered(code) else b""

    def answer(self, code: bytes) -> bytes:
        """A reply is whole; the command that it answers, as the server knows it; empty where it answers none."""
        if not self._waiting or (code in GRANTS and not self.waits_for(code)):
            return b""
        command = self._waiting[0]
        if code[:1] == _PRELIMINARY:
            if command.verb in TRANSFERS:
                self.doing = b"%b %b" % (command.verb, command.argument)
            return b""
        if not command.is_answered(code):
            return b""
        self._waiting.popleft()
        if command.verb in TRANSFERS:
            self.doing = b""
        return command.sent
