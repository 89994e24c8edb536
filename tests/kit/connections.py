"""TCP connections as captures: real ones completed or moved elsewhere, and datagrams made into streams.

opened(frames)                      each connection that was captured without its beginning gets one
moved(frames, {old: new})           the hosts of a capture have other addresses
over_tcp(frames, chance)            what was said in datagrams is said in connections, cut anywhere
"""

import random
from collections.abc import Iterator
from itertools import pairwise

from scapy.layers.inet import IP, TCP

from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.captures import Frame
from doorman.net.links import RAW, find_packet
from doorman.net.packet import TCP as TCP_NUMBER
from doorman.net.packet import UDP as UDP_NUMBER
from doorman.net.packet import Packet, parse_packet

Flow = tuple[Endpoint, Endpoint]


def packets(frames: list[Frame]) -> Iterator[tuple[Frame, Packet]]:
    """The whole IPv4 packets of a capture."""
    for frame in frames:
        start = find_packet(frame.data, frame.link)
        packet = parse_packet(frame.data[start:]) if start >= 0 else None
        if packet is not None and len(packet.source) == 4:
            length = int.from_bytes(packet.data[2:4], "big") or len(packet.data)
            whole = parse_packet(packet.data[:length])
            assert whole is not None
            yield frame, whole


def raw(frame: Frame, data: bytes) -> Frame:
    """A frame that holds just a packet."""
    return Frame(data, frame.time_ns, len(data), RAW)


def segment(flow: Flow, flags: str, seq: int, ack: int, data: bytes = b"") -> bytes:
    """A TCP segment made by scapy."""
    sender, receiver = flow
    (source, sport), (target, dport) = named(sender), named(receiver)
    header = TCP(sport=sport, dport=dport, flags=flags, seq=seq % 2**32, ack=ack % 2**32, window=65_535)
    if "S" in flags:
        header.options = [("MSS", 1_460)]
    return bytes(IP(src=source, dst=target) / header / data)


def moved(frames: list[Frame], hosts: dict[Endpoint, Endpoint]) -> list[Frame]:
    """The TCP of a capture between other endpoints, with the checksums that a network card would compute."""
    found = []
    for frame, packet in packets(frames):
        if packet.protocol == TCP_NUMBER and packet.has_ports:
            parsed = IP(packet.data)
            ends = [hosts.get(end, end) for end in (packet.sender, packet.receiver)]
            (parsed.src, parsed[TCP].sport), (parsed.dst, parsed[TCP].dport) = (named(end) for end in ends)
            del parsed.chksum, parsed[TCP].chksum
            found.append(raw(frame, bytes(parsed)))
    return found


def named(end: Endpoint) -> tuple[str, int]:
    """Address and port as scapy takes them."""
    return address_text(end.address), end.port


def opened(frames: list[Frame]) -> list[Frame]:
    """Handshakes before connections that were captured without."""
    known: set[frozenset[Endpoint]] = set()
    found = []
    for frame, packet in packets(frames):
        flow = (packet.sender, packet.receiver)
        if packet.protocol == TCP_NUMBER and packet.has_ports and frozenset(flow) not in known:
            known.add(frozenset(flow))
            parsed = IP(packet.data)[TCP]
            if "S" not in str(parsed.flags):
                client = flow if packet.destination_port < packet.source_port else flow[::-1]
                numbers = (parsed.seq, parsed.ack) if client == flow else (parsed.ack, parsed.seq)
                found += [raw(frame, data) for data in handshake(client, numbers[0] - 1, numbers[1] - 1)]
        found.append(raw(frame, packet.data))
    return found


def handshake(client: Flow, first: int, second: int) -> list[bytes]:
    """The three segments that open a connection."""
    return [
        segment(client, "S", first, 0),
        segment(client[::-1], "SA", second, first + 1),
        segment(client, "A", first + 1, second + 1),
    ]


def over_tcp(frames: list[Frame], chance: random.Random) -> list[Frame]:
    """The SIP messages of a capture in connections: one for each pair of endpoints, opened by who speaks first."""
    numbers: dict[Flow, int] = {}
    found = []
    for frame, packet in packets(frames):
        if packet.protocol != UDP_NUMBER or b"SIP/2.0" not in packet.payload or packet.fragment:
            continue
        flow = (packet.sender, packet.receiver)
        made = []
        if flow not in numbers:
            first, second = 2**32 - chance.randrange(1, 9_000), chance.randrange(2**32)  # the one soon goes round
            made += handshake(flow, first, second)
            numbers[flow], numbers[flow[::-1]] = first + 1, second + 1
        data = packet.payload.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(chance.randrange(4)))})
        for start, stop in pairwise(edges):
            made.append(segment(flow, "PA", numbers[flow], numbers[flow[::-1]], data[start:stop]))
            numbers[flow] += stop - start
            made.append(segment(flow[::-1], "A", numbers[flow[::-1]], numbers[flow]))
        found += [raw(frame, one) for one in made]
    return found


def streams(frames: list[Frame] | list[bytes], to: Address) -> dict[Flow, bytes]:
    """What arrives at a host by each TCP connection, put together by sequence numbers alone."""
    begun: dict[Flow, int] = {}
    found: dict[Flow, dict[int, bytes]] = {}
    for one in frames:
        packet = parse_packet(one if isinstance(one, bytes) else one.data)
        if packet is None or packet.protocol != TCP_NUMBER or packet.destination != to:
            continue
        parsed = IP(packet.data)[TCP]
        flow = (packet.sender, packet.receiver)
        if "S" in str(parsed.flags):
            begun[flow] = parsed.seq + 1
            found[flow] = {}
        elif flow in begun and packet.payload:
            found[flow][(parsed.seq - begun[flow]) % 2**32] = packet.payload
    return {flow: joined(parts) for flow, parts in found.items()}


def joined(parts: dict[int, bytes]) -> bytes:
    """Pieces of a stream by their offsets; the first gap ends it."""
    stream = b""
    for at in sorted(parts):
        if at > len(stream):
            break
        assert stream[at : at + len(parts[at])] == parts[at][: len(stream) - at], "other bytes than before"
        stream += parts[at][len(stream) - at :]
    return stream
