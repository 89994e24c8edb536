"""The data plane of Linux: netfilter carries the flows, we fill its tables.

Everything of ours is in one nft table of family ip; rules of others are not touched. The set-up is one transaction, a
change of the configuration is, and so is each batch of doors and names. The table stays when the gateway ends without
saying so: one that starts again finds its flows running, and brings the table up to date in one transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from doorman.algs.api import Door
from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import TO_ALG, Chain, Setting, UnsupportedConfig
from doorman.dataplanes.netfilter.chains.flows import looks_at_flows
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.chains.zones import BLOCKED, ZoneChains
from doorman.dataplanes.netfilter.conntrack import admit, be_liberal, delete, dump, find, prolong
from doorman.dataplanes.netfilter.counters import (
    Count,
    counts_of,
    has_ipv6,
    reset,
)
from doorman.dataplanes.netfilter.element_counts import packets_of
from doorman.dataplanes.netfilter.elements import NFPROTO_IPV6, Transaction
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.flow import SEEN_REPLY, Flow, FlowKey
from doorman.dataplanes.netfilter.hooks import HookedChain, remove_tables, unhook
from doorman.dataplanes.netfilter.injection import Injection
from doorman.dataplanes.netfilter.kernel_flows import flows_of, keys_of
from doorman.dataplanes.netfilter.marks import ADMITTED, INSPECTED, OURS, PROXIED
from doorman.dataplanes.netfilter.needs import COUNTED, LEG_MS, Terms, of_leg, of_tunnel
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.nft import Nft, NftError
from doorman.dataplanes.netfilter.outside_routes import OutsideRoutes
from doorman.dataplanes.netfilter.portless_timeouts import make_timeouts, portless_timeouts, session_icmp
from doorman.dataplanes.netfilter.presence import presence
from doorman.dataplanes.netfilter.queue_rule import append_queue_rule, has_rules
from doorman.dataplanes.netfilter.redirect import Redirect
from doorman.dataplanes.netfilter.rtnetlink import MAIN
from doorman.dataplanes.netfilter.ruleset import filling, set_up, skeleton
from doorman.dataplanes.netfilter.tables import Tables
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.flows import KernelFlow
from doorman.engine.results import Change, DoorOpened, IpsecChange, cuts, has_tunnel
from doorman.firewall.counts import Place
from doorman.nat.bindings import Binding, BindingMade
from doorman.nat.naming import outside_locals
from doorman.nat.sessions import Session
from doorman.nat.tunnels import Tunnel
from doorman.net.address_set import AddressSet
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP, TCP, UDP


class NetfilterPlane:
    """The kernel of this network namespace, through one table; see `Plane`.

    Args:
        setting: see below.
        routing_table: that of its VRF.

    Attributes:
        setting: what the rules are made for besides the configuration; heeded by the next `synchronise`.
        mark: what the packets of our VRF have as their routing mark; 0 where they need none.
        injection: sends packets past all translation.
        hooked: told when chains have come into the road of packets: those that wait must meet them anew, see `hooks`.
        idle: chains in the road of packets that have nothing to do any more, until `unhook`.
        commits, steps: how many transactions there were, and changes of elements in them.
        new_tunnels: whether there may be some that conntrack is to forget, see `let_go_of_tunnels`.

    Raises:
        NftError: libnftables is not installed.
        NetlinkError: no netlink socket can be had.
        OSError: no raw socket can be had.
    """

    def __init__(self, setting: Setting, routing_table: int = MAIN) -> None:
        self.setting = setting
        self.mark = setting.zone.mark if setting.zone is not None else 0
        self.hooked: Callable[[], None] = lambda: None
        self.idle: list[HookedChain] = []
        self._outside_routes = OutsideRoutes(self.mark, routing_table)
        self.commits = self.steps = 0
        self.new_tunnels = False
        self._nft = Nft()
        self._redirect = Redirect(setting.table) if setting.proxy_port or setting.zone is not None else None
        self._netlink = Netlink()
        self.injection = Injection(INSPECTED | self.mark)
        self._tables = Tables(Terms({}))
        self._outside_locals = AddressSet()
        self._queue_rule: tuple[int, bool] | None = None
        self._numbers: dict[Place, int] = {}
        self._chains: dict[str, Chain] = {}
        self._has_ipv6 = False
        # The configuration, where the rules are others once there is a tunnel; and whether there is.
        self._waits_for_tunnels: Config | None = None
        self._tunnels_began = False

    def close(self, *, remove: bool) -> None:
        """Let go of the kernel, once; with `remove` the table goes too, and with it all translation."""
        if self._redirect is not None:
            self._redirect.close()
        if remove and not self._nft.is_closed:
            self._has_ipv6 = has_ipv6(self.setting.table)
            self.withdraw()
        self._nft.close()
        self._netlink.close()
        self.injection.close()

    def end_redirect(self) -> None:
        """Lead no connection to the proxy any more; what becomes of them is as when the gateway is gone."""
        if self._redirect is not None:
            self._redirect.end()

    def withdraw(self) -> None:
        """Remove all rules; what waits for a verdict is lost, see `hooks`.

        Rules that set zones may have gone, too: for some milliseconds `close` would wait, and whatever else closes a
        socket of netfilter, and then would be lost what came meanwhile.

        Raises:
            NetlinkError: the kernel refused.
        """
        self.end_redirect()
        remove_tables(self._netlink, self.setting.table, ipv6=self._has_ipv6)
        self._has_ipv6 = False
        self._outside_routes.close()

    def synchronise(
        self,
        config: Config,
        bindings: Iterable[Binding],
        doors: Iterable[Door],
        now: float,
        ipsec: Iterable[IpsecChange] = (),
    ) -> None:
        """See `Plane.synchronise`."""
        tables = Tables(self._terms(config))
        tables.plan([*map(BindingMade, bindings), *map(DoorOpened, doors), *ipsec], now)
        tables.succeed(self._tables, now)
        self._run(config, "".join(filling(config, self.setting, tables, now)), tunnels=_has_tunnels(tables))
        self._tables = tables

    def reconfigure(self, config: Config) -> bool:
        """Put other rules in force and leave the elements alone; False where that does not do: then `synchronise`.

        It does not where rules look at flows, since a name may have become that of another rule.

        Raises:
            PlaneRefused: all is as it was.
        """
        terms = self._terms(config)
        if terms.by_flow or terms != self._tables.terms or not self.is_in_force():
            return False
        self._run(config, "", tunnels=_has_tunnels(self._tables))
        return True

    def _run(self, config: Config, filling: str, *, tunnels: bool) -> None:
        bypass = config.fails_open
        try:
            in_force = self.is_in_force()
            present = presence(self.setting.table, self._chains if in_force else {}, tunnels=tunnels)
            zones = ZoneChains(config, self.setting, present.chains)
            ruleset = set_up(config, self.setting, present)
            if not in_force:
                self._send_to_queue(bypass=bypass)  # before any other chain leads there
            self._make_timeouts(config, zones)
            if self._redirect is not None and self._redirect.lead(config, self.setting):
                self.hooked()
            self._nft.run(ruleset.script + filling)
            self._chains, self.idle, self._has_ipv6 = ruleset.chains, ruleset.idle, ruleset.ipv6
            if ruleset.hooks:
                self.hooked()
            self._outside_routes.follow(config)
            self._numbers = zones.numbers
            self._outside_locals = outside_locals(config)
            ipsec = IpsecChains(config, self.setting, tunnels=tunnels)
            self._waits_for_tunnels = None if ipsec.stand_in_road else config
            self._tunnels_began = False
            self.new_tunnels = tunnels
            if (self.setting.queue, bypass) != self._queue_rule:
                self._send_to_queue(bypass=bypass)
        except (NftError, NetlinkError, UnsupportedConfig) as error:
            raise PlaneRefused(str(error)) from None

    def check(self, config: Config) -> None:
        """Find out whether the kernel would take a configuration, without giving it any.

        Raises:
            PlaneRefused: it would not.
        """
        table = self.setting.table
        try:
            # Without time-outs: of those that netlink makes there would be none to be named.
            setting, present = self.setting._replace(timeouts=False), presence(table, self._chains, tunnels=True)
            self._nft.check(set_up(config, setting, present, dry=True).script)
        except (NftError, NetlinkError, UnsupportedConfig) as error:
            raise PlaneRefused(str(error)) from None

    def counts(self) -> dict[str, Count]:
        """What the named counters of the table have counted, see `chains.access`, and of that for IPv6.

        Raises:
            PlaneRefused: the kernel does not tell.
        """
        try:
            return counts_of(self.setting.table) | counts_of(self.setting.table, NFPROTO_IPV6)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def reset_counts(self, names: Iterable[str]) -> None:
        """Let counters begin at zero.

        Raises:
            PlaneRefused: the kernel refused.
        """
        try:
            reset(self._netlink, self.setting.table, names)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def unhook(self) -> None:
        """Remove the chains that have nothing to do; to be called when nothing waits for a verdict, see `hooks`.

        Raises:
            PlaneRefused: the kernel refused.
        """
        table, idle = self.setting.table, self.idle
        self.idle = []
        try:
            unhook(self._netlink, table, idle)
            if any(chain.family == NFPROTO_IPV6 for chain in idle) and not has_ipv6(table):
                self._nft.run(f"delete table ip6 {table}")
                self._has_ipv6 = False
        except (NftError, NetlinkError) as error:
            raise PlaneRefused(str(error)) from None

    def _make_timeouts(self, config: Config, zones: ZoneChains) -> None:
        """Make what nft cannot write and its rules name."""
        if self.setting.timeouts:
            wanted = *portless_timeouts(config.timeouts), *map(session_icmp, zones.parameters())
            make_timeouts(self._netlink, self.setting.table, dict.fromkeys(wanted))

    def is_in_force(self) -> bool:
        """Whether signalling goes to the queue: not if somebody emptied or deleted our table, or all tables."""
        return self._queue_rule is not None and has_rules(self.setting.table, TO_ALG)

    def commit(self, changes: Sequence[Change], now: float) -> None:
        """See `Plane.commit`."""
        if self._waits_for_tunnels is not None and has_tunnel(changes):
            self._tunnels_began = self.new_tunnels = True
        transaction = Transaction(self.setting.table, self._tables.plan(changes, now))
        if transaction:
            try:
                transaction.commit(self._netlink)
            except NetlinkError as error:
                self._tables.undo()
                raise PlaneRefused(str(error)) from None
            self.commits += 1
            self.steps += len(transaction)
        cut = [key for change in cuts(changes) for key in keys_of(change.session)]
        if cut:
            self.forget([key for key in cut if not self._is_leg(key)])

    def forget(self, keys: Sequence[FlowKey]) -> list[bool]:
        """Let the kernel forget flows; whether it knew each.

        Raises:
            PlaneRefused: the kernel refused.
        """
        try:
            return delete(self._netlink, [self._placed(key) for key in keys])
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def let_go_of_tunnels(self) -> None:
        """Let conntrack forget tunnels whose first packets it has seen; to be called when packets have gone on.

        Chains that are for tunnels come with the first one: they would let these packets meet others once more.

        Raises:
            PlaneRefused: the kernel refused.
        """
        if self._tunnels_began and self._waits_for_tunnels is not None:
            self._run(self._waits_for_tunnels, "", tunnels=True)
        try:
            seen = [flow.key for flow in filter(self.has, dump(INSPECTED, INSPECTED | OURS)) if flow.protocol == ESP]
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None
        self.forget(seen)
        self.new_tunnels = bool(seen)

    def admit(self, labels: Mapping[FlowKey, int]) -> None:
        """Let flows pass the firewall, as sessions of the classes with these numbers.

        Raises:
            PlaneRefused: the kernel refused.
        """
        try:
            admit(self._netlink, ADMITTED, labels)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def block(self, servers: Mapping[Address, int]) -> None:
        """Let no new connection be made to servers for so many seconds, see `chains.zones.BLOCKED`.

        Raises:
            PlaneRefused: the kernel refused.
        """
        transaction = Transaction(self.setting.table)
        for server in servers:
            transaction.destroy(BLOCKED, server)
        for server, seconds in servers.items():
            transaction.add(BLOCKED, server, timeout_ms=seconds * 1000)
        try:
            transaction.commit(self._netlink)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def class_numbers(self) -> dict[Place, int]:
        """The numbers of the inspected classes of the firewall, which flows have in their labels."""
        return self._numbers

    def trust_numbers(self, keys: Sequence[FlowKey]) -> None:
        """Let the kernel believe any sequence number of these TCP flows: its own look at them is not what arrives.

        Raises:
            PlaneRefused: the kernel refused.
        """
        try:
            be_liberal(self._netlink, [self._placed(key) for key in keys])
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def prolong(self, sessions: Iterable[Session], seconds: int) -> None:
        """Let the flows of sessions be silent for so long from now on.

        Raises:
            PlaneRefused: the kernel refused.
        """
        try:
            keys = [self._placed(key) for session in sessions for key in keys_of(session)]
            prolong(self._netlink, keys, seconds)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def knows(self, key: FlowKey) -> bool:
        """Whether the kernel has a flow with this tuple, whoever began it.

        Raises:
            PlaneRefused: the kernel does not tell.
        """
        try:
            return find(self._netlink, self._placed(key)) is not None
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def flow_of(self, session: Session) -> Flow | None:
        """The kernel's flow of a session, with its counters; None where it has none.

        Raises:
            PlaneRefused: the kernel does not tell.
        """
        return next((flow for key in keys_of(session) if (flow := self._find(key)) is not None), None)

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint] | None:
        """Who a connection is between that was redirected to us, as its first packet came: sender and receiver.

        The kernel may have given its sender another port, too: where one client port calls two servers.

        Args:
            receiver: our end of it.
            sender: the other end, as we see it.

        Returns:
            None if it was not redirected.

        Raises:
            PlaneRefused: the kernel does not tell.
        """
        flow = self._find(FlowKey(TCP, receiver, sender, is_reply=True))
        if flow is None or flow.receiver == flow.reply_sender:
            return None
        return flow.sender, flow.receiver

    def translate_leg(self, port: int, source: Endpoint, target: Endpoint) -> None:
        """Let what our own port is about to begin with `target` come from `source`, whoever has that address.

        A connection before it between the same ends is over for both of them, though conntrack may not think so.

        Raises:
            PlaneRefused: it would come from elsewhere.
        """
        element = of_leg(port, source)
        transaction = Transaction(self.setting.table)
        transaction.destroy(element.set_name, element.key)
        transaction.add(element.set_name, element.key, element.data, LEG_MS)
        try:
            transaction.commit(self._netlink)
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None
        self.forget([FlowKey(TCP, target, source, is_reply=True)])

    def _terms(self, config: Config) -> Terms:
        """What it depends on which elements something needs, by a configuration."""
        quoted = self.setting.zone is not None and self.setting.zone.by_name
        return Terms(_served(config), bool(config.firewall.zones), quoted, looks_at_flows(config))

    def has(self, flow: Flow) -> bool:
        """Whether a flow is of this plane's VRF; where there are no VRFs, any is."""
        return self.setting.zone is None or flow.zone == self.setting.zone.number

    def judges(self, flow: Flow) -> bool:
        """Whether the firewall of this plane's table judges a flow: those of its VRF, or what is nobody else's, too."""
        zone = self.setting.zone
        return self.has(flow) or (zone is not None and zone.judges_rest and not flow.zone)

    def _placed(self, key: FlowKey) -> FlowKey:
        """What finds a flow in the zone of our VRF, where its inside end always is; or the very one that is meant."""
        return key if self.setting.zone is None or key.id else key._replace(zone=self.setting.zone.number)

    def _find(self, key: FlowKey) -> Flow | None:
        try:
            return find(self._netlink, self._placed(key))
        except NetlinkError as error:
            raise PlaneRefused(str(error)) from None

    def _is_leg(self, key: FlowKey) -> bool:
        """Whether a flow ends at the proxy: that resets it, and the reset needs the names that the flow has."""
        flow = self._find(key) if key.protocol == TCP else None
        return flow is not None and bool(flow.mark & PROXIED)

    def _send_to_queue(self, *, bypass: bool) -> None:
        """Let signalling go to the queue; with `bypass` it passes with plain NAT while nobody listens.

        The chain is made apart from the others, since nft cannot write the rule on every kernel.
        """
        table, number = self.setting.table, self.setting.queue
        self._nft.run(skeleton(table))
        append_queue_rule(self._netlink, table, TO_ALG, number, bypass=bypass, only=True)
        self._queue_rule = number, bypass

    def packets_of(self, tunnels: Iterable[Tunnel]) -> Iterator[tuple[Tunnel, int]]:
        """How many packets of tunnels have passed by their SPIs, since these or the table were made.

        Raises:
            NetlinkError: the kernel does not tell.
        """
        counts = {set_name: packets_of(self.setting.table, set_name) for set_name in COUNTED}
        for tunnel in tunnels:
            elements = (one for one in of_tunnel(tunnel) if one.set_name in COUNTED)
            yield tunnel, sum(counts[one.set_name].get(one.key, 0) for one in elements)

    def flows(self) -> Iterator[tuple[KernelFlow, bool]]:
        """See `Plane.flows`."""
        for flow in filter(self.has, dump(OURS, OURS)):
            for seen in self.flows_of(flow):
                yield seen, bool(flow.status & SEEN_REPLY)

    def flows_of(self, flow: Flow) -> list[KernelFlow]:
        """A conntrack entry as flows through the NAT, see the function."""
        return flows_of(flow, self._outside_locals)


def _has_tunnels(tables: Tables) -> bool:
    return any(element.set_name == "esp_names" for element in tables)


def _served(config: Config) -> dict[int, frozenset[int]]:
    """The ports at which flows are inspected, by protocol number."""
    tcp, udp = config.ports("tcp"), config.flow_ports
    return {TCP: frozenset().union(*tcp.values()), UDP: frozenset().union(*udp.values())}
