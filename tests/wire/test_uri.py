"""Addresses in SIP header values: URIs (RFC 3261, section 19.1; RFC 5118 for IPv6) and Via (section 20.42)."""

import pytest

from doorman.net.packet import TCP, UDP
from doorman.wire.uri import HostPort, Part, find_agents, find_request_uri, find_uris, find_via


def uris(value: str) -> list[tuple[str, str, int]]:
    """Each address as it stands, its host and its port."""
    data = value.encode("latin-1")
    return [shown(data, place) for place in find_uris(data)]


def request_uri(value: str) -> list[tuple[str, str, int]]:
    return [shown(value.encode(), place) for place in find_request_uri(value.encode())]


def vias(value: str) -> list[list[tuple[str, str, int]]]:
    """For each Via value its sent-by, then its parameters."""
    data = value.encode("latin-1")
    return [[shown(data, place) for place in (via.sent_by, *via.parameters)] for via in find_via(data)]


def shown(data: bytes, place: HostPort) -> tuple[str, str, int]:
    return data[place.start : place.end].decode("latin-1"), place.host.decode("latin-1"), place.port


ONE = [("10.0.0.1:5070", "10.0.0.1", 5070)]
BARE = [("10.0.0.1", "10.0.0.1", -1)]


@pytest.mark.parametrize(
    "value",
    [
        "<sip:a@10.0.0.1:5070>", "sip:a@10.0.0.1:5070", "SIP:a@10.0.0.1:5070;tag=1", "< sips:a@10.0.0.1:5070 >;tag=1",
        '"Alice" <sip:a@10.0.0.1:5070>', "Alice Smith <sip:a@10.0.0.1:5070>;q=0.3", "<Sip:10.0.0.1:5070>",
        '"sip:x@192.168.1.1" <sip:a@10.0.0.1:5070>', '"<sip:x@192.168.1.1>, \\" " <sip:a@10.0.0.1:5070>',
        '"J Rosenberg \\\\\\""   <sip:a@10.0.0.1:5070>', "<sip:a:secret@10.0.0.1:5070>", "sip:a:secret@10.0.0.1:5070",
        "<sip:user;par=u%40example.net@10.0.0.1:5070>", "<sip:a@10.0.0.1:5070;transport=udp;lr?Subject=sip%3A>",
        "<sip:+1-2(3)4&=+$,;?/x@10.0.0.1:5070>", "\r\n <sip:a@10.0.0.1:5070>", "\u00e4\u00f6 <sip:a@10.0.0.1:5070>",
        "<tel:+15551234>, <sip:a@10.0.0.1:5070>", "a@10.0.0.1:5070", "<a@10.0.0.1:5070>;tag=1",
        " 733@10.0.0.1:5070;q=1",
        '"unended <sip:a@10.0.0.1:5070>', "<sip:a@10.0.0.1:5070", "<sip:a@10.0.0.1:5070?Route=%3Csip:b.example%3E>",
    ],
)  # fmt: skip
def test_one_address(value: str) -> None:
    assert uris(value) == ONE


@pytest.mark.parametrize(
    "value",
    [
        "<tel:+15551234;phone-context=10.0.0.1>", "*", "", "mailto:a@10.0.0.1", '"sip:a@10.0.0.1"', "10.0.0.1",
        "gossip:10",
        "<http://10.0.0.1/sip>", "sip:", "<sip:>", "<sip:@>", "urn:service:sos", "xsip:a@10.0.0.1",
        "<sip:a@10.0.0.1:65536>",
        "a.sip:b@c", "im:a@10.0.0.1",
    ],
)  # fmt: skip
def test_no_address(value: str) -> None:
    assert uris(value) == []


