"""Edits that several ALGs make: of addresses, of ports, and of the lengths that count what was changed."""

from typing import Final

from doorman.algs.api import Edit
from doorman.net.addresses import Address, address_ascii
from doorman.wire.places import Host, Place, Port

_ZERO: Final = 0x30


def write_host(edits: list[Edit], host: Host, address: Address, rule: str) -> None:
    """Let another address stand in a place, unless it is the same."""
    if address != host.address:
        edits.append(Edit(host.start, host.end, address_ascii(address), rule))


def write_port(edits: list[Edit], port: Port, number: int, rule: str) -> None:
    """Let another port stand in a place, unless it is the same."""
    if number != port.number:
        edits.append(Edit(port.start, port.end, b"%d" % number, rule))


def corrected(data: bytes, place: Place, longer: int) -> Edit:
    """The edit that makes a Content-Length right; leading zeros are kept."""
    start, end = place
    digits = b"%d" % (int(data[start:end].decode("ascii")) + longer)
    if data[start] == _ZERO:
        digits = digits.zfill(end - start)
    return Edit(start, end, digits, "Content-Length")
