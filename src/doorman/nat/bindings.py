"""Bindings: which inside endpoint is seen as which global endpoint, and the making of new ones.

Mapping is endpoint-independent (RFC 4787, REQ-1): a binding knows nothing of the other side. A host keeps one global
address (REQ-2, 'paired'). A binding lives as long as somebody uses it: sessions and doors count as users.
"""

from collections.abc import Callable, Iterator
from typing import Final

from doorman.algs.api import Refused
from doorman.nat.holdings import Holdings
from doorman.nat.naming import DynamicRule, Naming
from doorman.nat.selection import Towards
from doorman.net.addresses import Address, Endpoint, endpoints_from, new_tuple
from doorman.net.packet import ICMP, TCP, UDP
from doorman.timers import Timed

WHOLE_HOST: Final = 0
"""The protocol of a binding that maps a host with all its protocols and ports."""

MAX_PORTS_PER_HOST = 16_384
"""Ports of a shared address that one inside host may have, all protocols together: a quarter of one protocol's."""
_WITH_PORTS: Final = (ICMP, UDP, TCP)
_PROTOCOLS: Final = max(_WITH_PORTS) + 1


class Binding(Timed):
    """An endpoint and its name on the other side: an inside one and its global name.

    Where `outside`, it is an outside one: then `local` is its outside global end, `global_` its outside local name.

    Attributes:
        protocol: 6, 17 or 1 (whose 'port' is the query identifier); 0: the whole host, and both ports are 0.
        local, global_: the two names.
        static: from the configuration; it never ends.
        outside: whether it is about an outside host.
        secondary: a further static name of something inside: it leads in, and is what answers to it are called.
        doors: how many doors lead through it.
        sessions: how many sessions use it.
        rule: the dynamic rule it was made by.
        way: the number of its rule among those that look at flows; 0 for all others.
        held: whether it is one of those in force: as long as it is, no other is found for its ends.
    """

    __slots__ = (
        "doors",
        "global_",
        "held",
        "local",
        "outside",
        "protocol",
        "rule",
        "secondary",
        "sessions",
        "static",
        "way",
    )

    def __init__(self, protocol: int, local: Endpoint, global_: Endpoint, rule: DynamicRule | None = None) -> None:
        super().__init__()
        self.protocol = protocol
        self.local = local
        self.global_ = global_
        self.static = rule is None
        self.secondary = self.outside = self.held = False
        self.doors = 0
        self.sessions = 0
        self.rule = rule
        self.way = rule.way if rule is not None else 0

    @property
    def is_port(self) -> bool:
        """Whether it is a port of a shared address, given to its host for as long as somebody uses it."""
        return not self.static and self.protocol != WHOLE_HOST

    @property
    def idle(self) -> bool:
        """Whether nobody needs it: it is dynamic, and has neither doors nor sessions."""
        return not (self.static or self.doors or self.sessions)

    def outward(self, local: Endpoint) -> Endpoint:
        """The global name of an endpoint which this binding covers."""
        return self.global_ if self.protocol else Endpoint(self.global_.address, local.port)

    def inward(self, global_: Endpoint) -> Endpoint:
        """The inside name of an endpoint which this binding covers."""
        return self.local if self.protocol else Endpoint(self.local.address, global_.port)


def untranslated(host: Address) -> Binding:
    """What a host has that keeps its own address, in a flow whose other end does not: it is in no table."""
    itself = Endpoint(host, 0)
    return Binding(WHOLE_HOST, itself, itself)


class BindingChange:
    """What became of a binding."""

    __slots__ = ("binding",)

    def __init__(self, binding: Binding) -> None:
        self.binding = binding

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BindingChange) and type(self) is type(other) and self.binding is other.binding

    def __hash__(self) -> int:
        return hash(self.binding)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.binding!r})"


class BindingMade(BindingChange):
    """A name was given out."""

    __slots__ = ()


class BindingFreed(BindingChange):
    """A name is nobody's any more."""

    __slots__ = ()


class _Share:
    """The one address that an overloaded host keeps while it has bindings."""

    __slots__ = ("address", "count")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.count = 0


class _Ends:
    """Bindings by their ends on one side.

    Attributes:
        ports: of single ports, by the number of their protocol; those that have no ports have none.
        hosts: of whole hosts.
    """

    __slots__ = ("hosts", "ports")

    def __init__(self) -> None:
        self.ports: list[dict[Endpoint, Binding]] = [{} for _ in range(_PROTOCOLS)]
        self.hosts: dict[Address, Binding] = {}

    def find(self, protocol: int, end: Endpoint) -> Binding | None:
        """The binding of an endpoint, if there is one."""
        found = self.ports[protocol].get(end) if protocol < _PROTOCOLS else None
        if found is None and self.hosts:
            found = self.hosts.get(end.address)
        return found


