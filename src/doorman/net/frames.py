"""A captured frame, what reads and writes frames, and what can go wrong: shared by all capture formats."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

MAX_FRAME = 1 << 20
"""The longest frame believed, in bytes: four times what libpcap captures, so that a damaged length is seen as one."""

MICROSECOND = 1_000
"""The resolution, in nanoseconds, of most captures."""


class Frame(NamedTuple):
    """One record of a capture: the bytes of a link-layer frame, and when and where they were seen."""

    data: bytes
    time_ns: int
    """Nanoseconds since 1970-01-01 UTC; an int, since a float keeps no more than a quarter of a microsecond."""
    wire_length: int
    """Bytes on the wire: more than `len(data)` when the capture kept only the beginning (its snapshot length)."""
    link: int
    """The link type, a LINKTYPE_ value (https://www.tcpdump.org/linktypes.html): what `data` begins with."""
    interface: int = 0
    """Index of the interface, counted over the whole file; 0 in a format that knows only one."""


class NotACapture(ValueError):  # noqa: N818 - says what the file is; every one here is an error
    """The file is not in a capture format known here; one line that says what it is instead."""


class DamagedCapture(ValueError):  # noqa: N818 - the same
    """The file ends or makes no sense in the middle; every whole frame before that place has been given."""


class UnwritableFrame(ValueError):  # noqa: N818 - the same
    """A frame that the output format cannot hold: a second link type, or a time out of its range."""


class CaptureReader(Protocol):
    """The frames of one file, in its order; iterating goes on where it stopped."""

    resolution: int
    """Nanoseconds that one step of the time stamps may be as fine as: what to give the writer to lose nothing."""

    names: list[str]
    """What interfaces are called, by their index, as far as they have come; "" for one without a name."""

    def __iter__(self) -> Iterator[Frame]:
        """Give every whole frame.

        Raises:
            DamagedCapture: after the last whole frame of a truncated or damaged file.
        """
        ...

    def position(self) -> int:
        """Bytes taken from the stream so far: the progress, and with all frames given, the size of the file."""
        ...


class CaptureWriter(Protocol):
    """Writes frames to a stream, which stays the caller's to close."""

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            UnwritableFrame: the format cannot hold it; nothing was written of it.
        """
        ...

    def finish(self) -> None:
        """Make a file without a single frame a valid one; call it once, after the last frame."""
        ...
