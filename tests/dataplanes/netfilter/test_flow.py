"""Flows as bytes."""

import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.dataplanes.netfilter.flow import MARK, Flow, FlowKey, read_flow, write_key
from doorman.dataplanes.netfilter.messages import NetlinkMalformed, attribute, attributes, body, nested
from doorman.net.addresses import Address, Endpoint, address_of

PHONE, PROXY = Endpoint(address_of("10.0.0.10"), 5060), Endpoint(address_of("198.51.100.20"), 5070)
# Recorded from the kernel: a UDP flow that was translated, with counters; numbers of the host have the low byte first.
RECORDED = bytes.fromhex(
    "02000000"
    "34000180 14000180 080001000a00000a 08000200c6336414 1c000280 0500010011000000 0600020013c40000 0600030013ce0000"
    "34000280 14000180 08000100c6336414 08000200cb007105 1c000280 0500010011000000 0600020013ce0000 0600030004010000"
    "080003000000019a 080007000000001e 0800080000100007"
    "1c000980 0c0001000000000000000003 0c0002000000000000000180"
    "1c000a80 0c0001000000000000000002 0c0002000000000000000100"
    "08000c0012345678 06001200000a0000"
)


def endpoints(length: int) -> st.SearchStrategy[Endpoint]:
    return st.builds(Endpoint, st.binary(min_size=length, max_size=length).map(Address), st.integers(0, 0xFFFF))


keys = st.sampled_from([4, 16]).flatmap(
    lambda length: st.builds(
        FlowKey,
        st.sampled_from([6, 17, 33, 132]),
        endpoints(length),
        endpoints(length),
        is_reply=st.booleans(),
        zone=st.integers(0, 0xFFFF),
        id=st.integers(0, 0xFFFFFFFF),
    )
)


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a low-endian machine")
def test_a_recorded_flow() -> None:
    assert read_flow(RECORDED) == Flow(
        protocol=17,
        sender=PHONE,
        receiver=PROXY,
        reply_sender=PROXY,
        reply_receiver=Endpoint(address_of("203.0.113.5"), 1025),
        mark=0x00100007,
        zone=10,
        id=0x12345678,
        timeout=30,
        status=0x19A,
        packets=3,
        bytes=384,
        reply_packets=2,
        reply_bytes=256,
    )


@given(keys)
def test_a_key_reads_as_the_flow_it_names(key: FlowKey) -> None:
    one = write_key(key._replace(is_reply=False))
    two = write_key(FlowKey(key.protocol, key.receiver, key.sender, is_reply=True))
    flow = read_flow(body(2, one, two))
    assert flow.key == key._replace(is_reply=False)
    assert (flow.reply_sender, flow.reply_receiver) == (key.receiver, key.sender)
    assert (flow.mark, flow.timeout, flow.packets, flow.reply_bytes) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("protocol", "is_reply", "fields"),
    [
        (1, False, {4: b"\x12\x34", 5: b"\x08", 6: b"\0"}),
        (1, True, {4: b"\x12\x34", 5: b"\x00", 6: b"\0"}),
        (58, False, {7: b"\x12\x34", 8: b"\x80", 9: b"\0"}),
        (58, True, {7: b"\x12\x34", 8: b"\x81", 9: b"\0"}),
    ],
)
def test_an_echo_has_an_identifier_in_place_of_ports(protocol: int, is_reply: bool, fields: dict[int, bytes]) -> None:  # noqa: FBT001
    address = Address(bytes(4) if protocol == 1 else bytes(16))
    key = FlowKey(protocol, Endpoint(address, 0x1234), Endpoint(address, 0x1234), is_reply)
    written = attributes(write_key(key), 0)
    tuple_parts = attributes(written[2 if is_reply else 1], 0)
    assert attributes(tuple_parts[2], 0) == {1: bytes([protocol]), **fields}
    both = write_key(key._replace(is_reply=False)) + write_key(key._replace(is_reply=True))
    assert read_flow(body(2, both)).sender == key.sender


def test_a_protocol_without_ports_has_ports_zero() -> None:
    addresses = nested(1, attribute(1, bytes(4)), attribute(2, bytes(4)))
    gre = addresses + nested(2, attribute(1, b"\x2f"))
    flow = read_flow(body(2, nested(1, gre), nested(2, gre), attribute(MARK, b"\0\0\0\1")))
    assert (flow.protocol, flow.sender.port, flow.receiver.port, flow.mark) == (47, 0, 0, 1)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_flow_or_refused(data: bytes) -> None:
    for content in (body(2) + data, body(2, nested(1, data), nested(2, data))):
        with suppress(NetlinkMalformed):
            read_flow(content)


@given(st.data())
def test_any_change_of_a_flow_is_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(RECORDED)
    changed[data.draw(st.integers(4, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NetlinkMalformed):
        read_flow(bytes(changed))
