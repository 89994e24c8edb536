"""Packets of our own making, with addresses that are not ours (raw(7), IP_HDRINCL).

They are written as they must leave, and bear a mark by which connection tracking passes them over: it has seen what
came, and has nothing to translate in them. The kernel routes them, and writes the checksum of the IP header.
"""

import errno
import socket
from collections import Counter

from doorman.net.addresses import Address, address_text
from doorman.net.fragments import fragment

_SO_SNDBUFFORCE = 32
_SEND_BUFFER = 4 << 20
_TTL_AT = 8
_HEADERS = 60
"""Bytes of the longest IP header: two fragments must hold one more."""
_SMALLEST_MTU = 576
"""Bytes that any host takes (RFC 1122, section 3.3.3)."""


class Injection:
    """A socket that is open until `close`; it belongs to the network namespace it was made in.

    Args:
        mark: of its packets.

    Attributes:
        failed: packets that did not leave, by the name of the error.

    Raises:
        OSError: CAP_NET_RAW or CAP_NET_ADMIN is missing.
    """

    def __init__(self, mark: int) -> None:
        self.failed: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW)
        try:
            self._socket.settimeout(0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BUFFER)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, packet: bytes) -> None:
        """Send an IPv4 packet on, as a router does: with one hop less to live. What cannot leave is lost, and counted.

        One too long for the link leaves in fragments, whatever it says: its sender could not be told.
        """
        if packet[_TTL_AT] <= 1:
            self.failed["ttl-expired"] += 1
            return
        routed = packet[:_TTL_AT] + bytes((packet[_TTL_AT] - 1,)) + packet[_TTL_AT + 1 :]
        try:
            self._write(routed)
        except OSError as error:
            self.failed[errno.errorcode.get(error.errno or 0, "failed").lower()] += 1

    def _write(self, packet: bytes) -> None:
        try:
            self._socket.sendto(packet, (address_text(Address(packet[16:20])), 0))
        except OSError as error:
            if error.errno != errno.EMSGSIZE or len(packet) <= _SMALLEST_MTU:
                raise
            for piece in fragment(packet, max((len(packet) // 2 + 7 & ~7) + _HEADERS, _SMALLEST_MTU)):
                self._write(piece)
