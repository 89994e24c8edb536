"""The pcapng capture format (draft-ietf-opsawg-pcapng).

    block                   type(4)  total length(4)  body, padded to 4 bytes  total length(4)
    section header          byte-order magic(4)  major(2) minor(2)  section length(8)  options
    interface description   link type(2)  reserved(2)  snapshot length(4)  options
    enhanced packet         interface(4)  time high(4) low(4)  captured length(4)  length on the wire(4)  data  options
    packet (obsolete)       interface(2)  drops(2)  the rest as above
    simple packet           length on the wire(4)  data
    option                  code(2)  length(2)  value, padded to 4 bytes

A file is one section or more, each in its own byte order and with its own interfaces, which packets name by their
index in the section. Blocks of other types are passed over.
"""

from collections.abc import Iterator, Sequence
from struct import Struct, error
from typing import BinaryIO, NamedTuple

from doorman.net.frames import MAX_FRAME, MICROSECOND, DamagedCapture, Frame, UnwritableFrame
from doorman.net.source import Source

MAGIC = b"\x0a\x0d\x0d\x0a"
"""The first four bytes of a file: a block type that reads the same in both byte orders."""

_SECTION_HEADER = int.from_bytes(MAGIC, "big")
_INTERFACE = 1
_OBSOLETE_PACKET = 2
_SIMPLE_PACKET = 3
_ENHANCED_PACKET = 6
_LEAST = {_SECTION_HEADER: 28, _INTERFACE: 20, _OBSOLETE_PACKET: 32, _SIMPLE_PACKET: 16, _ENHANCED_PACKET: 32}
"""The blocks that are read, and the fewest bytes each has."""

_MAJOR = 1
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_IF_NAME = 2
_IF_TSRESOL = 9
_IF_TSOFFSET = 14
_BLOCK = 12
_PACKET = 28
_MAX_BLOCK = 2 * MAX_FRAME
_MAX_INTERFACES = 1 << 16
_SECOND = 1_000_000_000
_DECIMALS = 9
_LONG = (1 << 32) - 1


class _Interface(NamedTuple):
    """An interface of a section; its times are `ticks * multiplier // divisor + offset_ns`."""

    number: int
    link: int
    snapshot_length: int
    multiplier: int
    divisor: int
    offset_ns: int


