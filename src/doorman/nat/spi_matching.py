"""`esp spi-match`: whether two SPIs are those of one tunnel, for ends that choose them so that a NAT can tell.

Cisco's routers do with `crypto ipsec nat-transparency spi-matching` at both ends: the SPIs are then 'predictable and
symmetric'. Its patent (US 7,181,612) says the principle: one end's SPI is made of the other's by a hash that the NAT
knows, too. Which hash that is has not been published. So two SPIs are taken for one tunnel's when they are the same,
or when one is the first four bytes of the MD5 sum of the other in network order, the obvious reading of both texts.
Another scheme is one more line in `belong_together`; what it does not know is never guessed, see `Tunnels`.
"""

from hashlib import md5


def hashed(spi: int) -> int:
    """The SPI that the one end makes of the other's."""
    return int.from_bytes(md5(spi.to_bytes(4, "big"), usedforsecurity=False).digest()[:4], "big")


def belong_together(outbound: int, inbound: int) -> bool:
    """Whether the SPIs of packets out and in are those of one tunnel: by chance, in one of a billion cases."""
    return outbound == inbound or hashed(outbound) == inbound or hashed(inbound) == outbound
