"""Where access lists and zone policies are asked about a packet that is known by all its names.

Access lists of interfaces see a packet as it is on the wire; policies see the names of `screen`.
"""

from doorman.algs.api import Door
from doorman.config.model import Config
from doorman.engine.ipsec import Ends
from doorman.engine.results import Side
from doorman.engine.screen import Screen
from doorman.engine.state import State
from doorman.firewall.access import AccessGroups, access_groups
from doorman.firewall.zones import zone_firewall
from doorman.nat.sessions import Session, Way
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import Packet
from doorman.net.routes import Route

_INSIDE, _OUTSIDE = Side


class Checkpoint:
    """Lets packets pass, or refuses them.

    Args:
        state: the tables of the gateway.
        delegated: whether a kernel carries the flows, and judges those that no ALG inspects.
        route: its routes.

    Attributes:
        access: the access lists of interfaces; None where there are none.
        screen: the zone-based firewall; None where there is none.
    """

    __slots__ = ("_delegated", "_route", "_state", "access", "screen")

    def __init__(self, state: State, *, delegated: bool, route: Route | None) -> None:
        self.access: AccessGroups | None = None
        self.screen: Screen | None = None
        self._state = state
        self._delegated = delegated
        self._route = route

    @property
    def is_unmanned(self) -> bool:
        """Whether there is nobody to ask."""
        return self.access is None and self.screen is None

    def follow(self, config: Config) -> None:
        """Let pass what the access lists and zones of a configuration allow, and go on counting."""
        before, screened = self.access, self.screen
        self.access = access_groups(config, delegated=self._delegated, route=self._route)
        if self.access is not None and before is not None:
            self.access.go_on(before)
        is_inside = self._state.rules.is_inside
        firewall = zone_firewall(config, delegated=self._delegated, route=self._route, is_inside=is_inside)
        if firewall is not None and screened is not None:
            firewall.go_on(screened.firewall)
        self.screen = Screen(firewall, self._state) if firewall is not None else None
        self._state.screened = firewall is not None

    def turns_back(self, packet: Packet) -> bool:
        """Whether what no rule gives another sender is for a name of ours, so that it comes back in as it is."""
        rules = self._state.rules
        if not rules.owns(packet.destination) or rules.is_inside(packet.destination):
            return False
        named = self._state.bindings.by_global(packet.protocol, packet.receiver) is not None
        return named or self.screen is None or not self.screen.is_gateway(packet.destination)

    def door_to(self, session: Session, now: float) -> Door | None:
        """The far end's door which a flow from the inside is for; says, too, whether a door lets it past the judge."""
        if self.screen is None:
            return None
        door = self.screen.door_to(session, now)
        session.by_door = door or self.screen.door_of(session, now)
        return door

    def release(self, packet: Packet, session: Session, way: Way, leaves: Side, now: float) -> None:
        """Let a packet of a flow go out; what comes in again leaves by no interface.

        Raises:
            Refused: it must not.
        """
        if self.screen is not None:
            self.screen.release(packet, session, way, now)
        if self.access is not None and not (session.hairpin and leaves == _OUTSIDE):
            self.access.release(packet, way.sender, way.receiver, leaves)

    def release_untouched(self, packet: Packet, leaves: Side, now: float) -> None:
        """The same of a packet that nothing is about."""
        self.release_tunnelled(packet, (packet.sender, packet.receiver), leaves, now)

    def release_tunnelled(self, packet: Packet, ends: Ends, leaves: Side, now: float) -> None:
        """The same of a packet of IPsec that goes on between these ends."""
        if self.screen is not None:
            self.screen.firewall.admit(packet, packet.sender, ends[1], now)
        if self.access is not None:
            self.access.release(packet, *ends, leaves)

    def release_error(
        self, packet: Packet, session: Session, addresses: tuple[Address, Address], side: Side, now: float
    ) -> None:
        """The same of an ICMP error about a flow, which came in on a side and goes on between these addresses.

        Between inside hosts that meet at their names it is asked about where it comes in again.
        """
        if session.hairpin and side == _INSIDE:
            return
        if self.screen is not None:
            seen = (self.screen.as_seen(session, packet.source), session.inside_local.address)
            source, target = (packet.source, packet.destination) if side == _INSIDE else seen
            self.screen.release_error(packet, session, source, target, now)
        if self.access is not None:
            leaves = _OUTSIDE if side == _INSIDE else _INSIDE
            self.access.release(packet, Endpoint(addresses[0], 0), Endpoint(addresses[1], 0), leaves)

    def release_tunnelled_error(self, packet: Packet, outer: Ends, inner: Ends, leaves: Side, now: float) -> None:
        """The same of an ICMP error, between the outer ends, about a packet of IPsec between the inner ones."""
        if self.screen is not None:
            about = (outer[1], inner[1]) if leaves == _INSIDE else (packet.sender, inner[0])
            self.screen.release_tunnelled_error(packet, about, outer[1], now)
        if self.access is not None:
            self.access.release(packet, *outer, leaves)
