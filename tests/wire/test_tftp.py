"""Reading datagrams of TFTP, as scapy builds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.tftp import TFTP, TFTP_ACK, TFTP_DATA, TFTP_ERROR, TFTP_OACK, TFTP_RRQ, TFTP_WRQ, TFTP_Options

from doorman.wire.malformed import Malformed
from doorman.wire.tftp import Request, name_of, read_request

WORDS = st.binary(max_size=40).filter(lambda word: b"\0" not in word)
MADE = {
    "RRQ": TFTP_RRQ(filename="boot.img", mode="octet"),
    "WRQ": TFTP_WRQ(filename="boot.img", mode="octet"),
    "DATA": TFTP_DATA(block=1) / b"content",
    "ACK": TFTP_ACK(block=1),
    "ERROR": TFTP_ERROR(errorcode=1, errormsg="no"),
    "OACK": TFTP_OACK() / TFTP_Options(),
}


@pytest.mark.parametrize("name", list(MADE))
def test_names(name: str) -> None:
    assert name_of(bytes(TFTP() / MADE[name])) == name


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0", b"\0\7", b"\1\1file\0octet\0", b"\xff\xff"])
def test_what_is_none(data: bytes) -> None:
    assert name_of(data) == ""


@given(WORDS, WORDS, st.lists(WORDS, max_size=4), st.sampled_from(["RRQ", "WRQ"]))
def test_a_request_is_read_as_scapy_wrote_it(file: bytes, mode: bytes, options: list[bytes], name: str) -> None:
    layer = (TFTP_RRQ if name == "RRQ" else TFTP_WRQ)(filename=file, mode=mode)
    data = bytes(TFTP() / layer) + b"".join(word + b"\0" for word in options)
    assert name_of(data) == name
    assert read_request(data) == Request(file, mode)


@given(WORDS, WORDS)
def test_a_request_without_its_ends(file: bytes, mode: bytes) -> None:
    whole = b"\0\1" + file + b"\0" + mode + b"\0"
    for cut in range(2, len(whole)):
        with pytest.raises(Malformed, match="request-cut-short"):
            read_request(whole[:cut])
