"""Values of records: what is written is read, anything else is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Json, Owner
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_bytes,
    as_endpoint,
    as_integer,
    as_list,
    as_object,
    as_text,
    as_time,
    owner_key,
    owner_of,
    time_value,
)
from doorman.net.addresses import Address, Endpoint, address_text

addresses = st.builds(Address, st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
endpoints = st.builds(Endpoint, addresses, st.integers(0, 65_535))


@given(st.builds(Owner, st.sampled_from(["sip", "ftp"]), st.binary(), addresses))
def test_an_owner_comes_back(owner: Owner) -> None:
    assert owner_of(json.loads(json.dumps(owner_key(owner)))) == owner


@given(endpoints)
def test_an_endpoint_comes_back(endpoint: Endpoint) -> None:
    assert as_endpoint(str(endpoint)) == endpoint
    assert as_address(address_text(endpoint.address)) == endpoint.address


@given(st.floats(allow_nan=False, allow_infinity=False) | st.just(math.inf))
def test_a_time_comes_back_to_the_last_bit(seconds: float) -> None:
    assert as_time(json.loads(json.dumps(time_value(seconds)))) == seconds


READERS = (as_text, as_bytes, as_integer, as_time, as_list, as_object, as_address, as_endpoint)


@pytest.mark.parametrize(
    ("value", "readable"),
    [
        (None, {as_time}),
        (1, {as_integer, as_time}),
        (True, set()),
        (1.5, {as_time}),
        (math.nan, set()),
        (math.inf, set()),
        ("x", {as_text, as_bytes}),
        ("\u20ac", {as_text}),
        ("1.2.3.4", {as_text, as_bytes, as_address}),
        ("1.2.3.4:5", {as_text, as_bytes, as_endpoint}),
        ([], {as_list}),
        ({}, {as_object}),
    ],
    ids=lambda part: None if isinstance(part, set) else repr(part),
)
def test_a_value_is_read_as_what_it_is_and_refused_as_anything_else(value: Json, readable: set[object]) -> None:
    for read in READERS:
        if read in readable:
            read(value)
        else:
            with pytest.raises(DamagedRecord):
                read(value)


@pytest.mark.parametrize(
    "text", ["1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:1x", "1.2.3.4:²", "host:1", "[::g]:1", "", "1.2.3.4:000001"]
)
def test_not_an_endpoint(text: str) -> None:
    with pytest.raises(DamagedRecord):
        as_endpoint(text)


@pytest.mark.parametrize("key", ["", "sip", "sip 1.2.3.4", "sip host name", "sip 1.2.3.4 \u20ac"])
def test_nobodys_key(key: str) -> None:
    with pytest.raises(DamagedRecord):
        owner_of(key)


def test_limits_are_kept() -> None:
    assert as_integer(255, most=255) == 255
    for value in (256, -1, True, "1", 1.0):
        with pytest.raises(DamagedRecord):
            as_integer(value, most=255)
    with pytest.raises(DamagedRecord):
        as_list([1, 2, 3], 2)
