"""Packets of NetBIOS, as RFC 1002 draws them; the tests' own, so that the reader is not its own judge.

answer(("10.0.0.10", "10.0.0.11"))           who owns FRED
registration("10.0.0.10")                    I do
datagram("10.0.0.10", 138)                   from there
"""

from struct import pack

from doorman.net.addresses import address_of

NAME = b"\x20" + b"EGFCEFEECACACACACACACACACACACACA" + b"\x00"
"""FRED, written as section 14.1 of RFC 1001 says."""
POINTER = b"\xc0\x0c"
TTL = 300_000


def header(flags: int, *counts: int) -> bytes:
    """Transaction 0x1234, flags, and four counts."""
    return pack(">HHHHHH", 0x1234, flags, *counts)


def owners(addresses: tuple[str, ...], name: bytes = NAME, kind: int = 0x20) -> bytes:
    """A resource record with these owners of a name."""
    data = b"".join(b"\x60\x00" + address_of(address) for address in addresses)
    return name + pack(">HHIH", kind, 1, TTL, len(data)) + data


def question(kind: int = 0x20) -> bytes:
    """A question about FRED."""
    return NAME + pack(">HH", kind, 1)


def answer(addresses: tuple[str, ...]) -> bytes:
    """A positive name query response (section 4.2.13)."""
    return header(0x8580, 0, 1, 0, 0) + owners(addresses)


def registration(address: str, opcode: int = 5) -> bytes:
    """A request to register, refresh or release (sections 4.2.2, 4.2.4, 4.2.9): its owner is an additional record."""
    return header(opcode << 11 | 0x0100, 1, 0, 0, 1) + question() + owners((address,), POINTER)


def registered(address: str, code: int = 0) -> bytes:
    """A registration response, positive or negative (sections 4.2.5, 4.2.6)."""
    return header(0xAD80 | code, 0, 1, 0, 0) + owners((address,))


def redirect(server: str) -> bytes:
    """A redirect name query response (section 4.2.15): another name server, and its address."""
    told = POINTER + pack(">HHIH", 2, 1, TTL, 2) + POINTER
    where = POINTER + pack(">HHIH", 1, 1, TTL, 4) + address_of(server)
    return header(0x8180, 1, 0, 1, 1) + question() + told + where


def wack() -> bytes:
    """A wait for acknowledgement response (section 4.2.16)."""
    return header(0xBC00, 0, 1, 0, 0) + NAME + pack(">HHIH", 0x0A, 1, 10, 2) + b"\x29\x10"


def node_status() -> bytes:
    """A node status response (section 4.2.18) with one name, and a hardware address that looks like one of ours."""
    status = b"\x01" + b"FRED           \x00" + b"\x04\x00" + b"\x0a\x00\x00\x0a\x00\x01" + bytes(40)
    return header(0x8400, 0, 1, 0, 0) + NAME + pack(">HHIH", 0x21, 1, 0, len(status)) + status


def datagram(address: str, port: int, kind: int = 0x10) -> bytes:
    """A datagram (section 4.4.2) that carries the bytes of an address as well."""
    data = NAME + NAME + b"to \x0a\x00\x00\x0a"
    head = pack(">BBH4sH", kind, 0x02, 7, address_of(address), port)
    return head + pack(">HH", len(data), 0) + data if kind < 0x13 else head + NAME


def retarget(address: str, port: int) -> bytes:
    """A session retarget response (section 4.3.5)."""
    return b"\x84\x00\x00\x06" + address_of(address) + port.to_bytes(2, "big")


CALL = b"\x81\x00\x00\x44" + NAME + NAME
"""A session request (section 4.3.2)."""
