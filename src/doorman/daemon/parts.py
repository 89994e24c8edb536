"""The parts of a gateway, one for each realm: made ready at the start, with what each needs of the kernel.

realm            nft table     state               routes
None             TABLE         DIRECTORY           as the machine has them
VRF NAME         TABLE.NAME    DIRECTORY/vrf/NAME  by mark, in the VRF's table
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from doorman.config.model import Config
from doorman.config.realms import Realm, config_of, numbers, outside_of, realms
from doorman.daemon.clock import seconds
from doorman.daemon.devices import sides
from doorman.daemon.edge import Edge
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import Keeper
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.part import Part, config_for_kernel
from doorman.daemon.routes import Routes
from doorman.daemon.sockets import listen
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.expressions import Setting, Zone
from doorman.dataplanes.netfilter.counters import has_ipv6
from doorman.dataplanes.netfilter.errors import NetlinkError, QueueTaken
from doorman.dataplanes.netfilter.events import Events
from doorman.dataplanes.netfilter.hooks import remove_tables
from doorman.dataplanes.netfilter.marks import AUDITED, OURS, VRF
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.nft import Nft
from doorman.dataplanes.netfilter.packet_log import PacketLog
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import Queue
from doorman.dataplanes.netfilter.routing import Lead, forget_mark, lead_mark, observe_routing
from doorman.dataplanes.netfilter.rtnetlink import MAIN
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.engine import Engine

_QUEUES = range(5060, 5160)
"""Numbers of queues to try."""
_PROXY_PORTS = range(15_060, 15_160)
"""Ports to try for the TCP proxy; connections that outlive a gateway find the next one at the same port."""
_QUEUE_LENGTH = 8_192
"""Packets that may wait for a verdict."""
_ROUNDS = 256
"""How often we take packets that wait before we give up to see an end of them: twice what a full queue takes."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_log = logging.getLogger("doorman")


class Place(NamedTuple):
    """Where the parts of a gateway are on this machine.

    Attributes:
        table: the nft table of the hosts in no VRF; those of VRFs are named after it.
        state_directory: for their state.
    """

    table: str
    state_directory: Path


class Parts(dict[Realm, Part]):
    """The parts by realm.

    Args:
        place: where they are.

    Attributes:
        edge: where packets of IPv6 hosts come in.
        kept: whether the kernel's tables stay when all ends.
        begun, ended: told of a part that began, and of one that is about to end, once somebody serves them.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.edge = Edge()
        self.kept = False
        self.begun: Callable[[Part], None] = lambda _: None
        self.ended: Callable[[Part], None] = self.close
        self._place = place
        self._stacks: dict[Part, ExitStack] = {}

    def begin(self, realm: Realm, engine: Engine, config: Config) -> None:
        """Make a part ready and let the kernel follow it.

        Raises:
            JournalFailed, NftError, PlaneRefused, OSError: something of the machine cannot be had; it has not begun.
        """
        self._make(realm, engine, config)
        try:
            self.follow(realm, config)
        except BaseException:
            self.close(self.pop(realm))
            raise
        self.begun(self[realm])

    def begin_all(self, engines: Mapping[Realm, Engine], config: Config) -> None:
        """The same of all, at the start; tables of VRFs that an earlier configuration had are removed."""
        self.edge.make_ready(config)
        for realm, engine in engines.items():
            self._make(realm, engine, config)
        _remove_others(self._place, self)
        for realm in self:
            self.follow(realm, config)

    def follow(self, realm: Realm, config: Config) -> None:
        """Let the kernel do what a part's engine says, which has just begun."""
        traffic, own = self[realm].traffic, config_of(config, realm)
        traffic.adopt(config_for_kernel(config, realm, self))
        traffic.sides = sides(own)
        traffic.compare_flows()
        traffic.forget_uninspected(own, connections=True)

    def end(self, realm: Realm) -> None:
        """End a part of a realm that is no more."""
        part = self.pop(realm)
        part.forget()
        self.ended(part)

    def withdraw(self, part: Part) -> None:
        """Remove the rules of a part that has ended, when all that waits for a verdict has been answered.

        To be followed by `close`, when the others have served for a while, see `NetfilterPlane.withdraw`.

        Raises:
            NetlinkError: the kernel refused.
        """
        self._answer_all()
        part.traffic.plane.withdraw()

    def close(self, part: Part) -> None:
        """Let go of what a part has of the kernel, once."""
        if part in self._stacks:
            self._stacks.pop(part).close()

    def close_all(self) -> None:
        """Let go of everything."""
        self.edge.close()
        for stack in reversed(self._stacks.values()):
            stack.close()
        self._stacks.clear()

    def begin_anew(self) -> None:
        """Let all that waits for a verdict meet the chains once more: some have come into its road."""
        for part in self.values():
            part.traffic.queue.begin_anew()

    def unhook(self) -> None:
        """Take chains that have nothing to do out of the road of packets; to be called each second.

        All that waits is answered before; where that does not come to an end, they stay until another time.
        """
        planes = [part.traffic.plane for part in self.values() if part.traffic.plane.idle]
        if not planes or not self._answer_all():
            return
        for plane in planes:
            try:
                plane.unhook()
            except PlaneRefused as refused:
                _log.warning("chains that have nothing to do stay: %s", refused)

    def _answer_all(self) -> bool:
        """Decide about all packets that wait; whether it came to an end."""
        traffics = [part.traffic for part in self.values()]
        for _ in range(_ROUNDS):
            received = sum(traffic.received for traffic in traffics)
            for traffic in traffics:
                traffic.on_packets()
            if sum(traffic.received for traffic in traffics) == received:
                return True
        return False

    def routes_by(self, config: Config) -> Callable[[Realm], Routes]:
        """The routes of each realm of a configuration, which may have no part yet."""

        def routes_of(realm: Realm) -> Routes:
            zone = self._zone(realm, config)
            return Routes(seconds, zone.mark if zone is not None else 0)

        return routes_of

    def place(self, config: Config) -> None:
        """Tell each part of which zone it is by a configuration; it is heeded with that."""
        for realm, part in self.items():
            plane = part.traffic.plane
            plane.setting = plane.setting._replace(zone=self._zone(realm, config))

    def _make(self, realm: Realm, engine: Engine, config: Config) -> None:
        for before in [part for part in self._stacks if part.realm == realm]:
            self.close(before)  # it was about to end, and comes again
        with ExitStack() as stack:
            part = self[realm] = self._part(realm, engine, config, stack)
            if realm is None:
                self.edge.serve(part.traffic)
            self._stacks[part] = stack.pop_all()

    def _part(self, realm: Realm, engine: Engine, config: Config, stack: ExitStack) -> Part:
        zone, state = self._zone(realm, config), self._place.state_directory
        mark = zone.mark if zone is not None else 0
        keeper = _adopt_saved(engine, state if realm is None else state / "vrf" / realm, stack)
        queue = stack.enter_context(_open_queue())
        listener = stack.enter_context(contextlib.closing(listen(_PROXY_PORTS, mark)))
        events = stack.enter_context(Events(OURS | AUDITED))
        table = self._place.table if realm is None else f"{self._place.table}.{realm}"
        setting = Setting(table, queue.number, listener.getsockname()[1], timeouts=True, zone=zone)
        routing_table = _routing_table(realm, config)
        plane = NetfilterPlane(setting, routing_table)
        plane.hooked = self.begin_anew
        traffic = Traffic(engine, plane, queue, events, keeper)
        news = PacketNews(engine, _open_log(queue.number, stack))
        if routing_table != MAIN:
            _lead_to_table(Lead(mark, VRF, routing_table), self, stack)
        stack.callback(lambda: plane.close(remove=not self.kept))
        return Part(realm, traffic, keeper, listener, news)

    def _zone(self, realm: Realm, config: Config) -> Zone | None:
        """The zone of a realm, the same as long as it lasts; none where there are no VRFs."""
        if not any(interface.vrf is not None and interface.nat is not None for interface in config.interfaces.values()):
            return None
        shares = outside_of(config, realm) != realm
        if realm is None:
            return Zone(0, shares)
        taken = {other: zone.number for other in self if (zone := self[other].traffic.plane.setting.zone) is not None}
        number = taken.get(realm) or numbers(config)[realm]
        while number in (taken[other] for other in taken if other != realm):
            number = number % 255 + 1
        return Zone(number, shares, judges_rest=realm == realms(config)[0])


