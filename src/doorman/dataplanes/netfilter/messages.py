"""Netlink messages of netfilter, as bytes (linux/netlink.h, linux/netfilter/nfnetlink.h).

A datagram holds messages one behind the other, each padded to 4 bytes. Headers are in host order:

    nlmsghdr    length:u32 (header included)  kind:u16  flags:u16  sequence:u32  port:u32
    nfgenmsg    family:u8  version:u8  resource:u16 in network order (a queue's number, else 0)
    attributes  until the message ends

A kind is `subsystem << 8 | message`; below 16 it is netlink's own: an error (or, with errno 0, an acknowledgement) or
the end of a dump. An attribute is padded to 4 bytes too; netfilter's payloads have their numbers in network order:

    nlattr      length:u16 (header included, padding not)  type:u16 (0x8000 marks nested attributes)  payload

    error       errno:i32 negative  nlmsghdr of the request  [attributes: 1 a text, where flags have 0x200]

Some subsystems take their changes in batches, all or nothing: a message BATCH_BEGIN whose resource is the subsystem,
the changes, BATCH_END.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

NLM_F_REQUEST: Final = 0x001
NLM_F_ACK: Final = 0x004
NLM_F_DUMP_INTR: Final = 0x010
NLM_F_EXCL: Final = 0x200
NLM_F_DUMP: Final = 0x300
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
_NLM_F_CAPPED: Final = 0x100
_NLM_F_ACK_TLVS: Final = 0x200
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NFNL_MSG_BATCH_BEGIN: Final = 0x10
NFNL_MSG_BATCH_END: Final = 0x11
_NLA_F_NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF
_NLMSGERR_ATTR_MSG: Final = 1

MESSAGE: Final = struct.Struct("=IHHII")
ATTRIBUTE: Final = struct.Struct("=HH")
_GENERAL: Final = struct.Struct("!BBH")
_GENERAL_SIZE: Final = 4
PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
"""What fills an attribute up to whole words, by its length modulo 4."""


class NetlinkMalformed(ValueError):  # noqa: N818 - the outcome of reading
    """Bytes that are no netlink message."""


class Message(NamedTuple):
    """A message as it came; `body` is all behind the nlmsghdr, and begins with nfgenmsg if netfilter wrote it."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded."""
    return b"%b%b%b" % (ATTRIBUTE.pack(len(payload) + 4, kind), payload, PADDING[len(payload) & 3])


def nested(kind: int, *children: bytes) -> bytes:
    """An attribute of attributes; these are padded already."""
    return attribute(kind | _NLA_F_NESTED, b"".join(children))


def name(kind: int, text: str) -> bytes:
    """A text ended by a zero byte, as the kernel's names are."""
    return attribute(kind, text.encode() + b"\0")


def body(family: int, *attributes_: bytes, resource: int = 0) -> bytes:
    """Nfgenmsg and attributes: what follows the nlmsghdr."""
    return _GENERAL.pack(family, 0, resource) + b"".join(attributes_)


def message(kind: int, flags: int, sequence: int, content: bytes) -> bytes:
    """A whole message around `content`, which `body` made, and which is padded."""
    return MESSAGE.pack(len(content) + MESSAGE.size, kind, flags, sequence, 0) + content


def messages(datagram: bytes) -> Iterator[Message]:
    """The messages of a datagram.

    Raises:
        NetlinkMalformed: a length that does not fit.
    """
    start, end = 0, len(datagram)
    while start < end:
        if start + MESSAGE.size > end:
            raise NetlinkMalformed("a header cut short")
        length, kind, flags, sequence, _ = MESSAGE.unpack_from(datagram, start)
        if length < MESSAGE.size or start + length > end:
            raise NetlinkMalformed(f"a message of {length} bytes where {end - start} are left")
        yield Message(kind, flags, sequence, datagram[start + MESSAGE.size : start + length])
        start += length + 3 & ~3


def attributes(data: bytes, start: int = _GENERAL_SIZE) -> dict[int, bytes]:
    """The payloads by type, marks of the type taken off; of two with one type the last. Use start=0 in nested ones.

    Raises:
        NetlinkMalformed: a length that does not fit.
    """
    return dict(each_attribute(data, start))


def each_attribute(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each, as in `attributes`; there may be several of a type, as in a list.

    Raises:
        NetlinkMalformed: a length that does not fit.
    """
    end = len(data)
    while start < end:
        if start + 4 > end:
            raise NetlinkMalformed("an attribute's header cut short")
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if length < ATTRIBUTE.size or start + length > end:
            raise NetlinkMalformed(f"an attribute of {length} bytes where {end - start} are left")
        yield kind & _TYPE_MASK, data[start + 4 : start + length]
        start += length + 3 & ~3


def error_of(answer: Message) -> tuple[int, str]:
    """The errno (0 is success) and explanation of an NLMSG_ERROR, or the errno of an NLMSG_DONE.

    Raises:
        NetlinkMalformed: too short for that, or attributes that do not fit.
    """
    content = answer.body
    if len(content) < 4:  # noqa: PLR2004 - errno
        if answer.kind == NLMSG_DONE:
            return 0, ""
        raise NetlinkMalformed("an error without its number")
    number = -int(struct.unpack_from("=i", content)[0])
    if answer.kind != NLMSG_ERROR or not answer.flags & _NLM_F_ACK_TLVS or len(content) < 4 + MESSAGE.size:
        return number, ""
    request_length = MESSAGE.size if answer.flags & _NLM_F_CAPPED else MESSAGE.unpack_from(content, 4)[0]
    text = attributes(content, 4 + (request_length + 3 & ~3)).get(_NLMSGERR_ATTR_MSG, b"")
    return number, text.rstrip(b"\0").decode("utf-8", "replace")
