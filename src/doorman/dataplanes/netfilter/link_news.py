"""News of the machine's interfaces: that one came, went or is another (rtnetlink(7))."""

import socket

from doorman.dataplanes.netfilter.netlink import Listener

_NETLINK_ROUTE = 0
_LINKS = 0x1
"""The group RTMGRP_LINK."""
_AT_ONCE = 1024


class LinkNews(Listener):
    """A socket that hears of the interfaces of this network namespace.

    Raises:
        OSError: no such socket can be had.
    """

    def __init__(self) -> None:
        super().__init__(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_ROUTE))
        try:
            self._socket.bind((0, _LINKS))
        except BaseException:
            self.close()
            raise

    def came(self) -> bool:
        """Whether there is any since the last call; what is to be looked at. Never blocks."""
        return bool(list(self.hear(_AT_ONCE)))  # where some is lost, there is other
