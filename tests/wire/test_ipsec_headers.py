"""The headers of ESP and IKE: what is read of any bytes, and of real ones as tshark reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.wire.esp import read_spi
from doorman.wire.ike import HEADER, IkeHeader, read_header
from doorman.wire.malformed import Malformed
from kit.packets import ike

spis = st.binary(min_size=8, max_size=8)


@given(spis.filter(any), spis, st.integers(0, 255), st.binary(max_size=40), st.binary(max_size=8))
def test_an_ike_header_is_read_whatever_comes_behind(
    initiator: bytes, responder: bytes, exchange: int, payloads: bytes, behind: bytes
) -> None:
    message = ike(int.from_bytes(initiator, "big"), int.from_bytes(responder, "big"), exchange, payloads)
    assert read_header(message + behind) == IkeHeader(initiator, responder, exchange)
    if payloads:
        with pytest.raises(Malformed):
            read_header(message[:-1])


@given(st.binary(max_size=60))
def test_of_any_bytes_a_header_is_read_or_refused(data: bytes) -> None:
    try:
        header = read_header(data)
    except Malformed:
        return
    assert len(data) >= HEADER
    assert data.startswith(header.initiator + header.responder)
    assert any(header.initiator)


@given(st.binary(max_size=20), st.integers(0, 4))
def test_an_spi_is_the_first_four_bytes_and_never_zero(data: bytes, at: int) -> None:
    try:
        spi = read_spi(data, at)
    except Malformed:
        assert len(data) < at + 8 or not any(data[at : at + 4])
    else:
        assert spi.to_bytes(4, "big") == data[at : at + 4]
