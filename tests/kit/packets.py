"""Packets to send and the text of what came out, by scapy: it knows headers and checksums independently of us.

udp("192.168.1.10:5000", "198.51.100.7:53")           the bytes of a packet
shown(packet) == "udp 192.168.1.10:5000 > 198.51.100.7:53"
"""

from functools import lru_cache
from typing import Any, Protocol

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from doorman.net.addresses import Endpoint, address_of

_remembered = lru_cache(1 << 12)
"""Of what scapy takes a millisecond for, nine in ten have been asked before."""

QUERY_TYPES = {"echo-request": 8, "echo-reply": 0, "timestamp-request": 13, "address-mask-request": 17}


def ip(source: str, target: str, **fields: Any) -> Any:  # noqa: ANN401 - scapy has no types
    """An IPv4 header between two hosts; a port behind a colon is passed over."""
    return IP(src=source.partition(":")[0], dst=target.partition(":")[0], **fields)


def udp(source: str, target: str, data: bytes = b"sixteen bytes...", **fields: str | bytes | int) -> bytes:
    """A UDP datagram; `fields` are those of the IP header."""
    return _udp(source, target, data, tuple(fields.items()))


@_remembered
def _udp(source: str, target: str, data: bytes, fields: tuple[tuple[str, str | bytes | int], ...]) -> bytes:
    return bytes(ip(source, target, **dict(fields)) / UDP(sport=port(source), dport=port(target)) / data)


def tcp(source: str, target: str, flags: str = "S", data: bytes = b"") -> bytes:
    """A TCP segment; flags as tcpdump writes them."""
    return _tcp(source, target, flags, data)


@_remembered
def _tcp(source: str, target: str, flags: str, data: bytes) -> bytes:
    return bytes(ip(source, target) / TCP(sport=port(source), dport=port(target), flags=flags) / data)


def ping(source: str, target: str, identifier: int, kind: str = "echo-request", data: bytes = b"ping") -> bytes:
    """An ICMP query or its reply."""
    return bytes(ip(source, target) / ICMP(type=QUERY_TYPES[kind], id=identifier, seq=1) / data)


def pong(source: str, target: str, identifier: int) -> bytes:
    """The answer to a ping."""
    return ping(source, target, identifier, "echo-reply")


def gre(source: str, target: str) -> bytes:
    """A packet of a protocol that has no ports."""
    return bytes(ip(source, target, proto=47) / b"\x00\x00\x08\x00anything")


def esp(source: str, target: str, spi: int, data: bytes = b"encrypted", sequence: int = 1) -> bytes:
    """A packet of a tunnel; what it carries is for its ends only."""
    header = spi.to_bytes(4, "big") + sequence.to_bytes(4, "big")
    return bytes(ip(source, target, proto=50) / Raw(header + data))


def ike(
    initiator: int, responder: int = 0, exchange: int = 34, data: bytes = b"payloads", version: int = 0x20
) -> bytes:
    """An IKE message with these SPIs."""
    head = initiator.to_bytes(8, "big") + responder.to_bytes(8, "big") + bytes([33, version, exchange, 8])
    return head + bytes(4) + (28 + len(data)).to_bytes(4, "big") + data


def icmp_error(  # noqa: PLR0913 - an error is two addresses, two numbers and what it quotes
    source: str, target: str, about: bytes, kind: int = 3, code: int = 3, *, behind: bytes = b""
) -> bytes:
    """An ICMP error that quotes `about`, and what stands behind the quote."""
    return bytes(ip(source, target) / ICMP(type=kind, code=code) / Raw(about + behind))


class Maker(Protocol):
    """A function that makes packets of some protocol."""

    def __call__(self, source: str, target: str, *, data: bytes = ...) -> bytes:
        """A packet from one endpoint to another."""
        ...


MAKERS: dict[str, Maker] = {"udp": udp, "tcp": tcp}


def endpoint(text: str) -> Endpoint:
    """Read ADDRESS:PORT, or ADDRESS alone, whose port is 0; IPv6 in brackets."""
    host, _, digits = text.rpartition(":") if "]:" in text or text.count(":") == 1 else (text, "", "0")
    return Endpoint(address_of(host.strip("[]")), int(digits))


def port(endpoint: str) -> int:
    """The port behind the colon, 0 where there is none."""
    return int(endpoint.partition(":")[2] or 0)


def shown(packet: bytes) -> str:
    """What is in a packet, for comparing; its checksums must be right, those of a quoted packet included."""
    return _shown(packet)


@_remembered
def _shown(packet: bytes) -> str:
    parsed = IP(packet)
    assert rebuilt(parsed) == packet, "a length or checksum that scapy computes otherwise"
    return _text(parsed)


def quote_of(packet: bytes) -> bytes:
    """What an ICMP error quotes."""
    return bytes(IP(packet)[ICMP].payload)


def rebuilt(parsed: Any) -> bytes:  # noqa: ANN401 - scapy
    """The packet with the lengths and checksums that scapy computes; a UDP checksum of zero stays none."""
    copy = parsed.copy()
    for layer in (IP, UDP, TCP, ICMP):
        if copy.haslayer(layer):
            if layer is not UDP or copy[UDP].chksum:
                del copy[layer].chksum
            if layer is not TCP and layer is not ICMP:
                del copy[layer].len
    return bytes(copy)


def _text(parsed: Any) -> str:  # noqa: ANN401 - scapy
    source, target = parsed.src, parsed.dst
    transport = parsed.payload
    if isinstance(transport, UDP | TCP):
        return f"{transport.name.lower()} {source}:{transport.sport} > {target}:{transport.dport}"
    if isinstance(transport, ICMP) and transport.type in QUERY_TYPES.values():
        kind = next(name for name, number in QUERY_TYPES.items() if number == transport.type)
        return f"{kind} {source} > {target} id {transport.id}"
    if isinstance(transport, ICMP):
        return f"error {transport.type} {source} > {target}"
    if parsed.proto == 50:
        return f"esp {source} > {target} spi {bytes(transport)[:4].hex()}"
    return f"protocol-{parsed.proto} {source} > {target}"
