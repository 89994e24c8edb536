"""The cases of RFC 5118, messages that torture implementations of SIP with IPv6, in words of our own.

IPv6 needs no NAT: it is read, so that nothing in it is taken for something else, and goes on byte for byte. Where a
phone has addresses of both kinds, those of IPv4 are translated and those of IPv6 left.
"""

from typing import NamedTuple

import pytest

from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.results import Fate, Side
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import SipMessage, read_sip
from doorman.wire.uri import find_request_uri, find_uris, find_via
from kit.packets import endpoint
from kit.sip import PEER, Gateway, crlf, sip


class Case(NamedTuple):
    """A message of RFC 5118.

    Attributes:
        section: there.
        what: it is about.
        data: the message.
        target: host of the Request-URI, and its port: -1 where none is written.
        vias: all hosts, ports and `received` of the Via headers.
        contact: hosts of the Contacts.
    """

    section: str
    what: str
    data: bytes
    target: tuple[str, int]
    vias: str
    contact: str = ""


def ipv6(start: str, *headers: str, body: str = "", number: int = 1) -> bytes:
    """A message with what all of these have in common."""
    method = start.split(maxsplit=1)[0]
    common = ["Max-Forwards: 70", f"Call-ID: {number}-of-5118", f"CSeq: {number} {method}"]
    ends = ["From: <sip:ana@caller.example>;tag=v6", "To: <sip:ben@callee.example>"]
    kind = ["Content-Type: application/sdp"] if body else []
    return sip(start, *headers, *ends, *common, *kind, body=crlf(body) if body else b"")


VIA = "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKv6-1"
CASES = [
    Case("4.1", "an IPv6 reference",
         ipv6("REGISTER sip:[2001:db8::10] SIP/2.0", VIA, 'Contact: "Ana" <sip:ana@[2001:db8::1]>'),
         ("2001:db8::10", -1), "2001:db8::9:1", "2001:db8::1"),
    Case("4.2", "no brackets: what stands before the colon is no address",
         ipv6("REGISTER sip:2001:db8::10 SIP/2.0", VIA, 'Contact: "Ana" <sip:ana@[2001:db8::1]>'),
         ("2001", -1), "2001:db8::9:1", "2001:db8::1"),
    Case("4.3", "what looks like a port is part of the address",
         ipv6("REGISTER sip:[2001:db8::10:5070] SIP/2.0", VIA, "Contact: <sip:ana@[2001:db8::1]>"),
         ("2001:db8::10:5070", -1), "2001:db8::9:1", "2001:db8::1"),
    Case("4.4", "a port behind the bracket",
         ipv6("REGISTER sip:[2001:db8::10]:5070 SIP/2.0", VIA, "Contact: <sip:ana@[2001:db8::1]>"),
         ("2001:db8::10", 5070), "2001:db8::9:1", "2001:db8::1"),
    Case("4.5", "`received` in brackets",
         ipv6("BYE sip:[2001:db8::10] SIP/2.0",
              "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKv6-5"),
         ("2001:db8::10", -1), "2001:db8::9:1 2001:db8::9:255"),
    Case("4.5", "`received` without brackets",
         ipv6("OPTIONS sip:[2001:db8::10] SIP/2.0",
              "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKv6-6"),
         ("2001:db8::10", -1), "2001:db8::9:1 2001:db8::9:255"),
    Case("4.6", "IPv6 in a session description",
         ipv6("INVITE sip:ben@[2001:db8::10] SIP/2.0", "Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKv6-7",
              'Contact: "Ana" <sip:ana@[2001:db8::20]>',
              body="v=0\no=ana 971731711378798081 0 IN IP6 2001:db8::20\ns=lunch\nc=IN IP6 2001:db8::20\n"
                   "t=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\n"
                   "m=video 6024 RTP/AVP 107\na=rtpmap:107 H263-1998/90000"),
         ("2001:db8::10", -1), "2001:db8::20", "2001:db8::20"),
    Case("4.7", "addresses of both kinds in the headers",
         ipv6("BYE sip:ben@host.callee.example SIP/2.0", "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKv6-8",
              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKv6-9",
              "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bKv6-10"),
         ("host.callee.example", -1), "2001:db8::9:1 6050 192.0.2.1 2001:db8::9:255"),
    Case("4.8", "addresses of both kinds in a session description",
         ipv6("INVITE sip:ben@[2001:db8::10] SIP/2.0", "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKv6-11",
              'Contact: "Ana" <sip:ana@[2001:db8::9:1]>',
              body="v=0\no=ben 280744730 28977631 IN IP4 host.caller.example\ns=-\nt=0 0\n"
                   "m=audio 22334 RTP/AVP 0\nc=IN IP4 192.0.2.1\n"
                   "m=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1\na=rtpmap:107 H263-1998/90000"),
         ("2001:db8::10", -1), "2001:db8::9:1", "2001:db8::9:1"),
    Case("4.9", "addresses of IPv4 mapped into IPv6",
         ipv6("INVITE sip:ben@callee.example SIP/2.0", "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKv6-12",
              "Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKv6-13",
              'Contact: "Ana" <sip:ana@[::ffff:192.0.2.2]>',
              body="v=0\no=ana 971731711378798081 0 IN IP6 ::ffff:192.0.2.2\ns=lunch\nc=IN IP6 ::ffff:192.0.2.2\n"
                   "t=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\nm=video 6024 RTP/AVP 107"),
         ("callee.example", -1), "::ffff:192.0.2.10 19823 ::ffff:192.0.2.2", "::ffff:192.0.2.2"),
    Case("4.10", "three colons, which the grammar of RFC 3261 has by mistake",
         ipv6("OPTIONS sip:ben@[2001:db8:::192.0.2.1] SIP/2.0",
              "Via: SIP/2.0/UDP lab.caller.example;branch=z9hG4bKv6-14"),
         ("2001:db8:::192.0.2.1", -1), "lab.caller.example"),
    Case("4.10", "two colons, as it should be",
         ipv6("OPTIONS sip:ben@[2001:db8::192.0.2.1] SIP/2.0",
              "Via: SIP/2.0/UDP lab.caller.example;branch=z9hG4bKv6-15"),
         ("2001:db8::192.0.2.1", -1), "lab.caller.example"),
]  # fmt: skip

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section} {case.what}")


