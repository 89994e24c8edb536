"""TCP load distribution: a virtual host, and the real ones that share its connections, `ip nat inside destination`.

    client -> 203.0.113.100:80    the first goes to 192.168.1.11:80, the second to 192.168.1.12:80, and so in turn

The virtual host is many, and what a real host begins has nothing to do with it.
"""

from doorman.config.access_lists import AccessList
from doorman.config.model import Config
from doorman.net.addresses import Address, Endpoint


class _Rotary:
    """The real hosts of a virtual one, in turn."""

    __slots__ = ("_at", "_hosts", "_listed")

    def __init__(self, listed: AccessList, ranges: tuple[tuple[Address, Address], ...]) -> None:
        self._listed = listed
        self._hosts = [
            Address(number.to_bytes(len(first), "big"))
            for first, last in ranges
            for number in range(int.from_bytes(first, "big"), int.from_bytes(last, "big") + 1)
        ]
        self._at = 0

    def __contains__(self, host: object) -> bool:
        return host in self._hosts

    def is_for(self, virtual: Address) -> bool:
        """Whether it is about a virtual host, and has real ones."""
        return bool(self._hosts) and self._listed.permits(virtual)

    def next(self) -> Address:
        """The host whose turn it is."""
        host = self._hosts[self._at]
        self._at = (self._at + 1) % len(self._hosts)
        return host

    def put_first(self, host: Address) -> None:
        """Let it be the turn of this host."""
        self._at = self._hosts.index(host)

    @property
    def virtual(self) -> Address | None:
        """The one host it is about, if its list names one."""
        entries = self._listed.by_source or ()
        named = [entry.address for entry in entries if entry.permit and not entry.wildcard.strip(b"\0")]
        return named[0] if len(named) == 1 and len(entries) == 1 else None


class Distribution:
    """All virtual hosts of a configuration, whose rules name what there is."""

    __slots__ = ("_rotaries",)

    def __init__(self, config: Config) -> None:
        lists = config.lists
        self._rotaries = [
            _Rotary(lists[rule.access_list], config.pools[rule.pool].ranges) for rule in config.destinations
        ]

    def next(self, virtual: Endpoint) -> Endpoint | None:
        """Where a new connection to an endpoint goes; None where no rule is about it."""
        for rotary in self._rotaries:
            if rotary.is_for(virtual.address):
                return Endpoint(rotary.next(), virtual.port)
        return None

    def allows(self, virtual: Endpoint, real: Endpoint) -> bool:
        """Whether a connection to the one may have gone to the other."""
        return any(rotary.is_for(virtual.address) and real.address in rotary for rotary in self._rotaries)

    def as_sent(self, real: Endpoint) -> Endpoint | None:
        """Replay's question: whom a client connected to who came to a real host, whose turn it then was."""
        for rotary in self._rotaries:
            virtual = rotary.virtual
            if real.address in rotary and virtual is not None:
                rotary.put_first(real.address)
                return Endpoint(virtual, real.port)
        return None
