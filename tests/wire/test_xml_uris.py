"""URIs in XML, against a reader of XML that is not ours."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorman.wire.malformed import Excessive
from doorman.wire.xml_uris import find_xml_uris

few = settings(max_examples=200, derandomize=True, deadline=None)
IS_URI = re.compile(r"\s*((?:sips?|pres|im):[^\s<>\"]+)\s*", re.IGNORECASE)

names = st.sampled_from(["a", "uri", "identity", "ns:entity", "contact"])
uris = st.sampled_from(["sip:a@10.0.0.10", "SIPS:b@10.0.0.11:5061", "pres:c@10.0.0.12", "im:d@e", "sip:f;x=1?y=z"])
texts = uris | st.sampled_from(["", " ", "x", "10.0.0.10", "see sip:a@10.0.0.10", "sip:a@10.0.0.10 b", "\n sip:g@h\n"])


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    """A well-formed document without escapes."""
    name = draw(names)
    quote = draw(st.sampled_from("\"'"))
    attributes = draw(st.lists(st.tuples(names, texts), max_size=3, unique_by=lambda pair: pair[0].rpartition(":")[2]))
    blank = draw(st.sampled_from([" ", "\n\t"]))
    written = "".join(
        f"{blank}{key}{draw(st.sampled_from(['', ' ']))}={quote}{text}{quote}" for key, text in attributes
    )
    declared = ' xmlns:ns="urn:x"' if depth == 3 else ""
    if not depth or draw(st.booleans()):
        return f"<{name}{declared}{written}/>"
    inner = draw(texts)
    for _ in range(draw(st.integers(0, 3))):
        comment = draw(st.sampled_from(["", "<!-- sip:no@10.0.0.10 <a uri='sip:no@10.0.0.10'/> -->", "<?p sip:no@x?>"]))
        inner += comment + draw(documents(depth - 1)) + draw(texts)
    return f"<{name}{declared}{written}>{inner}</{name}>"


def expected(text: str) -> list[str]:
    """What stands in attributes, and in elements that hold nothing else, says a reader that makes a tree."""
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    found = []
    for element in ET.fromstring(text, ET.XMLParser(target=builder)).iter():
        if callable(element.tag):  # a comment
            continue
        values = [*element.attrib.values(), *([element.text] if element.text and not len(element) else [])]
        found += [match[1] for value in values if (match := IS_URI.fullmatch(value))]
    return found


def found(text: str) -> list[str]:
    data = b"<sip:before>" + text.encode() + b"<a>sip:behind</a>"
    return [data[uri.start : uri.end].decode() for uri in find_xml_uris(data, 12, len(data) - 17)]


@few
@given(documents())
def test_what_another_reader_finds(text: str) -> None:
    assert found(text) == expected(text)


@few
@given(documents(), st.data())
def test_places_are_where_they_are_said_to_be(text: str, draw: st.DataObject) -> None:
    """Also in what is no document: nothing overlaps, and nothing is found outside."""
    data = bytearray(text.encode())
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data)))
        data[at : at + draw.draw(st.integers(0, 3))] = draw.draw(
            st.sampled_from([b"", b"<", b">", b'"', b"sip:", b"<!"])
        )
    end = draw.draw(st.integers(0, len(data)))
    at = 0
    for uri in find_xml_uris(bytes(data), 0, end):
        assert at <= uri.start < uri.end <= end
        assert IS_URI.fullmatch(bytes(data[uri.start : uri.end]).decode())
        at = uri.end


def test_the_name_of_what_it_is_the_value_of() -> None:
    data = b"<x:a y:uri=\"sip:a\" b='sip:b'>sip:c</x:a><d><![CDATA[sip:d]]></d>"
    assert [uri.name for uri in find_xml_uris(data, 0, len(data))] == [b"uri", b"b", b"a", b""]


def test_a_document_with_a_type_declaration_is_left() -> None:
    assert found('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a uri="sip:a@b"/>') == []


def test_too_many() -> None:
    assert len(find_xml_uris(b"<a b='sip:c'/>" * 100, 0, 1400, 100)) == 100
    with pytest.raises(Excessive, match="too-many-uris"):
        find_xml_uris(b"<a b='sip:c'/>" * 101, 0, 1414, 100)
    with pytest.raises(Excessive, match="too-many-uris"):
        find_xml_uris(b"<sip:" * 101, 0, 505, 100)


def test_a_tag_with_more_attributes_than_any_has_is_none() -> None:
    assert found("<a" + ' b="sip:c"' * 32 + "/>") == ["sip:c"] * 32
    assert found("<a" + ' b="sip:c"' * 33 + "/>") == []
