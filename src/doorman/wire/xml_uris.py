"""Finding URIs in XML bodies: dialog states (RFC 4235), presence (RFC 3863), lists, conferences, registrations.

    <dialog-info entity="sip:alice@192.168.1.10">                           the whole value of an attribute
      <dialog id="1"><local>
        <identity>sip:alice@192.168.1.10</identity>                         the whole text of an element
        <target uri="sip:alice@192.168.1.10:5060;x=1&amp;y=2"/>

Nothing is parsed into a tree, and no entity is expanded: URIs are looked for, and then the tag around each. Comments
and processing instructions are stepped over; a document with a type declaration (`<!DOCTYPE`), which none of these
formats has, is left alone. What an escape (`&#49;`) hides is not found.
"""

import re
from typing import Final, NamedTuple

from doorman.net.addresses import new_tuple
from doorman.wire.malformed import Excessive

_SCHEME: Final = re.compile(rb":(?:(?<=[Ss][Ii][Pp]:)|(?<=[Ss][Ii][Pp][Ss]:)|(?<=[Pp][Rr][Ee][Ss]:)|(?<=[Ii][Mm]:))")
_IS_URI: Final = re.compile(rb"\s*+((?:[Ss][Ii][Pp][Ss]?+|[Pp][Rr][Ee][Ss]|[Ii][Mm]):[^\s<>\"]++)\s*+")
_PREFIX: Final = rb"(?:[^\s<>/=\"':]*+:)?"
_NAME: Final = rb"[^\s<>/=\"':]++"
_ATTRIBUTE: Final = re.compile(rb"\s++" + _PREFIX + rb"(" + _NAME + rb")\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")
_ATTRIBUTES: Final = rb"(?:\s++" + _PREFIX + _NAME + rb"\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){0,32}"
_TAG: Final = re.compile(rb"<" + _PREFIX + rb"(" + _NAME + rb")(" + _ATTRIBUTES + rb")\s*+(/?)>")
"""A tag with its local name, its attributes, of which no more are read, and the slash of one that is empty."""
_SPECIAL: Final = re.compile(rb"<[!?]")


class XmlUri(NamedTuple):
    """A URI, where it stands, and the local name of the attribute or element whose value it is, b"" in CDATA."""

    start: int
    end: int
    name: bytes


def find_xml_uris(data: bytes, start: int, end: int, most: int = 65_535) -> list[XmlUri]:
    """The URIs of users in the document `data[start:end]`, in order; none of one that has a type declaration.

    Raises:
        Excessive: more than `most` of them, or of tags that seem to have any.
    """
    found: list[XmlUri] = []
    at = start
    while (special := _SPECIAL.search(data, at, end)) is not None:
        opened = special.start()
        _find_in(data, at, opened, found, most)
        if data.startswith(b"<!--", opened):
            at = _behind(data, b"-->", opened + 4, end)
        elif data.startswith(b"<![CDATA[", opened):
            at = _behind(data, b"]]>", opened + 9, end)
            if data[opened - 1 : opened] == b">" and data.startswith(b"</", at):
                _take(data, opened + 9, at - 3, b"", found)
        elif data.startswith(b"<?", opened):
            at = _behind(data, b"?>", opened + 2, end)
        else:
            return []
    _find_in(data, at, end, found, most)
    return found


def _behind(data: bytes, mark: bytes, at: int, end: int) -> int:
    place = data.find(mark, at, end)
    return place + len(mark) if place >= 0 else end


def _find_in(data: bytes, start: int, end: int, found: list[XmlUri], most: int = 65_535) -> None:
    """Those in a stretch of tags and text alone. Each stretch from one `<` to the next is looked at once."""
    opened, done, tags = -1, start, 0
    for scheme in _SCHEME.finditer(data, start, end):
        colon = scheme.start()
        if colon < done:
            continue
        opened = max(data.rfind(b"<", done, colon), opened)
        done = data.find(b"<", colon, end)
        if done < 0:
            done = end
        tags += 1
        if max(tags, len(found)) > most:
            raise Excessive("too-many-uris")
        if opened >= 0:
            _find_in_tag(data, opened, done, found)


def _find_in_tag(data: bytes, opened: int, end: int, found: list[XmlUri]) -> None:
    """Those in a tag and the text behind it, `data[opened:end]`, if that is a well-formed tag."""
    tag = _TAG.match(data, opened, end)
    if tag is None:
        return
    name, attributes, empty = tag.groups()
    if attributes:
        for attribute in _ATTRIBUTE.finditer(data, tag.start(2), tag.end(2)):
            start, stop = attribute.span(attribute.lastindex or 0)
            _take(data, start, stop, attribute[1], found)
    if not empty and data.startswith(b"</", end):
        _take(data, tag.end(), end, name, found)


def _take(data: bytes, start: int, end: int, name: bytes, found: list[XmlUri]) -> None:
    uri = _IS_URI.fullmatch(data, start, end)
    if uri is not None:
        found.append(new_tuple(XmlUri, (uri.start(1), uri.end(1), name)))
