"""An inside address that nobody has, for the phone of the test.

Whether somebody has one is asked by ARP, as a host asks before it takes an address (RFC 5227, section 2.1.1). An ARP
packet on Ethernet, in network order (RFC 826):

    hardware 1:u16  protocol 0x0800:u16  lengths 6, 4:u8 u8  operation:u16  sender: MAC, IP  target: MAC, IP
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator

from doorman.config.model import Config
from doorman.net.addresses import Address, Prefix

_ARP = 0x0806
_ETHERNET = 1
_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_REQUEST = 1
_BROADCAST = b"\xff" * 6
_NOBODY = bytes(4)
_MOST = 16
"""Candidates that are asked for."""
_PATIENCE = 0.3
"""Seconds to wait for hosts that have one of them."""


def vacant(config: Config, interface: str, network: Prefix, own: Iterable[Address]) -> Address | None:
    """The last address of a network that nobody has, if there is one, and that a rule translates, if there is one.

    Args:
        config: of the gateway.
        interface: behind which the network is.
        network: its prefix.
        own: the gateway's addresses in it.

    Raises:
        OSError: the interface is not there, or this user may not ask.
    """
    known = {
        *own,
        *(host.local for host in config.statics.hosts),
        *(port.local.address for port in config.statics.ports),
    }
    hosts = [address for address in _last(network) if address not in known]
    candidates = [host for host in hosts if _translates(config, host)] or hosts
    taken = answering(interface, candidates[:_MOST])
    return next((host for host in candidates[:_MOST] if host not in taken), None)


def answering(interface: str, addresses: Iterable[Address]) -> set[Address]:
    """Those of some addresses that a host on an interface has; none on one that knows no ARP.

    Raises:
        OSError: the interface is not there, or this user may not ask.
    """
    asked = set(addresses)
    found: set[Address] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0) as link:
        link.bind((interface, _ARP))
        _, _, _, hardware, mac = link.getsockname()
        if hardware != _ETHERNET:
            return set()
        for address in asked:
            probe = _PACKET.pack(_ETHERNET, 0x0800, 6, 4, _REQUEST, mac, _NOBODY, bytes(6), address)
            link.sendto(probe, (interface, _ARP, 0, 0, _BROADCAST))
        until = time.monotonic() + _PATIENCE
        while (left := until - time.monotonic()) > 0 and found != asked:
            link.settimeout(left)
            try:
                data = link.recv(_PACKET.size)
            except TimeoutError:
                break
            if len(data) == _PACKET.size:
                found |= asked & {Address(_PACKET.unpack(data)[6])}
    return found


def _last(network: Prefix) -> Iterator[Address]:
    """The addresses of hosts in a network, from the last one on, as many as may be looked at; none in a tiny one."""
    first = int.from_bytes(network.network, "big")
    size = 1 << (32 - network.length)
    for number in range(first + size - 2, max(first, first + size - 2 - 4096), -1):
        yield Address(number.to_bytes(4, "big"))


def _translates(config: Config, address: Address) -> bool:
    known = config.lists
    lists = (known.get(source.access_list) for source in config.dynamic_sources)
    return any(entries is not None and entries.permits(address) for entries in lists)
