"""Protocols that need no ALG: they pass on their ports with other addresses, and not a byte that they carry changes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.net.packet import Packet, parse_packet
from kit.captures import Replayed, frames, replayed
from kit.packets import udp
from kit.sip import OVERLOAD
from kit.talk import INSIDE, OUTSIDE, Talk

HOST, SERVER, GLOBAL = "10.0.0.10", "198.51.100.20", "203.0.113.1"
PRIVATE = b"10.0.0.10 10,0,0,10,4,1 http://10.0.0.10:8080/ \x0a\x00\x00\x0a"
"""The client's own address, in every way in which an ALG would look for it."""
STREAMS = {
    "HTTP": (
        80,
        b"GET /10.0.0.10 HTTP/1.1\r\nHost: 10.0.0.10\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ),
    "HTTPS": (443, b"\x16\x03\x01\0\x05hello", b"\x16\x03\x03\0\x02"),
    "telnet": (23, b"\xff\xfd\x03\xff\xfb\x18", b"\xff\xfb\x01login: "),
    "finger": (79, b"/W root@10.0.0.10\r\n", b"Login: root\r\n"),
    "archie": (1525, b"prog 10.0.0.10", b"none"),
    "NFS": (2049, b"\x80\0\0\x28" + bytes(40), b"\x80\0\0\x18" + bytes(24)),
    "rcp": (514, b"\0root\0root\0rcp -t /tmp\0", b"\0\0"),
    "SMTP": (25, b"EHLO [10.0.0.10]\r\n", b"250 10.0.0.10\r\n"),
    "SSH": (22, b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n"),
}
"""The port, what a client says first, and what it gets."""
DATAGRAMS = {
    "NTP": (123, b"\x23" + bytes(47)),
    "NFS": (2049, bytes(4) + b"\0\0\0\0\0\0\0\2" + bytes(28)),
    "archie": (1525, b"\0\1prog"),
    "syslog": (514, b"<34>1 10.0.0.10 su - "),
    "SNMP": (161, b"\x30\x26\x02\x01\x01\x04\x06public"),
    "traceroute": (33434, b"@ABC"),
}


def carried(done: Replayed) -> list[Packet]:
    return [one for one in map(parse_packet, done.packets) if one is not None]


@pytest.mark.parametrize("own", [123, 40_000])
@pytest.mark.parametrize("name", list(DATAGRAMS))
def test_datagrams(name: str, own: int) -> None:
    port, begins = DATAGRAMS[name]
    said = [begins + PRIVATE, PRIVATE, b"", bytes(1_400)]
    ends = f"{HOST}:{own}", f"{SERVER}:{port}"
    sent = [one for data in said for one in (udp(*ends, data), udp(*ends[::-1], data[::-1]))]
    done = replayed(frames(*sent), OVERLOAD)
    left = carried(done)
    assert [one.payload for one in left] == [one for data in said for one in (data, data[::-1])]
    assert [len(one) for one in done.packets] == [len(one) for one in sent]
    assert {str(one.sender) for one in left} == {f"{GLOBAL}:{own}", f"{SERVER}:{port}"}
    assert (done.found["drops"], done.found["asymmetries"], done.found["notes"]) == ([], [], {})
    assert done.found["rewritten"] == 0


@pytest.mark.parametrize("name", list(STREAMS))
def test_streams(name: str) -> None:
    """Segment by segment: as many as came, each as long, with its own numbers."""
    port, asks, answers = STREAMS[name]
    talk = Talk(Engine(read_config(OVERLOAD, "t"), random.Random(1).random), f"{HOST}:1023", f"{SERVER}:{port}")
    talk.ends[OUTSIDE] = (f"{SERVER}:{port}", f"{GLOBAL}:1023")
    talk.open()
    for side, data in ((INSIDE, asks), (OUTSIDE, answers), (INSIDE, PRIVATE), (OUTSIDE, PRIVATE), (INSIDE, bytes(900))):
        heard = talk.say(side, data)
        assert [bytes(one[TCP].payload) for one in heard.on] == [data]
        assert heard.back == []
    assert talk.heard[OUTSIDE] == asks + PRIVATE + bytes(900)
    assert talk.heard[INSIDE] == answers + PRIVATE
    state = talk.engine.state
    assert (list(state.doors), state.notes, talk.engine.drops) == ([], {}, {})


@settings(max_examples=25)
@given(st.sampled_from([port for port, _ in DATAGRAMS.values()]), st.binary(max_size=200))
def test_whatever_they_carry(port: int, data: bytes) -> None:
    packet = udp(f"{HOST}:40000", f"{SERVER}:{port}", data)
    [left] = carried(replayed(frames(packet), OVERLOAD))
    assert (left.payload, len(left.data)) == (data, len(packet))
