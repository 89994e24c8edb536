"""The names that IOS has for protocols, ports and ICMP messages; in a running configuration they stand for numbers."""

from collections.abc import Mapping

ANY_PROTOCOL = 0
"""`ip`: whatever an IP packet carries."""

PROTOCOLS: Mapping[str, int] = {
    "ip": ANY_PROTOCOL, "ahp": 51, "eigrp": 88, "esp": 50, "gre": 47, "icmp": 1, "igmp": 2, "ipinip": 4, "nos": 94,
    "ospf": 89, "pcp": 108, "pim": 103, "sctp": 132, "tcp": 6, "udp": 17,
}  # fmt: skip

TCP_PORTS: Mapping[str, int] = {
    "bgp": 179, "chargen": 19, "cmd": 514, "daytime": 13, "discard": 9, "domain": 53, "drip": 3949, "echo": 7,
    "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20, "gopher": 70, "hostname": 101, "ident": 113, "irc": 194,
    "klogin": 543, "kshell": 544, "login": 513, "lpd": 515, "msrpc": 135, "nntp": 119, "onep-plain": 15001,
    "onep-tls": 15002, "pim-auto-rp": 496, "pop2": 109, "pop3": 110, "smtp": 25, "sunrpc": 111, "syslog": 514,
    "tacacs": 49, "talk": 517, "telnet": 23, "time": 37, "uucp": 540, "whois": 43, "www": 80,
}  # fmt: skip

UDP_PORTS: Mapping[str, int] = {
    "biff": 512, "bootpc": 68, "bootps": 67, "discard": 9, "dnsix": 195, "domain": 53, "echo": 7, "isakmp": 500,
    "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ss": 139,
    "non500-isakmp": 4500, "ntp": 123, "pim-auto-rp": 496, "rip": 520, "ripv6": 521, "snmp": 161, "snmptrap": 162,
    "sunrpc": 111, "syslog": 514, "tacacs": 49, "talk": 517, "tftp": 69, "time": 37, "who": 513, "xdmcp": 177,
}  # fmt: skip

ICMP_MESSAGES: Mapping[str, tuple[int, int | None]] = {
    "administratively-prohibited": (3, 13), "alternate-address": (6, None), "conversion-error": (31, None),
    "dod-host-prohibited": (3, 10), "dod-net-prohibited": (3, 9), "echo": (8, None), "echo-reply": (0, None),
    "general-parameter-problem": (12, 0), "host-isolated": (3, 8), "host-precedence-unreachable": (3, 14),
    "host-redirect": (5, 1), "host-tos-redirect": (5, 3), "host-tos-unreachable": (3, 12), "host-unknown": (3, 7),
    "host-unreachable": (3, 1), "information-reply": (16, None), "information-request": (15, None),
    "mask-reply": (18, None), "mask-request": (17, None), "mobile-redirect": (32, None), "net-redirect": (5, 0),
    "net-tos-redirect": (5, 2), "net-tos-unreachable": (3, 11), "net-unreachable": (3, 0), "network-unknown": (3, 6),
    "no-room-for-option": (12, 2), "option-missing": (12, 1), "packet-too-big": (3, 4), "parameter-problem": (12, None),
    "port-unreachable": (3, 3), "precedence-unreachable": (3, 15), "protocol-unreachable": (3, 2),
    "reassembly-timeout": (11, 1), "redirect": (5, None), "router-advertisement": (9, None),
    "router-solicitation": (10, None), "source-quench": (4, None), "source-route-failed": (3, 5),
    "time-exceeded": (11, None), "timestamp-reply": (14, None), "timestamp-request": (13, None),
    "traceroute": (30, None), "ttl-exceeded": (11, 0), "unreachable": (3, None),
}  # fmt: skip
"""Type and code of each (RFC 792, 950, 1122, 1812); no code: all codes of the type."""

_NAME_OF_PROTOCOL = {number: name for name, number in PROTOCOLS.items()}
# Of two names for a port (cmd and syslog) the first is written, as IOS does.
_NAME_OF_PORT: Mapping[int, Mapping[int, str]] = {
    protocol: {number: name for name, number in sorted(names.items(), reverse=True)}
    for protocol, names in ((PROTOCOLS["tcp"], TCP_PORTS), (PROTOCOLS["udp"], UDP_PORTS))
}
_NAME_OF_MESSAGE = {message: name for name, message in ICMP_MESSAGES.items()}


def protocol_text(number: int) -> str:
    """The name of an IP protocol, or its number."""
    return _NAME_OF_PROTOCOL.get(number, str(number))


def port_text(protocol: int, port: int) -> str:
    """The name of a TCP or UDP port, or its number."""
    return _NAME_OF_PORT.get(protocol, {}).get(port, str(port))


def message_text(message: tuple[int, int | None]) -> str:
    """The name of an ICMP message, or its type and code."""
    kind, code = message
    return _NAME_OF_MESSAGE.get(message) or f"{kind}{'' if code is None else f' {code}'}"
