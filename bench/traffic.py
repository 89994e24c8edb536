"""The traffic that benches use: calls of 900-byte INVITEs, and plain UDP."""

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.net.addresses import Endpoint, address_of
from doorman.net.checksum import checksum
from doorman.net.packet import UDP

OUTSIDE = address_of("198.51.100.20")
CONFIG = """
interface inside
 ip address 10.0.0.1 255.255.0.0
 ip nat inside
interface outside
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
access-list 1 permit 10.0.0.0 0.0.255.255
ip nat pool shared 203.0.113.16 203.0.113.31 prefix-length 24
ip nat inside source list 1 pool shared overload
"""

_INVITE = """INVITE sip:bob@198.51.100.20:5060 SIP/2.0
Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-{call}-524287-1;rport
Max-Forwards: 70
Contact: <sip:alice@{host}:5060;transport=udp>
To: "Bob" <sip:bob@198.51.100.20>
From: "Alice" <sip:alice@{host}>;tag=6b1b5d4e
Call-ID: {call}-N2Y1ZDhjMmQ4YTk5ODk0
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, MESSAGE, SUBSCRIBE, UPDATE
Content-Type: application/sdp
Supported: replaces, norefersub, extended-refer, timer, outbound, path
User-Agent: Softphone 5.2 build 81342 (x86_64, Linux), media engine 3.1.4 rev 7f3a
Allow-Events: presence, kpml, talk
Content-Length: {length}

"""
_BODY = """v=0
o=alice 13760799956958020 1 IN IP4 {host}
s=Softphone session
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0 8 101 18
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=sendrecv
"""


def config() -> Config:
    """A gateway that overloads sixteen addresses."""
    return read_config(CONFIG, "bench")


def invite(host: str, call: int, port: int) -> bytes:
    """An INVITE of about 900 bytes with one audio stream."""
    body = _BODY.format(host=host, port=port)
    head = _INVITE.format(host=host, call=f"{call:08d}", length=len(body.replace("\n", "\r\n")))
    return (head + body).replace("\n", "\r\n").encode()


def udp(sender: Endpoint, receiver: Endpoint, payload: bytes) -> bytes:
    """An IPv4 packet of UDP with its checksums."""
    datagram = (
        sender.port.to_bytes(2, "big") + receiver.port.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big")
    )  # fmt: skip
    pseudo = sender.address + receiver.address + UDP.to_bytes(2, "big") + datagram[4:6]
    check = checksum(pseudo + datagram + b"\0\0" + payload) or 0xFFFF
    header = (
        b"\x45\0" + (28 + len(payload)).to_bytes(2, "big") + b"\0\1\0\0\x40\x11\0\0" + sender.address + receiver.address
    )
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    return header + datagram + check.to_bytes(2, "big") + payload


def host(number: int) -> str:
    """The address of an inside host, as text."""
    return f"10.0.{number // 250}.{number % 250 + 2}"
