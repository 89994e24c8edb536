"""The route to the proxy: packets with our mark are delivered here, whatever address they are for.

    ip rule add priority 5060 fwmark 0x800000/0x800000 lookup 5060
    ip route add local default dev lo table 5060

Gateways beside each other share both, so they stay when one ends; without the mark nothing heeds them.
"""

import errno
import socket
import struct

from doorman.dataplanes.netfilter.marks import TO_PROXY
from doorman.dataplanes.netfilter.messages import attribute
from doorman.dataplanes.netfilter.rtnetlink import change

TABLE = 5060
_NEW_ROUTE, _NEW_RULE = 24, 32
_RTMSG = struct.Struct("=BBBBBBBBI")
_NUMBER = struct.Struct("=I").pack
_TO_TABLE, _STATIC, _HOST_SCOPE, _LOCAL_ROUTE = 1, 4, 254, 2
_OUT_INTERFACE, _PRIORITY, _MARK, _TABLE, _MASK = 4, 6, 10, 15, 16


def make_route() -> None:
    """Make rule and route, where they are not there.

    Raises:
        OSError: the kernel refused.
    """
    rule = _RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, _TO_TABLE, 0)
    rule += attribute(_PRIORITY, _NUMBER(TABLE)) + attribute(_TABLE, _NUMBER(TABLE))
    rule += attribute(_MARK, _NUMBER(TO_PROXY)) + attribute(_MASK, _NUMBER(TO_PROXY))
    route = _RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, _STATIC, _HOST_SCOPE, _LOCAL_ROUTE, 0)
    route += attribute(_TABLE, _NUMBER(TABLE)) + attribute(_OUT_INTERFACE, _NUMBER(socket.if_nametoindex("lo")))
    for kind, body in ((_NEW_RULE, rule), (_NEW_ROUTE, route)):
        try:
            change(kind, body, new=True)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
