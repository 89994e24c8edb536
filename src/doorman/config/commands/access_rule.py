"""A line of an access list behind its `permit` or `deny`: how it is written, and what it means."""

from typing import Any

from doorman.config.access_lists import (
    ALL_ONES,
    ANY,
    AccessEntry,
    ExtendedEntry,
    HostGroup,
    Hosts,
    Ports,
    ServiceGroup,
    ServiceMatch,
)
from doorman.config.command import Refused
from doorman.config.protocol_names import PROTOCOLS
from doorman.net.addresses import UNSPECIFIED_V4, Address

ACTION = "ACTION:permit|deny"
STANDARD = f"{ACTION} {{any | host ADDRESS:ipv4 | ADDRESS:ipv4 [WILDCARD:ipv4]}} [LOG:log]"
"""A line of a standard list."""

OTHERS = "|".join(sorted(PROTOCOLS.keys() - {"icmp", "tcp", "udp"}))
"""The protocols of which a line says no more."""
MESSAGE = "[MESSAGE:icmp-message | TYPE:0-255 [CODE:0-255]]"
_LOG = "[LOG:log|log-input]"


def ports(end: str, transport: str) -> str:
    """Comparisons with ports of the source or destination."""
    several = (f"{word} {end}-{word.upper()}:{transport}-ports" for word in ("eq", "neq"))
    single = (f"{word} {end}-{word.upper()}:{transport}-port" for word in ("gt", "lt"))
    return " | ".join((*several, *single, f"range {end}-FIRST:{transport}-port {end}-LAST:{transport}-port"))


def _hosts(end: str) -> str:
    return f"{{any | host {end}:ipv4 | {end}:ipv4 {end}-WILDCARD:ipv4 | object-group {end}-GROUP:word}}"


def _with_ports(transport: str) -> str:
    ends = " ".join(f"{_hosts(end)} [{ports(end, transport)}]" for end in ("SOURCE", "DESTINATION"))
    return f"{ACTION} PROTOCOL:{transport} {ends}"


_ENDS = f"{_hosts('SOURCE')} {_hosts('DESTINATION')}"

EXTENDED = (
    f"{ACTION} {{PROTOCOL:{OTHERS} | PROTOCOL:0-255}} {_ENDS} {_LOG}",
    f"{_with_ports('tcp')} [ESTABLISHED:established] {_LOG}",
    f"{_with_ports('udp')} {_LOG}",
    f"{ACTION} PROTOCOL:icmp {_ENDS} {MESSAGE} {_LOG}",
    f"{ACTION} object-group SERVICE:word {_ENDS} {_LOG}",
)
"""The lines of an extended list."""

HELP = {
    "permit": "Specify packets to forward",
    "deny": "Specify packets to reject",
    "any": "Any host",
    "host": "A single host address",
    "ADDRESS": "Address to match",
    "WILDCARD": "Wildcard bits",
    "log": "Log matches against this entry",
    "log-input": "Log matches against this entry, including input interface",
    "PROTOCOL": "An IP protocol number",
    "ahp": "Authentication Header Protocol",
    "eigrp": "Cisco's EIGRP routing protocol",
    "esp": "Encapsulation Security Payload",
    "gre": "Cisco's GRE tunneling",
    "icmp": "Internet Control Message Protocol",
    "igmp": "Internet Gateway Message Protocol",
    "ip": "Any Internet Protocol",
    "ipinip": "IP in IP tunneling",
    "nos": "KA9Q NOS compatible IP over IP tunneling",
    "ospf": "OSPF routing protocol",
    "pcp": "Payload Compression Protocol",
    "pim": "Protocol Independent Multicast",
    "sctp": "Stream Control Transmission Protocol",
    "tcp": "Transmission Control Protocol",
    "udp": "User Datagram Protocol",
    "eq": "Match only packets on a given port number",
    "neq": "Match only packets not on a given port number",
    "gt": "Match only packets with a greater port number",
    "lt": "Match only packets with a lower port number",
    "range": "Match only packets in the range of port numbers",
    "established": "Match established connections",
    "MESSAGE": "ICMP message by name",
    "object-group": "Object group",
    "SERVICE": "Service object group name",
    "TYPE": "ICMP message type",
    "CODE": "ICMP message code",
} | {
    f"{end}{suffix}": text
    for end, role in (("SOURCE", "Source"), ("DESTINATION", "Destination"))
    for suffix, text in {
        "": f"{role} address",
        "-WILDCARD": f"{role} wildcard bits",
        "-GROUP": f"{role} object group name",
        "-EQ": "Port number, up to ten of them",
        "-NEQ": "Port number, up to ten of them",
        "-GT": "Port number",
        "-LT": "Port number",
        "-FIRST": "First port number",
        "-LAST": "Last port number",
    }.items()
}


_NUMBERS = {name: (number,) for name, number in PROTOCOLS.items()} | {"tcp-udp": (PROTOCOLS["tcp"], PROTOCOLS["udp"])}


def standard_entry(
    *, action: str, address: Address | None = None, wildcard: Address | None = None, log: str = ""
) -> AccessEntry:
    """The line of a standard list as a value: the address without the bits that do not count, as IOS keeps it."""
    hosts = _matching(address, wildcard)
    return AccessEntry(action == "permit", hosts.address, hosts.wildcard, "log" if log else "")


def extended_entry(*, action: str, **typed: Any) -> ExtendedEntry:  # noqa: ANN401 - as typed
    """The line of an extended list as a value.

    Raises:
        Refused: a range of ports that ends before it begins.
    """
    return ExtendedEntry(
        permit=action == "permit",
        service=ServiceGroup(typed["service"]) if "service" in typed else service(**typed),
        source=_end("source", typed),
        destination=_end("destination", typed),
        established="established" in typed,
        log=typed.get("log", ""),
    )


def service(*, protocol: str | int, **typed: Any) -> ServiceMatch:  # noqa: ANN401 - as typed
    """What a packet carries, as a value.

    Raises:
        Refused: see `extended_entry`.
    """
    message = (typed["type"], typed.get("code")) if "type" in typed else typed.get("message")
    numbers = (protocol,) if isinstance(protocol, int) else _NUMBERS[protocol]
    return ServiceMatch(numbers, _chosen_ports("source", typed), _chosen_ports("destination", typed), message)


def _end(end: str, typed: dict[str, Any]) -> Hosts | HostGroup:
    if f"{end}_group" in typed:
        return HostGroup(typed[f"{end}_group"])
    return _matching(typed.get(end), typed.get(f"{end}_wildcard"))


def _matching(address: Address | None, wildcard: Address | None) -> Hosts:
    if address is None or wildcard == ALL_ONES:
        return ANY
    free = wildcard or UNSPECIFIED_V4
    return Hosts(Address(bytes(byte & ~mask for byte, mask in zip(address, free, strict=True))), free)


def _chosen_ports(end: str, typed: dict[str, Any]) -> Ports | None:
    if f"{end}_first" in typed:
        first, last = typed[f"{end}_first"], typed[f"{end}_last"]
        if first > last:
            raise Refused("% Bad port range, it ends before it begins", f"{end}_last")
        return Ports("range", (first, last))
    for several in ("eq", "neq"):
        if f"{end}_{several}" in typed:
            return Ports("eq" if several == "eq" else "neq", typed[f"{end}_{several}"])
    for single in ("gt", "lt"):
        if f"{end}_{single}" in typed:
            return Ports("gt" if single == "gt" else "lt", (typed[f"{end}_{single}"],))
    return None
