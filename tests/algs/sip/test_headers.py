"""What becomes of the addresses in SIP headers, through the whole engine."""

import pytest

from doorman.engine.results import Fate
from kit.sip import (
    GLOBAL,
    NO_NAT,
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    PHONE,
    POOL,
    STATIC,
    Gateway,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

ROUTING = [
    "Contact", "Record-Route", "Route", "Path", "Service-Route", "Refer-To", "Also", "Alert-Info", "Call-Info",
    "Error-Info", "Geolocation", "Policy-Contact", "Refer-Events-At", "Trigger-Consent",
]  # fmt: skip
IDENTITY = [
    "From", "To", "P-Asserted-Identity", "P-Preferred-Identity", "Referred-By", "Reply-To", "Remote-Party-ID",
    "Diversion", "CC-Diversion", "History-Info", "P-Associated-URI", "P-Called-Party-ID", "P-Charge-Info",
    "P-Served-User", "Requested-By",
]  # fmt: skip
COMPACT = ["m", "f", "t", "r", "b"]
OWN = "<sip:alice@10.0.0.10:5060>"
OURS = "<sip:alice@203.0.113.1:5060>"
VIA = "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1"


def options(*headers: str, start: str = "OPTIONS sip:bob@198.51.100.20 SIP/2.0") -> bytes:
    """A message with nothing but what is asked for."""
    return sip(start, "Call-ID: x", "CSeq: 1 OPTIONS", *headers)


class TestTable:
    @pytest.mark.parametrize("name", ROUTING + IDENTITY + COMPACT)
    @pytest.mark.parametrize("start", ["OPTIONS sip:bob@198.51.100.20 SIP/2.0", "SIP/2.0 200 OK"])
    def test_outbound(self, name: str, start: str) -> None:
        sent = Gateway().out(options(f"{name}: {OWN};x=1", start=start))
        assert sent.line(name) == f"{OURS};x=1"

    @pytest.mark.parametrize("name", ROUTING + IDENTITY + COMPACT)
    @pytest.mark.parametrize("start", ["OPTIONS sip:bob@198.51.100.20 SIP/2.0", "SIP/2.0 200 OK"])
    def test_inbound(self, name: str, start: str) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        assert gateway.in_(options(f"{name}: {OURS};x=1", start=start)).line(name) == f"{OWN};x=1"

    @pytest.mark.parametrize("name", ROUTING + IDENTITY)
    def test_of_others_is_left(self, name: str) -> None:
        gateway = Gateway()
        value = "<sip:bob@198.51.100.20>, <sip:carol@192.168.1.1:5060>, <sip:example.com>, <tel:+15551234>"
        assert gateway.out(options(f"{name}: {value}")).line(name) == value
        assert gateway.notes("address-left") == 2

    @pytest.mark.parametrize("name", ROUTING + IDENTITY)
    def test_ours_and_others_in_turns(self, name: str) -> None:
        gateway = Gateway()
        value = f"{OWN}, <sip:bob@198.51.100.20>, {OWN}, <sip:a@192.168.1.1:5060>, <sip:b@192.168.1.1>, {OWN}"
        assert gateway.out(options(f"{name}: {value}")).line(name) == value.replace(OWN, OURS)
        assert gateway.notes("address-left") == 2

    @pytest.mark.parametrize(
        ("uri", "ours"),
        [
            ("sip:alice@203.0.113.1:5060", "sip:alice@10.0.0.10:5060"),
            ("sip:alice@203.0.113.1", "sip:alice@10.0.0.10"),
            ("sip:203.0.113.1;transport=udp", "sip:10.0.0.10;transport=udp"),
            ("sip:a;b@203.0.113.1:5060;maddr=203.0.113.1?x=y", "sip:a;b@10.0.0.10:5060;maddr=10.0.0.10?x=y"),
            ("<sip:alice@203.0.113.1>", "<sip:alice@10.0.0.10>"),
            ("tel:+15551234", "tel:+15551234"),
        ],
    )
    def test_request_uri_inbound(self, uri: str, ours: str) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        received = gateway.in_(options(start=f"OPTIONS {uri} SIP/2.0"))
        assert received.text.splitlines()[0] == f"OPTIONS {ours} SIP/2.0"

    @pytest.mark.parametrize(
        ("value", "ours"),
        [
            ('307 10.0.0.10 "at 10.0.0.10"', '307 203.0.113.1 "at 10.0.0.10"'),
            ('392 10.0.0.10:5060 "x", 399 198.51.100.7 "399 10.0.0.10"',
             '392 203.0.113.1:5060 "x", 399 198.51.100.7 "399 10.0.0.10"'),
            ('399 pbx.example "sip:a@10.0.0.10"', None), ("10.0.0.10", None), ('x399 10.0.0.10 "x"', None),
        ],
    )  # fmt: skip
    def test_warning_agent(self, value: str, ours: str | None) -> None:
        sent = Gateway().out(options(f"Warning: {value}", start="SIP/2.0 488 Not Acceptable Here"))
        assert sent.line("Warning") == (ours or value)

    @pytest.mark.parametrize(
        "name", ["Alert-Info", "Call-Info", "Error-Info", "Geolocation", "History-Info", "Contact"]
    )
    def test_uris_of_other_schemes_stay(self, name: str) -> None:
        value = (
            "<http://10.0.0.10/ring.wav?by=sip:a@10.0.0.10>;purpose=icon, <tel:+1555;phone-context=sip:a@10.0.0.10>, "
            "<cid:sip:a@10.0.0.10>, <urn:alert:source:10.0.0.10>"
        )
        assert Gateway().out(options(f"{name}: {value}, {OWN}")).line(name) == f"{value}, {OURS}"

    @pytest.mark.parametrize("name", ["Diversion", "History-Info"])
    def test_who_a_call_came_by(self, name: str) -> None:
        """RFC 5806, 7044: who was called before, behind the PBX that sends this; and the reason in the URI stays."""
        lines = [f"{name}: <sip:50@10.0.0.50?Reason=SIP%3Bcause%3D302>;index=1, <sip:51@10.0.0.10:5060>", VIA]
        gateway = Gateway()
        sent = gateway.out(sip("INVITE sip:b@198.51.100.20 SIP/2.0", "i: x", "CSeq: 1 INVITE", *lines))
        assert sent.line(name) == "<sip:50@203.0.113.1?Reason=SIP%3Bcause%3D302>;index=1, <sip:51@203.0.113.1:5060>"
        back = gateway.in_(sent.data.replace(b"INVITE sip:b@198.51.100.20 SIP/2.0", b"SIP/2.0 181 Forwarded"))
        assert lines[0] in back.text

    @pytest.mark.parametrize("uri", ["pres:alice@{}", "im:alice@{}", "PRES:alice@{}:5060"])
    def test_a_user_whose_presence_is_asked_for(self, uri: str) -> None:
        """RFC 3856, section 5: a Request-URI may be of these schemes."""
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        back = gateway.in_(options(start=f"OPTIONS {uri.format(GLOBAL)} SIP/2.0"))
        assert back.text.splitlines()[0] == f"OPTIONS {uri.format('10.0.0.10')} SIP/2.0"

    def test_request_uri_outbound(self) -> None:
        sent = Gateway().out(options(start="OPTIONS sip:voicemail@10.0.0.10 SIP/2.0"))
        assert sent.text.startswith("OPTIONS sip:voicemail@203.0.113.1 SIP/2.0\r\n")

    @pytest.mark.parametrize("via", ["Via", "v", "VIA "])
    def test_via(self, via: str) -> None:
        gateway = Gateway()
        sent = gateway.out(options(f"{via}: SIP/2.0/UDP 10.0.0.10:5060;rport;branch=z9hG4bK1"))
        assert sent.line(via) == "SIP/2.0/UDP 203.0.113.1:5060;rport;branch=z9hG4bK1"
        back = gateway.in_(
            options(
                f"{via}: SIP/2.0/UDP 203.0.113.1:5060;rport=5060;received=203.0.113.1;branch=z9hG4bK1",
                start="SIP/2.0 200 OK",
            )
        )
        assert back.line(via) == "SIP/2.0/UDP 10.0.0.10:5060;rport=5060;received=10.0.0.10;branch=z9hG4bK1"

    def test_example_of_the_seed(self) -> None:
        """Its URIs have no scheme; the Call-ID keeps its address."""
        seed = sip(
            "INVITE 212@10.10.10.5 SIP/2.0",
            "Via: SIP/2.0/UDP 10.0.0.10:16382",
            "From: 733@10.0.0.10",
            "To: 212@10.10.10.5",
            "Call-ID: 56ac6612@10.0.0.10",
            "Contact: 733@10.0.0.10",
            "Route: <sip:acme@10.0.0.10:5060>",
            "Record-Route: sip:acme@10.0.0.10:5060",
            "Content-Type: application/sdp",
            body="""
                o=user 3524322 86249321 IN IP4 10.0.0.10
                c=IN IP4 10.0.0.10
                m=audio 32833 RTP/AVP 0
                c=IN IP4 10.0.0.10
                m=audio 32835 RTP/AVP 0
                c=IN IP4 10.0.0.10
                m=audio 32837 RTP/AVP 0
            """,
        )
        gateway = Gateway()
        sent = gateway.out(seed, "10.0.0.10:16382")
        head, _, body = sent.text.partition("\r\n\r\n")
        assert head.splitlines()[:-2] == [
            "INVITE 212@10.10.10.5 SIP/2.0",
            "Via: SIP/2.0/UDP 203.0.113.1:16382",
            "From: 733@203.0.113.1",
            "To: 212@10.10.10.5",
            "Call-ID: 56ac6612@10.0.0.10",
            "Contact: 733@203.0.113.1",
            "Route: <sip:acme@203.0.113.1:5060>",
            "Record-Route: sip:acme@203.0.113.1:5060",
        ]
        lines = body.splitlines()
        assert lines[0] == "o=user 3524322 86249321 IN IP4 203.0.113.1"
        assert lines[1::2] == ["c=IN IP4 203.0.113.1"] * 3
        ports = [int(line.split()[1]) for line in lines[2::2]]
        assert all(port % 2 == 0 for port in ports)
        assert len(set(ports)) == 3
        assert len(gateway.media_doors()) == 6


class TestWholeMessage:
    def test_all_values_of_all_contacts(self) -> None:
        gateway = Gateway()
        value = '"A, <sip:x@10.0.0.10>" <sip:a@10.0.0.10>;q=1, sip:b@10.0.0.10:5060 , <sips:c@10.0.0.10:5070>'
        sent = gateway.out(options(f"Contact: {value}", "m: <sip:d@10.0.0.10>", "Contact:\r\n <sip:e@10.0.0.10>"))
        assert sent.lines("Contact")[0] == (
            '"A, <sip:x@10.0.0.10>" <sip:a@203.0.113.1>;q=1, sip:b@203.0.113.1:5060 , <sips:c@203.0.113.1:5070>'
        )
        assert sent.line("m") == "<sip:d@203.0.113.1>"
        assert "Contact:\r\n <sip:e@203.0.113.1>\r\n" in sent.text

    def test_a_port_that_is_none(self) -> None:
        """Nothing can be sent to port 0: only the host is named, and no name is made for the port."""
        gateway = Gateway()
        gateway.out(request("OPTIONS"))
        before = gateway.bindings()
        values = ["Via: SIP/2.0/UDP 10.0.0.10:0;received=10.0.0.10;rport=0", "Contact: <sip:alice@10.0.0.10:00>"]
        sent = gateway.out(options(*values, "From: <sip:alice@10.0.0.10:0>"))
        assert sent.line("Via") == "SIP/2.0/UDP 203.0.113.1:0;received=203.0.113.1;rport=0"
        assert sent.line("Contact") == "<sip:alice@203.0.113.1:00>"
        assert sent.line("From") == "<sip:alice@203.0.113.1:0>"
        assert gateway.bindings() == before
        assert gateway.in_(sent.data).data == options(*values, "From: <sip:alice@10.0.0.10:0>")

    def test_never_touched(self) -> None:
        """Call-ID, tags, branch, credentials, and what a device calls itself."""
        kept = [
            "Call-ID: 1@10.0.0.10",
            'Authorization: Digest username="a@10.0.0.10", uri="sip:10.0.0.10:5060", response="1"',
            'Proxy-Authorization: Digest uri="sip:10.0.0.10"',
            'WWW-Authenticate: Digest realm="10.0.0.10"',
            "User-Agent: sip:phone@10.0.0.10",
            "Server: 10.0.0.10:5060",
            "Subject: call <sip:a@10.0.0.10:5060>",
            "X-Address: <sip:a@10.0.0.10:5060>",
            "In-Reply-To: 1@10.0.0.10",
            "Replaces: 1@10.0.0.10;from-tag=10.0.0.10",
            "Target-Dialog: 1@10.0.0.10;local-tag=10.0.0.10",
            "Join: 1@10.0.0.10;to-tag=10.0.0.10",
            "P-Charging-Vector: icid-value=1;icid-generated-at=10.0.0.10;orig-ioi=10.0.0.10",
            "P-Charging-Function-Addresses: ccf=10.0.0.10",
            "P-Visited-Network-ID: 10.0.0.10",
            "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=10.0.0.10",
            "Identity-Info: <https://10.0.0.10/cert>",
            "CSeq: 1 OPTIONS",
        ]
        sent = Gateway().out(
            sip(
                "OPTIONS sip:bob@198.51.100.20 SIP/2.0",
                "Via: SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK10.0.0.10:5060",
                "From: <sip:a@10.0.0.10>;tag=10.0.0.10",
                "To: <sip:b@198.51.100.20>;tag=sip:10.0.0.10",
                *kept,
            )
        )
        assert sent.text.splitlines() == [
            "OPTIONS sip:bob@198.51.100.20 SIP/2.0",
            "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK10.0.0.10:5060",
            "From: <sip:a@203.0.113.1>;tag=10.0.0.10",
            "To: <sip:b@198.51.100.20>;tag=sip:10.0.0.10",
            *kept,
            "Content-Length: 0",
            "",
        ]

    def test_a_user_part_that_looks_like_an_address(self) -> None:
        sent = Gateway().out(options("From: <sip:10.0.0.10@10.0.0.10>", "Contact: <sip:10.0.0.10@198.51.100.20>"))
        assert sent.line("From") == "<sip:10.0.0.10@203.0.113.1>"
        assert sent.line("Contact") == "<sip:10.0.0.10@198.51.100.20>"

    @pytest.mark.parametrize(
        ("written", "becomes"),
        [
            ("Content-Length: {}", "Content-Length: 95"), ("l: {}", "l: 95"), ("L:{}", "L:95"),
            ("Content-Length : 000{}", "Content-Length : 00095"), ("content-length:\t 0{} ", "content-length:\t 095 "),
            ("l:\r\n {}", "l:\r\n 95"),
        ],
    )  # fmt: skip
    def test_content_length(self, written: str, becomes: str) -> None:
        data = sip("INVITE sip:b@198.51.100.20 SIP/2.0", "Call-ID: x", "c: application/sdp", body=sdp(), length=written)
        assert written.format(87) in data.decode()
        sent = Gateway(OVERLOAD.replace("203.0.113.1", "203.0.113.111")).out(data)
        assert f"\r\n{becomes}\r\n\r\n" in sent.text
        assert len(sent.data.partition(b"\r\n\r\n")[2]) == 95

    def test_no_content_length(self) -> None:
        sent = Gateway().out(sip("INVITE sip:b@c SIP/2.0", "i: x", "c: application/sdp", body=sdp(), length=None))
        assert "\r\nc=IN IP4 203.0.113.1\r\n" in sent.text
        assert "ength" not in sent.text

    def test_trailing_bytes_stay(self) -> None:
        """RFC 4475, section 3.1.1.8: they are no part of the message."""
        sent = Gateway().out(request(body=sdp()) + b"m=audio 9999 RTP/AVP 0\r\nc=IN IP4 10.0.0.10\r\n")
        assert sent.data.endswith(b"m=audio 9999 RTP/AVP 0\r\nc=IN IP4 10.0.0.10\r\n")
        assert "Content-Length: 91\r\n" in sent.text

    def test_line_feeds_leading_line_ends_and_case_stay(self) -> None:
        data = b"\r\n\nOPTIONS  sip:b@c  sip/2.0\nVIA :  sip / 2.0/udp  10.0.0.10 ; x\ni:y\nfRoM:<SIP:a@10.0.0.10>\n\n"
        assert Gateway().out(data).data == data.replace(b"10.0.0.10", b"203.0.113.1")

    def test_keep_alives_pass(self) -> None:
        gateway = Gateway()
        for data in (b"\r\n\r\n", b"\0\0\0\0", b"\r\n"):
            passed = gateway.out(data)
            assert (passed.fate, passed.data) == (Fate.FORWARDED, data)
        assert gateway.out(request()).edits, "the flow is still inspected"

    def test_an_edit_says_its_rule(self) -> None:
        sent = Gateway().out(request(body=sdp()))
        rules = {"Via", "From", "Contact", "SDP o=", "SDP c=", "Content-Length"}
        assert {edit.rule for edit in sent.edits} == rules
        assert sent.edits == sorted(sent.edits)


class TestPorts:
    """Where 5060 is taken outside, a host's port changes, and with it everything that does not write a port."""

    @pytest.fixture
    def gateway(self) -> Gateway:
        """A gateway whose port 5060 another phone has."""
        gateway = Gateway()
        gateway.out(request("REGISTER", host="10.0.0.11"), OTHER_PHONE)
        return gateway

    def test_taken_port(self, gateway: Gateway) -> None:
        sent = gateway.out(request())
        port = sent.source.rpartition(":")[2]
        assert port != "5060"
        assert int(port) % 2 == 0
        assert sent.line("Via").startswith(f"SIP/2.0/UDP 203.0.113.1:{port};")
        assert sent.line("Contact") == f"<sip:alice@203.0.113.1:{port}>"
        assert sent.line("From") == "<sip:alice@203.0.113.1>;tag=a"

    @pytest.mark.parametrize("via", ["10.0.0.10", "10.0.0.10:5060"])
    @pytest.mark.parametrize("contact", ["10.0.0.10", "10.0.0.10:5060"])
    @pytest.mark.parametrize("transport", ["", ";transport=udp"])
    @pytest.mark.parametrize("identity", ["10.0.0.10", "10.0.0.10:5060"])
    def test_comes_back_as_it_was_written(
        self, gateway: Gateway, via: str, contact: str, transport: str, identity: str
    ) -> None:
        headers = [
            "Call-ID: x",
            "CSeq: 1 REGISTER",
            f"Via: SIP/2.0/UDP {via};branch=z9hG4bK1",
            f"From: <sip:alice@{identity}>;tag=a",
            f"To: <sip:alice@{identity}>",
            f"Contact: <sip:alice@{contact}{transport}>",
        ]
        sent = gateway.out(sip("REGISTER sip:198.51.100.20 SIP/2.0", *headers))
        assert "10.0.0" not in sent.text
        assert sent.line("Via").startswith(f"SIP/2.0/UDP {sent.source};")
        assert sent.line("Contact") == f"<sip:alice@{sent.source}{transport}>"
        echoed = sent.data.replace(b"REGISTER sip:198.51.100.20 SIP/2.0", b"SIP/2.0 200 OK")
        assert gateway.in_(echoed, PEER, sent.source).data == sip("SIP/2.0 200 OK", *headers)

    @pytest.mark.parametrize("contact", ["10.0.0.10", "10.0.0.10:5060"])
    def test_a_request_finds_what_the_contact_was(self, gateway: Gateway, contact: str) -> None:
        sent = gateway.out(options(VIA, f"Contact: <sip:alice@{contact}>"))
        back = gateway.in_(options(start=f"OPTIONS sip:alice@{sent.source} SIP/2.0"), PEER, sent.source)
        assert back.text.splitlines()[0] == f"OPTIONS sip:alice@{contact} SIP/2.0"

    def test_each_port_has_its_own_name(self, gateway: Gateway) -> None:
        sent = gateway.out(options(VIA, "Contact: <sip:a@10.0.0.10:5060>, <sip:a@10.0.0.10:5070>"))
        assert sent.line("Contact") == f"<sip:a@{sent.source}>, <sip:a@203.0.113.1:5070>"

    def test_rport_follows_the_port(self, gateway: Gateway) -> None:
        """RFC 3581: what the far end saw is what it must be named inside."""
        source = gateway.out(options(VIA)).source
        port = source.rpartition(":")[2]
        seen = f"Via: SIP/2.0/UDP {source};rport={port};received=203.0.113.1;branch=z9hG4bK1"
        back = gateway.in_(options(seen, start="SIP/2.0 200 OK"), PEER, source)
        assert back.line("Via") == "SIP/2.0/UDP 10.0.0.10:5060;rport=5060;received=10.0.0.10;branch=z9hG4bK1"


class TestThirdParties:
    """A phone 10.0.0.50 whose messages go through the PBX 10.0.0.10."""

    def test_identities_are_restored_in_the_response(self) -> None:
        gateway = Gateway()
        headers = [
            "Call-ID: x", "CSeq: 1 INVITE", VIA, "From: <sip:50@10.0.0.50>;tag=1", "To: <sip:bob@198.51.100.20>",
            "P-Asserted-Identity: <sip:50@10.0.0.50>", "Contact: <sip:pbx@10.0.0.10:5060>",
        ]  # fmt: skip
        sent = gateway.out(sip("INVITE sip:bob@198.51.100.20 SIP/2.0", *headers))
        assert "10.0.0" not in sent.text
        assert sent.line("From") == "<sip:50@203.0.113.1>;tag=1"
        back = gateway.in_(sent.data.replace(b"INVITE sip:bob@198.51.100.20 SIP/2.0", b"SIP/2.0 200 OK"))
        assert back.data == sip("SIP/2.0 200 OK", *headers)

    def test_and_in_requests_of_the_other_side(self) -> None:
        gateway = Gateway()
        gateway.out(request("INVITE", "P-Asserted-Identity: <sip:50@10.0.0.50>", call_id="c"))
        bye = sip("BYE sip:alice@203.0.113.1:5060 SIP/2.0", "Call-ID: c", "To: <sip:50@203.0.113.1>", "CSeq: 1 BYE")
        assert gateway.in_(bye).line("To") == "<sip:50@10.0.0.50>"

    def test_another_call_knows_nothing_of_them(self) -> None:
        gateway = Gateway()
        gateway.out(request("INVITE", "P-Asserted-Identity: <sip:50@10.0.0.50>", call_id="c"))
        other = sip("OPTIONS sip:50@203.0.113.1 SIP/2.0", "Call-ID: d", "To: <sip:50@203.0.113.1>", "CSeq: 1 OPTIONS")
        assert gateway.in_(other).line("To") == "<sip:50@10.0.0.10>"


class TestOtherKindsOfNat:
    def test_static_host(self) -> None:
        gateway = Gateway(STATIC)
        sent = gateway.out(request("OPTIONS"))
        assert (sent.source, sent.line("Contact")) == ("203.0.113.100:5060", "<sip:alice@203.0.113.100:5060>")
        call = sip(
            "INVITE sip:alice@203.0.113.100 SIP/2.0", "Call-ID: n", "To: sip:alice@203.0.113.100", "CSeq: 1 INVITE"
        )
        received = gateway.in_(call, PEER, "203.0.113.100:5060")
        assert received.text.startswith("INVITE sip:alice@10.0.0.10 SIP/2.0\r\n")
        assert received.line("To") == "sip:alice@10.0.0.10"

    def test_pool_without_overload(self) -> None:
        gateway = Gateway(POOL)
        first, second = gateway.out(request()), gateway.out(request(host="10.0.0.11"), OTHER_PHONE)
        assert first.line("Contact") == "<sip:alice@203.0.113.10:5060>"
        assert second.line("Contact") == "<sip:alice@203.0.113.11:5060>"
        back = gateway.in_(second.data.replace(b"INVITE sip:bob@198.51.100.20", b"INVITE sip:x@y"), PEER, second.source)
        assert back.line("Contact") == "<sip:alice@10.0.0.11:5060>"

    def test_a_host_that_is_not_translated(self) -> None:
        gateway = Gateway(OVERLOAD.replace("permit", "deny"))
        data = request(body=sdp())
        assert gateway.out(data).data == data
        assert gateway.doors == []

    def test_no_nat_at_all(self) -> None:
        gateway = Gateway(NO_NAT)
        data = request(body=sdp())
        assert gateway.out(data).data == data
        assert gateway.in_(incoming(), PEER, PHONE).data == incoming()

    def test_switched_off(self) -> None:
        gateway = Gateway(OVERLOAD + "no ip nat service sip udp port 5060\n")
        data = request(body=sdp())
        assert gateway.out(data).data == data

    def test_another_port(self) -> None:
        gateway = Gateway(OVERLOAD + "ip nat service sip udp port 5090\n")
        sent = gateway.out(request(), PHONE, "198.51.100.20:5090")
        assert sent.line("Contact") == "<sip:alice@203.0.113.1:5060>"


def test_the_peer_is_left_as_it_is() -> None:
    gateway = Gateway()
    gateway.out(request())
    back = gateway.in_(answer(180, "Record-Route: <sip:198.51.100.20;lr>"))
    assert back.line("Contact") == "<sip:bob@198.51.100.20:5060>"
    assert back.line("To") == "<sip:bob@198.51.100.20>;tag=b"
    assert back.line("Record-Route") == "<sip:198.51.100.20;lr>"
    assert back.line("Via") == "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKoneINVITE"
    assert (back.source, back.target) == (PEER, PHONE)
    assert GLOBAL not in back.text


def test_a_host_with_an_address_for_itself_is_no_name_for_others() -> None:
    gateway = Gateway(OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n")
    sent = gateway.out(request("OPTIONS", "P-Asserted-Identity: <sip:x@10.0.0.77>, <sip:y@10.0.0.10>"))
    assert sent.line("P-Asserted-Identity") == "<sip:x@10.0.0.77>, <sip:y@203.0.113.100>"