@pytest.mark.parametrize(
    "headers", ["Replaces=1@10.0.0.2", "a=sip:b@10.0.0.2", "a=b;maddr=10.0.0.2", "a=%3Csip:10.0.0.2%3E"]
)
@pytest.mark.parametrize(
    "form", ["<sip:a@10.0.0.1:5070?{}>", "<sip:a@10.0.0.1:5070;lr?{}>;x", "sip:a@10.0.0.1:5070?{};q=1"]
)
def test_headers_within_a_uri_are_not_read(form: str, headers: str) -> None:
    assert uris(form.format(headers)) == ONE
    assert request_uri(form.strip("<>x;").format(headers)) == ONE


def test_maddr_before_the_headers_within_a_uri() -> None:
    assert [place[1] for place in uris("<sip:a@b;maddr=10.0.0.1?c=d;maddr=10.0.0.2>")] == ["b", "10.0.0.1"]


@pytest.mark.parametrize("value", ["<http://b/?x=sip:a@10.0.0.2>", "<tel:+1;y=sip:a@10.0.0.2>", "<urn:sip:a@10.0.0.2>"])
def test_uris_of_other_schemes_are_not_read(value: str) -> None:
    assert uris(value) == []
    assert uris(f"{value};purpose=icon, <sip:a@10.0.0.1:5070>, {value}") == ONE


@pytest.mark.parametrize("scheme", ["pres", "im", "IM", "Pres"])
def test_users_by_other_schemes(scheme: str) -> None:
    assert request_uri(f"{scheme}:a@10.0.0.1:5070") == ONE
    assert find_request_uri(f"{scheme}:a@10.0.0.1".encode())[0].default_port == 5060
    assert request_uri(f"x{scheme}:a@10.0.0.1") == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('307 10.0.0.1:5070 "text"', ONE), ('370 10.0.0.1 "a 399 10.0.0.2 b"', BARE),
        ('399 [2001:db8::1]:5070 "x"', [("[2001:db8::1]:5070", "2001:db8::1", 5070)]), ("10.0.0.1", []),
        ('399 a "\\" 399 10.0.0.2 ", 301 10.0.0.1 "b"', [("a", "a", -1), *BARE]), ('399 10.0.0.1:99999 ""', []),
        ("1399 10.0.0.1", []), ("", []),
    ],
)  # fmt: skip
def test_agents(value: str, expected: list[tuple[str, str, int]]) -> None:
    data = value.encode()
    assert [shown(data, place) for place in find_agents(data)] == expected


def test_a_list_of_both_forms() -> None:
    value = '"A, B" <sip:a@10.0.0.1;lr>;q="1,2", sip:b@10.0.0.2:5061;q=0.5,sips:10.0.0.3\r\n , <sip:d@[::1]:7>'
    assert uris(value) == [
        ("10.0.0.1", "10.0.0.1", -1),
        ("10.0.0.2:5061", "10.0.0.2", 5061),
        ("10.0.0.3", "10.0.0.3", -1),
        ("[::1]:7", "::1", 7),
    ]


def test_maddr_is_an_address_of_its_own() -> None:
    assert uris("<sip:a@example.com;maddr=10.0.0.1;ttl=1>;maddr=10.9.9.9") == [
        ("example.com", "example.com", -1),
        ("10.0.0.1", "10.0.0.1", -1),
    ]
    (_, maddr) = find_uris(b"<sip:a@b; Maddr = [2001:db8::1]>")
    assert (maddr.host, maddr.part) == (b"2001:db8::1", Part.HOST)


@pytest.mark.parametrize(
    ("uri", "port", "protocol"),
    [
        ("<sip:a@b>", 5060, 0), ("<sips:a@b>", 5061, 0), ("<sip:a@b;transport=tcp>", 5060, TCP),
        ("<sip:a@b ; Transport = UDP>", 5060, 0), ("<sip:a@b;Transport = UDP>", 5060, UDP),
        ("<sips:a@b;transport=tls>", 5061, TCP), ("<sip:a@b;transport=ws>", 5060, 0),
        ("<sip:a@b>;transport=tcp", 5060, 0), ("sip:a@b;transport=tcp, <sip:c@d>", 5060, TCP),
        ("<sip:a@b;lr>, <sip:c@d;transport=tcp>", 5060, 0),
    ],
)  # fmt: skip
def test_default_port_and_protocol(uri: str, port: int, protocol: int) -> None:
    place = find_uris(uri.encode())[0]
    assert (place.default_port, place.protocol) == (port, protocol)


