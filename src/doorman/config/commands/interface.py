"""`interface NAME` and what is said about an interface: its address, its side of the NAT, whether it is in use."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.model import Config, Interface, NatSide
from doorman.config.validity import host_bits, prefix_length, require_host
from doorman.net.addresses import Address, address_text

_POINT_TO_POINT = 31
"""From this prefix length on, every address of the network is a host's (RFC 3021)."""


def _enter(config: Config, *, name: str) -> str:
    """Describe an interface, made here if it is new; the lines that follow are about it."""
    config.interfaces.setdefault(name, Interface(name))
    return name


def _remove(config: Config, *, name: str) -> None:
    """Forget all that was said about the interface."""
    if config.interfaces.pop(name, None) is None:
        raise Refused(f"% Interface {name} does not exist", "name")


def _address(config: Config, interface: str, *, address: Address, mask: Address) -> None:
    """Set the address and the network of the interface."""
    changed = config.interfaces[interface]
    length = _length(config, interface, address, mask, changed.address)
    config.interfaces[interface] = replace(changed, address=address, prefix_length=length, dhcp=False)


def _no_address(config: Config, interface: str) -> None:
    """Take the address away; secondary ones must be gone before."""
    changed = config.interfaces[interface]
    if changed.secondary:
        raise Refused("% Must delete secondary before deleting primary")
    config.interfaces[interface] = replace(changed, address=None, prefix_length=32, dhcp=False)


def _secondary(
    config: Config, interface: str, *, address: Address, mask: Address, secondary: Literal["secondary"]
) -> None:
    """Add a further address; its network is on the same side of the NAT."""
    del secondary
    changed = config.interfaces[interface]
    length = _length(config, interface, address, mask, None if address == changed.address else address)
    others = tuple(one for one in changed.secondary if one[0] != address)
    config.interfaces[interface] = replace(changed, secondary=(*others, (address, length)))


def _no_secondary(
    config: Config, interface: str, *, address: Address, mask: Address, secondary: Literal["secondary"]
) -> None:
    """Remove that address."""
    del secondary
    one = address, prefix_length(mask, "mask")
    changed = config.interfaces[interface]
    if one not in changed.secondary:
        raise Refused(f"% {address_text(address)} is no secondary address of {interface}", "address")
    config.interfaces[interface] = replace(
        changed, secondary=tuple(known for known in changed.secondary if known != one)
    )


def _dhcp(config: Config, interface: str) -> None:
    """Take the address that the machine's DHCP client gets: the live gateway asks the kernel, a replay cannot know."""
    config.interfaces[interface] = replace(config.interfaces[interface], address=None, prefix_length=32, dhcp=True)


def _no_dhcp(config: Config, interface: str) -> None:
    """Have no address."""
    config.interfaces[interface] = replace(config.interfaces[interface], dhcp=False)


def _length(config: Config, interface: str, address: Address, mask: Address, replaced: Address | None) -> int:
    """The length of the network of an address that an interface is to have, perhaps in the place of another."""
    length = prefix_length(mask, "mask")
    require_host(address, "address")
    host = host_bits(address, length)
    if not length or (length < _POINT_TO_POINT and host in {0, (1 << (32 - length)) - 1}):
        raise Refused(f"% Bad mask /{length} for address {address_text(address)}", "mask")
    for other, known in overlapping(config, config.interfaces[interface].vrf, address, length):
        if not (other.name == interface and known == replaced):
            raise Refused(f"% {address_text(address)} overlaps with {other.name}", "address")
    return length


def overlapping(config: Config, vrf: str | None, address: Address, length: int) -> Iterator[tuple[Interface, Address]]:
    """The addresses of interfaces in a VRF whose networks overlap with that of an address."""
    number = int.from_bytes(address, "big")
    for other in config.interfaces.values():
        for known, known_length in other.addresses if other.vrf == vrf else ():
            shorter = 32 - min(length, known_length)
            if number >> shorter == int.from_bytes(known, "big") >> shorter:
                yield other, known


def _nat(config: Config, interface: str, *, side: NatSide) -> None:
    """Put the interface on the inside or on the outside of the NAT; it cannot be on both."""
    other = config.interfaces[interface].nat
    if other not in {None, side}:
        raise Refused(f"% {interface} is on the {other} already: NAT on a stick is not supported", "side")
    config.interfaces[interface] = replace(config.interfaces[interface], nat=side)


