"""What application inspection can look at in lines of an FTP control connection.

request-command       the verb of a client's line in capitals (RFC 959, section 4.1)
"""

from typing import Literal

from doorman.algs.api import Message
from doorman.wire.ftp import read_command, read_reply
from doorman.wire.malformed import Malformed


def read_fields(message: Message) -> "FtpFields":
    """The fields of a line; who opened the connection is the client."""
    return FtpFields(message.data, of_client=message.of_client)


class FtpFields:
    """A line as application inspection sees it. Lines without a verb, and inner lines of replies, have no fields."""

    __slots__ = ("_verb", "kind", "name")

    def __init__(self, data: bytes, *, of_client: bool) -> None:
        self._verb = b""
        self.kind: Literal["request", "response", ""] = ""
        self.name = ""
        if not of_client:
            reply = read_reply(data)
            if reply is not None:
                self.kind, self.name = "response", reply.code.decode("ascii")
            return
        try:
            self._verb = read_command(data).verb
        except Malformed as malformed:  # it announces something, and in a way that not all servers read alike
            self._verb = malformed.reason.encode()
        if self._verb:
            self.kind, self.name = "request", self._verb.decode("ascii", "replace")

    def values(self, field: str) -> list[bytes]:
        """See `algs.fields.Fields`."""
        return [self._verb] if field == "request-command" and self._verb else []
