"""Any cut, order, repetition and loss of segments gives the streams that the whole ones give message by message."""

import random

from hypothesis import given
from hypothesis import strategies as st

from doorman.net.tcp import Segment
from doorman.stream.splice import Splice
from kit.changer import STREAM, TAILS, Changer, whole
from kit.tcp import Host, Manners, Network, Wire

IP = b"\x45" + bytes(19)


class Between:
    """A splice on the wire."""

    def __init__(self) -> None:
        self.splice = Splice(Changer())

    def __call__(self, wire: Wire, end: int, now: float) -> tuple[list[Wire], list[Wire]]:
        if self.splice.over:
            return [wire], []
        taken = self.splice.take(Segment(IP, *wire), end, now)
        forward, back = ([Wire(*segment[1:7]) for segment in segments] for segments in taken)
        return forward, back


manners = st.builds(
    Manners,
    mss=st.integers(60, 1_460),
    window=st.integers(150, 6_000),
    shift=st.none() | st.integers(0, 4),
    sack=st.booleans(),
    stamps=st.booleans(),
    first=st.sampled_from([0, 1, 0x7FFF_FFF0, 0xFFFF_FF00, 0xFFFF_FFFF]) | st.integers(0, 0xFFFF_FFFF),
)
messages = st.lists(st.sampled_from(STREAM), max_size=5)


@given(
    st.tuples(messages, messages),
    st.tuples(st.sampled_from(TAILS[:1] * 3 + TAILS), st.just(b"")),
    st.tuples(manners, manners),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_the_streams_arrive_as_if_translated_whole(
    pieces: tuple[list[bytes], list[bytes]],
    tails: tuple[bytes, bytes],
    ways: tuple[Manners, Manners],
    seed: int,
    evil: float,
) -> None:
    chance = random.Random(seed)
    streams = [b"".join(part) + tail for part, tail in zip(pieces, tails, strict=True)]
    client = Host(streams[0], ways[0], chance, client=True)
    server = Host(streams[1], ways[1], chance, client=False)
    between = Between()
    Network((client, server), between, chance, evil).run()
    assert bytes(server.got) == whole(streams[0])
    if between.splice.translator.inspected:
        assert bytes(client.got) == whole(streams[1])
