"""Netlink messages as bytes: against bytes written down by hand, and against whatever may come."""

import errno
import os
import struct
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.dataplanes.netfilter.errors import DumpInterrupted, NetlinkError
from doorman.dataplanes.netfilter.messages import (
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    NetlinkMalformed,
    attribute,
    attributes,
    body,
    error_of,
    message,
    messages,
    name,
    nested,
)


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are those of a low-endian machine")
def test_attributes_are_padded_and_their_length_is_not() -> None:
    assert attribute(3, b"") == bytes.fromhex("04000300")
    assert attribute(3, b"\x01") == bytes.fromhex("0500030001000000")
    assert attribute(3, b"\x01\x02\x03\x04") == bytes.fromhex("0800030001020304")
    assert name(1, "abc") == bytes.fromhex("0800010061626300")
    assert nested(2, attribute(1, b"\x07"), attribute(4, b"")) == bytes.fromhex("10000280 0500010007000000 04000400")


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are those of a low-endian machine")
def test_a_message_is_header_family_and_attributes() -> None:
    content = body(2, attribute(1, b"\xaa\xbb\xcc\xdd"), resource=10)
    assert content == bytes.fromhex("0200000a 08000100aabbccdd")
    assert message(0xA0C, 5, 0x11223344, content) == bytes.fromhex("1c000000 0c0a 0500 44332211 00000000") + content


def test_of_two_attributes_with_one_type_the_last_counts_and_marks_do_not() -> None:
    data = attribute(1, b"a") + nested(2, attribute(1, b"in")) + attribute(0x4003, b"net") + attribute(1, b"z")
    assert attributes(data, 0) == {1: b"z", 2: attribute(1, b"in"), 3: b"net"}
    assert attributes(body(2) + data) == attributes(data, 0)


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40)), unique_by=lambda entry: entry[0]))
def test_attributes_come_back(entries: list[tuple[int, bytes]]) -> None:
    data = b"".join(attribute(kind, payload) for kind, payload in entries)
    assert len(data) % 4 == 0
    assert attributes(data, 0) == dict(entries)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5))
def test_messages_come_back(entries: list[tuple[int, bytes]]) -> None:
    contents = [body(0, attribute(1, payload)) for _, payload in entries]
    datagram = b"".join(message(kind, 2, 9, content) for (kind, _), content in zip(entries, contents, strict=True))
    expected = [Message(kind, 2, 9, content) for (kind, _), content in zip(entries, contents, strict=True)]
    assert list(messages(datagram)) == expected


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (lambda: list(messages(data)), lambda: attributes(data), lambda: attributes(data, 0)):
        with suppress(NetlinkMalformed):
            read()


@given(st.sampled_from([NLMSG_ERROR, NLMSG_DONE]), st.integers(0, 0xFFFF), st.binary(max_size=60))
def test_any_error_is_read_or_refused(kind: int, flags: int, content: bytes) -> None:
    try:
        number, explanation = error_of(Message(kind, flags, 1, content))
    except NetlinkMalformed:
        return
    assert isinstance(number, int)
    assert isinstance(explanation, str)


def test_an_error_tells_number_and_the_words_of_the_kernel() -> None:
    request = message(0xA0C, 5, 1, body(2))
    text = name(1, "no such thing")
    capped = struct.pack("=i", -errno.ENOENT) + request[:16] + text
    assert error_of(Message(NLMSG_ERROR, 0x300, 1, capped)) == (errno.ENOENT, "no such thing")
    whole = struct.pack("=i", -errno.ENOENT) + request + text
    assert error_of(Message(NLMSG_ERROR, 0x200, 1, whole)) == (errno.ENOENT, "no such thing")
    assert error_of(Message(NLMSG_ERROR, 0x100, 1, bytes(4) + request[:16])) == (0, "")
    assert error_of(Message(NLMSG_DONE, 2, 1, bytes(4))) == (0, "")
    assert error_of(Message(NLMSG_DONE, 2, 1, b"")) == (0, "")
    with pytest.raises(NetlinkMalformed):
        error_of(Message(NLMSG_ERROR, 0, 1, b"\0\0"))


def test_an_error_says_what_was_asked() -> None:
    error = NetlinkError(errno.ENOENT, "add to doors")
    assert (error.errno, error.asked, str(error)) == (
        errno.ENOENT,
        "add to doors",
        f"add to doors: {os.strerror(errno.ENOENT)}",
    )
    assert str(NetlinkError(errno.ENOENT, "add to doors", "no such set")) == "add to doors: no such set"
    assert DumpInterrupted("list doors").errno == errno.EINTR