@pytest.mark.parametrize(
    ("uri", "user"),
    [("<sip:a:b@c>", b"a:b"), ("sip:a@b", b"a"), ("<sip:b>", b""), ("<sip:x;y=%40z@b>", b"x;y=%40z"), ("u@b", b"u")],
)
def test_user(uri: str, user: bytes) -> None:
    assert find_uris(uri.encode())[0].user == user


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        # RFC 5118, sections 4.1 to 4.7: IPv6 references, with ports, and the ambiguity of one without brackets
        ("<sip:[2001:db8::9:1]>", [("[2001:db8::9:1]", "2001:db8::9:1", -1)]),
        ("sip:[2001:db8::10]:5070;tag=1", [("[2001:db8::10]:5070", "2001:db8::10", 5070)]),
        ("<sip:user@[::ffff:192.0.2.10]:19823>", [("[::ffff:192.0.2.10]:19823", "::ffff:192.0.2.10", 19823)]),
        ("<sip:[2001:db8::10:5070]>", [("[2001:db8::10:5070]", "2001:db8::10:5070", -1)]),
        ("<sip:a@[2001:DB8::AB]>", [("[2001:DB8::AB]", "2001:DB8::AB", -1)]),
        ("<sip:a@[fe80::1%25eth0], <sip:[::1]>", [("[::1]", "::1", -1)]),
    ],
)
def test_ipv6_references(uri: str, expected: list[tuple[str, str, int]]) -> None:
    assert uris(uri) == expected


@pytest.mark.parametrize(
    "uri", ["sip:bob@10.0.0.1:5070", "<sip:bob@10.0.0.1:5070>", "bob@10.0.0.1:5070", "sip:10.0.0.1:5070"]
)
def test_request_uri(uri: str) -> None:
    assert request_uri(uri) == ONE
    assert request_uri(uri + ";user=phone;x=y") == ONE


def test_request_uri_with_anything_in_its_user() -> None:
    assert request_uri("sip:sips%3Auser,a;b?c@10.0.0.1:5070?Route=%3Csip:b%3E") == ONE
    assert request_uri("sip:a@b;maddr=10.0.0.1") == [("b", "b", -1), ("10.0.0.1", "10.0.0.1", -1)]
    assert request_uri("tel:+1;phone-context=sip:a@10.0.0.1") == []
    assert request_uri("soap.beep://192.0.2.103:3002") == []


@pytest.mark.parametrize(
    "value",
    [
        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1", "sip/2.0/udp 10.0.0.1:5070",
        "SIP  /   2.0\r\n /UDP\r\n    10.0.0.1:5070;x",
        "SIP/2.0/TLS-SCTP \t10.0.0.1:5070 ;rport", 'SIP/2.0/UDP 10.0.0.1:5070;x="SIP/2.0/UDP 192.168.1.1"',
        "SIP/2.0/UDP 10.0.0.1:5070;;,;,,", "SIP/2.0/UDP 10.0.0.1:5070 (comment)",
    ],
)  # fmt: skip
def test_one_via(value: str) -> None:
    assert vias(value) == [ONE]


def test_blanks_around_the_colon_of_a_via() -> None:
    """RFC 3261, section 25.1: sent-by = host [ COLON port ], and COLON has white space on both sides."""
    assert vias("SIP/2.0/UDP 10.0.0.1 : 5070;x") == [[("10.0.0.1 : 5070", "10.0.0.1", 5070)]]


