"""Values of records: what is written is read, anything else is refused."""

import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Direction, Owner, Plain
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_bytes,
    as_endpoint,
    as_integer,
    as_list,
    as_mapping,
    as_moment,
    as_owner,
    as_text,
    as_time,
    decode,
    encode,
)
from doorman.net.addresses import Address, Endpoint

addresses = st.builds(Address, st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
endpoints = st.builds(Endpoint, addresses, st.integers(0, 65_535))


@given(st.builds(Owner, st.sampled_from(["sip", "ftp"]), st.binary(), addresses))
def test_an_owner_comes_back(owner: Owner) -> None:
    assert as_owner(decode(encode(owner))) == owner


@given(endpoints)
def test_an_endpoint_comes_back(endpoint: Endpoint) -> None:
    assert as_endpoint(decode(encode(endpoint))) == endpoint
    assert as_address(decode(encode(endpoint.address))) == endpoint.address


@given(st.floats(allow_nan=False))
def test_a_time_comes_back_to_the_last_bit(seconds: float) -> None:
    assert encode(seconds) == struct.pack(">Bd", 0xCB, seconds)
    assert as_time(decode(encode(seconds))) == seconds


def test_what_is_written_is_messagepack() -> None:
    """By its specification (https://github.com/msgpack/msgpack), so that another reader can be had."""
    value: Plain = (None, True, 5, Direction.INBOUND, "a", b"bc", Endpoint(Address(bytes(4)), 256), {b"k": -1})
    assert encode(value) == (
        b"\x98\xc0\xc3\x05\x01\xa1a\xc4\x02bc\x92\xc4\x04\x00\x00\x00\x00\xcd\x01\x00\x81\xc4\x01k\xff"
    )


READERS = (as_text, as_bytes, as_integer, as_time, as_moment, as_list, as_mapping, as_address, as_endpoint, as_owner)


@pytest.mark.parametrize(
    ("value", "readable"),
    [
        (None, set()),
        (1, {as_integer, as_time, as_moment}),
        (True, set()),
        (1.5, {as_time, as_moment}),
        (math.nan, set()),
        (math.inf, {as_time}),
        ("x", {as_text}),
        (b"x", {as_bytes}),
        (b"1234", {as_bytes, as_address}),
        ([b"1234", 5], {as_list, as_endpoint}),
        (["sip", b"x", b"1234"], {as_list, as_owner}),
        ([], {as_list}),
        ({}, {as_mapping}),
        ({"x": 1}, set()),
    ],
    ids=lambda part: None if isinstance(part, set) else repr(part),
)
def test_a_value_is_read_as_what_it_is_and_refused_as_anything_else(value: Plain, readable: set[object]) -> None:
    for read in READERS:
        if read in readable:
            read(value)
        else:
            with pytest.raises(DamagedRecord):
                read(value)


@pytest.mark.parametrize(
    "value",
    [[b"1234", 65_536], [b"1234", -1], [b"1234", "1"], [b"12345", 1], ["1234", 1], [b"1234"], b"1234", [b"", 1]],
)
def test_not_an_endpoint(value: Plain) -> None:
    with pytest.raises(DamagedRecord):
        as_endpoint(value)


@pytest.mark.parametrize("value", [[], ["sip"], ["sip", b"x"], ["sip", b"x", b"123"], [b"sip", b"x", b"1234"]])
def test_nobody(value: Plain) -> None:
    with pytest.raises(DamagedRecord):
        as_owner(value)


STARTS = [b"", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x81", b"\xc7\x0c\xff", b"\xa1"]
"""Of long lists and mappings, mappings with any key, moments, and texts."""


@pytest.mark.parametrize("start", STARTS)
@given(st.binary())
def test_any_bytes_are_a_value_or_damaged(start: bytes, data: bytes) -> None:
    with suppress(DamagedRecord):
        decode(start + data)


def test_what_is_nested_too_deep_is_damaged() -> None:
    with pytest.raises(DamagedRecord):
        decode(b"\x91" * 100_000)


def test_limits_are_kept() -> None:
    assert as_integer(255, most=255) == 255
    for value in (256, -1, True, "1", 1.0):
        with pytest.raises(DamagedRecord):
            as_integer(value, most=255)
    with pytest.raises(DamagedRecord):
        as_list([1, 2, 3], 2)