def _routing_table(realm: Realm, config: Config) -> int:
    """The table that the packets of a realm are routed by; overlapping addresses need one of their own."""
    if realm is None:
        return MAIN
    names = [name for name, interface in config.interfaces.items() if interface.vrf == realm]
    table = observe_routing().table_of(realm, names)
    if table is None:
        _log.warning("vrf %s has no routing table: its addresses must be nobody else's", realm)
    return table or MAIN


def _lead_to_table(lead: Lead, parts: Parts, stack: ExitStack) -> None:
    """Let packets of a VRF be routed by its table, as long as the gateway works."""
    lead_mark(lead)

    def take_back() -> None:
        if not parts.kept:
            forget_mark(lead)

    stack.callback(take_back)


def _remove_others(place: Place, parts: Parts) -> None:
    """Remove the tables of VRFs that an earlier configuration had."""
    nft = Nft()
    try:
        names = [line.split()[-1] for line in nft.run("list tables ip").splitlines()]
    finally:
        nft.close()
    with Netlink() as netlink:
        for name in names:
            base, dot, vrf = name.partition(".")
            if base == place.table and dot and vrf not in parts:
                remove_tables(netlink, name, ipv6=has_ipv6(name))


def _adopt_saved(engine: Engine, directory: Path, stack: ExitStack) -> Keeper:
    journal = Journal(directory, _BOOT_ID.read_text(encoding="ascii").strip())
    keeper = Keeper(engine, journal, lambda text: _log.warning("%s", text))
    stack.callback(lambda: keeper.close(seconds()))
    restored = keeper.restore(seconds())
    for line in journal.said:
        _log.warning("%s", line)
    for kind, count in restored.adopted.items():
        _log.info("adopted %d of %s", count, kind)
    for reason, count in restored.refused.items():
        _log.warning("%d saved records are not adopted: %s", count, reason)
    return keeper


def _open_log(number: int, stack: ExitStack) -> PacketLog | None:
    """The log that has the number of our queue, so that no two gateways share one."""
    try:
        return stack.enter_context(PacketLog(number))
    except NetlinkError as error:
        _log.warning("packets that access lists log are only counted: %s", error)
        return None


def _open_queue() -> Queue:
    for number in _QUEUES:
        with contextlib.suppress(QueueTaken):
            return Queue.open(number, length=_QUEUE_LENGTH, fail_open=True)
    raise OSError(f"the queues {_QUEUES.start} to {_QUEUES.stop - 1} are all taken")
