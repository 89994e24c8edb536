"""`replay` end to end: a capture is read, translated, compared and written; SIP calls, and plain UDP beside scapy."""

import io
import random
from itertools import count

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from doorman.dataplanes.replay import Replay
from doorman.engine.engine import Engine
from doorman.net.addresses import Endpoint, address_of
from doorman.net.captures import Frame, create_capture, open_capture
from doorman.net.links import ETHERNET
from figures import figure, rate
from traffic import OUTSIDE, config, host, invite, udp

CALLS = 1_500
PLAIN = 40_000
SCAPY = 1_500
_LINK_HEADER = bytes(12) + b"\x08\x00"


def capture(packets: list[bytes]) -> bytes:
    """Packets as a capture of Ethernet frames, a millisecond apart."""
    stream = io.BytesIO()
    writer = create_capture(stream, "bench.pcap", 1000)
    for number, packet in enumerate(packets):
        data = _LINK_HEADER + packet
        writer.write(Frame(data, 1_700_000_000_000_000_000 + number * 1_000_000, len(data), ETHERNET))
    writer.finish()
    return stream.getvalue()


def replay(data: bytes) -> Replay:
    """Put a capture through a fresh gateway."""
    reader = open_capture(io.BytesIO(data))
    run = Replay(Engine(config(), random.Random(1).random), create_capture(io.BytesIO(), "out.pcap", 1000))
    run.run(reader)
    if run.asymmetries or run.counts.dropped:
        raise RuntimeError("the bench does not do what it measures")
    return run


def call_packets(call: int) -> list[bytes]:
    """A whole call: INVITE, 100, 180, 200 with a description, ACK, BYE, 200."""
    name = host(call % 40)
    inside, outside = Endpoint(address_of(name), 5060), Endpoint(OUTSIDE, 5060)
    port = 10_000 + call // 40 * 2
    request = invite(name, call, port)
    head, _, body = request.partition(b"\r\n\r\n")
    lines = {line.partition(b":")[0]: line for line in head.split(b"\r\n")}
    common = [lines[b"Via"], lines[b"From"], lines[b"Call-ID"]]
    answer = body.replace(name.encode(), b"198.51.100.20")

    def response(status: bytes, method: bytes, content: bytes = b"") -> bytes:
        rest = [lines[b"To"] + b";tag=b%d" % call, b"CSeq: 1 " + method, b"Contact: <sip:bob@198.51.100.20:5060>"]
        if content:
            rest.append(lines[b"Content-Type"])
        return _message(b"SIP/2.0 " + status, [*common, *rest], content)

    def in_dialog(method: bytes) -> bytes:
        rest = [lines[b"To"] + b";tag=b%d" % call, b"CSeq: 2 " + method, lines[b"Contact"], b"Max-Forwards: 70"]
        return _message(method + b" sip:bob@198.51.100.20:5060 SIP/2.0", [*common, *rest], b"")

    return [
        udp(inside, outside, request),
        udp(outside, inside, response(b"100 Trying", b"INVITE")),
        udp(outside, inside, response(b"180 Ringing", b"INVITE")),
        udp(outside, inside, response(b"200 OK", b"INVITE", answer)),
        udp(inside, outside, in_dialog(b"ACK")),
        udp(inside, outside, in_dialog(b"BYE")),
        udp(outside, inside, response(b"200 OK", b"BYE")),
    ]


def _message(start: bytes, headers: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([start, *headers, b"Content-Length: %d" % len(body), b"", b""]) + body


def plain_packets() -> list[bytes]:
    """RTP-like UDP, both ways, of 200 flows."""
    payload = bytes(172)
    packets = []
    for number in range(PLAIN):
        flow = number // 2 % 200
        inside = Endpoint(address_of(host(flow % 40)), 20_000 + flow // 40 * 2)
        outside = Endpoint(OUTSIDE, 30_000 + flow)
        packets.append(udp(inside, outside, payload) if number % 2 == 0 else udp(outside, inside, payload))
    return packets


def main() -> None:
    """Print packets per second."""
    calls = capture([packet for call in range(CALLS) for packet in call_packets(call)])

    def sip() -> int:
        run = replay(calls)
        if run.rewritten.total() != 7 * CALLS:
            raise RuntimeError("the bench does not do what it measures")
        return run.counts.read

    figure("replay-sip", rate(sip), "packets/s", ">= 6000")

    packets = plain_packets()
    plain = capture(packets)
    ordinary = rate(lambda: replay(plain).counts.read)
    figure("replay-plain", ordinary, "packets/s", ">= 40000")

    frames = [_LINK_HEADER + packet for packet in packets[:SCAPY]]

    def dissect_and_build() -> int:
        for frame, port in zip(frames, count(1024), strict=False):
            packet = Ether(frame)
            packet[IP].src = "203.0.113.16"
            packet[UDP].sport = port
            del packet[IP].chksum, packet[UDP].chksum
            bytes(packet)
        return SCAPY

    scapy = rate(dissect_and_build, 3)
    figure("replay-plain-vs-scapy", ordinary / scapy, "times", ">= 20", scapy=round(scapy))


if __name__ == "__main__":
    main()
