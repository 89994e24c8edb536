"""Applications by name, as `match protocol` knows them, and the ports they are found at (port-to-application mapping).

Each has its ports by default and those that `ip port-map` adds; ALGs are found where they listen, and listen where
`ip port-map` says. A name that begins with `user-` is the operator's own application.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from doorman.config.access_lists import Ports, ServiceMatch
from doorman.config.protocol_names import PROTOCOLS

Transport = Literal["tcp", "udp"]
OWN = "user-"
"""What names of an operator's own applications begin with."""
_NUMBER: Mapping[Transport, int] = {"tcp": PROTOCOLS["tcp"], "udp": PROTOCOLS["udp"]}


class PortMap(NamedTuple):
    """`ip port-map PROTOCOL port [tcp|udp] PORT [list ACL]`: an application is found at this port as well.

    Attributes:
        protocol: the name of the application.
        transport: None for those that the application has by default, or both.
        port: the port.
        access_list: the servers for which this holds; None for all.
    """

    protocol: str
    transport: Transport | None
    port: int
    access_list: str | None = None

    @property
    def transports(self) -> tuple[Transport, ...]:
        """The transports that are meant."""
        if self.transport is not None:
            return (self.transport,)
        known = PORTS.get(self.protocol, {})
        return tuple(transport for transport in ("tcp", "udp") if known.get(transport)) or ("tcp", "udp")


WHOLE: Mapping[str, ServiceMatch] = {name: ServiceMatch((PROTOCOLS[name],)) for name in ("icmp", "tcp", "udp")}
"""Names that stand for all of a protocol."""


def _both(*ports: int) -> Mapping[Transport, tuple[int, ...]]:
    return {"tcp": ports, "udp": ports}


def _tcp(*ports: int) -> Mapping[Transport, tuple[int, ...]]:
    return {"tcp": ports}


def _udp(*ports: int) -> Mapping[Transport, tuple[int, ...]]:
    return {"udp": ports}


