"""The ways to outside hosts by the names that they have inside: `add-route`, and overlapping networks.

add-route   a route to the name, by the way to the host             in the VRF's table, or in the main one
overlap     what the inside sends to a name has the host's own address when the kernel looks for its way, and that lies
            inside. So it bears the mark OUTWARD, which leads to a table with one route: the way to the name.

Routes of ours have a protocol number of their own (rtnetlink(7)); one that is there already is not ours, and stays.
"""

import errno
import ipaddress
import logging
from collections.abc import Iterator
from contextlib import suppress

from doorman.config.model import Config
from doorman.config.overlap import ends_of, lies_inside, overlapping_names
from doorman.config.statics import StaticHost, StaticNetwork
from doorman.dataplanes.netfilter.marks import OUTWARD, VRF
from doorman.dataplanes.netfilter.routing import Lead, forget_mark, lead_mark
from doorman.dataplanes.netfilter.rtnetlink import MAIN, Route, add_route, remove_route, way_to
from doorman.net.addresses import Address, Prefix, address_text

_OUTWARD_TABLES = 50_600
"""The table of overlapping networks of the hosts in no VRF; those of VRFs have the numbers behind it."""

_log = logging.getLogger(__name__)


class OutsideRoutes:
    """The routes that a configuration needs, from the first `follow` until `close`.

    Args:
        mark: of the VRF, 0 for none.
        table: its routing table.
    """

    def __init__(self, mark: int = 0, table: int = MAIN) -> None:
        self._mark = mark
        self._table = table
        number = mark // (VRF & -VRF)
        self._lead = Lead(mark | OUTWARD, VRF | OUTWARD, _OUTWARD_TABLES + number)
        self._routes: set[Route] = set()
        self._leads = False

    def follow(self, config: Config) -> None:
        """Let the routes be those of a configuration; what cannot be had is told of in the log."""
        overlap = overlapping_names(config)
        try:
            wanted = {*self._added(config), *self._outward(overlap)}
            for route in self._routes - wanted:
                _take_back(route)
            self._routes &= wanted
            for route in wanted - self._routes:
                if _put(route):
                    self._routes.add(route)
            if bool(overlap) != self._leads:
                (lead_mark if overlap else forget_mark)(self._lead)
                self._leads = bool(overlap)
        except OSError as error:
            _log.warning("routes to names of outside hosts cannot be had: %s", error.strerror or error)

    def close(self) -> None:
        """Take them away again."""
        for route in self._routes:
            _take_back(route)
        self._routes.clear()
        if self._leads:
            forget_mark(self._lead)
            self._leads = False

    def _added(self, config: Config) -> Iterator[Route]:
        """Those of rules that say `add-route`; the way to a host that may be inside is only known by its name."""
        for name, host in _named(config):
            way = None if lies_inside(config, host) else way_to(host, self._mark)
            if way is not None:
                yield Route(name, way, self._table)

    def _outward(self, overlap: list[tuple[Address, Address]]) -> Iterator[Route]:
        """The way that what is sent to names of overlapping networks goes, all of it."""
        if not overlap:
            return
        name = overlap[0][0]
        way = way_to(name, self._mark)
        if way is None:
            _log.warning("there is no route to %s, which outside hosts with inside addresses need", address_text(name))
        else:
            yield Route(Prefix(Address(bytes(4)), 0), way, self._lead.table)


def _named(config: Config) -> Iterator[tuple[Prefix, Address]]:
    """Names of outside hosts whose rule says `add-route`, and a host that has one of them."""
    for rule in config.outside_statics:
        if not rule.add_route:
            continue
        if isinstance(rule, StaticNetwork):
            yield rule.prefix("global"), rule.local
        elif rule.global_ is not None:
            yield Prefix(rule.global_, 32), rule.local if isinstance(rule, StaticHost) else rule.local.address
    lists = config.lists
    for source in config.outside_sources:
        permitted = [entry.address for entry in lists[source.access_list].by_source or () if entry.permit]
        if source.add_route and permitted:
            for first, last in config.pools[source.pool].ranges:
                yield from ((prefix, permitted[0]) for prefix in _prefixes(first, last))


def _prefixes(first: Address, last: Address) -> Iterator[Prefix]:
    ends = (ipaddress.IPv4Address(bytes(end)) for end in (first, last))
    for network in ipaddress.summarize_address_range(*ends):
        yield Prefix(Address(network.network_address.packed), network.prefixlen)


def _put(route: Route) -> bool:
    """Whether a route is ours now: one that a gateway left which was killed is, too."""
    _take_back(route)
    try:
        add_route(route)
    except OSError as error:
        if error.errno != errno.EEXIST:
            name = "-".join(dict.fromkeys(map(address_text, ends_of(route.destination))))
            _log.warning("there can be no route to %s: %s", name, error.strerror or error)
        return False
    return True


def _take_back(route: Route) -> None:
    with suppress(OSError):
        remove_route(route)
