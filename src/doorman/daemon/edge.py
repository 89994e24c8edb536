"""The edge where packets of IPv6 hosts become IPv4: a TUN device between two roads of the kernel (see `nat.families`).

    IPv6 host > prefix:server   -> route of the prefix    -> device -> stand-in > server   -> NAT, as of any inside host
    server > stand-in           -> route of the stand-ins -> device -> prefix:server > IPv6 host

For the kernel the device is one more inside interface. All packets of IPv6 hosts go through here, media too.
"""

import logging
from collections import Counter
from collections.abc import Callable

from doorman.algs.api import Refused
from doorman.config.model import Config
from doorman.config.stand_ins import DEVICE, DEVICE_ADDRESS, NETWORK, is_at_work
from doorman.daemon.clock import seconds
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.offload import Offloaded
from doorman.dataplanes.netfilter.tun import MTU, Tun
from doorman.nat.families import Families
from doorman.net.addresses import Prefix

HEADERS_DIFFER = 20
"""Bytes by which an IPv6 header is longer: what is for an IPv6 host must be as much shorter."""
_OF_THE_LINK = b"\xff\x02"
"""How addresses begin to which the kernel itself speaks on each of its links (MLD, RFC 3810)."""
_AT_ONCE = 64
"""Packets that are read before others have their turn."""

_log = logging.getLogger("doorman")


class Edge:
    """The device, as long as a configuration has IPv6 hosts.

    Attributes:
        counts: packets of each way, `to-ipv4` and `to-ipv6`, and those dropped, by reason.
        opened: told of the device that is there from now on, by its descriptor.
        closed: told of the one that is about to go.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.opened: Callable[[int], object] = lambda _: None
        self.closed: Callable[[int], object] = lambda _: None
        self._tun: Tun | None = None
        self._prefix: Prefix | None = None
        self._families: Families | None = None
        self._traffic: Traffic | None = None

    def make_ready(self, config: Config) -> None:
        """Let the device be there, with the routes to it, if a configuration needs it; else let it go.

        Raises:
            OSError: the kernel refuses.
        """
        prefix = config.nat64.prefix if is_at_work(config) else None
        if prefix == self._prefix and self.is_there == (prefix is not None):
            return
        self.close()
        if prefix is None:
            return
        self._tun, self._prefix = _device(prefix), prefix
        self.opened(self.fileno())

    @property
    def is_there(self) -> bool:
        """Whether there is a device."""
        return self._tun is not None

    def fileno(self) -> int:
        """The device's descriptor; -1 if there is none."""
        return self._tun.fileno() if self._tun is not None else -1

    def serve(self, traffic: Traffic) -> None:
        """Translate from now on, for the hosts that an engine knows by their stand-ins."""
        self._traffic, self._families = traffic, Families(traffic.engine.state.stand_ins, MTU)

    def on_packets(self) -> None:
        """Take what waits at the device."""
        tun, families, traffic = self._tun, self._families, self._traffic
        if tun is None or families is None or traffic is None:
            return
        now = seconds()
        try:
            for _ in range(_AT_ONCE):
                data = tun.read()
                if not data:
                    return
                made = self._translated(data, families, now)
                if traffic.engine.state.stand_ins.touched:
                    traffic.save()  # before anybody hears of a host by a stand-in that a restart would not know
                if not all(map(tun.write, made)):
                    self.counts["not-written"] += 1
        except OSError as error:
            _log.warning("the device %s is gone: %s", DEVICE, error.strerror)
            self.close()

    def _translated(self, data: bytes, families: Families, now: float) -> list[bytes]:
        """What the device gets for what it gave: a packet as the other family knows it; none where it is dropped."""
        try:
            offloaded = Offloaded(data)
        except ValueError:
            self.counts["ip-header-damaged"] += 1
            return []
        packet = offloaded.packet
        if packet[0] >> 4 == 6 and packet[24:26] == _OF_THE_LINK:  # noqa: PLR2004 - the version
            return []
        way = "to-ipv4" if packet[0] >> 4 == 6 else "to-ipv6"  # noqa: PLR2004 - the version
        try:
            if way == "to-ipv4":
                made = [families.outward(packet, now)]
            else:
                made = families.to_host(packet, now, whole=offloaded.whole)
        except Refused as refused:
            self.counts[str(refused)] += 1
            return []
        self.counts[way] += 1
        return [offloaded.translated(one) for one in made]

    def close(self) -> None:
        """Let the device go."""
        if self._tun is not None:
            self.closed(self._tun.fileno())
            self._tun.close()
            self._tun = self._prefix = None


def _device(prefix: Prefix) -> Tun:
    """The device, with the routes to it."""
    try:
        tun = Tun(DEVICE, DEVICE_ADDRESS)
    except OSError as error:
        raise OSError(error.errno, f"the device {DEVICE}, of NAT64, cannot be made: {error.strerror}") from None
    for network, mtu in ((NETWORK, MTU - HEADERS_DIFFER), (prefix, 0)):
        try:
            tun.attract(network, mtu)
        except OSError as error:
            tun.close()
            raise OSError(error.errno, f"a route to {network}, for NAT64, cannot be made: {error.strerror}") from None
    return tun
