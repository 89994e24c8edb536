"""Records: what is remembered of calls, doors and bindings, as bytes (MessagePack), and back.

A value is written as it is in memory: a named tuple as the list of what is in it, a member of an enumeration as its
value.

    Address               4 or 16 bytes
    Endpoint              [address, port]
    Owner                 [ALG, name, party]

What is read is checked as it is taken apart: a file may be damaged, or of another version.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Raw, msgpack

from doorman.algs.api import Owner, Plain
from doorman.net.addresses import Address, Endpoint

_ADDRESS_LENGTHS: Final = frozenset({4, 16})
_LAST_PORT: Final = 65_535

encode: Final = msgpack.Encoder().encode
"""A value as bytes: `Plain`, or with encoded parts (`msgspec.Raw`)."""


class DamagedRecord(ValueError):  # noqa: N818 - says what the record is
    """A record is not what was written; the text says what was expected."""


def decode(data: bytes | Raw) -> Plain:
    """The value that was encoded; all that is a sequence as a list.

    Raises:
        DamagedRecord: it is none.
    """
    try:
        value: Plain = msgpack.decode(data)
    except (ValueError, RecursionError) as error:
        raise DamagedRecord(str(error)) from None
    return value


def as_owner(value: Plain) -> Owner:
    """An owner.

    Raises:
        DamagedRecord: it is none; so do the others here.
    """
    alg, name, party = as_list(value, 3)
    return Owner(as_text(alg), as_bytes(name), as_address(party))


def as_text(value: Plain) -> str:
    """A text."""
    if not isinstance(value, str):
        raise DamagedRecord("a text")
    return value


def as_bytes(value: Plain) -> bytes:
    """Bytes."""
    if not isinstance(value, bytes):
        raise DamagedRecord("bytes")
    return value


def as_integer(value: Plain, least: int = 0, most: int = 2**63) -> int:
    """A whole number, within limits."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise DamagedRecord("a number")
    return value


def as_time(value: Plain) -> float:
    """A time or duration in seconds; infinity is one that never comes."""
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise DamagedRecord("a time")
    return float(value)


def as_moment(value: Plain) -> float:
    """A time that comes."""
    time = as_time(value)
    if not math.isfinite(time):
        raise DamagedRecord("a time that comes")
    return time


def as_list(value: Plain, count: int | None = None) -> Sequence[Plain]:
    """A list, of `count` items where that is given; what is known by it has a tuple."""
    if not isinstance(value, list | tuple) or (count is not None and len(value) != count):
        raise DamagedRecord("a list")
    return value


def as_mapping(value: Plain) -> Mapping[bytes, Plain]:
    """A mapping of names."""
    if not isinstance(value, dict) or not all(isinstance(name, bytes) for name in value):
        raise DamagedRecord("a mapping")
    return value


def as_address(value: Plain) -> Address:
    """An address."""
    address = as_bytes(value)
    if len(address) not in _ADDRESS_LENGTHS:
        raise DamagedRecord("an address")
    return Address(address)


def as_endpoint(value: Plain) -> Endpoint:
    """An endpoint."""
    address, port = as_list(value, 2)
    return Endpoint(as_address(address), as_integer(port, most=_LAST_PORT))
