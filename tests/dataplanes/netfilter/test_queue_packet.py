"""The message in which a packet comes out of a queue, as bytes."""

from hypothesis import given
from hypothesis import strategies as st

from doorman.dataplanes.netfilter.messages import attribute, body, message, nested
from doorman.dataplanes.netfilter.queue import read_packet


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