def _no_nat(config: Config, interface: str, *, side: NatSide) -> None:
    """Take the interface off that side of the NAT."""
    if config.interfaces[interface].nat == side:
        config.interfaces[interface] = replace(config.interfaces[interface], nat=None)


def _enable(config: Config, interface: str) -> None:  # noqa: ARG001 - it is refused whatever there is
    """Nothing: NAT on a stick, by the NAT virtual interface, is refused."""
    raise Refused(
        "% NAT on a stick (ip nat enable) is not supported: say `ip nat inside` of one interface, "
        "and `ip nat outside` of another"
    )


def _access_group(config: Config, interface: str, *, acl: str, direction: Literal["in", "out"]) -> None:
    """Drop what the access list denies of the packets that come in or go out here; one list for each direction."""
    changed = config.interfaces[interface]
    config.interfaces[interface] = (
        replace(changed, access_in=acl) if direction == "in" else replace(changed, access_out=acl)
    )


def _no_access_group(config: Config, interface: str, *, acl: str, direction: Literal["in", "out"]) -> None:
    """Let all packets pass here in this direction."""
    changed = config.interfaces[interface]
    if direction == "in" and changed.access_in == acl:
        config.interfaces[interface] = replace(changed, access_in=None)
    elif direction == "out" and changed.access_out == acl:
        config.interfaces[interface] = replace(changed, access_out=None)


def _description(config: Config, interface: str, *, text: str) -> None:
    """Say in words what the interface is for."""
    config.interfaces[interface] = replace(config.interfaces[interface], description=text)


def _no_description(config: Config, interface: str) -> None:
    """Remove the description."""
    config.interfaces[interface] = replace(config.interfaces[interface], description="")


def _shutdown(config: Config, interface: str) -> None:
    """Take the interface out of use: its network is neither inside nor outside."""
    config.interfaces[interface] = replace(config.interfaces[interface], shutdown=True)


def _no_shutdown(config: Config, interface: str) -> None:
    """Put the interface in use."""
    config.interfaces[interface] = replace(config.interfaces[interface], shutdown=False)


COMMANDS = (
    Command(
        "interface NAME:interface",
        {"interface": "Select an interface to configure", "NAME": "Name, such as eth0.100 or GigabitEthernet0/0/0"},
        _enter,
        _remove,
        enters="interface",
    ),
)

_IP = {"ip": "Interface Internet Protocol config commands"}

INTERFACE_COMMANDS = (
    Command(
        "description ~ TEXT:line",
        {"description": "Interface specific description", "TEXT": "Up to the end of the line"},
        _description,
        _no_description,
    ),
    Command(
        "ip address ~ ADDRESS:ipv4 MASK:ipv4",
        _IP | {"address": "Set the IP address of an interface", "ADDRESS": "IP address", "MASK": "IP subnet mask"},
        _address,
        _no_address,
    ),
    Command(
        "ip address ADDRESS:ipv4 MASK:ipv4 SECONDARY:secondary",
        _IP
        | {
            "address": "Set the IP address of an interface",
            "ADDRESS": "IP address",
            "MASK": "IP subnet mask",
            "secondary": "Make this IP address a secondary address",
        },
        _secondary,
        _no_secondary,
    ),
    Command(
        "ip address dhcp",
        _IP | {"address": "Set the IP address of an interface", "dhcp": "IP address negotiated by DHCP"},
        _dhcp,
        _no_dhcp,
    ),
    Command(
        "ip nat SIDE:inside|outside",
        _IP
        | {
            "nat": "NAT interface commands",
            "inside": "Inside interface for address translation",
            "outside": "Outside interface for address translation",
        },
        _nat,
        _no_nat,
    ),
    Command(
        "ip nat enable",
        _IP | {"nat": "NAT interface commands", "enable": "NAT on a stick: not supported"},
        _enable,
    ),
    Command(
        "ip access-group ACL:access-list DIRECTION:in|out",
        _IP
        | {
            "access-group": "Specify access control for packets",
            "ACL": "Access list number or name",
            "in": "inbound packets",
            "out": "outbound packets",
        },
        _access_group,
        _no_access_group,
    ),
    Command("shutdown", {"shutdown": "Shutdown the selected interface"}, _shutdown, _no_shutdown),
)