class PcapngReader:
    """Reads the packets of a pcapng file.

    Interfaces are numbered over all sections. A simple packet has no time and takes that of the packet before it.
    A time finer than nanoseconds is rounded down.

    Args:
        head: The beginning of the file, as much as is in hand, beginning with MAGIC.
        source: What follows it.

    Raises:
        DamagedCapture: the file does not begin with a section header of a known version.
    """

    def __init__(self, head: bytes, source: Source) -> None:
        self.resolution = 1
        self.names: list[str] = []
        self._source = source
        self._section = _Section("<", self.names)
        head = source.fill(head, _LEAST[_SECTION_HEADER])
        length = self._head(head, 0, 0)[1]
        head = source.fill(head, length)
        self._check(head[:length], length, 0)
        self._section.check_version(head, 0)
        self._frames = self._read(head)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def position(self) -> int:
        """Bytes taken from the stream so far."""
        return self._source.taken

    def _read(self, buffer: bytes) -> Iterator[Frame]:
        """Go through the blocks; `before` counts the bytes of the file that came before `buffer`."""
        before = offset = last_time = 0
        while True:
            if len(buffer) - offset < _BLOCK:
                before += offset
                buffer, offset = self._source.fill(buffer[offset:], _BLOCK), 0
                if not buffer:
                    return
            place = before + offset
            kind, length = self._head(buffer, offset, place)
            if kind not in _LEAST:
                buffer = self._skip(buffer[offset:], length, place)
                before, offset = place + length, 0
                continue
            if offset + length > len(buffer):
                before, buffer, offset = place, self._source.fill(buffer[offset:], length), 0
            block = buffer[offset : offset + length]
            self._check(block, length, place)
            offset += length
            if kind == _INTERFACE:
                self._section.add_interface(block, place)
            elif kind == _SECTION_HEADER:
                self._section.check_version(block, place)
            else:
                frame = self._section.packet(kind, block, place, last_time)
                last_time = frame.time_ns
                yield frame

    def _head(self, buffer: bytes, offset: int, place: int) -> tuple[int, int]:
        """The type and total length of a block; a section header sets the byte order from there on."""
        if len(buffer) - offset < _BLOCK:
            raise DamagedCapture(f"cut short in the block at byte {place}")
        kind, length = self._section.two(buffer, offset)
        if kind == _SECTION_HEADER:
            order = _BYTE_ORDERS.get(buffer[offset + 8 : offset + 12])
            if order is None:
                raise DamagedCapture(f"the section header at byte {place} has no byte order")
            self._section = _Section(order, self.names)
            kind, length = self._section.two(buffer, offset)
        if length < _LEAST.get(kind, _BLOCK) or length & 3 or (length > _MAX_BLOCK and kind in _LEAST):
            raise DamagedCapture(f"the block at byte {place} cannot be as long as it says: {length}")
        return kind, length

    def _check(self, block: bytes, length: int, place: int) -> None:
        """See that a block is all there and ends as it began."""
        if len(block) < length:
            raise DamagedCapture(f"cut short in the block at byte {place}: {length - len(block)} bytes are missing")
        if self._section.one(block, len(block) - 4)[0] != length:
            raise DamagedCapture(f"the two lengths of the block at byte {place} disagree")

    def _skip(self, rest: bytes, length: int, place: int) -> bytes:
        """Pass over a block without keeping it; what follows is returned."""
        rest, missing = self._source.skip(rest, length - 4)
        tail = self._source.fill(rest, 4)
        missing += 4 - min(len(tail), 4)
        if missing:
            raise DamagedCapture(f"cut short in the block at byte {place}: {missing} bytes are missing")
        if self._section.one(tail)[0] != length:
            raise DamagedCapture(f"the two lengths of the block at byte {place} disagree")
        return tail[4:]


class _Section:
    """What holds within one section: its byte order and its interfaces, whose names are added to those before."""

    def __init__(self, order: str, names: list[str]) -> None:
        self._names = names
        self.one = Struct(order + "I").unpack_from
        self.two = Struct(order + "II").unpack_from
        self._pair = Struct(order + "HH").unpack_from
        self._order = order
        self._enhanced = Struct(order + "8xIIIII").unpack_from
        self._obsolete = Struct(order + "8xHxxIIII").unpack_from
        self._interfaces: list[_Interface] = []

    def check_version(self, block: bytes, place: int) -> None:
        """Refuse a section header of a version whose blocks may mean something else."""
        major, minor = self._pair(block, 12)
        if major != _MAJOR:
            raise DamagedCapture(f"the section at byte {place} is pcapng version {major}.{minor}")

    def packet(self, kind: int, block: bytes, place: int, last_time: int) -> Frame:
        """Read a packet block of any type; `last_time` is for the one that has no time."""
        if kind == _SIMPLE_PACKET:
            return self._simple(block, place, last_time)
        unpack = self._enhanced if kind == _ENHANCED_PACKET else self._obsolete
        index, high, low, captured, wire_length = unpack(block)
        if index >= len(self._interfaces):
            raise DamagedCapture(f"the packet at byte {place} is of interface {index}, which is not described")
        if captured > len(block) - _PACKET - 4 or captured > MAX_FRAME:
            raise DamagedCapture(f"the packet at byte {place} does not fit its block: {captured}")
        number, link, _, multiplier, divisor, offset_ns = self._interfaces[index]
        time_ns = (high << 32 | low) * multiplier // divisor + offset_ns
        return Frame(block[_PACKET : _PACKET + captured], time_ns, wire_length, link, number)

    def add_interface(self, block: bytes, place: int) -> None:
        """Read an interface description, whose number is how many the section had before."""
        number, name = len(self._names), ""
        if number >= _MAX_INTERFACES:
            raise DamagedCapture(f"the interface at byte {place} is one too many")
        link = self._pair(block, 8)[0]
        snapshot_length = self.one(block, 12)[0]
        multiplier, divisor, offset_ns = MICROSECOND, 1, 0
        for code, value in self._options(block[16:-4], place):
            if code == _IF_TSRESOL and value:
                multiplier, divisor = _scale(value[0])
            elif code == _IF_NAME:
                name = value.decode("utf-8", "replace")
            elif code == _IF_TSOFFSET:
                offset_ns = int.from_bytes(value, "big" if self._order == ">" else "little", signed=True) * _SECOND
        self._interfaces.append(_Interface(number, link, snapshot_length, multiplier, divisor, offset_ns))
        self._names.append(name)

    def _simple(self, block: bytes, place: int, last_time: int) -> Frame:
        if not self._interfaces:
            raise DamagedCapture(f"the packet at byte {place} comes before any interface")
        interface = self._interfaces[0]
        wire_length = self.one(block, 8)[0]
        captured = min(wire_length, interface.snapshot_length or wire_length)
        if captured > len(block) - _LEAST[_SIMPLE_PACKET] or captured > MAX_FRAME:
            raise DamagedCapture(f"the packet at byte {place} does not fit its block: {captured}")
        return Frame(block[_BLOCK : _BLOCK + captured], last_time, wire_length, interface.link, interface.number)

    def _options(self, options: bytes, place: int) -> Iterator[tuple[int, bytes]]:
        offset = 0
        while offset + 4 <= len(options):
            code, length = self._pair(options, offset)
            if not code:
                return
            start = offset + 4
            if start + length > len(options):
                raise DamagedCapture(f"an option of the interface at byte {place} is longer than the block: {length}")
            yield code, options[start : start + length]
            offset = start + (length + 3 & ~3)