class _Locals(_Ends):
    """Bindings by their local ends: those that one way of naming gives. `shares`: what each overloaded host keeps."""

    __slots__ = ("shares",)

    def __init__(self) -> None:
        super().__init__()
        self.shares: dict[Address, _Share] = {}


class Bindings:
    """All bindings of a NAT, static ones included.

    Args:
        rules: who is to be translated, and to what.
        holdings: the ports that can be had.
        journal: told of every name that is given out or taken back.
        outside: whether they are those of outside hosts.

    Attributes:
        holdings: see above.
    """

    def __init__(
        self,
        rules: Naming,
        holdings: Holdings,
        *,
        journal: Callable[[BindingMade | BindingFreed], None] | None = None,
        outside: bool = False,
    ) -> None:
        self._rules = rules
        self._outside = outside
        self.holdings = holdings
        self._journal = None
        self._limits = rules.entry_limits()
        self._plain = _Locals()
        self._ways = {0: self._plain}
        self._globals = _Ends()
        for rule in rules.static_hosts:
            host = self._make(WHOLE_HOST, rule.local, rule.global_)
            host.way = rule.way
            host.secondary = rule.local.address in self._way(rule.way).hosts
            self._add_host(host)
        for rule in rules.static_ports:
            port = self._make(rule.protocol, rule.local, rule.global_)
            port.way = rule.way
            port.secondary = rule.local in self._way(rule.way).ports[rule.protocol]
            self._add([port])
            self.holdings.space(rule.protocol, rule.global_.address).claim(rule.global_.port)
        self._journal = journal

    def __iter__(self) -> Iterator[Binding]:
        yield from self._globals.hosts.values()
        for protocol in _WITH_PORTS:
            yield from self._globals.ports[protocol].values()

    def __len__(self) -> int:
        return len(self._globals.hosts) + sum(map(len, self._globals.ports))

    def has(self, binding: Binding) -> bool:
        """Whether a binding is one of these."""
        return self.by_global(binding.protocol, binding.global_) is binding

    def by_local(self, protocol: int, local: Endpoint, towards: Towards | None = None) -> Binding | None:
        """The binding of an inside endpoint, if there is one; where rules look at flows, that for such a flow."""
        if towards is None or not self._rules.looks_at_flows:
            return self._plain.find(protocol, local)
        way, _ = self._rules.rule_for(protocol, local, towards)
        known = self._ways.get(way)
        return known.find(protocol, local) if known is not None else None

    def every_of(self, protocol: int, local: Endpoint) -> list[Binding]:
        """All bindings of an inside endpoint, whatever flows they are for, in the order in which rules are asked."""
        ways = sorted(self._ways, key=lambda way: (way > 0, abs(way)))
        found = (self._ways[way].find(protocol, local) for way in ways)
        return [binding for binding in found if binding is not None]

    def by_global(self, protocol: int, global_: Endpoint) -> Binding | None:
        """The binding that has this global name, if there is one."""
        return self._globals.find(protocol, global_)

    def own_name(self, local: Address, towards: Towards | None = None) -> Address | None:
        """The global address that an inside host has for itself alone; where rules look at flows, for such a flow."""
        if towards is None or not self._rules.looks_at_flows:
            host = self._plain.hosts.get(local)
        else:
            host = self.by_local(WHOLE_HOST, Endpoint(local, 0), towards)
        return host.global_.address if host is not None else None

    def global_host(self, local: Address, towards: Towards | None = None) -> Address | None:
        """The global address of an inside host, where it has one now; where rules look at flows, for such a flow."""
        locals_: _Locals | None = self._plain
        if towards is not None and self._rules.looks_at_flows:
            way, _ = self._rules.rule_for(towards.protocol, Endpoint(local, towards.port), towards)
            locals_ = self._ways.get(way)
        if locals_ is None:
            return None
        host, share = locals_.hosts.get(local), locals_.shares.get(local)
        if host is not None:
            return host.global_.address
        return share.address if share is not None else None

    def local_host(self, global_: Address) -> Address | None:
        """The inside host that has a global address for itself alone."""
        host = self._globals.hosts.get(global_)
        return host.local.address if host is not None else None

    def rule_for(self, protocol: int, local: Endpoint, towards: Towards | None = None) -> DynamicRule | None:
        """The dynamic rule by which an inside endpoint gets a name; where rules look at flows, for such a flow."""
        if towards is None or not self._rules.looks_at_flows:
            return self._rules.dynamic_for(local.address)
        _, rule = self._rules.rule_for(protocol, local, towards)
        return rule

    def bind(self, protocol: int, local: Endpoint, towards: Towards | None = None) -> list[Binding]:
        """Bind an inside endpoint. See `bind_run`."""
        return self.bind_run(protocol, [local], towards)

    def bind_run(
        self, protocol: int, run: list[Endpoint], towards: Towards | None = None, *, even: bool = False
    ) -> list[Binding]:
        """Bind inside endpoints of one host, whose ports are in a row, to global ports in a row; or else the host.

        None of them may be bound yet. With `even`, the first of these is. An empty list: no rule wants this host
        translated.

        Raises:
            Refused: the pool or the ports are exhausted, there would be too many entries, or the protocol has no ports
                to tell hosts apart by.
        """
        local, count = run[0], len(run)
        rule = self.rule_for(protocol, local, towards)
        if rule is None:
            return []
        self._limits.admit(local.address, count if rule.overload else 1)
        if not rule.overload:
            address = rule.pool.lease(local.address)
            host = self._make(WHOLE_HOST, Endpoint(local.address, 0), Endpoint(address, 0), rule)
            self._add_host(host)
            return [host]
        if protocol not in _WITH_PORTS:
            raise Refused("protocol-without-ports")
        shares = self._way(rule.way).shares
        share = shares.get(local.address)
        if share is not None and share.count + count > MAX_PORTS_PER_HOST:
            raise Refused("host-over-quota")
        if share is None:
            share = _Share(rule.pool.share(local.address))
        first = self.holdings.space(protocol, share.address).take(local.port, count, even=even)
        shares[local.address] = share
        share.count += count
        names = endpoints_from(new_tuple(Endpoint, (share.address, first)), count)
        made = [Binding(protocol, own, names[step], rule) for step, own in enumerate(run)]
        self._add(made)
        return made

    def bind_to(self, protocol: int, local: Endpoint, global_: Endpoint, like: Binding) -> Binding:
        """Bind an endpoint to this very name, by the rule of another dynamic binding of its host.

        Raises:
            Refused: the name is taken, the other binding is static, or there would be too many entries.
        """
        share = self._way(like.way).shares.get(local.address)
        if share is None or like.rule is None or not 0 < global_.port < self.holdings.ports_end:
            raise Refused("port-pair-unavailable")
        self._limits.admit(local.address, 1)
        if not self.holdings.space(protocol, global_.address).claim(global_.port):
            raise Refused("port-pair-unavailable")
        binding = Binding(protocol, local, global_, like.rule)
        share.count += 1
        self._add([binding])
        return binding

    def share(self, local: Address, address: Address | None = None) -> Address:
        """Count one more entry, without a port, of the address that a host shares: this very one, where it had it.

        Returns:
            The address, which is kept until all is taken back by `unshare` and `free`.

        Raises:
            Refused: no rule lets the host share an address, or this one; or there would be too many entries.
        """
        rule = self._rules.dynamic_for(local)
        if rule is None or rule.way or not rule.overload or (address is not None and address not in rule.pool):
            raise Refused("no-translation")
        if address is None:
            self._limits.admit(local, 1)
        share = self._plain.shares.get(local)
        if share is not None and address not in {None, share.address}:
            raise Refused("name-taken")
        if share is None:
            share = self._plain.shares[local] = _Share(address or rule.pool.share(local))
        share.count += 1
        self._limits.change(local, 1)
        return share.address

    def unshare(self, local: Address) -> None:
        """Take an entry back that `share` counted."""
        self._limits.change(local, -1)
        self._leave_share(local, 0)

    def free(self, binding: Binding) -> None:
        """Forget a dynamic binding; its ports or its address can be given out again."""
        locals_ = self._way(binding.way)
        if binding.static or binding.rule is None or locals_.find(binding.protocol, binding.local) is not binding:
            return
        if self._journal is not None:
            self._journal(BindingFreed(binding))
        binding.held = False
        self._limits.change(binding.local.address, -1)
        if binding.protocol == WHOLE_HOST:
            del locals_.hosts[binding.local.address]
            del self._globals.hosts[binding.global_.address]
            binding.rule.pool.release(binding.global_.address)
            return
        del locals_.ports[binding.protocol][binding.local]
        del self._globals.ports[binding.protocol][binding.global_]
        self.holdings.release(binding.protocol, binding.global_)
        self._leave_share(binding.local.address, binding.way)

    def adopt(self, protocol: int, local: Endpoint, global_: Endpoint) -> Binding:
        """Enter a dynamic binding that was made before: by this gateway, ere it was started again.

        Raises:
            Refused: no rule of today makes such a binding, or something else has one of the names.
        """
        rule = self._rules.rule_giving(local.address, global_.address, whole=protocol == WHOLE_HOST)
        if rule is None:
            raise Refused("no-translation")
        binding = self._make(protocol, local, global_, rule)
        self._adopt(binding)
        return binding

    def take_over(self, old: "Bindings") -> list[Binding]:
        """Go on with the bindings of a NAT whose rules were others; give those that are nobody's any more."""
        journal, self._journal = self._journal, None
        lost = []
        for binding in old:
            if self._is_still_static(binding):
                same = self.by_global(binding.protocol, binding.global_)
                binding.way = same.way if same is not None else 0
                self._enter(binding)
            elif binding.static or not self._takes(binding):
                binding.held = False
                lost.append(binding)
        if journal is not None:
            known = set(map(id, old))
            for binding in lost:
                journal(BindingFreed(binding))
            for binding in self:
                if id(binding) not in known:
                    journal(BindingMade(binding))
        self._journal = journal
        return lost

    def _is_still_static(self, binding: Binding) -> bool:
        same = self.by_global(binding.protocol, binding.global_)
        return (
            binding.static
            and same is not None
            and (same.protocol, same.local, same.secondary) == (binding.protocol, binding.local, binding.secondary)
        )

    def _takes(self, binding: Binding) -> bool:
        try:
            self._adopt(binding)
        except Refused:
            return False
        return True

    def _adopt(self, binding: Binding) -> None:
        local, name = binding.local, binding.global_
        whole = binding.protocol == WHOLE_HOST
        rule = self._rules.rule_giving(local.address, name.address, whole=whole)
        if rule is None or rule.overload == whole or name.address not in rule.pool:
            raise Refused("no-translation")
        if rule.overload and not 0 < name.port < self.holdings.ports_end:
            raise Refused("no-translation")
        locals_ = self._way(rule.way)
        if locals_.find(binding.protocol, local) is not None or self.by_global(binding.protocol, name) is not None:
            raise Refused("name-taken")
        binding.rule, binding.way = rule, rule.way
        if binding.protocol == WHOLE_HOST:
            if not rule.pool.claim(name.address, local.address):
                raise Refused("name-taken")
        else:
            share = locals_.shares.get(local.address) or _Share(name.address)
            space = self.holdings.space(binding.protocol, name.address)
            if share.address != name.address or not space.claim(name.port):
                raise Refused("name-taken")
            locals_.shares[local.address] = share
            share.count += 1
        self._enter(binding)

    def _make(self, protocol: int, local: Endpoint, global_: Endpoint, rule: DynamicRule | None = None) -> Binding:
        binding = Binding(protocol, local, global_, rule)
        binding.outside = self._outside
        return binding

    def _enter(self, binding: Binding) -> None:
        if binding.protocol == WHOLE_HOST:
            self._add_host(binding)
        else:
            self._add([binding])

    def _add(self, run: list[Binding]) -> None:
        """Enter ports of one host, protocol and rule."""
        first = run[0]
        locals_, names = self._way(first.way).ports[first.protocol], self._globals.ports[first.protocol]
        if not first.static:
            self._limits.change(first.local.address, len(run))
        for binding in run:
            if self._journal is not None:
                self._journal(BindingMade(binding))
            binding.held = True
            if not binding.secondary:
                locals_[binding.local] = binding
            names[binding.global_] = binding

    def _add_host(self, binding: Binding) -> None:
        if self._journal is not None:
            self._journal(BindingMade(binding))
        if not binding.static:
            self._limits.change(binding.local.address, 1)
        binding.held = True
        if not binding.secondary:
            self._way(binding.way).hosts[binding.local.address] = binding
        self._globals.hosts[binding.global_.address] = binding

    def _way(self, number: int) -> _Locals:
        if not number:
            return self._plain
        known = self._ways.get(number)
        if known is None:
            known = self._ways[number] = _Locals()
        return known

    def _leave_share(self, local: Address, way: int) -> None:
        shares = self._way(way).shares
        share = shares[local]
        share.count -= 1
        if share.count == 0:
            del shares[local]
