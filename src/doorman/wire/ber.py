"""Elements of BER as LDAP allows them (X.690; RFC 4511, section 5.1): tags of one byte, lengths that are definite.

    30 0c | 02 01 07 | 60 07 …            tag, length, content; a tag with bit 0x20 has elements for content
    30 82 01 05 | …                       a length of 128 and more, or any: 0x80 + n, then n bytes

Content is replaced in place: of the elements around it only their lengths change, each in as many bytes as it had, or
in more where it does not fit.
"""

from typing import NamedTuple

from doorman.net.addresses import new_tuple
from doorman.wire.malformed import Malformed

MAX_LENGTH_BYTES = 4
_LONG, _SHORT_END = 0x80, 0x80
_MANY_BYTES_TAG = 0x1F


class Element(NamedTuple):
    """An element.

    Attributes:
        tag: its first byte.
        length_at: where its length stands.
        start, end: where its content does.
    """

    tag: int
    length_at: int
    start: int
    end: int


def read_element(data: bytes, at: int, end: int) -> Element:
    """Read the element at a place within another, which ends at `end`.

    Raises:
        Malformed: it ends elsewhere, or has a form that LDAP forbids.
    """
    if at + 2 > end:
        raise Malformed("ber-length")
    tag, length = data[at], data[at + 1]
    start = at + 2
    if tag & _MANY_BYTES_TAG == _MANY_BYTES_TAG:
        raise Malformed("ber-tag")
    if length >= _LONG:
        count = length - _LONG
        start += count
        if not 0 < count <= MAX_LENGTH_BYTES or start > end:
            raise Malformed("ber-length")
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > end:
        raise Malformed("ber-length")
    return new_tuple(Element, (tag, at + 1, start, start + length))


def written_length(length: int, size: int) -> bytes:
    """A length in `size` bytes, or in more if it must be: one byte alone is the short form."""
    if size == 1 and length < _SHORT_END:
        return bytes((length,))
    count = max(size - 1, (length.bit_length() + 7) // 8, 1)
    return bytes((_LONG + count,)) + length.to_bytes(count, "big")


class Nest:
    """Elements within each other, of which some get other content.

    Each is known by its number here; an element is entered after the one around it.
    """

    __slots__ = ("_contents", "_elements", "_parents")

    def __init__(self) -> None:
        self._elements: list[Element] = []
        self._parents: list[int] = []
        self._contents: dict[int, bytes] = {}

    def enter(self, element: Element, parent: int = -1) -> int:
        """Enter an element; `parent` is the number of the one around it, -1 for the outermost."""
        self._elements.append(element)
        self._parents.append(parent)
        return len(self._elements) - 1

    def content(self, number: int) -> tuple[int, int]:
        """Where the content of an element stands."""
        element = self._elements[number]
        return element.start, element.end

    def replace(self, number: int, content: bytes) -> None:
        """Give other content to an element, which has no elements in it."""
        self._contents[number] = content

    def replacements(self) -> list[tuple[int, int, bytes, bool]]:
        """What is to be replaced, in order: from where to where, by what, and whether it is content and no length."""
        growth = [0] * len(self._elements)
        found: list[tuple[int, int, bytes, bool]] = []
        for number in range(len(self._elements) - 1, -1, -1):
            _, length_at, start, end = self._elements[number]
            content = self._contents.get(number)
            if content is not None:
                growth[number] += len(content) - (end - start)
                found.append((start, end, content, True))
            if growth[number]:
                length = written_length(end - start + growth[number], start - length_at)
                growth[number] += len(length) - (start - length_at)
                found.append((length_at, start, length, False))
            parent = self._parents[number]
            if parent >= 0:
                growth[parent] += growth[number]
        found.sort()
        return found
