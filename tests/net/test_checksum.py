"""The Internet checksum, as scapy computes it."""

from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import checksum as scapy_checksum

from doorman.net.checksum import carry_edits, checksum, is_valid, sum_difference, word_sum
from doorman.net.edits import Edit

SOME = st.binary(min_size=1, max_size=99).filter(any)
HEADERS, SURPLUS = b"a header", b"no payload"


def assert_carried(before: bytes, edits: list[Edit], after: bytes) -> None:
    """Edits of a payload within a packet make another of it, and the sum is found without summing all."""
    parts: list[bytes] = []
    start, end = len(HEADERS), len(HEADERS + before)
    growth, difference = carry_edits(HEADERS + before + SURPLUS, start, end, edits, parts)
    assert b"".join(parts) == after + SURPLUS
    assert growth == len(after) - len(before)
    assert difference == sum_difference(after, before)


@given(SOME)
def test_the_checksum_is_scapys(data: bytes) -> None:
    assert checksum(data) == scapy_checksum(data)


@given(SOME)
def test_with_its_checksum_data_is_valid_and_any_changed_word_shows(data: bytes) -> None:
    data += bytes(len(data) & 1)
    whole = checksum(data).to_bytes(2, "big") + data
    assert is_valid(whole)
    assert scapy_checksum(whole) == 0
    assert not is_valid(whole[:2] + bytes([whole[2] ^ 1]) + whole[3:])


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5), st.binary(max_size=5)), max_size=6))
def test_edits_are_carried_out_and_their_sum_found(
    parts: list[tuple[bytes, bytes, bytes]],
) -> None:
    before = after = b""
    edits = []
    for kept, old, new in parts:
        edits.append(Edit(len(before + kept), len(before + kept + old), new, "a rule"))
        before += kept + old
        after += kept + new
    before, after = before + b"the end", after + b"the end"
    assert_carried(before, edits, after)


@given(st.integers(0, 3), st.integers(60, 70), st.integers(60, 70))
def test_so_is_that_of_long_edits(start: int, old: int, new: int) -> None:
    """Sums of short texts are remembered, those of long ones are not."""
    before, long = bytes(range(9, 9 + old + 9)), bytes(range(100, 100 + new))
    after = before[:start] + long + before[start + old :]
    for _ in range(2):
        assert_carried(before, [Edit(start, start + old, long, "a rule")], after)


def test_the_example_of_rfc_1071() -> None:
    assert word_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


def test_an_odd_last_byte_is_the_high_one_of_its_word() -> None:
    assert word_sum(b"\x12\x34\x56") == word_sum(b"\x12\x34\x56\x00")


def test_of_zeros_the_checksum_is_zero_which_no_packet_has() -> None:
    assert checksum(bytes(4)) == 0
