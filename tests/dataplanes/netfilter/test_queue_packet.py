"""The message in which a packet comes out of a queue, as bytes."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from doorman.dataplanes.netfilter.messages import attribute, body, message, nested
from doorman.dataplanes.netfilter.queued_packet import PacketReader, QueuedPacket, read_packet


def test_a_packet_with_all_that_is_told_of_it() -> None:
    content = body(
        2,
        attribute(1, b"\x00\x00\x12\x34\x08\x00\x02"),
        attribute(5, b"\0\0\0\7"),
        attribute(6, b"\0\0\0\x09"),
        attribute(3, b"\x00\x10\x00\x00"),
        attribute(9, b"\0\6\0\0" + bytes(8)),
        nested(11, attribute(8, b"\0\0\0\1")),
        attribute(10, b"the packet"),
        resource=7,
    )
    told = message(0x300, 0, 0, content)
    packet = read_packet(told)
    assert (packet.id, packet.hook, packet.mark, packet.in_index) == (b"\x00\x00\x12\x34", 2, 0x00100000, 7)
    assert packet.data == b"the packet"


@given(st.binary(max_size=120))
def test_any_bytes_end(data: bytes) -> None:
    told = message(0x300, 0, 0, body(2) + data)
    packet = read_packet(told)
    assert len(packet.data) <= len(data)


def told(number: int, *front: bytes, data: bytes, hook: int = 0) -> bytes:
    head = attribute(1, number.to_bytes(4, "big") + b"\x08\x00" + bytes([hook]))
    """The kernel does not fill up the last attribute."""
    packet = (len(data) + 4).to_bytes(2, sys.byteorder) + (10).to_bytes(2, sys.byteorder) + data
    return message(0x300, 0, 0, body(2, head, *front, packet, resource=7))


def parts(packet: QueuedPacket) -> tuple[bytes, int, int, int, bytes]:
    return packet.id, packet.hook, packet.mark, packet.in_index, packet.data


NEIGHBOURS = [
    (attribute(5, b"\0\0\0\7"), attribute(9, b"\0\6\0\0" + bytes(8))),
    (attribute(5, b"\0\0\0\7"), attribute(9, b"\0\6\0\0" + b"\1" * 8)),
    (attribute(5, b"\0\0\0\x08"), attribute(9, b"\0\6\0\0" + bytes(8))),
    (attribute(5, b"\0\0\0\7"), attribute(3, b"\0\0\0\1"), attribute(9, b"\0\6\0\0" + bytes(8))),
    (),
]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(NEIGHBOURS), st.binary(max_size=9), st.sampled_from([0, 2])),
        max_size=12,
    )
)
def test_a_reader_finds_in_each_message_what_is_told_in_it(
    messages: list[tuple[int, tuple[bytes, ...], bytes, int]],
) -> None:
    """However those before it were."""
    reader = PacketReader()
    fronts = set()
    for number, front, data, hook in messages:
        datagram = told(number, *front, data=data, hook=hook)
        assert parts(reader.read(datagram)) == parts(read_packet(datagram))
        fronts.add((front, hook))
    assert len(reader) == len(fronts)


@given(st.integers(0, 90))
def test_a_message_that_was_cut_short_is_read_as_far_as_it_goes(length: int) -> None:
    reader = PacketReader()
    whole = told(1, *NEIGHBOURS[0], data=b"the packet")
    reader.read(whole)
    assert parts(reader.read(whole[:length])) == parts(read_packet(whole[:length]))
