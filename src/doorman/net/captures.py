"""Capture files: what format a file is in, and which one to write.

A capture is a list of frames with the time each was seen. Read are pcap and pcapng, also compressed with gzip;
written is what the name of the output file says.
"""

from typing import BinaryIO

from doorman.net import pcap, pcapng
from doorman.net.frames import (
    MICROSECOND,
    CaptureReader,
    CaptureWriter,
    DamagedCapture,
    Frame,
    NotACapture,
    UnwritableFrame,
)
from doorman.net.source import Source

__all__ = [
    "MICROSECOND",
    "CaptureReader",
    "CaptureWriter",
    "DamagedCapture",
    "Frame",
    "NotACapture",
    "UnwritableFrame",
    "create_capture",
    "open_capture",
]

_MAGIC = 4
_OTHERS = {
    b"snoo": "a snoop capture",
    b"GMBU": "a Microsoft Network Monitor capture",
    b"RTSS": "a Microsoft Network Monitor capture",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"\xfd7zX": "compressed with xz",
    b"PK\x03\x04": "a zip archive",
}
"""What people try as well, by its first four bytes."""


def open_capture(stream: BinaryIO) -> CaptureReader:
    """Find out the format of a capture and read its beginning; the frames are read as they are iterated over.

    Raises:
        NotACapture: not a format that is read here.
    """
    try:
        source = Source(stream)
        head = source.fill(b"", _MAGIC)
        magic = head[:_MAGIC]
        if magic in pcap.MAGICS:
            return pcap.PcapReader(head, source)
        if magic == pcapng.MAGIC:
            return pcapng.PcapngReader(head, source)
    except DamagedCapture as damage:
        raise NotACapture(f"not a capture that can be read: {damage}") from damage
    raise NotACapture(_what_else(magic))


def create_capture(stream: BinaryIO, name: str, resolution: int = 1) -> CaptureWriter:
    """Begin a capture: pcapng when the name of the file ends in `.pcapng`, pcap otherwise.

    Args:
        stream: Where to write to.
        name: The name of the file.
        resolution: Nanoseconds in a step of the time stamps, as `CaptureReader.resolution` has it. pcapng always
            keeps nanoseconds; pcap does unless 1000 is given.
    """
    if name.lower().endswith(".pcapng"):
        return pcapng.PcapngWriter(stream)
    return pcap.PcapWriter(stream, resolution)


def _what_else(magic: bytes) -> str:
    if not magic:
        return "not a capture: the file is empty"
    if magic in _OTHERS:
        return f"not a pcap or pcapng file, but {_OTHERS[magic]}: convert it first"
    return f"not a pcap or pcapng file: it begins with {magic.hex(' ')}"
