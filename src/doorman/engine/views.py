"""How an ALG sees the NAT: views of the same bindings, one for each way of asking.

- `Outward`: a message from the inside. Inside names become global ones; bindings are made, as a transaction.
- `Inward`: a message from the outside. Global names become inside ones.
- `Level`: a message that nothing translates, past a firewall. Everybody is called what it is; doors open.
- `Mirror`: replay's question, what the outside must have sent. Inside names become global ones, but nothing is made.
"""

from doorman.algs.api import MAX_RUN, Path, Refused
from doorman.firewall.doors import may_lead_to
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.rules import Rules
from doorman.net.addresses import Address, Endpoint

MAX_NAMES = 256
"""Names that one message may be given."""


def require_announceable(endpoint: Endpoint, protocol: int, ports: int) -> None:
    """See that a message may announce an endpoint, and the ports after it.

    Raises:
        Refused: it may not.
    """
    if ports > MAX_RUN:
        raise Refused("too-many-ports")
    for port in range(endpoint.port, endpoint.port + ports):
        if not may_lead_to(protocol, port):
            raise Refused("port-not-allowed")


class Mirror:
    """Inside names as the outside knows them, where it knows them. `party`: the inside host the message is for."""

    __slots__ = ("_bindings", "_party", "_rules")

    def __init__(self, rules: Rules, bindings: Bindings, party: Address) -> None:
        self._rules = rules
        self._bindings = bindings
        self._party = party

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        return self._rules.translates(address)

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`."""
        return self.owns(address)

    def host(self, address: Address, *, own: bool) -> Address:
        """See `Nat.host`; an address that the message's host has for itself alone is never another's name."""
        known = self._bindings.global_host(address)
        if known is not None or not self.owns(address) or not (own or address == self._party):
            return known or address
        shared = self._bindings.global_host(self._party)
        if shared is not None and self._bindings.local_host(shared) is not None:
            shared = None  # the party's alone: it would name the wrong host
        return self._rules.static_port_host(address) or shared or address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        binding = self._bindings.by_local(protocol, endpoint)
        return binding.outward(endpoint) if binding is not None else endpoint

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:  # noqa: ARG002
        """See `Nat.expose`."""
        return self.translate(endpoint, protocol)

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`."""
        return self.translate(endpoint, protocol)

    def trust(self) -> bool:
        """See `Nat.trust`."""
        return False

    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:
        """See `Nat.behind`."""
        binding = self._bindings.by_global(protocol, endpoint)
        local = binding.inward(endpoint) if binding is not None else None
        return local if local is not None and local.address == self._party else None


class Outward(Mirror):
    """The view for a message from the inside; what it made is in `made`, to be kept or undone."""

    __slots__ = ("_trusted", "made")

    def __init__(self, rules: Rules, bindings: Bindings, party: Address) -> None:
        super().__init__(rules, bindings, party)
        self._trusted = False
        self.made: list[Binding] = []

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        binding = self._bindings.by_local(protocol, endpoint)
        if binding is not None:
            return binding.outward(endpoint)
        return self.introduce(endpoint, protocol) if endpoint.address == self._party else endpoint

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`; the gateway itself is nobody to be talked to."""
        binding = self._bindings.by_local(protocol, endpoint)
        if binding is None:
            if not self.owns(endpoint.address) or self._is_gateway(endpoint.address):
                return endpoint
            self._check_names()
            made = self._bindings.bind(protocol, endpoint)
            if not made:
                return endpoint  # of this host, only other ports have names
            self.made += made
            binding = made[0]
        return binding.outward(endpoint)

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:
        """See `Nat.expose`; only the message's own host may be announced, by one that is trusted also others."""
        if endpoint.address != self._party:
            if not self.owns(endpoint.address):
                return endpoint
            if not self._trusted or self._is_gateway(endpoint.address):
                raise Refused("third-party-address")
        require_announceable(endpoint, protocol, ports)
        first = self._bindings.by_local(protocol, endpoint)
        if first is not None and (ports == 1 or first.protocol == WHOLE_HOST):
            return first.outward(endpoint)
        self._check_names()
        run = [endpoint] + [Endpoint(endpoint.address, endpoint.port + step) for step in range(1, ports)]
        known = [first] + [self._bindings.by_local(protocol, own) for own in run[1:]]
        if any(known):
            return self._complete(protocol, run, known)
        made = self._bindings.bind(protocol, endpoint, count=ports, even=even)
        self.made += made
        if not made:
            raise Refused("no-translation")
        return made[0].outward(endpoint)

    def trust(self) -> bool:
        """See `Nat.trust`; the messages of a host without a translation go on as they came, and could tell no name."""
        self._trusted = self.owns(self._party)
        return self._trusted

    def _is_gateway(self, address: Address) -> bool:
        """Whether an address is the gateway's, though it may lie among those of inside hosts."""
        return address != self._party and self._rules.owns(address)

    def _check_names(self) -> None:
        if len(self.made) >= MAX_NAMES:
            raise Refused("too-many-names")

    def undo(self, kept: int = 0) -> None:
        """Give back what was made, but for the first so many."""
        for binding in reversed(self.made[kept:]):
            self._bindings.free(binding)
        del self.made[kept:]

    def _complete(self, protocol: int, run: list[Endpoint], known: list[Binding | None]) -> Endpoint:
        """Bind the rest of a run of which some ports have names: a phone may send before it announces."""
        step, anchor = next((step, binding) for step, binding in enumerate(known) if binding is not None)
        base = anchor.global_.port - step
        for offset, (own, binding) in enumerate(zip(run, known, strict=True)):
            name = Endpoint(anchor.global_.address, base + offset)
            if binding is not None and binding.global_ != name:
                if not binding.idle or binding in self.made:
                    raise Refused("port-pair-unavailable")
                self._bindings.free(binding)
                binding = None  # noqa: PLW2901 - nobody used it: it can have another name
            if binding is None:
                self.made.append(self._bindings.bind_to(protocol, own, name, anchor))
        return Endpoint(anchor.global_.address, base)


