"""RTP: scapy judges the packets; the counting of sequence numbers is compared with what happened to them."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.rtp import RTP

from doorman.lab.rtp import Rtp, Sequence, digit, read_rtp

HEADERS = st.builds(
    Rtp,
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
)


def counted(numbers: list[int]) -> tuple[int, int, int, int]:
    sequence = Sequence()
    for number in numbers:
        sequence.count(number & 0xFFFF)
    return sequence.received, sequence.lost, sequence.reordered, sequence.repeated


@given(HEADERS, st.binary(max_size=200))
def test_packets_are_rtp_to_others(header: Rtp, payload: bytes) -> None:
    packet = RTP(header.packet(payload))
    assert (packet.version, packet.padding, packet.extension, packet.numsync) == (2, 0, 0, 0)
    assert (packet.sequence, packet.timestamp, packet.sourcesync) == header[:3]
    assert (packet.payload_type, bool(packet.marker)) == header[3:]
    assert bytes(packet.payload) == payload


@given(HEADERS, st.binary(max_size=200))
def test_what_was_written_is_read(header: Rtp, payload: bytes) -> None:
    assert read_rtp(header.packet(payload)) == header


@given(st.binary(max_size=40))
def test_anything_can_be_read(data: bytes) -> None:
    header = read_rtp(data)
    assert (header is None) == (len(data) < 12 or data[0] >> 6 != 2)


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=3, max_size=300))
def test_losses_are_counted_over_the_turn_of_the_numbers(first: int, arrives: list[bool]) -> None:
    sent = list(range(first, first + len(arrives) + 2))
    came = [sent[0], *(number for number, good in zip(sent[1:-1], arrives, strict=True) if good), sent[-1]]
    assert counted(came) == (len(came), len(sent) - len(came), 0, 0)


def test_late_and_repeated_packets_are_counted() -> None:
    assert counted([65534, 0, 65535, 1, 1, 2]) == (5, 0, 1, 1)
    assert counted([5, 4, 6]) == (3, 0, 1, 0)
    assert counted([]) == (0, 0, 0, 0)


def test_a_digit_is_told_as_rfc_4733_has_it() -> None:
    """Event, E R volume, duration; the end is told three times."""
    told = [payload.hex() for payload in digit(5, 160)]
    assert told == ["050a00a0", "050a0140", "050a01e0", "058a01e0", "058a01e0", "058a01e0"]
