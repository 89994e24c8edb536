"""A trunk as the kernel has it: a thousand calls with sound and picture between the same two ports of signalling."""

import re
from collections.abc import Iterable

from doorman.engine.results import Side
from kit.live import Live
from kit.packets import udp
from kit.sip import GLOBAL, PEER, PHONE, answer, request, sdp
from kit.wires import contents

CALLS = 1_000
PORTS = 4
"""Of a call: RTP and RTCP of its sound, and of its picture."""
FIRST = 10_000
BATCH = 50
LINGER = 6
INSIDE, OUTSIDE = Side
NAME = f"{GLOBAL}:5060"


def port(call: int) -> int:
    """The first one of a call, inside."""
    return FIRST + PORTS * call


def asked(call: int, method: str = "INVITE") -> bytes:
    body = sdp("10.0.0.10", port(call), f"m=video {port(call) + 2} RTP/AVP 96") if method == "INVITE" else ""
    message = request(method, call_id=f"call{call}.", body=body)
    if method == "INVITE":
        return message
    to = b"To: <sip:bob@198.51.100.20>"
    return message.replace(b"CSeq: 1", b"CSeq: 2").replace(to, to + b";tag=b")


def answered(call: int, method: str = "INVITE") -> bytes:
    body = sdp("198.51.100.99", port(call), f"m=video {port(call) + 2} RTP/AVP 96") if method == "INVITE" else ""
    message = answer(call_id=f"call{call}.", method=method, body=body)
    return message if method == "INVITE" else message.replace(b"CSeq: 1", b"CSeq: 2")


def exchange(live: Live, calls: Iterable[int], method: str) -> list[bytes]:
    """Let the phone ask and the peer answer in these calls, many messages a batch; what the peer was asked."""
    numbers = list(calls)
    heard: list[bytes] = []
    for start in range(0, len(numbers), BATCH):
        some = numbers[start : start + BATCH]
        heard += live.packets(INSIDE, *(udp(PHONE, PEER, asked(call, method)) for call in some))
        arrived = live.packets(OUTSIDE, *(udp(PEER, NAME, answered(call, method)) for call in some))
        assert len(arrived) == len(some)
    assert len(heard) == len(numbers)
    return [contents(packet) for packet in heard]


def doors(live: Live) -> set[int]:
    """The ports that media comes in by, as nft lists them."""
    shown = live.elements("doors") + live.elements("doors_any")
    return {int(found) for found in re.findall(r"198\.51\.100\.99 \. 203\.0\.113\.1 \. udp \. (\d+)", shown)}


def test_4000_doors_of_1000_calls_are_each_ones_own(live: Live) -> None:
    said = exchange(live, range(CALLS), "INVITE")
    announced = [{int(found) for found in re.findall(rb"m=\w+ (\d+)", message)} for message in said]
    ports = [first + step for pair in announced for first in pair for step in (0, 1)]
    assert len(set(ports)) == CALLS * PORTS
    assert doors(live) == set(ports)

    over = range(0, CALLS, 2)
    exchange(live, over, "BYE")
    live.wait(LINGER)
    stays = {first + step for pair in announced[1::2] for first in pair for step in (0, 1)}
    assert doors(live) == stays
    for call in (1, CALLS - 1):
        for first in announced[call]:
            [media] = live.in_(b"media", f"198.51.100.99:{port(call)}", f"{GLOBAL}:{first}")
            assert media.receiver in {f"10.0.0.10:{port(call)}", f"10.0.0.10:{port(call) + 2}"}
    for first in announced[0]:
        assert live.in_(b"media", f"198.51.100.99:{port(0)}", f"{GLOBAL}:{first}") == []
    assert live.engine.drops == {}