def _scale(resolution: int) -> tuple[int, int]:
    """The fraction that makes nanoseconds of ticks: if_tsresol is a power of 10, or of 2 with the high bit set."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return _SECOND, 1 << exponent
    return 10 ** max(_DECIMALS - exponent, 0), 10 ** max(exponent - _DECIMALS, 0)


class PcapngWriter:
    """Writes a pcapng file of one section in little-endian order, with nanoseconds.

    An interface is described when its first frame comes, once for each link type it has.

    Args:
        stream: Where to write to.
        names: What interfaces are called, from the first on (if_name); others have no name.
    """

    def __init__(self, stream: BinaryIO, names: Sequence[str] = ()) -> None:
        self._write = stream.write
        self._pack = Struct("<7I").pack
        self._pack_length = Struct("<I").pack
        self._numbers: dict[tuple[int, int], int] = {}
        self._names = names
        self._write(Struct("<IIIHHqI").pack(_SECTION_HEADER, 28, 0x1A2B3C4D, _MAJOR, 0, -1, 28))

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            UnwritableFrame: its time is before 1970 or after 2554, or its link type no number of 16 bits.
        """
        data, time_ns, wire_length, link, interface = frame
        number = self._numbers.get((interface, link))
        if number is None:
            number = self._describe(interface, link)
        captured = len(data)
        padding = -captured & 3
        length = _PACKET + 4 + captured + padding
        try:
            head = self._pack(_ENHANCED_PACKET, length, number, time_ns >> 32, time_ns & _LONG, captured, wire_length)
        except error as reason:
            raise UnwritableFrame(f"no room for the time {time_ns} ns or the length {wire_length}") from reason
        self._write(head + data + bytes(padding) + self._pack_length(length))

    def finish(self) -> None:
        """Nothing is left to write: the section header is a whole file."""

    def _describe(self, interface: int, link: int) -> int:
        name = self._names[interface].encode() if interface < len(self._names) else b""
        named = Struct("<HH").pack(_IF_NAME, len(name)) + name + bytes(-len(name) & 3) if name else b""
        length = 32 + len(named)
        try:
            head = Struct("<IIHxxI").pack(_INTERFACE, length, link, 0)
        except error as reason:
            raise UnwritableFrame(f"no room for the link type {link}") from reason
        self._write(head + named + Struct("<HHBxxxHHI").pack(_IF_TSRESOL, 1, _DECIMALS, 0, 0, length))
        return self._numbers.setdefault((interface, link), len(self._numbers))
