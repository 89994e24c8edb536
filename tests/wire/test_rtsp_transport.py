"""Reading the Transport header: every port and address is found where it stands, and nothing hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP
from doorman.wire.malformed import Excessive
from doorman.wire.rtsp_transport import Transport, read_transports

CHOICE = b'RTP/AVP;unicast;client_port=4588-4589;mode="PLAY,RECORD" , RTP/AVP/TCP;unicast;interleaved=0-1,RAW/RAW/UDP'


def one(text: bytes) -> Transport:
    [transport] = read_transports(text, 0, len(text))
    return transport


def test_several_in_one_header() -> None:
    first, second, third = read_transports(CHOICE, 0, len(CHOICE))
    assert CHOICE[first.start : first.end] == b'RTP/AVP;unicast;client_port=4588-4589;mode="PLAY,RECORD"'
    assert CHOICE[second.start : second.end] == b"RTP/AVP/TCP;unicast;interleaved=0-1"
    assert (first.is_rtp, first.protocol, first.interleaved) == (True, UDP, False)
    assert (second.is_rtp, second.protocol, second.interleaved) == (True, TCP, True)
    assert (third.is_rtp, third.protocol) == (False, UDP)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        (b"RTP/AVP;client_port=4588-4589", (4588, 4589)),
        (b"RTP/AVP ; Client_Port = 4588 - 4589 ;x", (4588, 4589)),
        (b"RTP/AVP;client_port=4588", (4588,)),
        (b"RTP/AVP;server_port=1-2;client_port=0", (0,)),
    ],
)
def test_ports(text: bytes, ports: tuple[int, ...]) -> None:
    found = one(text).client_port
    assert found is not None
    assert tuple(port.number for port in found if port is not None) == ports
    assert all(int(text[port.start : port.end]) == port.number for port in found if port is not None)


def test_addresses() -> None:
    text = b'RTP/AVP;unicast;destination="10.0.0.10";source=[2001:db8::1];ssrc=1;mode=play'
    transport = one(text)
    assert transport.destination is not None
    assert transport.source is not None
    assert text[transport.destination.start : transport.destination.end] == b"10.0.0.10"
    assert transport.source.address == address_of("2001:db8::1")
    assert one(b"RTP/AVP;destination").destination is None
    assert one(b"RTP/AVP;destination=").destination is None
    named = one(b"RTP/AVP;destination=victim.example").destination
    assert named is not None
    assert named.address is None


@pytest.mark.parametrize("text", [b"192.0.2.066", b"3221226050", b"192.0.2.1 x", b"1.2.3.4:5", b"a b", b"[10.0.0.1"])
def test_an_address_in_another_spelling_is_a_name(text: bytes) -> None:
    found = one(b"RTP/AVP;destination=" + text).destination
    assert found is not None
    assert found.address is None


def test_sockets() -> None:
    text = b'RTP/AVP/UDP;unicast;dest_addr="10.0.0.10:4588"/":4589" ; src_addr = "[2001:db8::1]:6256"/"x.example:1"'
    transport = one(text)
    first, second = transport.dest_addr
    assert first.host is not None
    assert text[first.host.start : first.host.end] == b"10.0.0.10"
    assert (first.port.number, second.host, second.port.number) == (4588, None, 4589)
    assert [socket.host is not None and socket.host.address for socket in transport.src_addr] == [
        address_of("2001:db8::1"),
        None,
    ]
    assert transport.readable


@pytest.mark.parametrize(
    "parameters",
    [
        b"client_port=x",
        b"client_port=",
        b"client_port",
        b"client_port=70000",
        b"client_port=4589-4588",
        b"client_port=4588-70000",
        b"client_port=4588-4589-4590",
        b"client_port=4588;client_port=22",
        b"server_port=-1",
        b"destination=10.0.0.10;DESTINATION=192.0.2.66",
        b"source=1.2.3.4;source=1.2.3.5",
        b'mode=";destination=192.0.2.66;"',
        b'mode="play;client_port=22',
        b"dest_addr=10.0.0.10:4588",
        b'dest_addr=":4588',
        b'dest_addr="10.0.0.10"',
        b'dest_addr=":4588"":4589"',
        b'dest_addr=":99999"',
        b'src_addr=""x',
    ],
)
def test_what_not_everybody_reads_alike(parameters: bytes) -> None:
    text = b"RTP/AVP;unicast;" + parameters
    assert not all(transport.readable for transport in read_transports(text, 0, len(text)))


def test_too_many() -> None:
    text = b"RTP/AVP," * 17
    with pytest.raises(Excessive, match="too-many-transports"):
        read_transports(text, 0, len(text))
    assert len(read_transports(b",, RTP/AVP ,,", 0, 13)) == 1


@given(st.text("RTP/AV;,=\"'-0123456789.:[] clientportdestination_\r\n", max_size=120))
def test_places_are_within_the_header(text: str) -> None:
    data = b"<" + text.encode() + b">"
    try:
        found = read_transports(data, 1, len(data) - 1)
    except Excessive:
        return
    edges = [1, *(edge for one in found for edge in (one.start, one.end)), len(data) - 1]
    assert edges == sorted(edges)
