"""A data plane in memory, for tests: it keeps what the kernel's tables keep, and plays packets through it.

    plane.synchronise(config, bindings, doors, now)
    plane.arrives(UDP, peer, name, Side.OUTSIDE)     -> (peer, phone), or None where nothing arrives

The order of look-ups is that of `netfilter.ruleset`; the contract tests hold one against the other. Addresses and ports
only: no packet has contents, none is inspected, and nothing ends by itself.
"""

from collections.abc import Iterable, Iterator, Sequence

from doorman.algs.api import Door
from doorman.config.model import Config
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.flows import KernelFlow
from doorman.engine.plan import DELEGATED_PORTS_END, DELEGATED_RESERVED
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted, IpsecChange, SessionCut, Side
from doorman.nat.bindings import WHOLE_HOST, Binding, BindingFreed, BindingMade
from doorman.nat.holdings import Holdings
from doorman.nat.rules import DynamicRule, Rules
from doorman.net.addresses import PRIVILEGED_END, Address, Endpoint

_LINGER = 60.0
"""Seconds for which nothing new comes to a name that was given back."""
_ALL_PORTS = 65_536

Ends = tuple[Endpoint, Endpoint]
"""Sender and receiver of a packet."""


class _Flow:
    """A flow that is there: its first packet as it came and as it went on, and which names it goes through."""

    def __init__(self, protocol: int, came: Ends, went: Ends, ours: list[KernelFlow]) -> None:
        self.protocol = protocol
        self.came = came
        self.went = went
        self.ours = ours
        self.answered = False

    @property
    def answer(self) -> Ends:
        """What an answer looks like where it comes from."""
        return self.went[1], self.went[0]