PORTS: Mapping[str, Mapping[Transport, tuple[int, ...]]] = {
    "802-11-iapp": _both(3517), "aol": _tcp(5190), "appleqtc": _both(458), "bgp": _both(179), "biff": _udp(512),
    "bootpc": _udp(68), "bootps": _udp(67), "cddbp": _tcp(888), "cifs": _tcp(139, 445), "cisco-fna": _both(130),
    "cisco-net-mgmt": _both(1741), "cisco-svcs": _both(1986), "cisco-sys": _both(132), "cisco-tdp": _both(711),
    "cisco-tna": _both(131), "citrix": {"tcp": (1494,), "udp": (1604,)}, "citriximaclient": _both(2598),
    "clp": _both(2567), "creativepartnr": _both(455), "creativeserver": _both(453), "cuseeme": {"tcp": (7648,),
    "udp": (7648,)}, "daytime": _both(13), "dbase": _both(217), "dbcontrol_agent": _both(3938), "ddns-v3": _both(2164),
    "dhcp-failover": _both(647), "discard": _both(9), "dns": _both(53), "dnsix": _both(90), "echo": _both(7),
    "entrust-svc-handler": _both(3891), "entrust-svcs": _both(309), "exec": _tcp(512), "fcip-port": _both(3225),
    "finger": _tcp(79), "ftp": _tcp(21), "ftps": _both(990), "gdoi": _both(848), "giop": _tcp(535), "gopher": _both(70),
    "gtpv0": _udp(3386), "gtpv1": _udp(2123), "h225ras": _udp(1719), "h323": _tcp(1720), "h323callsigalt": _both(11720),
    "hp-alarm-mgr": _both(383), "hp-collector": _both(381), "hp-managed-node": _both(382), "hsrp": _both(1985),
    "http": _tcp(80), "https": _tcp(443), "ica": _both(1494), "icabrowser": _both(1604), "ident": _tcp(113),
    "igmpv3lite": _both(465), "imap": _tcp(143), "imap3": _both(220), "imaps": _tcp(993), "ipass": _both(2549),
    "ipsec-msft": _udp(4500), "ipx": _both(213), "irc": _tcp(194), "irc-serv": _both(529), "ircs": _both(994),
    "ircu": _tcp(6665, 6666, 6667, 6668, 6669), "isakmp": _udp(500), "iscsi": _both(860), "iscsi-target": _tcp(3260),
    "kerberos": _both(88), "kermit": _both(1649), "l2tp": _udp(1701), "ldap": _tcp(389), "ldap-admin": _both(3407),
    "ldaps": _both(636), "login": _tcp(513), "lotusmtap": _both(3007), "lotusnote": _both(1352),
    "mgcp": _udp(2427, 2727), "microsoft-ds": _tcp(445), "ms-cluster-net": _both(3343), "ms-dotnetster": _both(3126),
    "ms-sna": _both(1477), "ms-sql": _tcp(1433), "ms-sql-m": _both(1434), "msexch-routing": _both(691),
    "msnmsgr": _tcp(1863), "msrpc": _tcp(135), "mysql": _tcp(3306), "ncp": _both(524), "net8-cman": _both(1830),
    "netbios-dgm": _udp(138), "netbios-ns": _udp(137), "netbios-ssn": _tcp(139), "netshow": _tcp(1755),
    "netstat": _tcp(15), "nfs": _both(2049), "nntp": _tcp(119), "ntp": _udp(123), "oem-agent": _both(3872),
    "oracle": _tcp(1521), "oracle-em-vp": _both(2809), "oraclenames": _both(1575), "orasrv": _both(1525),
    "pcanywheredata": _tcp(5631), "pcanywherestat": _udp(5632), "pop3": _tcp(110), "pop3s": _tcp(995),
    "pptp": _tcp(1723), "pwdgen": _both(129), "qmtp": _both(209), "r-winsock": _tcp(1745), "radius": _udp(1812, 1813),
    "rcmd": _tcp(512, 514), "rdb-dbs-disp": _both(1571), "realmedia": _tcp(7070), "realsecure": _both(2998),
    "rlp": _both(39), "router": _udp(520), "rsvd": _both(168), "rsvp-encap": _both(1698), "rsvp_tunnel": _both(363),
    "rtc-pm-port": _both(3891), "rtelnet": _both(107), "rtsp": _tcp(554), "send": _both(169), "shell": _tcp(514),
    "sip": _both(5060), "sip-tls": _tcp(5061), "skinny": _tcp(2000), "sms": _both(2701), "smtp": _tcp(25),
    "snmp": _udp(161), "snmptrap": _udp(162), "socks": _tcp(1080), "sql-net": _tcp(1521), "sqlserv": _both(118),
    "sqlsrv": _both(156), "ssh": _tcp(22), "sshell": _both(614), "ssp": _both(3249), "streamworks": _udp(1558),
    "stun": _both(3478), "sunrpc": _both(111), "syslog": _udp(514), "syslog-conn": _tcp(601), "tacacs": _both(49),
    "tacacs-ds": _both(65), "tarantella": _both(3144), "telnet": _tcp(23), "telnets": _tcp(992), "tftp": _udp(69),
    "time": _both(37), "timed": _both(525), "tr-rsrb": _both(1996), "ttc": _both(2483), "uucp": _both(540),
    "vdolive": _tcp(7000), "vqp": _both(1589), "webster": _both(765), "who": _udp(513), "wins": _both(1512),
    "x11": _tcp(6000, 6001, 6002, 6003), "xdmcp": _udp(177), "ymsgr": _tcp(5050),
}  # fmt: skip
"""The ports of each application by default."""

NAMES = tuple(sorted({*PORTS, *WHOLE}))


def is_application(name: str) -> bool:
    """Whether `match protocol` may name this."""
    return name in PORTS or name in WHOLE or name.startswith(OWN)


def services_of(
    name: str, port_maps: Iterable[PortMap], served: Mapping[Transport, frozenset[int]]
) -> dict[str | None, tuple[ServiceMatch, ...]]:
    """What packets of an application carry, for all servers (None) and, by access list, for those that it permits.

    Args:
        name: the application, or a transport.
        port_maps: those of the configuration.
        served: the ports at which the ALG of that name listens, instead of those in the table.
    """
    if name in WHOLE:
        return {None: (WHOLE[name],)}
    found: dict[str | None, dict[Transport, set[int]]] = {None: {}}
    for transport, ports in {**PORTS.get(name, {}), **served}.items():
        found[None][transport] = set(ports)
    for mapped in port_maps:
        if mapped.protocol == name:
            for transport in mapped.transports:
                found.setdefault(mapped.access_list, {}).setdefault(transport, set()).add(mapped.port)
    return {listed: tuple(_matches(ports)) for listed, ports in found.items()}


def _matches(ports: Mapping[Transport, set[int]]) -> Iterable[ServiceMatch]:
    return [
        ServiceMatch((_NUMBER[transport],), destination_ports=Ports("eq", tuple(sorted(ports[transport]))))
        for transport in sorted(ports)
        if ports[transport]
    ]
