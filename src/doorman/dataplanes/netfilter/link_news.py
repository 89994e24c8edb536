"""News of the machine's interfaces: that one came, went or is another (rtnetlink(7))."""

import socket

from doorman.dataplanes.netfilter.netlink import Listener

_NETLINK_ROUTE = 0
_LINKS = 0x1
"""The group RTMGRP_LINK."""


def hear_of_links() -> Listener:
    """A socket that hears of the interfaces of this network namespace.

    Raises:
        OSError: no such socket can be had.
    """
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_ROUTE)
    try:
        link.bind((0, _LINKS))
    except BaseException:
        link.close()
        raise
    return Listener(link)