@pytest.mark.parametrize(
    "value", ["", "SIP/3.0/UDP 10.0.0.1", "SIP/2.0/UDP", "SIP/2.0 10.0.0.1", "SIP/2.0/UDP a:99999"]
)
def test_no_via(value: str) -> None:
    assert vias(value) == []


def test_a_list_of_vias() -> None:
    value = "SIP  / 2.0  / TCP  10.0.0.1;\r\n branch = z ,\r\n SIP/2.0/UDP 10.0.0.2:7;received=10.0.0.3,SIP/2.0/UDP c"
    assert vias(value) == [
        BARE,
        [("10.0.0.2:7", "10.0.0.2", 7), ("10.0.0.3", "10.0.0.3", -1)],
        [("c", "c", -1)],
    ]


def test_received_and_rport_are_one_endpoint() -> None:
    """RFC 3581, section 4."""
    for value in ("SIP/2.0/UDP c;rport=1025;x;received=10.0.0.1", "SIP/2.0/UDP c;Received = 10.0.0.1; RPORT =1025"):
        data = value.encode()
        (parameters,) = [via.parameters for via in find_via(data)]
        assert sorted((place.part, data[place.start : place.end], place.host, place.port) for place in parameters) == [
            (Part.HOST, b"10.0.0.1", b"10.0.0.1", 1025),
            (Part.PORT, b"1025", b"10.0.0.1", 1025),
        ]
        assert [place.start for place in parameters] == sorted(place.start for place in parameters)


@pytest.mark.parametrize("rport", ["rport", "rport=", "rport=x", "rport=65536", "rport=" + "9" * 5000, "rport=-1"])
def test_rport_that_says_nothing(rport: str) -> None:
    assert vias(f"SIP/2.0/UDP c;{rport};received=10.0.0.1") == [[("c", "c", -1), *BARE]]
    assert vias(f"SIP/2.0/UDP c;{rport}") == [[("c", "c", -1)]]


def test_an_address_behind_the_branch() -> None:
    for name in ("received", "maddr", "Received", "MADDR"):
        vias(f"SIP/2.0/UDP c;branch=z9hG4bK-1;rport;{name}=10.0.0.2")  # what is remembered of it is not of the next
        found = vias(f"SIP/2.0/UDP c;branch=z9hG4bK-1;rport;{name}=10.0.0.1")
        assert found == [[("c", "c", -1), *BARE]]


def test_via_maddr() -> None:
    assert vias("SIP/2.0/UDP c;maddr=224.2.0.1;ttl=16") == [[("c", "c", -1), ("224.2.0.1", "224.2.0.1", -1)]]


@pytest.mark.parametrize(
    ("via", "port", "protocol"),
    [
        ("UDP", 5060, UDP),
        ("tcp", 5060, TCP),
        ("TLS", 5061, TCP),
        ("tls", 5061, TCP),
        ("SCTP", 5060, 0),
        ("WS", 5060, 0),
    ],
)
def test_default_port_and_protocol_of_a_via(via: str, port: int, protocol: int) -> None:
    data = f"SIP/2.0/{via} c".encode()
    (sent_by,) = [via.sent_by for via in find_via(data)]
    assert (sent_by.default_port, sent_by.protocol) == (port, protocol)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 5118, sections 4.4 and 4.5: brackets in sent-by and, though RFC 3261 has none there, in received
        ("SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255", [("[2001:db8::9:1]:6050", "2001:db8::9:1", 6050),
                                                                    ("2001:db8::9:255", "2001:db8::9:255", -1)]),
        ("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]", [("[2001:db8::9:1]", "2001:db8::9:1", -1),
                                                                   ("[2001:db8::9:255]", "2001:db8::9:255", -1)]),
    ],
)  # fmt: skip
def test_ipv6_in_a_via(value: str, expected: list[tuple[str, str, int]]) -> None:
    assert vias(value) == [expected]
