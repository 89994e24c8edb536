"""How an ALG sees the NAT: three views of the same bindings, one for each way of asking.

- `Outward`: a message from the inside. Inside names become global ones; bindings are made, as a transaction.
- `Inward`: a message from the outside. Global names become inside ones.
- `Mirror`: replay's question, what the outside must have sent. Inside names become global ones, but nothing is made.
"""

from doorman.algs.api import Path, Refused
from doorman.firewall.doors import may_lead_to
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.rules import Rules
from doorman.net.addresses import Address, Endpoint

MAX_RUN = 64
"""Ports that one announcement may take."""


class Mirror:
    """Inside names as the outside knows them, where it knows them. `party`: the inside host the message is for."""

    __slots__ = ("_bindings", "_party", "_rules")

    def __init__(self, rules: Rules, bindings: Bindings, party: Address) -> None:
        self._rules = rules
        self._bindings = bindings
        self._party = party

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        if not self._rules.is_inside(address):
            return False
        return self._rules.dynamic_for(address) is not None or self._rules.is_static(address)

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`."""
        return self.owns(address)

    def host(self, address: Address) -> Address:
        """See `Nat.host`; a host that has no global address of its own yet goes by the one of the message's host."""
        if not self.owns(address):
            return address
        known = self._bindings.global_host(address) or self._rules.static_port_host(address)
        return known or self._bindings.global_host(self._party) or address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        binding = self._bindings.by_local(protocol, endpoint)
        return binding.outward(endpoint) if binding is not None else endpoint

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:  # noqa: ARG002
        """See `Nat.expose`."""
        return self.translate(endpoint, protocol)


class Outward(Mirror):
    """The view for a message from the inside; what it made is in `made`, to be kept or undone."""

    __slots__ = ("made",)

    def __init__(self, rules: Rules, bindings: Bindings, party: Address) -> None:
        super().__init__(rules, bindings, party)
        self.made: list[Binding] = []

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`; an inside endpoint without a name gets one."""
        binding = self._bindings.by_local(protocol, endpoint)
        if binding is None:
            if not self.owns(endpoint.address):
                return endpoint
            made = self._bindings.bind(protocol, endpoint)
            self.made += made
            binding = made[0]
        return binding.outward(endpoint)

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:
        """See `Nat.expose`; only the message's own host may be announced."""
        if not self.owns(endpoint.address):
            return endpoint
        if endpoint.address != self._party:
            raise Refused("third-party-address")
        if ports > MAX_RUN:
            raise Refused("too-many-ports")
        if not all(may_lead_to(protocol, endpoint.port + step) for step in range(ports)):
            raise Refused("port-not-allowed")
        first = self._bindings.by_local(protocol, endpoint)
        if first is None:
            return self._expose_new(endpoint, protocol, ports, even=even)
        if first.protocol == WHOLE_HOST:
            return first.outward(endpoint)
        last = first
        for step in range(1, ports):
            last = self._beside(last, Endpoint(endpoint.address, endpoint.port + step))
        return first.global_

    def undo(self) -> None:
        """Give back what was made."""
        for binding in reversed(self.made):
            self._bindings.free(binding)
        self.made.clear()

    def _expose_new(self, endpoint: Endpoint, protocol: int, ports: int, *, even: bool) -> Endpoint:
        for step in range(1, ports):
            beside = self._bindings.by_local(protocol, Endpoint(endpoint.address, endpoint.port + step))
            if beside is not None:
                if not beside.idle or beside in self.made:
                    raise Refused("port-pair-unavailable")
                self._bindings.free(beside)
        made = self._bindings.bind(protocol, endpoint, count=ports, even=even)
        self.made += made
        return made[0].outward(endpoint)

    def _beside(self, binding: Binding, endpoint: Endpoint) -> Binding:
        """The binding right after another one, which may have to be made."""
        beside = self._bindings.by_local(binding.protocol, endpoint)
        if beside is None:
            if binding.static:
                raise Refused("port-pair-unavailable")
            beside = self._bindings.bind_beside(binding, endpoint)
            self.made.append(beside)
        if beside.global_ != (binding.global_.address, binding.global_.port + 1):
            raise Refused("port-pair-unavailable")
        return beside


class Inward:
    """The view for a message from the outside on a path."""

    __slots__ = ("_bindings", "_path", "_rules")

    def __init__(self, rules: Rules, bindings: Bindings, path: Path) -> None:
        self._rules = rules
        self._bindings = bindings
        self._path = path

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        return self._rules.owns(address)

    def shielded(self, address: Address) -> bool:  # noqa: ARG002 - whoever sends from the outside is on the outside
        """See `Nat.shielded`."""
        return False

    def host(self, address: Address) -> Address:
        """See `Nat.host`; a shared address stands for the host that the message goes to."""
        known = self._bindings.local_host(address)
        if known is not None:
            return known
        return self._path.arrives_to.address if address == self._path.sent_to.address else address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        binding = self._bindings.by_global(protocol, endpoint)
        return binding.inward(endpoint) if binding is not None else endpoint

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:  # noqa: ARG002
        """See `Nat.expose`: an end outside can be reached as it is; one of ours is named as inside hosts know it."""
        return self.translate(endpoint, protocol)
