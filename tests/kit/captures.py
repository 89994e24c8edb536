"""Captures for tests: files made of packets, replays in memory, and tshark as the judge.

done = replayed(capture(udp("10.0.0.10:5060", "198.51.100.20:5060", invite)), OVERLOAD)
done.found["rewritten"] == 1            the report
done.packets                            the IP packets of OUT
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import NamedTuple, NoReturn

import pytest

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.dataplanes.replay import DEFAULT_MTU, Replay
from doorman.dataplanes.report import Json, report
from doorman.engine.engine import Engine
from doorman.net.captures import Frame, create_capture, open_capture
from doorman.net.links import RAW, find_packet
from kit.packets import udp
from kit.sip import PEER, PHONE, answer, request, sdp

PROJECT = Path(__file__).parents[2]
EXAMPLES = PROJECT / "examples"
SHARED = PROJECT.parent / "shared" / "captures"

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND

TSHARK = [
    *("tshark", "-n", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"),
    *("-o", "tcp.check_checksum:TRUE", "-o", "tcp.analyze_sequence_numbers:FALSE"),
]


def missing(what: str) -> NoReturn:
    """Skip a test for want of something; where CI runs, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} must be there in CI")
    pytest.skip(f"{what} is not here")


def frames(*packets: bytes, link: int = RAW, step: int = SECOND // 50) -> list[Frame]:
    """Frames that hold these packets, `step` nanoseconds apart."""
    return [Frame(packet, BEGIN + number * step, len(packet), link) for number, packet in enumerate(packets)]


def pcap(records: Iterable[Frame], *, order: str = "<", unit: int = 1_000) -> bytes:
    """A pcap file by the book, without the project's own writer; `unit` is 1 for nanoseconds."""
    records = list(records)
    magic = 0xA1B2C3D4 if unit == 1_000 else 0xA1B23C4D
    parts = [pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, records[0].link if records else RAW)]
    for data, time_ns, length, _, _ in records:
        seconds, rest = divmod(time_ns, SECOND)
        parts += [pack(order + "IIII", seconds, rest // unit, len(data), length), data]
    return b"".join(parts)


def read(data: bytes) -> list[Frame]:
    """The frames of a capture file."""
    return list(open_capture(BytesIO(data)))


class Replayed(NamedTuple):
    """What came of a replay: itself, its report, and what it wrote."""

    replay: Replay
    found: Json
    out: bytes

    @property
    def packets(self) -> list[bytes]:
        """The IP packets that were written, without their link headers and padding."""
        return [frame.data[max(find_packet(frame.data, frame.link), 0) :] for frame in read(self.out)]

    @property
    def reasons(self) -> list[str]:
        """Why packets were dropped, in order."""
        return [drop["reason"] for drop in self.found["drops"]]


def replayed(
    taken: Iterable[Frame], gateway: Engine | Config | str, mtu: int = DEFAULT_MTU, name: str = "out.pcapng"
) -> Replayed:
    """Replay frames through a gateway, or through a new one with this configuration."""
    if isinstance(gateway, str):
        gateway = read_config(gateway, "test.cfg")
    if isinstance(gateway, Config):
        gateway = Engine(gateway, random.Random(1).random)
    stream = BytesIO()
    writer = create_capture(stream, name)
    replay = Replay(gateway, writer, mtu)
    replay.run(taken)
    writer.finish()
    return Replayed(replay, report(replay), stream.getvalue())


def tshark(path: Path, *fields: str, options: Sequence[str] = ()) -> list[dict[str, list[str]]]:
    """What tshark says of each frame: all values of each field."""
    if shutil.which("tshark") is None:
        missing("tshark")
    command = [*TSHARK, *options, "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f"]
    command += [word for field in fields for word in ("-e", field)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    rows = (line.split("\t") for line in done.stdout.decode(errors="replace").split("\n")[:-1])
    return [
        {field: value.split("\x1f") if value else [] for field, value in zip(fields, row, strict=True)} for row in rows
    ]


def call(call_id: str = "one") -> list[bytes]:
    """A call as its inside party sees it: INVITE, 180, 200, ACK, audio both ways, BYE, 200."""
    out, back = (PHONE, PEER), (PEER, PHONE)
    ear, mouth = "10.0.0.10:4000", "198.51.100.20:6000"
    rtp = b"\x80\0\0\1" + bytes(8) + b"\xff" * 160
    return [
        udp(*out, request(call_id=call_id, body=sdp())),
        udp(*back, inside(answer(180, call_id=call_id))),
        udp(*back, inside(answer(200, call_id=call_id, body=sdp("198.51.100.20", 6000)))),
        udp(*out, tagged(request("ACK", call_id=call_id))),
        udp(ear, mouth, rtp),
        udp(mouth, ear, rtp),
        udp(*out, tagged(request("BYE", call_id=call_id))),
        udp(*back, inside(answer(200, call_id=call_id, method="BYE"))),
    ]


def inside(message: bytes) -> bytes:
    """A message of the peer as it arrives at the phone, if the gateway does its work."""
    return message.replace(b"203.0.113.1", b"10.0.0.10")


def tagged(message: bytes) -> bytes:
    """A request within the dialog that the peer's answer made."""
    return message.replace(b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@198.51.100.20>;tag=b")
