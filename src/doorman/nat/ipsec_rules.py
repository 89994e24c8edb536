"""What a configuration says about IPsec of hosts that share an address, looked up by host."""

from collections.abc import Iterable, Mapping

from doorman.config.access_lists import AccessList
from doorman.config.ipsec import Ipsec
from doorman.net.addresses import Address


class IpsecRules:
    """The rules about ESP and IKE.

    Args:
        ipsec: of the configuration.
        lists: its access lists; of one that does not exist nothing is said.
        inward: global addresses, each with the inside host that ESP leads to which is nobody else's.

    Attributes:
        esp: whether ESP is told apart by SPI.
        inward: see above; `outward` is the same the other way round.
        preserves: whether any host keeps port 500 of IKE.
    """

    def __init__(self, ipsec: Ipsec, lists: Mapping[str, AccessList], inward: Mapping[Address, Address]) -> None:
        self.esp = ipsec.esp
        self.inward = inward
        self.outward = {local: name for name, local in inward.items()}
        self._matched = _known(ipsec.spi_match, lists)
        self._preserved = _known(ipsec.preserve_port, lists)
        self.preserves = bool(self._preserved)

    def matches_spis(self, host: Address) -> bool:
        """Whether the SPIs of a host's tunnels are related."""
        return any(listed.permits(host) for listed in self._matched)

    def preserves_port(self, host: Address) -> bool:
        """Whether IKE of a host keeps its port."""
        return any(listed.permits(host) for listed in self._preserved)


def _known(names: Iterable[str], lists: Mapping[str, AccessList]) -> list[AccessList]:
    return [lists[name] for name in names if name in lists]
