"""A control connection: which commands wait for their replies, and what is being transferred."""

from collections import deque
from typing import NamedTuple

from doorman.algs.api import Owner
from doorman.net.addresses import Endpoint

PASSIVE = frozenset({b"PASV", b"P@SW"})
EXTENDED_PASSIVE = b"EPSV"
EPSV_ALL = b"EPSV ALL"
TRANSFERS = frozenset({b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD"})
"""The commands that are answered over a data connection."""

_GRANTS = {b"227": PASSIVE, b"229": frozenset({EXTENDED_PASSIVE}), b"234": frozenset({b"AUTH"})}
"""The commands that nothing grants but one code."""
_GRANTED = frozenset().union(*_GRANTS.values())
_PRELIMINARY, _REFUSALS = b"1", b"45"
_LONGEST_SHOWN = 128
"""Bytes of a file's name that are remembered."""


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
    """

    __slots__ = (
        "_waiting", "begun", "client", "data", "doing", "extended_only", "over", "owner", "reply", "server", "user",
    )  # fmt: skip

    def __init__(self, owner: Owner, client: Endpoint, server: Endpoint, begun: float) -> None:
        self.owner = owner
        self.client = client
        self.server = server
        self.begun = begun
        self.user = self.doing = self.reply = b""
        self.data: Data | None = None
        self.extended_only = self.over = False
        self._waiting: deque[tuple[bytes, bytes]] = deque()

    def ask(self, verb: bytes, argument: bytes, most: int) -> bool:
        """The client gave a command; False if too many wait for their replies: the oldest is forgotten."""
        self._waiting.append((verb, argument[:_LONGEST_SHOWN]))
        if len(self._waiting) > most:
            self._waiting.popleft()
            return False
        return True

    def waits_for(self, code: bytes) -> bool:
        """Whether a command waits that this code alone can grant; those before it were never answered then."""
        granted = _GRANTS[code]
        while self._waiting and any(verb in granted for verb, _ in self._waiting):
            if self._waiting[0][0] in granted:
                return True
            self._waiting.popleft()
        return False

    def answer(self, code: bytes) -> bytes:
        """A reply is whole; the command that it answers, empty where it answers none."""
        if not self._waiting or (code in _GRANTS and not self.waits_for(code)):
            return b""
        verb, argument = self._waiting[0]
        if code[:1] == _PRELIMINARY:
            if verb in TRANSFERS:
                self.doing = b"%b %b" % (verb, argument)
            return b""
        if not _answers(verb, code):
            return b""
        self._waiting.popleft()
        if verb in TRANSFERS:
            self.doing = b""
        return verb


def _answers(verb: bytes, code: bytes) -> bool:
    """Whether a reply can be to a command: some servers say more than one for one, and the order must not be lost."""
    return code[0] in _REFUSALS or code in _GRANTS or verb not in _GRANTED or code in {b"334", b"232"}