class MemoryPlane:
    """A fake of the kernel; see `Plane`.

    Attributes:
        refusing: whether it refuses whatever it is asked.
    """

    def __init__(self) -> None:
        self.refusing = False
        self._rules = _rules(Config())
        self._bindings: dict[Binding, None] = {}
        self._doors: dict[Door, None] = {}
        self._lingering: dict[tuple[int, Endpoint], float] = {}
        self._flows: list[_Flow] = []
        self._shared: dict[Address, Address] = {}
        self._now = 0.0

    def synchronise(
        self,
        config: Config,
        bindings: Iterable[Binding],
        doors: Iterable[Door],
        now: float,
        ipsec: Iterable[IpsecChange] = (),  # noqa: ARG002 - it knows nothing of IPsec
    ) -> None:
        """See `Plane.synchronise`."""
        kept = dict.fromkeys(bindings)
        self._change([BindingFreed(binding) for binding in self._bindings if binding not in kept], now)
        self._rules = _rules(config)
        self._bindings = kept
        self._doors = dict.fromkeys(door for door in doors if not door.promoted)

    def commit(self, changes: Sequence[Change], now: float) -> None:
        """See `Plane.commit`."""
        self._change(changes, now)

    def flows(self) -> Iterator[tuple[KernelFlow, bool]]:
        """See `Plane.flows`."""
        for flow in list(self._flows):
            for seen in flow.ours:
                yield seen, flow.answered

    def arrives(self, protocol: int, sender: Endpoint, receiver: Endpoint, from_side: Side) -> Ends | None:
        """Play a packet, of a new flow or a known one: what arrives on the other side, or back inside, if anything."""
        came = sender, receiver
        for flow in self._flows:
            if flow.protocol == protocol and came == flow.came:
                return flow.went
            if flow.protocol == protocol and came == flow.answer:
                flow.answered = True
                return flow.came[1], flow.came[0]
        return self._begin(protocol, came, from_side)

    def _change(self, changes: Sequence[Change], now: float) -> None:
        if self.refusing:
            raise PlaneRefused("it was told to refuse")
        self._now = now
        for change in changes:
            if isinstance(change, DoorOpened):
                if not change.door.promoted:
                    self._doors[change.door] = None
            elif isinstance(change, DoorClosed) or (isinstance(change, DoorPromoted) and change.door.promoted):
                self._doors.pop(change.door, None)
            elif isinstance(change, BindingMade):
                self._bindings[change.binding] = None
            elif isinstance(change, BindingFreed):
                self._free(change.binding)
            elif isinstance(change, SessionCut):
                ends = change.session.protocol, change.session.inside_local, change.session.outside_local
                self._flows = [flow for flow in self._flows if ends not in _ends_of(flow)]

    def _free(self, binding: Binding) -> None:
        self._bindings.pop(binding, None)
        if not binding.static and binding.protocol != WHOLE_HOST:
            self._lingering[binding.protocol, binding.global_] = self._now + _LINGER

    # The first packet of a flow

    def _begin(self, protocol: int, came: Ends, from_side: Side) -> Ends | None:
        sender, receiver = came
        inward = self._inward(protocol, sender, receiver)
        if inward is None and self._is_shut(protocol, receiver):
            return None
        if from_side == Side.OUTSIDE:
            outward = sender, False
        else:
            found = self._outward(protocol, sender, receiver)
            if found is None:
                return None
            outward = found
        went = outward[0], inward[0] if inward is not None else receiver
        ours = []
        if outward[1]:
            ours.append(KernelFlow(protocol, sender, went[0], receiver, Side.INSIDE))
        if inward is not None and (inward[1] or outward[1]):
            ours.append(KernelFlow(protocol, went[1], receiver, went[0], Side.OUTSIDE))
        self._flows.append(_Flow(protocol, came, went, ours))
        return went

    def _inward(self, protocol: int, sender: Endpoint, receiver: Endpoint) -> tuple[Endpoint, bool] | None:
        """Where a flow to a name leads, and whether the engine is told of it; None for no name that lets it in."""
        for visitor in (sender.address, None):
            for door in self._doors:
                if (door.protocol, door.entrance, door.visitor) == (protocol, receiver, visitor):
                    return door.leads_to, True
        for binding in self._bindings:
            if binding.static and (binding.protocol, binding.global_) == (protocol, receiver):
                return binding.local, False
        for binding in self._bindings:
            if binding.protocol == WHOLE_HOST and binding.global_.address == receiver.address:
                return binding.inward(receiver), not binding.static
        return None

    def _is_shut(self, protocol: int, receiver: Endpoint) -> bool:
        """Whether nothing new may come: to a name without a door, one that lingers, or to the gateway itself."""
        if self._lingering.get((protocol, receiver), 0.0) > self._now:
            return True
        named = any((known.protocol, known.global_) == (protocol, receiver) for known in self._bindings)
        return named or self._rules.owns(receiver.address)

    def _outward(self, protocol: int, sender: Endpoint, receiver: Endpoint) -> tuple[Endpoint, bool] | None:
        """What an inside host is called outside, and whether the engine is told; None where it may not go out."""
        for binding in self._bindings:
            if (binding.protocol, binding.local) == (protocol, sender) and not binding.secondary:
                return binding.global_, True
        for door in self._doors:
            if (door.protocol, door.leads_to) == (protocol, sender):
                return door.entrance, True
        for binding in self._bindings:
            if binding.protocol == WHOLE_HOST and binding.local.address == sender.address and not binding.secondary:
                return binding.outward(sender), not binding.static
        rule = self._rules.dynamic_for(sender.address)
        if rule is None:
            return sender, False
        return (self._ordinary(rule, protocol, sender, receiver), False) if rule.overload else None

    def _ordinary(self, rule: DynamicRule, protocol: int, sender: Endpoint, receiver: Endpoint) -> Endpoint:
        """A name for one flow alone, of the ports that the engine does not give out."""
        address = self._shared.get(sender.address)
        if address is None or address not in rule.pool:
            address = self._shared[sender.address] = rule.pool.share(sender.address)
        taken = {flow.went[0] for flow in self._flows if flow.protocol == protocol and flow.went[1] == receiver}
        taken |= {rule.global_ for rule in self._rules.static_ports}
        ports = DELEGATED_RESERVED if sender.port < PRIVILEGED_END else range(DELEGATED_PORTS_END, _ALL_PORTS)
        names = (Endpoint(address, port) for port in ([sender.port] if sender.port in ports else []) + [*ports])
        return next(name for name in names if name not in taken)


def _rules(config: Config) -> Rules:
    """What it translates by; it gives out nothing itself."""
    return Rules(config, Holdings(config, float))


def _ends_of(flow: _Flow) -> list[tuple[int, Endpoint, Endpoint]]:
    """What a session says of its flow, for both that a hairpin has: protocol, inside end, and what that end sees."""
    (sender, receiver), (sees, reached) = flow.came, flow.went
    return [(flow.protocol, sender, receiver), (flow.protocol, reached, sees)]
