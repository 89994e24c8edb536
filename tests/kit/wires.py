"""A gateway's network namespace between two wires: packets are put on one, and what comes out is read from both.

    wires = Wires(gateway, far_ends, stack)  two namespaces; in0 192.168.1.1/24, out0 203.0.113.1/24
    wires.send(udp(PHONE, PEER), Side.INSIDE)
    wires.through(udp(PHONE, PEER), Side.INSIDE)    the packet that left, or None

No host stands at the far ends, so nobody answers of his own accord, and a packet may have any sender. What is put on a
wire is followed by a packet that goes through in any case: when that has come out, the first one will not any more.
"""

import itertools
import os
import socket
from contextlib import ExitStack
from typing import NamedTuple

from scapy.layers.inet import IP, UDP

from doorman.engine.results import Side
from kit.namespaces import Namespace, connect
from kit.packets import udp
from kit.waiting import until

_OFF = ("rp_filter", "send_redirects")
_numbers = itertools.count()
_ETHERNET, _IPV4 = 14, 0x0800
_IPV6 = b"\x86\xdd"
_OUTGOING = 4
"""The kind of a packet socket's own packets (linux/if_packet.h)."""


class Places(NamedTuple):
    """Where a gateway stands.

    Attributes:
        number: of its interfaces, `in0` and `out0`.
        inside, outside: its addresses, in networks of 24 bits.
        peers: the first three numbers of the addresses beyond the outside network.
    """

    number: int = 0
    inside: str = "192.168.1.1"
    outside: str = "203.0.113.1"
    peers: str = "198.51.100"


class Wires:
    """The far ends of a gateway's two interfaces; packets are put on one CPU, so they stay in order.

    Attributes:
        gateway: the namespace with the interfaces.
        others: what came out on either side that is not IPv4.
    """

    def __init__(self, gateway: Namespace, far: Namespace, stack: ExitStack, places: Places = Places()) -> None:  # noqa: B008 - a constant
        self.gateway = gateway
        self.others: list[bytes] = []
        number, inside, outside, peers = places
        self._behind = {
            Side.INSIDE: ("10.99.99.99:9", f"{peers}.250:9"),  # a sender whom nobody translates
            Side.OUTSIDE: (f"{peers}.250:9", f"{inside.removesuffix('1')}250:9"),
        }
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)})
        stack.callback(os.sched_setaffinity, 0, cpus)
        self._ends = (
            self._end(far, f"in{number}", f"{inside}/24", stack),
            self._end(far, f"out{number}", f"{outside}/24", stack),
        )
        next_hop = outside.removesuffix("1") + "2"
        gateway.run("ip", "route", "add", f"{peers}.0/24", "via", next_hop, "dev", f"out{number}")
        kept = [f"net.ipv4.conf.{name}.{what}=0" for name in ("all", f"in{number}", f"out{number}") for what in _OFF]
        gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", *kept)

    def send(self, packet: bytes, side: Side) -> None:
        """Put an IPv4 or IPv6 packet on a wire."""
        end, head = self._ends[side]
        end.send(head + packet if packet[0] >> 4 == 4 else head[:12] + _IPV6 + packet)

    def arrived(self, side: Side) -> list[bytes]:
        """The IPv4 packets that came out on a side since the last call."""
        end, _ = self._ends[side]
        found = []
        try:
            while True:
                frame, (_, protocol, kind, *_) = end.recvfrom(1 << 17)
                if protocol == _IPV4 and kind != _OUTGOING:
                    found.append(frame[_ETHERNET:])
                elif kind != _OUTGOING:
                    self.others.append(frame[_ETHERNET:])
        except BlockingIOError:
            return found

    def through(self, packet: bytes, side: Side) -> bytes | None:
        """The packet as it left the gateway, on whichever side; None if it did not leave.

        It is known by what it carries behind its UDP or TCP header, which must be like nothing else on the wires.
        """
        self.send(packet, side)
        contents = bytes(IP(packet).payload.payload)
        return next((out for out in self.sync(side) if bytes(IP(out).payload.payload) == contents), None)

    def sync(self, side: Side) -> list[bytes]:
        """All that has left since the last look, and all that leaves until a packet put on this wire now has left."""
        mark = b"behind %d" % next(_numbers)
        self.send(udp(*self._behind[side], mark), side)
        found: list[bytes] = []

        def is_behind() -> bool:
            found.extend(self.arrived(Side.INSIDE) + self.arrived(Side.OUTSIDE))
            return any(packet.endswith(mark) for packet in found)

        until(is_behind)
        return [packet for packet in found if not packet.endswith(mark)]

    def _end(self, far: Namespace, name: str, address: str, stack: ExitStack) -> tuple[socket.socket, bytes]:
        """The far end of an interface, and the Ethernet header for packets to the gateway."""
        there, here = connect(far, "169.254.0.1/32", self.gateway, address)
        self.gateway.run("ip", "link", "set", here, "down")
        self.gateway.run("ip", "link", "set", here, "name", name, "arp", "off")
        self.gateway.run("ip", "link", "set", name, "up")
        with far.inside():
            end = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)))
            end.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
            end.bind((there, 0x0003))
            end.settimeout(0)
        hardware = self.gateway.run("cat", f"/sys/class/net/{name}/address").strip().replace(":", "")
        return end, bytes.fromhex(hardware) + b"\2doorm" + b"\x08\0"


def ends_of(packet: bytes) -> tuple[str, str]:
    """Sender and receiver of a packet of UDP or TCP, as scapy reads them."""
    read = IP(packet)
    return f"{read.src}:{read.payload.sport}", f"{read.dst}:{read.payload.dport}"


def contents(packet: bytes) -> bytes:
    """What a UDP packet carries; its checksum must be right."""
    read = IP(packet)
    assert UDP in read, read.summary()
    again = read.copy()
    del again.chksum, again[UDP].chksum
    assert bytes(again) == packet, "a checksum that scapy computes otherwise"
    return bytes(read[UDP].payload)
