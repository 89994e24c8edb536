"""Media never enters Python: to the packet and to the byte, queue and proxy see signalling and nothing else."""

from typing import Any, NamedTuple

from doorman.lab.capture import capturing_both_sides
from doorman.lab.gateway import Gateway
from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE
from doorman.lab.plans import from_inside
from kit.captures import tshark
from kit.lab import PACKETS, SHORT, Lab, eventually, queues


class Seen(NamedTuple):
    """Packets that went to the queue, as the kernel counts and as the gateway does, and bytes through the proxy."""

    queued: int
    received: int
    proxied: int


def seen(lab: Lab, gateway: Gateway) -> Seen:
    [queue] = queues(gateway)
    counters: dict[str, Any] = lab.ask("show ip nat statistics")["counters"]
    proxy = counters["TCP proxy"]
    proxied = proxy.get("bytes-from-clients", 0) + proxy.get("bytes-from-servers", 0)
    return Seen(queue.packets, counters["Queue"].get("received", 0), proxied)


def test_media_never_enters_python(lab: Lab) -> None:
    with lab.serving() as gateway, capturing_both_sides(lab.network, lab.directory) as captures:
        for transport in ("udp", "tcp"):
            with lab.calling(from_inside(lab.network, SHORT._replace(transport=transport))) as calls:
                streams = [calls.caller.streams[1], calls.callee.streams[1]]
                before = seen(lab, gateway)
                eventually(lambda: all(stream.is_done for stream in streams), "media does not end")  # noqa: B023
                assert seen(lab, gateway) == before, "something of the media came to Python"
                [leg] = calls.finish().legs
            assert [end.received for end in leg] == [PACKETS, PACKETS]
        total = seen(lab, gateway)
    inside, outside = (tshark(capture, "ip.src", "udp.dstport", "tcp.len") for capture in captures)
    datagrams = sum("5060" in frame["udp.dstport"] for frame in inside)
    assert datagrams == 6
    octets = bytes_from(INSIDE_PHONE, inside) + bytes_from(OUTSIDE_PHONE, outside)
    assert total == (datagrams, datagrams, octets)


def bytes_from(sender: str, frames: list[dict[str, list[str]]]) -> int:
    """What a host sent over TCP, as it left that host."""
    return sum(int(length) for frame in frames if frame["ip.src"] == [sender] for length in frame["tcp.len"])
