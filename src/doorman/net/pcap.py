"""The pcap capture format (draft-ietf-opsawg-pcap; libpcap's "savefile").

    file header   magic(4)  major(2) minor(2)  reserved(8)  snapshot length(4)  link type(4)
    record        seconds(4)  fraction(4)  captured length(4)  length on the wire(4)  [8 more when modified]  data

All integers are in the byte order of the machine that wrote the file, which the magic number shows. The magic number
also says whether the fraction counts microseconds or nanoseconds, and whether records are those of Kuznetsov's
'modified' variant, with an interface index and a protocol behind the lengths.
"""

from collections.abc import Iterator
from struct import Struct, error
from typing import BinaryIO

from doorman.net.frames import MAX_FRAME, MICROSECOND, DamagedCapture, Frame, NotACapture, UnwritableFrame
from doorman.net.source import Source

_MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_MODIFIED = 0xA1B2CD34
_KINDS = {_MICROSECONDS: (MICROSECOND, 16), _NANOSECONDS: (1, 16), _MODIFIED: (MICROSECOND, 24)}
"""By magic number: nanoseconds in a step of the fraction, and bytes of a record header."""

MAGICS = {
    magic.to_bytes(4, order): "<" if order == "little" else ">" for magic in _KINDS for order in ("little", "big")
}
"""The first four bytes of a file, and its byte order as struct names it."""

_FILE_HEADER = 24
_VERSION = (2, 4)
_LINK_MASK = 0x03FF_FFFF
"""The link type; the bits above it tell of a frame check sequence at the end of the frames."""
_SNAPSHOT_LENGTH = 262_144
_SECOND = 1_000_000_000
_ETHERNET = 1


class PcapReader:
    """Reads the records of a pcap file.

    Args:
        head: The beginning of the file, as much as is in hand, beginning with one of MAGICS.
        source: What follows it.

    Raises:
        NotACapture: the file header is cut short or of an unknown version.
    """

    def __init__(self, head: bytes, source: Source) -> None:
        head = source.fill(head, _FILE_HEADER)
        if len(head) < _FILE_HEADER:
            raise NotACapture(f"not a capture: a pcap file header has {_FILE_HEADER} bytes, this file {len(head)}")
        self._order = MAGICS[head[:4]]
        magic, major, minor, link = Struct(self._order + "IHH12xI").unpack_from(head)
        if major != _VERSION[0]:
            raise NotACapture(f"not a capture that can be read: pcap version {major}.{minor}")
        self.resolution, self._record = _KINDS[magic]
        self.link = link & _LINK_MASK
        self.names: list[str] = []
        self._source = source
        self._frames = self._read(head)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def position(self) -> int:
        """Bytes taken from the stream so far."""
        return self._source.taken

    def _read(self, buffer: bytes) -> Iterator[Frame]:
        unpack = Struct(self._order + "4I").unpack_from
        header, step, link = self._record, self.resolution, self.link
        before, offset, size = 0, _FILE_HEADER, len(buffer)
        while True:
            start = offset + header
            if start > size:
                before += offset
                buffer = self._source.fill(buffer[offset:], header)
                offset, start, size = 0, header, len(buffer)
                if not size:
                    return
                if size < header:
                    raise DamagedCapture(f"cut short in the record header at byte {before}")
            seconds, fraction, captured, length = unpack(buffer, offset)
            if captured > MAX_FRAME:
                raise DamagedCapture(f"no frame is as long as the record at byte {before + offset} says: {captured}")
            end = start + captured
            if end > size:
                before += offset
                buffer = self._source.fill(buffer[offset:], header + captured)
                start, end, size = header, header + captured, len(buffer)
                if end > size:
                    raise DamagedCapture(f"cut short in the record at byte {before}: {end - size} bytes are missing")
            yield Frame(buffer[start:end], seconds * _SECOND + fraction * step, length, link)
            offset = end


class PcapWriter:
    """Writes a pcap file of one link type, that of the first frame, in little-endian order.

    Args:
        stream: Where to write to.
        resolution: Nanoseconds in a step of the time stamps: 1, or 1000, which cuts finer times to microseconds.
    """

    def __init__(self, stream: BinaryIO, resolution: int = 1) -> None:
        self._write = stream.write
        self._step = MICROSECOND if resolution >= MICROSECOND else 1
        self._pack = Struct("<4I").pack
        self._link = -1

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            UnwritableFrame: its link type is not that of the first one, or its time is before 1970 or after 2106.
        """
        data, time_ns, wire_length, link, _ = frame
        seconds, nanoseconds = divmod(time_ns, _SECOND)
        try:
            header = self._pack(seconds, nanoseconds // self._step, len(data), wire_length)
        except error as reason:
            raise UnwritableFrame(f"pcap has no room for the time {seconds} s or the length {wire_length}") from reason
        if link != self._link:
            self._begin(link)
        self._write(header + data)

    def finish(self) -> None:
        """Write the file header, of an Ethernet capture, when no frame came."""
        if self._link < 0:
            self._begin(_ETHERNET)

    def _begin(self, link: int) -> None:
        if self._link >= 0:
            raise UnwritableFrame(f"a pcap file has one link type, this one {self._link}, not {link}: write .pcapng")
        magic = _MICROSECONDS if self._step == MICROSECOND else _NANOSECONDS
        self._write(Struct("<IHHQII").pack(magic, *_VERSION, 0, _SNAPSHOT_LENGTH, link))
        self._link = link
