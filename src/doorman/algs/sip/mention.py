"""A view of the NAT for what a message only mentions: the body of a message within a message."""

from doorman.algs.api import Nat
from doorman.net.addresses import Address, Endpoint


class Mention(Nat):
    """Names things as another view does, but announces nothing: no door is opened, and nothing refused."""

    __slots__ = ("_nat",)

    def __init__(self, nat: Nat) -> None:
        self._nat = nat

    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.translate`."""
        return self._nat.translate(endpoint, protocol)

    def host(self, address: Address, *, own: bool) -> Address:
        """See `Nat.host`."""
        return self._nat.host(address, own=own)

    def resolve(self, address: Address, *, anew: bool) -> Address:  # noqa: ARG002 - a mention gives nobody a name
        """See `Nat.resolve`."""
        return self._nat.resolve(address, anew=False)

    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:  # noqa: ARG002 - see there
        """See `Nat.expose`."""
        return self._nat.translate(endpoint, protocol)

    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """See `Nat.introduce`."""
        return self._nat.translate(endpoint, protocol)

    def trust(self) -> bool:
        """See `Nat.trust`."""
        return False

    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:
        """See `Nat.behind`."""
        return self._nat.behind(endpoint, protocol)

    def shielded(self, address: Address) -> bool:  # noqa: ARG002 - nobody is to be reached
        """See `Nat.shielded`."""
        return False

    def owns(self, address: Address) -> bool:
        """See `Nat.owns`."""
        return self._nat.owns(address)
