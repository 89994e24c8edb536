"""The captures of a replay, and of which VRF each of their frames is.

replay red.pcap blue.pcap --vrf red --vrf blue      each capture is of the VRF that is named in its place
replay both.pcapng                                  each frame is of the VRF of the interface that saw it
"""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from doorman.cli.progress import watched
from doorman.config.model import Config
from doorman.config.realms import Realm, realms
from doorman.config.vrf import GLOBAL
from doorman.net.captures import CaptureReader, DamagedCapture, Frame, open_capture


class WhichVrf(Exception):  # noqa: N818 - a question
    """It cannot be told of which VRF a frame is; the text says what to say."""


class Recording:
    """One capture.

    Args:
        path: of its file.
        stack: closes it.

    Attributes:
        damage: what is wrong with the end of the file, once that was reached.
        elsewhere: frames that an interface saw which is no inside one.

    Raises:
        NotACapture: it cannot be read.
        OSError: nor opened.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.damage: DamagedCapture | None = None
        self.elsewhere = 0
        self._stream = stack.enter_context(path.open("rb"))
        self.reader: CaptureReader = open_capture(self._stream)

    def frames(self, *, progress: bool) -> Iterator[Frame]:
        """All whole frames."""
        try:
            yield from watched(self.reader, self.path.stat().st_size) if progress else self.reader
        except DamagedCapture as damage:
            self.damage = damage

    def by_interface(self, config: Config) -> Iterator[tuple[Realm, Frame]]:
        """The frames that inside interfaces saw, each with the realm of its interface.

        Raises:
            WhichVrf: a frame is of an interface without a name.
        """
        known = {one.name: one.vrf for one in config.interfaces.values() if one.nat == "inside"}
        for frame in self.frames(progress=False):
            names = self.reader.names
            name = names[frame.interface] if frame.interface < len(names) else ""
            if not name:
                raise WhichVrf(f"say of which VRF it is: --vrf {' or '.join(map(name_of, realms(config)))}")
            if name in known:
                yield known[name], frame
            else:
                self.elsewhere += 1


def name_of(realm: Realm) -> str:
    """What a realm is called on a terminal."""
    return GLOBAL if realm is None else realm


def in_order(recordings: Sequence[Recording], config: Config, chosen: Sequence[Realm]) -> Iterator[tuple[Realm, Frame]]:
    """The frames of all captures in the order of their times, each with its realm; `chosen`: that of each capture.

    Raises:
        WhichVrf: none is chosen, and a capture does not tell.
    """
    if chosen:
        several = [_all_of(recording, realm) for recording, realm in zip(recordings, chosen, strict=True)]
    else:
        several = [recording.by_interface(config) for recording in recordings]
    return heapq.merge(*several, key=_time)


def _all_of(recording: Recording, realm: Realm) -> Iterator[tuple[Realm, Frame]]:
    return ((realm, frame) for frame in recording.frames(progress=False))


def _time(seen: tuple[Realm, Frame]) -> int:
    return seen[1].time_ns
