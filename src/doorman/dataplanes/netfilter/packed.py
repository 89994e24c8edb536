"""Elements of the kernel's sets, see `ruleset.SETS`, packed as they are remembered, since there are many.

    tag of the set (1 byte)   key   data

The sets of slots, see `chains.flow_names`, have one tag together: their number stands before the key, 2 bytes, where in
the kernel it ends the set's name.
"""

from typing import Final, NamedTuple

from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES

_NUMBERS: Final = [bytes((protocol, 0, 0, 0)) for protocol in range(256)]
"""Protocols as elements have them."""
_HIGH: Final = [bytes((byte,)) for byte in range(256)]
_LOW: Final = [bytes((byte, 0, 0)) for byte in range(256)]
"""Ports as elements have them: to put these together takes a third of what `to_bytes` does."""
_WITH_VISITOR: Final = ("doors", "let_in", "let_in_once")
"""Sets whose keys begin with another address; and those `promised` to somebody."""

Packed = bytes
"""An element as it is remembered."""


class Element(NamedTuple):
    """One element of a set, or of a map, whose `data` is then not b""; key and data as `elements` wants them."""

    set_name: str
    key: bytes
    data: bytes = b""


_SLOT, _ADDRESS, _PAIR, _END, _PAIR_AND_SPI, _VISITOR_AND_END = 2, 4, 8, 12, 12, 16
_KEYS: Final = {
    "bindings": _END,
    "names": _END,
    "doors": _VISITOR_AND_END,
    "doors_any": _END,
    "inspected": _END,
    "entrances": _END,
    "hosts": _ADDRESS,
    "hosts_in": _ADDRESS,
    "leases": _ADDRESS,
    "leases_in": _ADDRESS,
    "leased": _ADDRESS,
    "whole": _ADDRESS,
    "single": _ADDRESS,
    "quoted": _END,
    "outside_hosts": _ADDRESS,
    "outside_hosts_in": _ADDRESS,
    "outside_leases": _ADDRESS,
    "outside_leases_in": _ADDRESS,
    "outside_leased": _ADDRESS,
    "outside_ports": _END,
    "outside_ports_in": _END,
    "let_in": _VISITOR_AND_END,
    "let_in_any": _END,
    "let_in_once": _VISITOR_AND_END,
    "esp_names": _PAIR,
    "esp_peers": _PAIR,
    "esp_in": _PAIR_AND_SPI,
    "esp_out": _PAIR_AND_SPI,
    "ike_names": _PAIR,
    "ike_peers": _PAIR,
    "promised_": _SLOT + _VISITOR_AND_END,
    "bindings_": _SLOT + _END,
    "hosts_": _SLOT + _ADDRESS,
    "leased_": _SLOT + _ADDRESS,
}
"""The sets, and how many bytes their keys have; of the last four there is one for each slot."""
_SETS: Final = list(_KEYS)
LENGTHS: Final = list(_KEYS.values())
"""How many bytes the keys of each set have, by its tag."""
TAGS: Final = {name: bytes([index]) for index, name in enumerate(_SETS)}
"""What stands before an element of each set, see above."""
FIRST_OF_SLOTS: Final = TAGS["promised_"][0]
"""The first byte of elements of slots; that of others is smaller."""


def pack(element: Element) -> Packed:
    """An element as it is remembered."""
    tag = TAGS.get(element.set_name)
    if tag is not None:
        return tag + element.key + element.data
    kind, _, slot = element.set_name.rpartition("_")
    return TAGS[f"{kind}_"] + int(slot).to_bytes(2, "big") + element.key + element.data


def unpack(packed: Packed) -> Element:
    """The element that was packed."""
    tag = packed[0]
    end = 1 + LENGTHS[tag]
    if tag < FIRST_OF_SLOTS:
        return Element(_SETS[tag], packed[1:end], packed[end:])
    return Element(_SETS[tag] + str(int.from_bytes(packed[1:3], "big")), packed[3:end], packed[end:])


def text_of(element: Element) -> str:
    """An element as nft reads it."""
    text = _fields(element.set_name, element.key)
    if not element.data:
        return text
    address, port = element.data[:4], element.data[4:6]
    goal = address_text(Address(address))
    return f"{text} : {goal} . {int.from_bytes(port, 'big')}" if port else f"{text} : {goal}"


def end_of(protocol: int, endpoint: Endpoint) -> bytes:
    """`address . protocol . port`, each in 4 bytes."""
    return endpoint.address + number_of(protocol) + port_of(endpoint)


def goal_of(endpoint: Endpoint) -> bytes:
    """`address . port`, each in 4 bytes."""
    return endpoint.address + port_of(endpoint)


def number_of(protocol: int) -> bytes:
    """A protocol as elements have it."""
    return _NUMBERS[protocol]


def port_of(endpoint: Endpoint) -> bytes:
    """A port as elements have it."""
    return _HIGH[endpoint.port >> 8] + _LOW[endpoint.port & 0xFF]


def _fields(set_name: str, key: bytes) -> str:
    if set_name.startswith(("esp_", "ike_")):
        ends = [address_text(Address(key[at : at + 4])) for at in (0, 4)]
        return " . ".join([*ends, f"0x{key[8:].hex()}"] if key[8:] else ends)
    addresses = [address_text(Address(key[:4]))]
    if set_name in _WITH_VISITOR or set_name.startswith("promised_"):
        addresses.append(address_text(Address(key[4:8])))
    rest = key[4 * len(addresses) :]
    if rest:
        addresses += [
            str(rest[0]) if set_name == "quoted" else PROTOCOL_NAMES[rest[0]],
            str(int.from_bytes(rest[4:6], "big")),
        ]
    return " . ".join(addresses)
