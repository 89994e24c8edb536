"""A command of a client: what the server gets of it, which replies can be to it, and what the client is told."""

from typing import NamedTuple

PASSIVE = b"PASV"
EXTENDED_PASSIVE = b"EPSV"
EPSV_ALL = b"EPSV ALL"
AUTHENTICATE = b"AUTH"
NOTHING = b"NOOP"
TRANSFERS = frozenset({b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD"})
"""The commands that are answered over a data connection."""

_PASSIVE_CODE, _EXTENDED_CODE = b"227", b"229"
_PASSIVE_CODES = frozenset({_PASSIVE_CODE, _EXTENDED_CODE})
GRANTS = {
    _PASSIVE_CODE: frozenset({PASSIVE, b"P@SW"}),
    _EXTENDED_CODE: frozenset({EXTENDED_PASSIVE}),
    b"234": frozenset({AUTHENTICATE}),
}
"""The commands that nothing grants but one code."""
_GRANTED = frozenset().union(*GRANTS.values())
_REFUSALS = b"45"
_DONE, _CLOSING = b"200", b"421"
_LONGEST_SHOWN = 128
"""Bytes of a file's name that are remembered."""


class Asked(NamedTuple):
    """A command that waits for its reply.

    Attributes:
        verb: as the client gave it, in capitals.
        argument: its beginning.
        sent: the verb that the server got.
        answer: the line that the gateway says itself when the server has replied; empty: what the server says goes on.
    """

    verb: bytes
    argument: bytes
    sent: bytes
    answer: bytes = b""

    def may_be_granted(self, verbs: frozenset[bytes]) -> bool:
        """Whether it is one of these commands, for client or server."""
        return not self.answer and (self.verb in verbs or self.sent in verbs)

    @property
    def asks_for_passive(self) -> bool:
        """Whether it asks the server to announce a data connection."""
        return any(self.may_be_granted(GRANTS[code]) for code in _PASSIVE_CODES)

    def is_answered(self, code: bytes) -> bool:
        """Whether a reply can be to it: some servers say more than one for one, and the order must not be lost."""
        if self.answer:
            return code == _DONE or (code[0] in _REFUSALS and code != _CLOSING)
        return code[0] in _REFUSALS or code in GRANTS or self.verb not in _GRANTED or code in {b"334", b"232"}

    def heard(self, code: bytes) -> bytes:
        """The code by which the client hears of a data connection that was granted by this one: as it asked for it."""
        if code not in _PASSIVE_CODES:
            return code
        return _EXTENDED_CODE if self.verb == EXTENDED_PASSIVE else _PASSIVE_CODE

    def said(self, code: bytes) -> bytes:
        """The code that the server must have said for the client to hear this one."""
        if self.answer:
            return _DONE if self.answer.startswith(code) else code
        return _PASSIVE_CODE if code == _EXTENDED_CODE and self.sent == PASSIVE else code


def asked(verb: bytes, argument: bytes, sent: bytes = b"", answer: bytes = b"") -> Asked:
    """A command, of which the server gets another verb if one is given."""
    return Asked(verb, argument[:_LONGEST_SHOWN], sent or verb, answer)


def is_all(argument: bytes) -> bool:
    """Whether an EPSV asks for nothing, but promises that nothing else will be used (RFC 2428, section 4)."""
    return argument.strip().upper() == b"ALL"
