"""The machine's interfaces: which side of the NAT each is on, and the addresses it really has.

The kernel's word counts: an `ip address` line that disagrees is told of, or is given to the interface on request.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from doorman.config.model import Config, Interface
from doorman.dataplanes.netfilter.messages import attribute
from doorman.dataplanes.netfilter.rtnetlink import change, interface_addresses
from doorman.engine.results import Side
from doorman.net.addresses import Address, address_text
from doorman.net.packet import TCP, UDP

_NEW_ADDRESS, _DELETE_ADDRESS = 20, 21
_IFADDRMSG = struct.Struct("=BBBBI")
_ADDRESS, _LOCAL = 1, 2
_LISTENING, _UNCONNECTED = 10, 7
"""States of sockets in /proc/net: TCP_LISTEN, and TCP_CLOSE, which UDP's have that talk to nobody in particular."""
_SIDES = {"inside": Side.INSIDE, "outside": Side.OUTSIDE}

Addresses = dict[str, tuple[tuple[Address, int], ...]]
"""The addresses of each interface, with the lengths of their networks; the first counts."""


class Given(NamedTuple):
    """An address that an interface was given, with the length of its network."""

    name: str
    address: Address
    length: int

    def __str__(self) -> str:
        return f"interface {self.name} was given {address_text(self.address)}/{self.length}"


def sides(config: Config) -> dict[int, Side]:
    """The side of each interface that exists, by its index."""
    present = {name: index for index, name in socket.if_nameindex()}
    return {
        present[interface.name]: _SIDES[interface.nat]
        for interface in config.interfaces.values()
        if interface.nat is not None and not interface.shutdown and interface.name in present
    }


def with_addresses(config: Config, known: Addresses) -> tuple[Config, list[str]]:
    """The configuration with the addresses that its interfaces have, and where it said otherwise."""
    told: list[str] = []
    interfaces = {name: _as_it_is(interface, known, told) for name, interface in config.interfaces.items()}
    return replace(config, interfaces=interfaces), told


def services() -> frozenset[tuple[int, int]]:
    """The protocols and ports on which programs of this machine, in this network namespace, wait for others."""
    found = set()
    for protocol, table, state in ((TCP, "tcp", _LISTENING), (UDP, "udp", _UNCONNECTED)):
        for line in Path(f"/proc/thread-self/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, status, *_ = line.split()
            if int(status, 16) == state:
                found.add((protocol, int(local.rpartition(":")[2], 16)))
    return frozenset(found)


def apply_addresses(config: Config) -> Iterator[Given]:
    """Give interfaces the addresses that the configuration says, beside those they have; each when it is there.

    Raises:
        OSError: the kernel refused.
    """
    known = interface_addresses()
    for name, interface in config.interfaces.items():
        for wanted in interface.addresses if name in known else ():
            if wanted not in known[name]:
                given = Given(name, *wanted)
                _change(_NEW_ADDRESS, given)
                yield given


def take_back(given: Given) -> None:
    """Take an address from its interface again, if it still has it."""
    with contextlib.suppress(OSError):
        _change(_DELETE_ADDRESS, given)


def _as_it_is(interface: Interface, known: Addresses, told: list[str]) -> Interface:
    has = known.get(interface.name)
    if has is None:
        if interface.nat is not None and not interface.shutdown:
            told.append(f"interface {interface.name} does not exist")
        return interface
    for secondary, bits in interface.secondary:
        if (secondary, bits) not in has:
            told.append(f"interface {interface.name}: it has no address {address_text(secondary)}/{bits}")
    said = interface.address
    length = next((length for address, length in has if address == said), None)
    if length is None and has:
        address, length = has[0]
        if said is not None:
            texts = address_text(said), address_text(address), length
            told.append("interface {}: `ip address {}` is not what it has, {}/{}".format(interface.name, *texts))
        return replace(interface, address=address, prefix_length=length)
    if length is not None and length != interface.prefix_length:
        told.append(f"interface {interface.name}: its network has the length {length}, not {interface.prefix_length}")
        return replace(interface, prefix_length=length)
    if not has and interface.nat is not None and not interface.shutdown:
        told.append(f"interface {interface.name} has no address")
    return interface


def _change(kind: int, given: Given) -> None:
    body = _IFADDRMSG.pack(socket.AF_INET, given.length, 0, 0, socket.if_nametoindex(given.name))
    change(kind, body + attribute(_LOCAL, given.address) + attribute(_ADDRESS, given.address))
