"""How an ALG sees the NAT: what it may ask it to name, and to make reachable.

`engine.views` has a view for each way that a message can go.
"""

from abc import ABCMeta, abstractmethod
from collections.abc import Collection
from typing import Final

from doorman.net.addresses import Address, Endpoint, endpoint_ascii, endpoints_from

MAX_RUN: Final = 64
"""Ports that one announcement may take."""


class Refused(Exception):  # noqa: N818 - the outcome of a request, as in 'connection refused'
    """The NAT cannot or may not do what was asked; the text is the reason's name, such as `ports-exhausted`."""


class Name:
    """What the receiver of a message calls an endpoint.

    Attributes:
        endpoint, protocol: which is asked for.
        new: its name.
        port: that name's.
        written: the same as text; None where it is called as it was.
    """

    __slots__ = ("endpoint", "new", "port", "protocol", "written")

    def __init__(self, endpoint: Endpoint, protocol: int, new: Endpoint) -> None:
        self.endpoint = endpoint
        self.protocol = protocol
        self.new = new
        self.port = new.port
        self.written = endpoint_ascii(new) if new != endpoint else None


class Nat(metaclass=ABCMeta):
    """How the receiver of a message must read what its sender wrote. A transaction: it is kept or undone as a whole."""

    __slots__ = ()

    @abstractmethod
    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """Name an endpoint as the receiver must; itself where it is not one of ours. Opens nothing.

        An endpoint of the message's own host that has no name yet gets one. That of another host does not: a message
        may name whom it likes, and must not use up what belongs to others.

        Raises:
            Refused: no address or port is left for it.
        """

    def name(self, endpoint: Endpoint, protocol: int) -> Name:
        """The same with its text, for what many messages of a flow name again. See `translate`.

        Raises:
            Refused: the same.
        """
        return Name(endpoint, protocol, self.translate(endpoint, protocol))

    @abstractmethod
    def host(self, address: Address, *, own: bool) -> Address:
        """Name a host, where no port is meant, as the receiver must; itself where it is not one of ours.

        With `own`, the sender's side speaks of itself: a host behind it that has no name goes by the sender's. Without,
        only a host that has a name is one of ours: another may be a stranger whose network has the same addresses.
        """

    @abstractmethod
    def resolve(self, address: Address, *, anew: bool) -> Address:
        """Name a host as a directory must that the receiver asks where it is; itself where nothing names it otherwise.

        That is a name for the host alone. With `anew` it is given one if a rule says so, or else is told by an address
        that it shares. Without, what is named so can be named back.

        Raises:
            Refused: it has no name that could be told.
        """

    @abstractmethod
    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:
        """Reserve a name under which the receiver can reach an announced endpoint.

        With `reserved`, the port may be one of 512 to 1023, which only the superuser's programs have. The endpoint is
        one of the message's own host, but see `trust`.

        Raises:
            Refused: it may not be announced, or no port is left.
        """

    def expose_run(self, run: list[Endpoint], protocol: int, *, even: bool) -> list[Endpoint]:  # noqa: ARG002 - see below
        """Reserve names whose ports are in a row for announced endpoints whose ports are. See `expose`.

        With `even`, the first of them is even: for RTP and the RTCP beside it (RFC 3550, section 11). Here for views
        that reserve nothing.

        Raises:
            Refused: one may not be announced, there are too many, or no run of ports is left.
        """
        first = self.expose(run[0], protocol)
        return run if first == run[0] else endpoints_from(first, len(run))

    @abstractmethod
    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """Name an endpoint that the message's host asks the receiver to talk to, and give it a name if it has none.

        Also that of another inside host, unlike `translate`: ask only for what the protocol exists to do, and count.

        Raises:
            Refused: no address or port is left for it.
        """

    @abstractmethod
    def trust(self) -> bool:
        """Let the message expose other inside hosts as well, as the operator named its sender for that.

        False: it may not, since that is no inside host, or one without a translation itself.
        """

    @abstractmethod
    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:
        """What the sender's own host has behind a name that it already goes by for the receiver.

        A host may have learned that name (STUN) and write it itself. None: it is not one of its names.
        """

    @abstractmethod
    def shielded(self, address: Address) -> bool:
        """Whether traffic towards this address, as the sender names it, needs a door."""

    @abstractmethod
    def owns(self, address: Address) -> bool:
        """Whether this address, as the sender names it, is one that the NAT gives another name."""

    def owns_any(self, addresses: Collection[Address]) -> bool:
        """Whether one of them is. See `owns`; where most are strangers, views may know a faster way."""
        return any(map(self.owns, addresses))

    def native(self, address: Address) -> Address:
        """How the host of an address writes that itself: as IPv6 where it goes by a stand-in here, else the same.

        A stand-in is the IPv4 address by which the NAT knows an inside host that has IPv6 alone (RFC 6146).
        """
        return address

    def embedded(self, address: Address) -> Address:
        """An address as inside hosts that have IPv6 alone write it: by their prefix (RFC 6052), or as its host does.

        Itself where there are no such hosts.
        """
        return address
