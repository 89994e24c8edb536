"""A playbook for FTP between families: the host inside has IPv6 alone, the one outside IPv4. See `Dialogue`.

ftp = Ftp64()                                           the client is inside
ftp.says("EPRT |2|2001:db8:1::10|40003|")               -> "PORT 203,0,113,1,156,67"
Ftp64(server_inside=True).says("PASV")                  -> "EPSV"
"""

import random

from doorman.config.reader import read_config
from doorman.engine.realms import engines
from doorman.net.addresses import address_of, address_text
from kit.ftp import Ftp

HOST, NAME = "2001:db8:1::10", "203.0.113.100"
"""The host inside, and the name that it has for itself as a server."""
V6V4 = """
interface in0
 nat64 enable
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
nat64 prefix stateful 2001:db8:64::/96
nat64 v6v4 list HOSTS interface out0 overload
ipv6 access-list HOSTS
 permit ipv6 2001:db8:1::/64 any
"""
V6V4_STATIC = f"{V6V4}nat64 v6v4 static {HOST} {NAME}\n"


class Ftp64(Ftp):
    """A gateway with a control connection between families.

    Attributes:
        stand_in: by which it knows the host.
    """

    def __init__(self, config: str = V6V4, *, host: str = HOST, server: str = "", server_inside: bool = False) -> None:
        text = V6V4_STATIC if server_inside else config
        (engine,) = engines(read_config(text, "test.cfg"), random.Random(7).random).values()
        self.stand_in = address_text(engine.state.stand_ins.give(address_of(host), 1000.0))
        ends = ("", f"{NAME}:21") if server_inside else (f"{self.stand_in}:40000", server)
        super().__init__(text, server_inside=server_inside, engine=engine, client=ends[0], server=ends[1])
