"""LDAP messages, as far as a directory of NetMeeting makes them matter (RFC 4511, section 4; version 2: RFC 1777).

    LDAPMessage ::= 30 { 02 messageID, operation, [controls] }
    addRequest        68 { 04 entry, 30 { attribute* } }           attribute ::= 30 { 04 type, 31 { 04 value* } }
    modifyRequest     66 { 04 object, 30 { 30 { 0a operation, attribute }* } }
    searchResEntry    64 { 04 entry, 30 { attribute* } }

The Internet Locator Service keeps the IPv4 address of a person as a decimal number, the attribute `sipAddress` or
`ipAddress`, whose first byte is the lowest: 10.70.41.96 is 10 + 256 * (70 + 256 * (41 + 256 * 96)) = 1613317642
(MS-TAIL, section 2.2.3; so do the clients that were made from what NetMeeting sends). `sPort` and `port` are its port.
"""

import re
from typing import Final, NamedTuple

from doorman.net.addresses import Address
from doorman.wire.ber import Element, Nest, read_element
from doorman.wire.malformed import Malformed

OPERATIONS: Final = {
    0x60: "bindRequest", 0x61: "bindResponse", 0x42: "unbindRequest", 0x63: "searchRequest", 0x64: "searchResEntry",
    0x65: "searchResDone", 0x73: "searchResRef", 0x66: "modifyRequest", 0x67: "modifyResponse", 0x68: "addRequest",
    0x69: "addResponse", 0x4A: "delRequest", 0x6B: "delResponse", 0x6C: "modDNRequest", 0x6D: "modDNResponse",
    0x6E: "compareRequest", 0x6F: "compareResponse", 0x50: "abandonRequest", 0x77: "extendedReq", 0x78: "extendedResp",
    0x79: "intermediateResponse",
}  # fmt: skip
"""By tag, as the RFC calls them."""

SEQUENCE: Final = 0x30
INTEGER: Final = 0x02
MAX_VALUES: Final = 64
"""Addresses and ports of an entry; a person has one of each."""

_ADD, _MODIFY, _ENTRY = 0x68, 0x66, 0x64
_SET, _OCTETS, _ENUMERATED = 0x31, 0x04, 0x0A
_LIKELY = re.compile(rb"ipaddress", re.IGNORECASE)
_KINDS: Final = {b"sipaddress": True, b"ipaddress": True, b"sport": False, b"port": False}
"""Attribute types: whether it is an address, or a port."""
_NUMBER = re.compile(rb"[0-9]{1,10}\Z")
_LARGEST_ADDRESS, _LARGEST_PORT = 0xFFFFFFFF, 0xFFFF


class Entry:
    """The addresses and ports of a person, of a message that has any.

    Attributes:
        addresses, ports: each with the number by which its value is known in `nest`.
        nest: the elements around them.
        is_overfull: whether there are more than anybody has; some are not listed then.
    """

    __slots__ = ("addresses", "is_overfull", "nest", "ports")

    def __init__(self) -> None:
        self.addresses: list[tuple[int, Address]] = []
        self.ports: list[tuple[int, int]] = []
        self.nest = Nest()
        self.is_overfull = False


class LdapMessage(NamedTuple):
    """A message.

    Attributes:
        name: of its operation; `unknown` for one of no RFC.
        entry: None where it tells of no address.
    """

    name: str
    entry: Entry | None


def read_ldap(data: bytes) -> LdapMessage:
    """Read a message.

    Raises:
        Malformed: what is in it does not end where it should; looked at is only what matters.
    """
    envelope = _expect(data, 0, len(data), SEQUENCE)
    identifier = _expect(data, envelope.start, envelope.end, INTEGER)
    operation = read_element(data, identifier.end, envelope.end)
    name = OPERATIONS.get(operation.tag, "unknown")
    if operation.tag not in {_ADD, _MODIFY, _ENTRY} or _LIKELY.search(data) is None:
        return LdapMessage(name, None)
    entry = Entry()
    outer = entry.nest.enter(operation, entry.nest.enter(envelope))
    described = _expect(data, operation.start, operation.end, _OCTETS)
    attributes = _expect(data, described.end, operation.end, SEQUENCE)
    _read_attributes(data, attributes, outer, entry, changes=operation.tag == _MODIFY)
    return LdapMessage(name, entry if entry.addresses else None)


def _read_attributes(data: bytes, attributes: Element, outer: int, entry: Entry, *, changes: bool) -> None:
    """Find what matters in a list of attributes, or of changes of them."""
    around = entry.nest.enter(attributes, outer)
    at = attributes.start
    while at < attributes.end and not entry.is_overfull:
        attribute = _expect(data, at, attributes.end, SEQUENCE)
        at = attribute.end
        parent = around
        if changes:
            operation = _expect(data, attribute.start, attribute.end, _ENUMERATED)
            change, attribute = attribute, _expect(data, operation.end, attribute.end, SEQUENCE)
            parent = entry.nest.enter(change, around)
        kind = _expect(data, attribute.start, attribute.end, _OCTETS)
        is_address = _KINDS.get(data[kind.start : kind.end].partition(b";")[0].lower())
        if is_address is not None and kind.end < attribute.end:
            values = _expect(data, kind.end, attribute.end, _SET)
            number = entry.nest.enter(values, entry.nest.enter(attribute, parent))
            _read_values(data, values, number, entry, is_address=is_address)


def _read_values(data: bytes, values: Element, around: int, entry: Entry, *, is_address: bool) -> None:
    at = values.start
    while at < values.end:
        value = _expect(data, at, values.end, _OCTETS)
        at = value.end
        found = _NUMBER.match(data, value.start, value.end)
        if found is None:
            continue  # an attribute of that name in a directory of something else
        number = int(found[0])
        if is_address and number <= _LARGEST_ADDRESS:
            entry.addresses.append((entry.nest.enter(value, around), Address(number.to_bytes(4, "little"))))
        elif not is_address and 0 < number <= _LARGEST_PORT:
            entry.ports.append((entry.nest.enter(value, around), number))
        if len(entry.addresses) + len(entry.ports) > MAX_VALUES:
            entry.is_overfull = True
            return


def written_address(address: Address) -> bytes:
    """An IPv4 address as a value."""
    return b"%d" % int.from_bytes(address, "little")


def _expect(data: bytes, at: int, end: int, tag: int) -> Element:
    element = read_element(data, at, end)
    if element.tag != tag:
        raise Malformed("ldap-element")
    return element
