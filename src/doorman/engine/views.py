"""How an ALG sees the NAT: views of the same bindings, one for each way of asking.

- `Outward`: a message from the inside. Local names become global ones; bindings are made, as a transaction.
- `Inward`: a message from the outside. Global names become local ones; outside hosts may get some.
- `Level`: a message that nothing translates, past a firewall. Everybody is called what it is; doors open.
- `Mirror`: replay's question, what the outside must have sent. Local names become global ones, but nothing is made.

Of inside hosts and outside hosts alike: where the latter have but one name, nothing is done to it.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from doorman.algs.api import MAX_RUN, Name, Nat, Path, Refused
from doorman.firewall.doors import may_lead_to
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.rules import Rules
from doorman.nat.selection import Towards
from doorman.nat.stand_ins import StandIns
from doorman.net.addresses import Address, Endpoint, endpoints_from, new_tuple
from doorman.net.embedding import embed

MAX_NAMES: Final = 256
"""Names that one message may be given."""
_NOBODY: Final = Address(b"")


def require_announceable(run: list[Endpoint], protocol: int, *, reserved: bool = False) -> None:
    """See that a message may announce endpoints; `reserved`: see `Nat.expose`.

    Raises:
        Refused: it may not.
    """
    if len(run) > MAX_RUN:
        raise Refused("too-many-ports")
    for endpoint in run:
        if not may_lead_to(protocol, endpoint.port, reserved=reserved):
            raise Refused("port-not-allowed")


class Names(NamedTuple):
    """What a NAT knows.

    Attributes:
        rules: whom it is about.
        inside: what inside hosts are called outside.
        outside: what outside hosts are called inside.
        stand_ins: which of the inside hosts have IPv6.
    """

    rules: Rules
    inside: Bindings
    outside: Bindings
    stand_ins: StandIns


class Transaction(Nat):
    """What was made for a message; it is kept or undone."""

    __slots__ = ("made",)

    made: list[Binding]

    def begin(self) -> None:
        """Be asked about the next message of the same flow."""
        if self.made:
            self.made = []

    def undo(self, kept: int = 0) -> None:
        """Give back what was made, but for the first so many."""
        del self.made[kept:]


class Named(Transaction):
    """A look at the names of a NAT.

    What it was asked last it says again without looking, as long as that holds: the messages of a flow tell of the same
    two hosts, and of one endpoint of ours.
    """

    __slots__ = (
        "_binding", "_bindings", "_looks", "_name", "_ours", "_outside", "_rules", "_stand_ins", "_stranger",
    )  # fmt: skip

    def __init__(self, names: Names, made: Iterable[Binding] = ()) -> None:
        self.made = [*made]
        self._rules, self._bindings, self._outside, self._stand_ins = names
        self._ours = self._stranger = _NOBODY
        self._looks = self._rules.looks
        self._name: Name | None = None
        self._binding: Binding | None = None

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        if self._looks != self._rules.looks:
            self._looks = self._rules.looks
            self._ours = self._stranger = _NOBODY
        if address == self._ours:
            return True
        if address == self._stranger:
            return False
        owned = self._renames(address)
        if owned:
            self._ours = address
        else:
            self._stranger = address
        return owned

    def name(self, endpoint: Endpoint, protocol: int) -> Name:
        """See `Nat.name`."""
        name, binding = self._name, self._binding
        lasts = binding is not None and binding.held
        if lasts and name is not None and name.endpoint is endpoint and name.protocol == protocol:
            return name
        name = Name(endpoint, protocol, self.translate(endpoint, protocol))
        self._name, self._binding = name, self._binding_of(endpoint, protocol)
        return name

    @abstractmethod
    def _renames(self, address: Address) -> bool:
        """Whether an address, as the sender names it, has another name."""

    @abstractmethod
    def _binding_of(self, endpoint: Endpoint, protocol: int) -> Binding | None:
        """The binding that an endpoint has its name by for as long as it is held; None where no single one says it."""

    def native(self, address: Address) -> Address:
        """See `Nat.native`."""
        return self._stand_ins.host(address) or address

    def embedded(self, address: Address) -> Address:
        """See `Nat.embedded`."""
        prefix = self._stand_ins.prefix
        return self._stand_ins.host(address) or (embed(prefix, address) if prefix is not None else address)

    def undo(self, kept: int = 0) -> None:
        """Give back what was made, but for the first so many."""
        for binding in reversed(self.made[kept:]):
            table = self._outside if binding.outside else self._bindings
            table.free(binding)
        super().undo(kept)

    def _check_names(self) -> None:
        if len(self.made) >= MAX_NAMES:
            raise Refused("too-many-names")


class Mirror(Named):
    """Names of the inside as the outside knows them, where it knows them: of its hosts, and of those outside.

    Args:
        names: of the NAT.
        party: the inside host the message is for.
        towards: its flow, as rules may look at it.
    """

    __slots__ = ("_party", "_towards")

    def __init__(self, names: Names, party: Address, towards: Towards | None = None) -> None:
        super().__init__(names)
        self._party = party
        self._towards = towards

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`."""
        return self._rules.translates(address)

    def host(self, address: Address, *, own: bool) -> Address:
        """See `Nat.host`; an address that the message's host has for itself alone is never another's name."""
        if self._rules.leaves_some and self._rules.leaves(WHOLE_HOST, Endpoint(address, 0)):
            return address
        known = self._bindings.global_host(address, self._towards)
        if known is None and not self._rules.translates(address):
            return self._outside.local_host(address) or address
        if known is not None or not (own or address == self._party):
            return known or address
        shared = self._bindings.global_host(self._party, self._towards)
        if shared is not None and self._bindings.local_host(shared) is not None:
            shared = None  # the party's alone: it would name the wrong host
        return self._rules.static_port_host(address) or shared or address

    def resolve(self, address: Address, *, anew: bool) -> Address:  # noqa: ARG002 - nothing is made
        """See `Nat.resolve`."""
        if self._rules.leaves_some and self._rules.leaves(WHOLE_HOST, Endpoint(address, 0)):
            return address
        return self._bindings.own_name(address, self._towards) or self._outside.local_host(address) or address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return endpoint
        binding = self._bindings.by_local(protocol, endpoint, self._towards)
        return binding.outward(endpoint) if binding is not None else self._beyond(endpoint, protocol)

    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:  # noqa: ARG002 - see there
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

    def _beyond(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """An end outside, by the name that it has there."""
        binding = self._outside.by_global(protocol, endpoint)
        return binding.inward(endpoint) if binding is not None else endpoint

    def _renames(self, address: Address) -> bool:
        return self._rules.renames(address)

    def _binding_of(self, endpoint: Endpoint, protocol: int) -> Binding | None:
        return None if self._rules.looks_at_flows else self._bindings.by_local(protocol, endpoint)


class Outward(Mirror):
    """The view for a message from the inside."""

    __slots__ = ("_trusted",)

    def __init__(self, names: Names, party: Address, towards: Towards | None = None) -> None:
        super().__init__(names, party, towards)
        self._trusted = False

    def begin(self) -> None:
        """Be asked about the next message of the same flow; trust is in what one says."""
        super().begin()
        self._trusted = False

    def resolve(self, address: Address, *, anew: bool) -> Address:
        """See `Nat.resolve`; half of a pool is kept for hosts that send, whatever outside hosts ask for."""
        if self._rules.leaves_some and self._rules.leaves(WHOLE_HOST, Endpoint(address, 0)):
            return address
        name = self._bindings.own_name(address, self._towards) or self._outside.local_host(address)
        if name is not None or not anew or not self._rules.translates(address) or self._is_gateway(address):
            return name or address
        shared = self._rules.static_port_host(address) or self._bindings.global_host(address, self._towards)
        if shared is not None:
            return shared
        host = Endpoint(address, 0)
        rule = self._bindings.rule_for(WHOLE_HOST, host, self._towards)
        if rule is None:
            return address
        if rule.overload:
            return rule.pool.only()
        if rule.pool.is_half_used:
            raise Refused("pool-half-used")
        self._check_names()
        made = self._bindings.bind(WHOLE_HOST, host, self._towards)
        self.made += made
        return made[0].global_.address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return endpoint
        binding = self._bindings.by_local(protocol, endpoint, self._towards)
        if binding is not None:
            return binding.outward(endpoint)
        if endpoint.address == self._party:
            return self.introduce(endpoint, protocol)
        return self._beyond(endpoint, protocol)

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`; the gateway itself is nobody to be talked to."""
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return endpoint
        binding = self._bindings.by_local(protocol, endpoint, self._towards)
        if binding is None:
            if not self._rules.translates(endpoint.address) or self._is_gateway(endpoint.address):
                return self._beyond(endpoint, protocol)
            self._check_names()
            made = self._bindings.bind(protocol, endpoint, self._towards)
            if not made:
                return endpoint  # of this host, only other ports have names
            self.made += made
            binding = made[0]
        return binding.outward(endpoint)

    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:
        """See `Nat.expose`; only the message's own host may be announced, by one that is trusted also others."""
        return self._expose([endpoint], protocol, even=False, reserved=reserved)[0]

    def expose_run(self, run: list[Endpoint], protocol: int, *, even: bool) -> list[Endpoint]:
        """See `Nat.expose_run`."""
        return self._expose(run, protocol, even=even, reserved=False)

    def _expose(self, run: list[Endpoint], protocol: int, *, even: bool, reserved: bool) -> list[Endpoint]:
        endpoint = run[0]
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return run
        if endpoint.address != self._party:
            if not self._rules.translates(endpoint.address):
                return endpoints_from(self._beyond(endpoint, protocol), len(run))
            if not self._trusted or self._is_gateway(endpoint.address):
                raise Refused("third-party-address")
        require_announceable(run, protocol, reserved=reserved)
        known = [self._bindings.by_local(protocol, own, self._towards) for own in run]
        first = known[0]
        if first is not None and (len(run) == 1 or first.protocol == WHOLE_HOST):
            return [first.outward(own) for own in run]
        self._check_names()
        if known.count(None) < len(run):
            return _in_a_row(known) or self._complete(protocol, run, known)
        made = self._bindings.bind_run(protocol, run, self._towards, even=even)
        self.made += made
        if not made:
            raise Refused("no-translation")
        return [made[0].outward(own) for own in run] if len(made) < len(run) else [binding.global_ for binding in made]

    def trust(self) -> bool:
        """See `Nat.trust`; the messages of a host without a translation go on as they came, and could tell no name."""
        self._trusted = self._rules.translates(self._party)
        return self._trusted

    def _is_gateway(self, address: Address) -> bool:
        """Whether an address is the gateway's, though it may lie among those of inside hosts."""
        return address != self._party and self._rules.owns(address)

    def _complete(self, protocol: int, run: list[Endpoint], known: list[Binding | None]) -> list[Endpoint]:
        """Bind the rest of a run of which some ports have names: a phone may send before it announces."""
        step, anchor = next((step, binding) for step, binding in enumerate(known) if binding is not None)
        names = endpoints_from(Endpoint(anchor.global_.address, anchor.global_.port - step), len(run))
        for own, name, binding in zip(run, names, known, strict=True):
            if binding is not None and binding.global_ != name:
                if not binding.idle or binding in self.made:
                    raise Refused("port-pair-unavailable")
                self._bindings.free(binding)
                binding = None  # noqa: PLW2901 - nobody used it: it can have another name
            if binding is None:
                self.made.append(self._bindings.bind_to(protocol, own, name, anchor))
        return names


def _in_a_row(known: list[Binding | None]) -> list[Endpoint] | None:
    """The names of ports in a row, if all of them have one and these are in a row as well."""
    names: list[Endpoint] = []
    for binding in known:
        if binding is None:
            return None
        name = binding.global_
        if names and name != (names[0].address, names[0].port + len(names)):
            return None
        names.append(name)
    return names


class Level(Transaction):
    """The view for a message between two hosts that know each other as they are: nothing is named, doors may open.

    Either of them is shielded by the firewall, and may announce itself only.
    """

    __slots__ = ("_party",)

    def __init__(self, path: Path) -> None:
        self.made = []
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

    def resolve(self, address: Address, *, anew: bool) -> Address:  # noqa: ARG002 - everybody is called what it is
        """See `Nat.resolve`."""
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

    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:
        """See `Nat.expose`."""
        if endpoint.address == self._party:
            require_announceable([endpoint], protocol, reserved=reserved)
        return endpoint

    def expose_run(self, run: list[Endpoint], protocol: int, *, even: bool) -> list[Endpoint]:  # noqa: ARG002 - see there
        """See `Nat.expose_run`."""
        if run[0].address == self._party:
            require_announceable(run, protocol)
        return run


class Inward(Named):
    """The view for a message from the outside on a path.

    Args:
        names: of the NAT.
        path: of the message.
        made: the names that its flow needed.
        screened: whether a firewall lets the inside begin only what it allows, or what a door is for.
    """

    __slots__ = ("_path", "_screened")

    def __init__(self, names: Names, path: Path, made: Iterable[Binding] = (), *, screened: bool = False) -> None:
        super().__init__(names, made)
        self._path = path
        self._screened = screened

    def owns_any(self, addresses: Collection[Address]) -> bool:
        """See `Nat.owns_any`."""
        return self._rules.renames_any_inward(addresses)

    def shielded(self, address: Address) -> bool:
        """See `Nat.shielded`; who is on the outside is, where a firewall stands between."""
        return self._screened and address == self._path.sent_from.address

    def host(self, address: Address, *, own: bool) -> Address:  # noqa: ARG002 - the outside knows our names only
        """See `Nat.host`; a shared address stands for the host that the message goes to."""
        if self._rules.leaves_some and self._rules.leaves(WHOLE_HOST, Endpoint(address, 0)):
            return address
        known = self._bindings.local_host(address)
        if known is not None:
            return known
        if address == self._path.sent_to.address:
            return self._path.arrives_to.address
        return self._outside.global_host(address) or address

    def resolve(self, address: Address, *, anew: bool) -> Address:
        """See `Nat.resolve`; a name of ours that stands for several hosts stays."""
        if self._rules.leaves_some and self._rules.leaves(WHOLE_HOST, Endpoint(address, 0)):
            return address
        known = self._bindings.local_host(address)
        return known or self._known_as(new_tuple(Endpoint, (address, 0)), WHOLE_HOST, anew=anew).address

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return endpoint
        binding = self._bindings.by_global(protocol, endpoint)
        if binding is not None:
            return binding.inward(endpoint)
        return self._known_as(endpoint, protocol, anew=endpoint.address == self._path.sent_from.address)

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`; nobody outside gives names to our hosts."""
        return self.translate(endpoint, protocol)

    def trust(self) -> bool:
        """See `Nat.trust`; nobody outside exposes our hosts."""
        return False

    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:  # noqa: ARG002 - outside hosts have none
        """See `Nat.behind`."""
        return None

    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:  # noqa: ARG002 - see there
        """See `Nat.expose`: an end outside can be reached as it is, or by the name that outside hosts like it get.

        One of ours is named as inside hosts know it, but only if it may be reached from outside anyway: nobody there
        shall make one inside host send to another, nor learn of it.
        """
        if self._rules.leaves_some and self._rules.leaves(protocol, endpoint):
            return endpoint
        binding = self._bindings.by_global(protocol, endpoint)
        if binding is not None:
            return binding.inward(endpoint) if binding.static or binding.doors else endpoint
        return self._known_as(endpoint, protocol, anew=True)

    def _known_as(self, endpoint: Endpoint, protocol: int, *, anew: bool) -> Endpoint:
        """An end outside, by the name that it has inside; with `anew` it gets one if a rule gives it one."""
        binding = self._outside.by_local(protocol, endpoint)
        if binding is None and anew and self._rules.outside.dynamic and not self._rules.owns(endpoint.address):
            self._check_names()
            made = self._outside.bind(WHOLE_HOST, endpoint)
            self.made += made
            binding = made[0] if made else None
        return binding.outward(endpoint) if binding is not None else endpoint

    def _renames(self, address: Address) -> bool:
        return self._rules.renames_inward(address)

    def _binding_of(self, endpoint: Endpoint, protocol: int) -> Binding | None:
        return self._bindings.by_global(protocol, endpoint)


View = Outward | Level | Inward
"""How an ALG sees the NAT, for a message that goes through."""
