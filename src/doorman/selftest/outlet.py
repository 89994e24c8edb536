"""What leaves an interface for one address, as it leaves: behind all translation (packet(7))."""

import socket
import time
from typing import Self

from doorman.dataplanes.netfilter.socket_filter import JEQ, LD_ABS, RET, WHOLE, attach_filter
from doorman.net.addresses import Address
from doorman.net.packet import Packet, parse_packet

_ALL = 0x0003
"""ETH_P_ALL: a socket of a single protocol hears only what arrives."""
_DESTINATION_AT = 16
"""Of the destination in an IPv4 header (RFC 791, section 3.1)."""
_LONGEST = 65_535


class Outlet:
    """Hears of the packets that leave an interface for an address, until it is closed.

    Raises:
        OSError: there is no such interface, or this user may not.
    """

    def __init__(self, interface: str, address: Address) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        try:
            attach_filter(
                self._socket,
                (LD_ABS, 0, 0, _DESTINATION_AT),
                (JEQ, 0, 1, int.from_bytes(address, "big")),
                (RET, 0, 0, WHOLE),
                (RET, 0, 0, 0),
            )
            self._socket.bind((interface, _ALL))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def read(self, seconds: float) -> Packet | None:
        """The next packet that leaves; None if there is none within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, (_, _, kind, *_) = self._socket.recvfrom(_LONGEST)
            except TimeoutError:
                return None
            packet = parse_packet(data) if kind == socket.PACKET_OUTGOING else None
            if packet is not None:
                return packet
        return None
