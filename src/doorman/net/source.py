"""The bytes of a capture file as they are needed: a file may be gigabytes, and compressed with gzip (RFC 1952)."""

import zlib
from gzip import BadGzipFile, GzipFile
from io import UnsupportedOperation
from typing import BinaryIO

from doorman.net.frames import DamagedCapture

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"


class Source:
    """Reads a stream in large pieces, unpacks gzip, and counts what it took from the stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self.taken = 0
        """Bytes read from the stream, before unpacking."""
        self._stream = stream
        self._ahead = self._read(_CHUNK)
        self._unpacked: GzipFile | None = None
        if self._ahead.startswith(_GZIP):
            self._unpacked = GzipFile(mode="rb", fileobj=self)

    def fill(self, rest: bytes, size: int) -> bytes:
        """Append what follows `rest` until there are at least `size` bytes; fewer only at the end of the file.

        Raises:
            DamagedCapture: the compressed data is truncated or wrong, and less than `size` bytes came before that.
        """
        while len(rest) < size and (chunk := self._next()):
            rest += chunk
        return rest

    def skip(self, rest: bytes, size: int) -> tuple[bytes, int]:
        """Pass over `size` bytes, of which `rest` holds the first, without keeping them.

        Returns:
            What follows them in hand, and how many bytes were missing, which is 0 but at the end of the file.
        """
        while len(rest) < size:
            size -= len(rest)
            rest = self._next()
            if not rest:
                return rest, size
        return rest[size:], 0

    def read(self, size: int) -> bytes:
        """Give at most `size` bytes of the stream as they are, for GzipFile."""
        if self._ahead:
            chunk, self._ahead = self._ahead[:size], self._ahead[size:]
            return chunk
        return self._read(size)

    def seek(self, offset: int) -> int:
        """Refuse: GzipFile wants it to begin anew, which is never asked of it here."""
        raise UnsupportedOperation(f"seek to {offset}")

    def _next(self) -> bytes:
        if self._unpacked is None:
            return self.read(_CHUNK)
        try:
            return self._unpacked.read1(_CHUNK)
        except (BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedCapture(f"the gzip compression is damaged: {error}") from error

    def _read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.taken += len(chunk)
        return chunk
