"""What a configuration says about IPsec through a shared address, see docs/ipsec.md."""

from dataclasses import dataclass

from doorman.net.addresses import Address


@dataclass(frozen=True, slots=True)
class Ipsec:
    """The commands about ESP and IKE; names and lists are sorted.

    Attributes:
        esp: `ip nat service ipsec-esp enable`: whether ESP of hosts that share an address is told apart by SPI.
        spi_match: `ip nat service list ACL esp spi-match`: the access lists.
        preserve_port: `ip nat service list ACL ike preserve-port`: the access lists.
        inward: `ip nat inside source static esp LOCAL interface NAME`: interfaces, each with the inside host.
        ends_match: `crypto ipsec nat-transparency spi-matching`: of no effect here, kept to be written back.
    """

    esp: bool = True
    spi_match: tuple[str, ...] = ()
    preserve_port: tuple[str, ...] = ()
    inward: tuple[tuple[str, Address], ...] = ()
    ends_match: bool = False
