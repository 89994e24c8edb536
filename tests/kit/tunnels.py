"""Ends of tunnels that speak ESP in the lab, with raw sockets: the kernel has no cryptography for it, nor need it.

a = Esp(lab.network.inside, "192.168.1.10"); s = Esp(lab.network.outside, "198.51.100.20")
a.send(s.address, 0x1001)
s.heard() == [("203.0.113.1", 0x1001)]
"""

import select
import socket
from contextlib import ExitStack

from doorman.lab.namespaces import entered
from doorman.net.addresses import Address, address_text
from kit.waiting import DEADLINE

_ESP = 50
_HEADER = 20


class Esp:
    """A host that sends and hears ESP by one of its addresses."""

    def __init__(self, namespace: str, address: str, stack: ExitStack) -> None:
        self.address = address
        with entered(namespace):
            self._socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, _ESP))
        self._socket.bind((address, 0))
        self._sequence = 0

    def send(self, server: str, spi: int) -> None:
        """Send a packet by this SPI."""
        self._sequence += 1
        self._socket.sendto(spi.to_bytes(4, "big") + self._sequence.to_bytes(4, "big") + bytes(16), (server, 0))

    def heard(self, patience: float = DEADLINE) -> tuple[str, int] | None:
        """Who sent the next packet, by which SPI; None if none comes."""
        if not select.select([self._socket], [], [], patience)[0]:
            return None
        packet = self._socket.recv(1 << 16)
        return address_text(Address(packet[12:16])), int.from_bytes(packet[_HEADER : _HEADER + 4], "big")
