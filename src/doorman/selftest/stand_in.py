"""A host that is not there: the kernel receives what it sends and believes it is in reach; nobody else hears of it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.namespaces import run
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.datagrams import datagram
from doorman.net.packet import UDP
from doorman.selftest.inlet import Inlet
from doorman.selftest.outlet import Outlet

_NOBODY = "01:80:c2:00:00:0e"
"""An address that no bridge forwards a frame to (IEEE 802.1Q, table 8-1), and whose frames no host forwards."""
_OURS = "190"
"""The protocol of our routes (rtnetlink(7)), by which one that was left by a test that was killed is known."""
_ETHERNET = 1


class Datagram(NamedTuple):
    """A UDP datagram as it came: from whom, to whom, and what it carries."""

    sender: Endpoint
    receiver: Endpoint
    data: bytes


class StandIn:
    """A host behind an interface; see `standing_in`."""

    def __init__(self, address: Address, inlet: Inlet, outlet: Outlet) -> None:
        self.address = address
        self._inlet = inlet
        self._outlet = outlet

    def send(self, port: int, receiver: Endpoint, data: bytes) -> None:
        """Send a datagram.

        Raises:
            OSError: the interface is gone.
        """
        self._inlet.write(datagram(Endpoint(self.address, port), receiver, data))

    def receive(self, port: int, wanted: Callable[[bytes], bool], seconds: float) -> Datagram | None:
        """The next datagram for a port that is wanted; None if there is none within so many seconds."""
        until = time.monotonic() + seconds
        while (packet := self._outlet.read(until - time.monotonic())) is not None:
            if packet.protocol == UDP and packet.destination_port == port and wanted(packet.payload):
                return Datagram(packet.sender, packet.receiver, packet.payload)
        return None


@contextmanager
def standing_in(name: str, address: Address, interface: str) -> Iterator[StandIn]:
    """Have a host stand behind an interface; when the block ends it is gone.

    A route leads to it through the interface, and its link-layer address is one that nobody has. After a test that was
    killed the route is left; the next test removes it.

    Args:
        name: of the device that is made.
        address: of the host; nobody may have it.
        interface: behind which it stands.

    Raises:
        CannotTest: the device cannot be made.
        LabError: `ip` refuses.
        OSError: there is no such interface, or this user may not.
    """
    host = address_text(address)
    route = (f"{host}/32", "dev", interface, "proto", _OURS)
    with Outlet(interface, address) as outlet, Inlet(name, interface) as inlet:
        _remove("route", *route)
        try:
            run("ip", "route", "add", *route)
            if _has_neighbours(interface):
                run("ip", "neigh", "replace", host, "lladdr", _NOBODY, "nud", "reachable", "dev", interface)
            yield StandIn(address, inlet, outlet)
        finally:
            _remove("neigh", host, "dev", interface)
            _remove("route", *route)


def _remove(*words: str) -> None:
    """Remove a route or a neighbour if it is there."""
    with suppress(LabError):
        run("ip", words[0], "delete", *words[1:])


def _has_neighbours(interface: str) -> bool:
    """Whether frames are sent to somebody on it, as on Ethernet; not so on a line between two, such as PPP."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0) as link:
        link.bind((interface, 0))
        return bool(link.getsockname()[3] == _ETHERNET)
