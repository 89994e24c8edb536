r"""Datagrams of TFTP: which one it is, and of a request which file it is about (RFC 1350, section 5; RFC 2347).

    1 RRQ, 2 WRQ      opcode | file \0 | mode \0 | option \0 | value \0 …
    3 DATA            opcode | block | up to 512 bytes, or as many as were agreed on
    4 ACK             opcode | block
    5 ERROR           opcode | code | text \0
    6 OACK            opcode | option \0 | value \0 …

Opcode, block and code are two bytes each. No address and no port is in any of them.
"""

from typing import NamedTuple

from doorman.wire.malformed import Malformed

READ, WRITE = "RRQ", "WRQ"
NAMES = (READ, WRITE, "DATA", "ACK", "ERROR", "OACK")
"""The messages, from opcode 1 on."""
_OPCODE = 2


class Request(NamedTuple):
    """What a client asks for.

    Attributes:
        file: the name of the file.
        mode: how it is to be sent: `octet`, `netascii` …, in any case.
    """

    file: bytes
    mode: bytes


def name_of(data: bytes) -> str:
    """Which message a datagram is; empty where it is none of TFTP."""
    opcode = int.from_bytes(data[:_OPCODE], "big")
    return NAMES[opcode - 1] if len(data) >= _OPCODE and 1 <= opcode <= len(NAMES) else ""


def read_request(data: bytes) -> Request:
    """Read an RRQ or WRQ; its options are between client and server.

    Raises:
        Malformed: the file's name or the mode has no end.
    """
    file_ends = data.find(b"\0", _OPCODE)
    mode_ends = data.find(b"\0", file_ends + 1)
    if file_ends < 0 or mode_ends < 0:
        raise Malformed("request-cut-short")
    return Request(data[_OPCODE:file_ends], data[file_ends + 1 : mode_ends])
