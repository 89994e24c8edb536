"""Records: what is remembered of calls, doors and bindings, as values that JSON can hold, and back.

    bytes                 text, a character for each byte (Latin-1)
    Address               "192.0.2.1", "2001:db8::1"
    Endpoint              "192.0.2.1:5060", "[2001:db8::1]:5060"
    Owner                 "sip 192.0.2.1 call-id", as a key

What is read is checked as it is taken apart: a file may be damaged, or of another version.
"""

import math
from collections.abc import Mapping, Sequence

from doorman.algs.api import Json, Owner
from doorman.net.addresses import Address, Endpoint, address_text, parse_address

_LAST_PORT = 65_535


class DamagedRecord(ValueError):  # noqa: N818 - says what the record is
    """A record is not what was written; the text says what was expected."""


def owner_key(owner: Owner) -> str:
    """An owner as a key."""
    return f"{owner.alg} {address_text(owner.party)} {owner.name.decode('latin-1')}"


def owner_of(key: str) -> Owner:
    """The owner of whom this is the key.

    Raises:
        DamagedRecord: it is nobody's.
    """
    alg, _, rest = key.partition(" ")
    party, blank, name = rest.partition(" ")
    if not blank:
        raise DamagedRecord("an owner")
    return Owner(alg, as_bytes(name), as_address(party))


def as_text(value: Json) -> str:
    """A text.

    Raises:
        DamagedRecord: it is none; so do the others here.
    """
    if not isinstance(value, str):
        raise DamagedRecord("a text")
    return value


def as_bytes(value: Json) -> bytes:
    """Bytes that were written as Latin-1."""
    try:
        return as_text(value).encode("latin-1")
    except UnicodeEncodeError:
        raise DamagedRecord("bytes") from None


def as_integer(value: Json, least: int = 0, most: int = 2**63) -> int:
    """A whole number, within limits."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise DamagedRecord("a number")
    return value


def as_time(value: Json) -> float:
    """A time or duration in seconds; None stands for one that never comes."""
    if value is None:
        return math.inf
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise DamagedRecord("a time")
    return float(value)


def time_value(seconds: float) -> Json:
    """A time as `as_time` reads it: JSON has no infinity."""
    return None if seconds == math.inf else seconds


def as_list(value: Json, count: int | None = None) -> Sequence[Json]:
    """A list, of `count` items where that is given."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise DamagedRecord("a list")
    return value


def as_object(value: Json) -> Mapping[str, Json]:
    """An object."""
    if not isinstance(value, dict):
        raise DamagedRecord("an object")
    return value


def as_address(value: Json) -> Address:
    """An address."""
    address = parse_address(as_bytes(value))
    if address is None:
        raise DamagedRecord("an address")
    return address


def as_endpoint(value: Json) -> Endpoint:
    """An endpoint."""
    host, colon, port = as_text(value).rpartition(":")
    if not colon or not port.isdecimal() or not port.isascii() or len(port) > len("65535") or int(port) > _LAST_PORT:
        raise DamagedRecord("an endpoint")
    return Endpoint(as_address(host.removeprefix("[").removesuffix("]")), int(port))
