"""What application inspection can look at in a message: fields by name, as a protocol supplies them.

SIP   method, uri, header:via …, content-type, content-length, max-forwards, unknown-header, protocol-violation
    FTP   request-command
"""

from typing import Literal, Protocol


class Fields(Protocol):
    """A message as application inspection sees it.

    Attributes:
        kind: which of the two it is; "" for what is none of the protocol, and passes.
        name: what to call it, such as `INVITE` or `200`.
    """

    kind: Literal["request", "response", ""]
    name: str

    def values(self, field: str) -> list[bytes]:
        """The values of a field, none where it is not there or the protocol has no such field."""
        ...
