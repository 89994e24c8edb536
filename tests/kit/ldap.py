"""LDAP messages: built here byte by byte, read by pyasn1, so that the reader is not its own judge.

person("10.0.0.10", 1720)                    the attributes of a person in an Internet Locator Service
added(person(…)), modified(…), found(…)      the messages that carry them
told(message)                                what pyasn1 reads there: {"sipAddress": ["167772170"], …}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pyasn1.codec.ber import decoder
from pyasn1_modules import rfc2251

from doorman.net.addresses import address_of

DN = b"c=-, o=Example, cn=fred@example.com, objectClass=RTPerson"
Attributes = Mapping[str, Sequence[str | bytes]]
UNBIND = b"\x30\x05\x02\x01\x03\x42\x00"
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
TLS_GRANTED = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
BIND = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"


def element(tag: int, *contents: bytes, size: int = 0) -> bytes:
    """An element; its length in the shortest form, or in as many bytes as `size`."""
    content = b"".join(contents)
    length = len(content)
    size = max(size, 1 if length < 128 else 1 + (length.bit_length() + 7) // 8)
    written = bytes((length,)) if size == 1 else bytes((0x80 + size - 1,)) + length.to_bytes(size - 1, "big")
    return bytes((tag,)) + written + content


def number(address: str) -> str:
    """An address as NetMeeting writes it: MS-TAIL, section 2.2.3, first byte lowest."""
    return str(int.from_bytes(address_of(address), "little"))


def person(address: str, port: int | None = None, **more: str) -> dict[str, list[str | bytes]]:
    """What a client says of itself (MS-TAIL, section 4.1.2)."""
    attributes: dict[str, list[str | bytes]] = {
        "cn": ["fred@example.com"], "givenname": ["Fred"], "surname": ["Example"], "location": ["10.0.0.10"],
        "sipaddress": [number(address)], "sflags": ["1"], "ilsA32833566": ["1"],
    }  # fmt: skip
    if port is not None:
        attributes["sport"] = [str(port)]
    return attributes | {name: [value] for name, value in more.items()}


def _attribute(name: str, values: Sequence[str | bytes], size: int) -> bytes:
    told = [element(4, value.encode() if isinstance(value, str) else value) for value in values]
    return element(0x30, element(4, name.encode()), element(0x31, *told, size=size), size=size)


def message(*operation: bytes, identifier: int = 7, size: int = 0) -> bytes:
    """An LDAPMessage."""
    return element(0x30, element(2, bytes((identifier,))), *operation, size=size)


def added(attributes: Attributes, size: int = 0) -> bytes:
    """An addRequest."""
    listed = element(0x30, *(_attribute(name, values, size) for name, values in attributes.items()), size=size)
    return message(element(0x68, element(4, DN), listed, size=size), size=size)


def found(attributes: Attributes, size: int = 0) -> bytes:
    """A searchResEntry."""
    listed = element(0x30, *(_attribute(name, values, size) for name, values in attributes.items()), size=size)
    return message(element(0x64, element(4, DN), listed, size=size), size=size)


def modified(attributes: Attributes, size: int = 0) -> bytes:
    """A modifyRequest that replaces them."""
    changes = [
        element(0x30, element(0x0A, b"\x02"), _attribute(name, values, size), size=size)
        for name, values in attributes.items()
    ]
    return message(element(0x66, element(4, DN), element(0x30, *changes, size=size), size=size), size=size)


def told(data: bytes) -> dict[str, list[str]]:
    """What attributes a message has, as pyasn1 reads it; it must be one message to its last byte."""
    read, rest = decoder.decode(data, asn1Spec=rfc2251.LDAPMessage())
    assert not rest
    operation = read["protocolOp"].getComponent()
    if "modification" in operation:
        listed = [change["modification"] for change in operation["modification"]]
    else:
        listed = list(operation["attributes"])
    return {str(one["type"]): [bytes(value).decode("latin-1") for value in one["vals"]] for one in listed}


def structure(data: bytes) -> Any:  # noqa: ANN401 - pyasn1 has no types
    """A message as pyasn1 prints it."""
    read, rest = decoder.decode(data, asn1Spec=rfc2251.LDAPMessage())
    assert not rest
    return read.prettyPrint()