class Level:
    """The view for a message between two hosts that know each other as they are: nothing is named, doors may open.

    Either of them is shielded by the firewall, and may announce itself only.
    """

    __slots__ = ("_party",)

    def __init__(self, path: Path) -> None:
        self._party = path.sent_from.address

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`; whoever sends is protected, though it has no other name."""
        return address == self._party

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`."""
        return self.owns(address)

    def host(self, address: Address, *, own: bool) -> Address:  # noqa: ARG002 - everybody is called what it is
        """See `Nat.host`."""
        return address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:  # noqa: ARG002 - everybody is called what it is
        """See `Nat.translate`."""
        return endpoint

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:  # noqa: ARG002 - everybody is called what it is
        """See `Nat.introduce`."""
        return endpoint

    def trust(self) -> bool:
        """See `Nat.trust`."""
        return False

    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:  # noqa: ARG002 - nobody has two names
        """See `Nat.behind`."""
        return None

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:  # noqa: ARG002
        """See `Nat.expose`."""
        if endpoint.address == self._party:
            require_announceable(endpoint, protocol, ports)
        return endpoint


class Inward:
    """The view for a message from the outside on a path.

    Args:
        rules: who is who.
        bindings: their names.
        path: of the message.
        screened: whether a firewall lets the inside begin only what it allows, or what a door is for.
    """

    __slots__ = ("_bindings", "_path", "_rules", "_screened")

    def __init__(self, rules: Rules, bindings: Bindings, path: Path, *, screened: bool = False) -> None:
        self._rules = rules
        self._bindings = bindings
        self._path = path
        self._screened = screened

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        return self._rules.owns(address)

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`; who is on the outside is, where a firewall stands between."""
        return self._screened and address == self._path.sent_from.address

    def host(self, address: Address, *, own: bool) -> Address:  # noqa: ARG002 - the outside knows our names only
        """See `Nat.host`; a shared address stands for the host that the message goes to."""
        known = self._bindings.local_host(address)
        if known is not None:
            return known
        return self._path.arrives_to.address if address == self._path.sent_to.address else address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        binding = self._bindings.by_global(protocol, endpoint)
        return binding.inward(endpoint) if binding is not None else endpoint

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`; nobody outside gives names to our hosts."""
        return self.translate(endpoint, protocol)

    def trust(self) -> bool:
        """See `Nat.trust`; nobody outside exposes our hosts."""
        return False

    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:  # noqa: ARG002 - outside hosts have none
        """See `Nat.behind`."""
        return None

    def expose(self, endpoint: Endpoint, protocol: int, *, ports: int = 1, even: bool = False) -> Endpoint:  # noqa: ARG002
        """See `Nat.expose`: an end outside can be reached as it is.

        One of ours is named as inside hosts know it, but only if it may be reached from outside anyway: nobody there
        shall make one inside host send to another, nor learn of it.
        """
        binding = self._bindings.by_global(protocol, endpoint)
        return binding.inward(endpoint) if binding is not None and (binding.static or binding.doors) else endpoint


View = Outward | Level | Inward
"""How an ALG sees the NAT, for a message that goes through."""