def read(data: bytes) -> SipMessage:
    message = read_sip(data)
    assert message is not None
    return message


@every_case
def test_is_read(case: Case) -> None:
    message = read(case.data)
    assert message.name == case.data.split(maxsplit=1)[0].decode()
    assert message.body_end == len(case.data)
    uris = find_request_uri(case.data[message.uri_start : message.uri_end])
    assert [(uri.host.decode(), uri.port) for uri in uris] == [case.target]
    vias, contacts = [], []
    for header in message.headers:
        value = case.data[header.start : header.end]
        if header.name == "via":
            for via in find_via(value):
                vias += [via.sent_by.host.decode(), *([str(via.sent_by.port)] if via.sent_by.port >= 0 else [])]
                vias += [place.host.decode() for place in via.parameters]
        elif header.name == "contact":
            contacts += [place.host.decode() for place in find_uris(value)]
    assert " ".join(vias) == case.vias
    assert " ".join(contacts) == case.contact


@every_case
def test_goes_on_as_it_came(case: Case) -> None:
    """Over IPv4, from a phone that writes of IPv6 only."""
    gateway = Gateway()
    gateway.out(case.data)  # the first message of a flow makes its session
    sent = gateway.out(case.data)
    assert (sent.fate, sent.data, sent.edits) == (Fate.FORWARDED, case.data, [])
    assert gateway.doors == []
    assert gateway.in_(case.data).data == case.data


@every_case
def test_passes_over_ipv6(case: Case) -> None:
    gateway = Gateway()
    for send in (gateway.out, gateway.in_):
        sent = send(case.data, "[2001:db8::9:1]:5060", "[2001:db8::10]:5060")
        assert (sent.fate, sent.data) == (Fate.PASSED, case.data)
    assert (gateway.doors, gateway.bindings()) == ([], [])


def test_streams_of_them_go_on_as_they_came() -> None:
    gateway = Gateway()
    connection = connect(gateway.engine, endpoint("10.0.0.10:40000"), endpoint(PEER), Side.INSIDE, gateway.now)
    stream = b"".join(case.data for case in CASES)
    arrived = b"".join(
        connection.receive(stream[at : at + 100], End.CLIENT, gateway.now).data for at in range(0, len(stream), 100)
    )
    assert arrived == stream
    assert gateway.doors == []


def test_where_their_media_are() -> None:
    found = []
    for case in CASES:
        message = read(case.data)
        session = read_sdp(case.data, message.body_start, message.body_end)
        for media in session.media:
            place = media.connection or session.connection
            assert place is not None
            assert place.address is not None
            found.append((case.data[place.start : place.end].decode(), len(place.address), media.port.number))
    assert found == [
        ("2001:db8::20", 16, 6000), ("2001:db8::20", 16, 6024), ("192.0.2.1", 4, 22334), ("2001:db8::1", 16, 6024),
        ("::ffff:192.0.2.2", 16, 6000), ("::ffff:192.0.2.2", 16, 6024),
    ]  # fmt: skip


@every_case
def test_what_is_ours_beside_it_is_translated(case: Case) -> None:
    """A phone with addresses of both kinds adds those of IPv4; they change and nothing else does."""
    own = b"Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKv4\r\nContact: <sip:ana@10.0.0.10:5060>\r\n"
    start = case.data.index(b"\r\n") + 2
    data = case.data[:start] + own + case.data[start:]
    sent = Gateway().out(data)
    assert sent.fate == Fate.FORWARDED
    assert sent.data == data.replace(b"10.0.0.10:5060", b"203.0.113.1:5060")


def test_a_stream_of_each_kind() -> None:
    """Section 4.8 with a phone behind the NAT: audio gets its doors, video needs none."""
    (case,) = [case for case in CASES if case.what == "addresses of both kinds in a session description"]
    gateway = Gateway()
    body = read(case.data).body
    head = case.data[: case.data.index(b"Content-Length")].decode().split("\r\n")[:-1]
    data = sip(*head, body=body.replace(b"IP4 192.0.2.1", b"IP4 10.0.0.10"))
    sent = gateway.out(data)
    assert sent.data == sip(*head, body=body.replace(b"IP4 192.0.2.1", b"IP4 203.0.113.1"))
    assert gateway.media_doors() == [
        "rtcp 198.51.100.20>203.0.113.1:22335>10.0.0.10:22335",
        "rtp 198.51.100.20>203.0.113.1:22334>10.0.0.10:22334",
    ]
