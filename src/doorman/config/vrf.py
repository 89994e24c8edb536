"""A VRF (virtual routing and forwarding): a routing table of its own, where addresses mean something else."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["ipv4", "ipv6"]
GLOBAL = "global"
"""How the hosts that are in no VRF are named, where one must be."""
NAME_CHARACTERS = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
"""What a VRF may be called, as a pattern: tables of the kernel and files are named after it."""


@dataclass(frozen=True, slots=True)
class Vrf:
    """`vrf definition NAME`, or with `by_ip` in the old manner `ip vrf NAME`, which is of IPv4 alone.

    `distinguisher` is the `rd`, as typed: routing protocols need it, this gateway does not.
    """

    name: str
    by_ip: bool = False
    distinguisher: str = ""
    description: str = ""
    families: tuple[Family, ...] = ()
