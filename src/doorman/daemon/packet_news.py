"""What is told of packets that rules log: lines of the daemon's log, in the words of IOS.

kernel (NFLOG) ──┐
                 ├──> what the line is about, counted ──> the daemon's log
engine ──────────┘    what it denied itself, before the kernel saw it leave
"""

import logging
import socket
from collections.abc import Iterable

from doorman.config.errors import printable
from doorman.daemon.access_log import AccessLog
from doorman.daemon.clock import seconds
from doorman.dataplanes.netfilter.chains.access import LoggedLine
from doorman.dataplanes.netfilter.chains.zones import LoggedClass
from doorman.dataplanes.netfilter.packet_log import LoggedPacket, PacketLog
from doorman.engine.engine import Engine
from doorman.firewall.access import Denial, traffic_of
from doorman.firewall.news import packet_line
from doorman.net.packet import Packet

_log = logging.getLogger("doorman")
_SHORTEST = 20
"""Bytes of an IPv4 header."""


class PacketNews:
    """Tells of logged packets.

    Args:
        engine: whose access lists deny, too.

    Attributes:
        log: where the kernel hands packets over; None where it does not.
    """

    def __init__(self, engine: Engine, log: PacketLog | None) -> None:
        self.log = log
        self._engine = engine
        self._access = AccessLog()

    def on_packets(self) -> None:
        """Tell of what the kernel has logged."""
        now = seconds()
        for packet in self.log.receive() if self.log is not None else ():
            self._say(self._of_packet(packet, now))

    def on_time(self) -> None:
        """Tell of what the engine has denied, and what is due; to be called each second."""
        now = seconds()
        logged = self._engine.access.logged if self._engine.access is not None else None
        while logged:
            self._say(self._of_denial(logged.popleft(), now))
        told = self._engine.screen.firewall.told if self._engine.screen is not None else None
        while told:
            self._say([told.popleft().line])
        self._say(self._access.expire(now))

    def _of_packet(self, packet: LoggedPacket, now: float) -> Iterable[str]:
        if len(packet.data) < _SHORTEST or packet.data[0] >> 4 != 4:  # noqa: PLR2004 - IPv4
            return ()
        read = Packet(packet.data)
        judged = LoggedClass.read(packet.prefix)
        if judged is not None:
            place = judged.pair, judged.class_map
            return (packet_line(read.protocol, read.sender, read.receiver, *place, judged.reason),)
        line = LoggedLine.read(packet.prefix)
        if line is None:
            return ()
        interface = _name(packet.in_index or packet.out_index) if line.with_interface else ""
        return self._access.see(line, interface, traffic_of(read, read.sender, read.receiver), now)

    def _of_denial(self, denial: Denial, now: float) -> Iterable[str]:
        line = LoggedLine(denial.name, permit=False, with_interface=False)
        return self._access.see(line, "", denial.traffic, now)

    @staticmethod
    def _say(lines: Iterable[str]) -> None:
        for line in lines:
            _log.info("%s", printable(line))


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"interface {index}"
