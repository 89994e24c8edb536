"""The routing tables of VRFs, and the rules that lead packets with a VRF's mark to its table (`ip rule`, rtnetlink(7)).

    fib_rule_hdr    family:u8  3 bytes  table:u8  2 bytes  action:u8  flags:u32   attributes
    attributes      IIFNAME(3) name  PRIORITY(6):u32  FWMARK(10):u32  TABLE(15):u32  FWMASK(16):u32
    ifinfomsg       family:u8  pad  type:u16  index:i32  flags:u32  change:u32    attributes
    attributes      IFNAME(3)  LINKINFO(18) { KIND(1) "vrf"  DATA(2) { VRF_TABLE(1):u32 } }

Which table a VRF has is the operator's affair: that of the kernel's VRF device of its name, or the one that a rule
leads to what comes in by one of its interfaces. All integers are in host order.
"""

import errno
import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from doorman.dataplanes.netfilter.marks import VRF
from doorman.dataplanes.netfilter.messages import attribute, attributes
from doorman.dataplanes.netfilter.rtnetlink import change, listed, remove

_NEW_LINK, _GET_LINK = 16, 18
_NEW_RULE, _DELETE_RULE, _GET_RULE = 32, 33, 34
_RULE = struct.Struct("=B3xB2xBI")
_LINK = struct.Struct("=BxHiII")
_U32 = struct.Struct("=I")
_IIFNAME, _PRIORITY, _FWMARK, _TABLE, _FWMASK = 3, 6, 10, 15, 16
_IFNAME, _LINKINFO, _KIND, _DATA, _VRF_TABLE = 3, 18, 1, 2, 1
_TO_TABLE = 1
"""FR_ACT_TO_TBL"""
_BEFORE_VRF_DEVICES = 900
"""The priority of our rules; the kernel's own for VRF devices has 1000."""


class Routing(NamedTuple):
    """What this machine knows of VRFs: the tables of its VRF devices, and those that rules lead to by an interface."""

    devices: Mapping[str, int] = {}
    interfaces: Mapping[str, int] = {}

    def table_of(self, vrf: str, interfaces: Collection[str]) -> int | None:
        """The routing table of a VRF that has these interfaces; None where none is to be found."""
        by_rule = (self.interfaces[name] for name in interfaces if name in self.interfaces)
        return self.devices.get(vrf) or next(by_rule, None)


def observe_routing() -> Routing:
    """Ask the kernel.

    Raises:
        OSError: it does not tell.
    """
    return Routing(dict(_devices()), dict(_rules()))


class Lead(NamedTuple):
    """A rule of ours: packets whose mark has under `mask` the value `mark` find their way in a table."""

    mark: int
    mask: int
    table: int


def lead_mark(lead: Lead) -> None:
    """Let packets with a mark find their way in a table; a rule that does so already is as good.

    Raises:
        OSError: the kernel refused.
    """
    try:
        change(_NEW_RULE, _rule(lead), new=True)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise


def forget_mark(lead: Lead) -> None:
    """Take that rule away again, if it is there."""
    with suppress(OSError):
        remove(_DELETE_RULE, _rule(lead))


def _rule(lead: Lead) -> bytes:
    # What a mark says that has more bits than that of a VRF goes before.
    priority = _BEFORE_VRF_DEVICES - (lead.mask != VRF)
    values = ((_PRIORITY, priority), (_FWMARK, lead.mark), (_FWMASK, lead.mask), (_TABLE, lead.table))
    return _RULE.pack(socket.AF_INET, 0, _TO_TABLE, 0) + b"".join(
        attribute(kind, _U32.pack(value)) for kind, value in values
    )


def _devices() -> Iterator[tuple[str, int]]:
    for body in listed(_GET_LINK, _NEW_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        fields = attributes(body, _LINK.size)
        info = attributes(fields.get(_LINKINFO, b""), 0)
        if _text(info.get(_KIND, b"")) == "vrf" and _DATA in info:
            yield _text(fields[_IFNAME]), _number(attributes(info[_DATA], 0)[_VRF_TABLE])


def _rules() -> Iterator[tuple[str, int]]:
    for body in listed(_GET_RULE, _NEW_RULE, _RULE.pack(socket.AF_INET, 0, 0, 0)):
        fields = attributes(body, _RULE.size)
        if _IIFNAME in fields and _TABLE in fields:
            yield _text(fields[_IIFNAME]), _number(fields[_TABLE])


def _number(value: bytes) -> int:
    return int(_U32.unpack(value)[0])


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
