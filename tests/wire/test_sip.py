"""The SIP reader: what it finds, what it refuses and under which name (RFC 3261, torture messages of RFC 4475)."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import doorman.wire
from doorman.wire.malformed import Malformed
from doorman.wire.sip import MAX_HEADERS, SipMessage, is_keepalive, read_fragment, read_sip
from doorman.wire.uri import find_uris, find_via
from kit.sip import SHARED, shared_file, sip

START = "OPTIONS sip:bob@198.51.100.20 SIP/2.0"
CALL = "Call-ID: x"


def read(data: bytes) -> SipMessage:
    message = read_sip(data)
    assert message is not None
    assert message.data is data
    return message


def refusal(data: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        read_sip(data)
    return caught.value.reason


def values(message: SipMessage, name: str) -> list[bytes]:
    return [message.data[header.start : header.end] for header in message.headers if header.name == name]


class TestStartLine:
    def test_request(self) -> None:
        message = read(sip("INVITE sip:bob@198.51.100.20;user=phone SIP/2.0", CALL))
        assert (message.method, message.status, message.name) == (b"INVITE", 0, "INVITE")
        assert message.data[message.uri_start : message.uri_end] == b"sip:bob@198.51.100.20;user=phone"

    def test_response(self) -> None:
        message = read(sip("SIP/2.0 183 Session Progress", CALL))
        assert (message.method, message.status, message.name) == (b"", 183, "183")

    @pytest.mark.parametrize("line", ["SIP/2.0 200 ", "SIP/2.0 200", "SIP/2.0 200 \u00d0\u00b4\u00d0\u00b0"])
    def test_any_reason_phrase(self, line: str) -> None:
        assert read(sip(line, CALL)).status == 200

    def test_any_method(self) -> None:
        assert read(sip("x-!%*_+`'~.Y sip:a@b SIP/2.0", CALL)).method == b"x-!%*_+`'~.Y"

    def test_the_version_is_case_insensitive(self) -> None:
        """RFC 3261, section 7.1."""
        assert read(sip("OPTIONS sip:a@b sip/2.0", CALL)).method == b"OPTIONS"
        assert read(sip("Sip/2.0 200 OK", CALL)).status == 200

    @pytest.mark.parametrize(
        "uri", ["tel:+15551234", "sips:a@b", "urn:service:sos", "sip:a@b?subject=x y", "<sip:a@b>"]
    )
    def test_any_uri(self, uri: str) -> None:
        message = read(sip(f"OPTIONS {uri} SIP/2.0", CALL))
        assert message.data[message.uri_start : message.uri_end] == uri.encode()

    def test_many_blanks(self) -> None:
        message = read(sip("OPTIONS \t sip:a@b \t SIP/2.0 \t", CALL))
        assert message.data[message.uri_start : message.uri_end] == b"sip:a@b"

    def test_leading_line_ends(self) -> None:
        """RFC 3261, section 7.5."""
        assert read(b"\r\n\r\n\n" + sip(START, CALL)).method == b"OPTIONS"

    def test_the_same_line_again_stands_where_it_stands(self) -> None:
        """What was read of one is remembered, counted from its beginning; the message around it is another."""
        for before in (b"", b"\r\n\n", b""):
            message = read(before + sip(START, CALL, "CSeq: 7 OPTIONS"))
            assert message.data[message.uri_start : message.uri_end] == b"sip:bob@198.51.100.20"
            assert (message.name, message.method, message.status) == ("OPTIONS", b"OPTIONS", 0)
            assert (message.cseq, message.cseq_method, message.call_id) == (b"7", b"OPTIONS", b"x")

    @pytest.mark.parametrize("length", [200, 300])
    def test_lines_of_any_length(self, length: int) -> None:
        for user in ("a" * length, "b" * length, "a" * length):
            message = read(sip(f"OPTIONS sip:{user}@b SIP/2.0", CALL))
            assert message.data[message.uri_start : message.uri_end] == f"sip:{user}@b".encode()

    @pytest.mark.parametrize(
        "line",
        [
            "OPTIONS sip:a@b SIP/3.0", "OPTIONS sip:a@b SIP/2.0/UDP", "OPTIONS SIP/2.0", "SIP/2.0  200 OK",
            "SIP/2.0 OK",
            "SIP/1.0 200 OK", "SIP/2.0 200OK", "options sip:a@b sip/7",
        ],
    )  # fmt: skip
    def test_sip_with_a_wrong_start_line(self, line: str) -> None:
        assert refusal(sip(line, CALL)) == "start-line"

    @pytest.mark.parametrize("status", ["4294967301", "20", "2000", "000", "099"])
    def test_wrong_status(self, status: str) -> None:
        assert refusal(sip(f"SIP/2.0 {status} OK", CALL)) == "status-code"

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"\r\n\r\n", b"\0\0\0\0", b"hello", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x80\x00\x12\x34" * 40,
            b"POST / HTTP/1.1\r\n\r\nREGISTER sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\n",
            b"m" * 40 + b" sip:a@b SIP/2.0\r\n",
        ],
    )  # fmt: skip
    def test_other_protocols(self, data: bytes) -> None:
        assert read_sip(data) is None


class TestKeepAlives:
    @pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"jaK", b"", b"\0" * 40, b"\r\n" * 30])
    def test_are_recognised(self, data: bytes) -> None:
        assert read_sip(data) is None
        assert is_keepalive(data)

    def test_other_bytes_are_none(self) -> None:
        assert not is_keepalive(b"GET / HTTP/1.1\r\n\r\n")


class TestHeaders:
    @pytest.mark.parametrize(
        ("spelled", "name"),
        [
            ("i", "call-id"), ("m", "contact"), ("e", "content-encoding"), ("l", "content-length"),
            ("c", "content-type"), ("f", "from"), ("r", "refer-to"), ("b", "referred-by"), ("t", "to"), ("v", "via"),
        ],
    )  # fmt: skip
    def test_compact_forms(self, spelled: str, name: str) -> None:
        """RFC 3261, section 7.3.3; RFC 3515 and 3892 for `r` and `b`."""
        for letter in (spelled, spelled.upper()):
            value = b"0" if name == "content-length" else b"x"
            others = [] if name == "call-id" else [CALL]
            message = read(sip(START, *others, f"{letter}: {value.decode()}", length=None))
            assert values(message, name) == [value]

    @pytest.mark.parametrize(
        "name",
        [
            "Call-ID", "Contact", "Content-Encoding", "Content-Type", "Expires", "From", "P-Asserted-Identity",
            "P-Preferred-Identity", "Path", "Record-Route", "Refer-To", "Referred-By", "Remote-Party-ID", "Reply-To",
            "Route", "Service-Route", "To", "Via",
        ],
    )  # fmt: skip
    def test_any_case_and_spacing(self, name: str) -> None:
        spellings = (name, name.lower(), name.upper(), name.swapcase(), name.title(), name + " ", name + "\t ")
        others, text = ([], "x") if name == "Call-ID" else ([CALL], "x y")
        for spelling in spellings:
            for gap in ("", " ", "\t  ", "\r\n ", " \r\n\t "):
                message = read(sip(START, *others, f"{spelling}:{gap}{text}"))
                assert [value.strip() for value in values(message, name.lower())] == [text.encode()]

    def test_folded(self) -> None:
        message = read(sip(START, CALL, "Via: SIP/2.0/UDP\r\n 10.0.0.1\r\n\t;branch=a", "To: sip:b@c"))
        assert values(message, "via") == [b"SIP/2.0/UDP\r\n 10.0.0.1\r\n\t;branch=a"]
        assert values(message, "to") == [b"sip:b@c"]

    def test_only_what_matters_is_listed(self) -> None:
        message = read(sip(START, CALL, "User-Agent: phone 10.0.0.10", "Z: y", "s: hello", "Empty:"))
        assert [header.name for header in message.headers] == ["call-id", "content-length"]

    def test_line_feeds_alone(self) -> None:
        data = b"OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP c\n ;x\ni: y\nl: 3\n\nabc\n"
        message = read(data)
        assert (message.call_id, message.body) == (b"y", b"abc")
        assert values(message, "via") == [b"SIP/2.0/UDP c\n ;x"]

    def test_the_end_of_the_datagram_ends_the_headers(self) -> None:
        message = read(b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n")
        assert (message.call_id, message.body) == (b"x", b"")

    def test_identity_of_a_message(self) -> None:
        message = read(sip(START, "cseq: 0009\r\n  OPTIONS", "Call-ID: a@10.0.0.1  "))
        assert (message.call_id, message.cseq, message.cseq_method) == (b"a@10.0.0.1", b"0009", b"OPTIONS")

    @pytest.mark.parametrize("line", ["Subject", "Sub ject: a", ": a", "\u00e4: b", "a;b", "To", "To\r: x", "T\0: x"])
    def test_no_header(self, line: str) -> None:
        assert refusal(sip(START, "To: sip:a@b", line, CALL)) == "header-line"
        assert refusal(sip(START, line, CALL).replace(b"\r\n", b"\n")) == "header-line"

    def test_nothing_to_continue(self) -> None:
        for end in (b"\r\n", b"\n"):
            hidden = sip(START, "X: y\rContact: <sip:a@10.0.0.1>", CALL).replace(b"\r\n", end)
            assert refusal(hidden) == "header-line", "a bare CR ends a line for some readers"
        assert refusal(sip(START, " folded", CALL)) == "header-line"

    def test_a_bare_cr_is_not_made_up_for_by_a_bare_lf(self) -> None:
        message = sip(START, "Subject: a", "To: sip:a@b", CALL).replace(b"a\r\n", b"a\n")
        assert values(read(message), "to") == [b"sip:a@b"]
        assert refusal(message.replace(b"\r\n\r\n", b"\r\r\n\r\n")) == "header-line"

    def test_folded_headers_that_do_not_matter(self) -> None:
        message = read(sip(START, "Subject: a\r\n b: c", CALL, "Accept: a,\r\n\tb", "To: x"))
        assert [header.name for header in message.headers] == ["call-id", "to", "content-length"]
        assert values(message, "call-id") == [b"x"]

    def test_unended_header(self) -> None:
        assert refusal(b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x") == "header-line"

    @pytest.mark.parametrize("name", ["X", "Via", "To"])
    def test_too_many(self, name: str) -> None:
        most = [f"{name}: y"] * (MAX_HEADERS - 2)
        assert read(sip(START, CALL, *most)).call_id == b"x"
        assert refusal(sip(START, CALL, *most, "One: more")) == "too-many-headers"
        assert refusal(sip(START, "a: b\rc", CALL, *most)) == "too-many-headers", "whatever else is wrong"

    @pytest.mark.parametrize("value", ["", "x", "INVITE", "1", "-1 INVITE", "1INVITE"])
    def test_wrong_cseq(self, value: str) -> None:
        assert refusal(sip(START, CALL, f"CSeq: {value}")) == "cseq"

    def test_call_id(self) -> None:
        assert refusal(sip(START, "To: sip:a@b")) == "no-call-id"
        assert refusal(sip(START, "Call-ID:  ")) == "no-call-id"
        assert refusal(sip(START, CALL, "i: x")) == "call-id-twice"


class TestBody:
    def test_as_long_as_it_says(self) -> None:
        message = read(sip(START, CALL, body=b"hello", length="Content-Length: {}") + b"trailing bytes")
        assert (message.body, message.data[message.body_end :]) == (b"hello", b"trailing bytes")

    def test_without_a_length_it_is_the_rest(self) -> None:
        message = read(sip(START, CALL, body=b"hello", length=None))
        assert message.length is None
        assert message.body == b"hello"

    @pytest.mark.parametrize(
        "written", ["l:{}", "L : {}", "Content-Length:{} \t", "content-length: 000{}", "l:\r\n {}"]
    )
    def test_any_way_to_write_the_length(self, written: str) -> None:
        message = read(sip(START, CALL, body=b"hello", length=written))
        assert message.body == b"hello"
        assert message.length is not None
        digits = message.data[message.length.start : message.length.end]
        assert digits == (b"0005" if "000" in written else b"5")

    @pytest.mark.parametrize("written", ["-1", "+5", "", "five", "5 5", "5,5", "0x5", "5.0", "1234567890", "5\x1c"])
    def test_no_length(self, written: str) -> None:
        assert refusal(sip(START, CALL, body=b"hello", length=f"l: {written}")) == "content-length"

    def test_longer_than_the_datagram(self) -> None:
        assert refusal(sip(START, CALL, body=b"hello", length="l: 6")) == "body-shorter-than-content-length"
        assert refusal(sip(START, CALL, length="l: 999999999")) == "body-shorter-than-content-length"

    @pytest.mark.parametrize("second", ["l: 5", "Content-Length: 5", "Content-Length: 4"])
    def test_two_lengths_are_refused_even_if_they_agree(self, second: str) -> None:
        assert refusal(sip(START, CALL, second, body=b"hello")) == "content-length-twice"


WSINV = (
    "chair-dnrc.example.com example.com 192.0.2.2 services.example.com spindle.example.com 192.168.255.111 example.com"
)
TORTURE = [
    # file, section of RFC 4475, what it is (or why it is refused), Call-ID, length of the body, hosts of URIs and Vias
    ("wsinv", "3.1.1.1", "INVITE", "wsinv.ndaksdj@192.0.2.1", 150,
     WSINV),
    ("esc01", "3.1.1.3", "INVITE", "esc01.239409asdfakjkn23onasd0-3234", 150,
     "example.com example.net host5.example.net host5.example.net"),
    ("esc02", "3.1.1.5", "RE%47IST%45R", "esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf", 0,
     "example.com example.com host.example.com host1.example.com host3.example.com"),
    ("longreq", "3.1.1.7", "INVITE", None, 150, None),
    ("semiuri", "3.1.1.9", "OPTIONS", "semiuri.0ha0isndaksdj", 0, "example.com example.org 192.0.2.1"),
    ("mpart01", "3.1.1.11", "MESSAGE", "3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..", 553,
     "127.0.0.1 127.0.0.1 127.0.0.1 example.org example.com"),
    ("unreason", "3.1.1.12", "200", "unreason.1234ksdfak3j2erwedfsASdf", 154,
     "192.0.2.198 example.com example.edu host198.example.com"),
    ("badinv01", "3.1.2.1", "INVITE", "badinv01.0ha0isndaksdjasdf3234nas", 152,
     "example.com example.net 192.0.2.15 example.org"),
    ("ncl", "3.1.2.3", "content-length", None, 0, None),
    ("scalarlg", "3.1.2.5", "503", "scalarlg.noase0of0234hn2qofoaf0232aewf2394r", 0,
     "host129.example.com example.com example.net"),
    ("ltgtruri", "3.1.2.7", "INVITE", "ltgtruri.1@192.0.2.5", 159,
     "example.com example.net 192.0.2.5 host5.example.net"),
    ("lwsstart", "3.1.2.9", "INVITE", "lwsstart.dfknq234oi243099adsdfnawe3@example.com", 150,
     "example.com example.net host1.example.com host1.example.net"),
    ("escruri", "3.1.2.11", "INVITE", "escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5", 150,
     "example.com example.net host39923.example.net host-of-the-hour.example.com"),
    ("regbadct", "3.1.2.13", "REGISTER", "regbadct.k345asrl3fdbv@10.0.0.1", 0,
     "example.com example.com 135.180.130.133 example.com"),
    ("baddn", "3.1.2.15", "OPTIONS", "baddn.31415@c.example.com", 0, "c.example.com example.com example.org"),
    ("mismatch01", "3.1.2.17", "OPTIONS", "mismatch01.dj0234sxdfl3", 0, "example.com example.net host.example.com"),
    ("bigcode", "3.1.2.19", "status-code", None, 0, None),
    ("insuf", "3.3.1", "no-call-id", None, 0, None),
    ("novelsc", "3.3.3", "OPTIONS", "novelsc.asdfasser0q239nwsdfasdkl34", 0,
     "example.com example.net host9.example.com"),
    ("bext01", "3.3.5", "OPTIONS", "bext01.0ha0isndaksdj", 0, "example.com example.net fold-and-staple.example.com"),
    ("sdp01", "3.3.15", "INVITE", "sdp01.ndaksdj9342dasdd", 150,
     "example.com host15.example.net example.net 192.0.2.15"),
    ("mcl01", "3.3.9", "content-length-twice", None, 0, None),
    ("zeromf", "3.3.11", "OPTIONS", "zeromf.jfasdlfnm2o2l43r5u0asdfas", 0, "example.com example.net host1.example.com"),
    ("cparam02", "3.3.13", "REGISTER", "cparam02.70710@saturn.example.com", 0,
     "saturn.example.com example.com example.com gw1.example.net"),
    ("regaut01", "3.3.7", "REGISTER", "regaut01.0ha0isndaksdj", 0, "example.com example.com 192.0.2.253"),
]  # fmt: skip


URIS = {"contact", "from", "record-route", "route", "to"}


def hosts(message: SipMessage) -> str:
    """The hosts of all Vias and of the URIs in the headers, in order."""
    found: list[bytes] = []
    for header in message.headers:
        value = message.data[header.start : header.end]
        if header.name == "via":
            found += [via.sent_by.host for via in find_via(value)]
        elif header.name in URIS:
            found += [place.host for place in find_uris(value)]
    return b" ".join(found).decode()


@pytest.mark.parametrize("row", TORTURE, ids=lambda row: f"{row[1]} {row[0]}")
def test_torture(row: tuple[str, str, str, str | None, int, str | None]) -> None:
    file, _, outcome, call_id, length, expected = row
    data = shared_file(f"sip/torture/{file}.dat")
    if not (outcome.isdigit() or data.startswith(outcome.encode() + b" ")):
        assert refusal(data) == outcome
        return
    message = read(data)
    assert message.name == outcome
    assert len(message.body) == length
    assert call_id is None or message.call_id.decode() == call_id
    assert expected is None or hosts(message) == expected


def test_every_torture_message_is_in_the_table() -> None:
    shared_file("sip/torture/wsinv.dat")
    assert {path.stem for path in (SHARED / "sip/torture").iterdir()} == {row[0] for row in TORTURE}


def test_a_long_request_is_found_whole() -> None:
    """RFC 4475, section 3.1.1.7: 34 Vias in every spelling."""
    message = read(shared_file("sip/torture/longreq.dat"))
    assert len(values(message, "via")) == 34
    assert values(message, "via")[-1].startswith(b"SIP/2.0/TCP host.example.com;received=192.0.2.5;")


REFUSED = {
    "kamailio_bad_via2": "start-line",
    "kamailio_invite3-callid": "no-call-id",  # a blank before the name: it continues To
    "kamailio_invite5-callid": "header-line",
    "kamailio_message": "body-shorter-than-content-length",
    "kamailio_req1": "no-call-id",
    "kamailio_rport": "header-line",
}
SHORT_WITHOUT_CR = {
    "kamailio_bad_uri", "kamailio_dns", "kamailio_invite00", "kamailio_long",
    "kamailio_ms-invite-00", "kamailio_nmr", "kamailio_route",
}  # fmt: skip
"""Files with LF alone whose Content-Length counts CRLFs."""


def read_others(*, restore: bool) -> dict[str, SipMessage | str]:
    """The messages of others as they are, or with the CRs that some have lost."""
    shared_file("sip/messages/kamailio_long.sip")
    found: dict[str, SipMessage | str] = {}
    for path in sorted((SHARED / "sip/messages").iterdir()):
        data = path.read_bytes()
        try:
            found[path.stem] = read(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if restore else data)
        except Malformed as malformed:
            found[path.stem] = malformed.reason
    return found


def test_messages_of_others() -> None:
    found = read_others(restore=True)
    assert {name: message for name, message in found.items() if isinstance(message, str)} == REFUSED
    refused = {name: message for name, message in read_others(restore=False).items() if isinstance(message, str)}
    assert refused == dict.fromkeys(SHORT_WITHOUT_CR, "body-shorter-than-content-length") | REFUSED


@pytest.mark.parametrize(
    ("file", "vias", "body"),
    [("long", 34, 451), ("nmr", 2, 301), ("bye00", 2, 0), ("repl1", 2, 2), ("pingtel", 1, 0), ("invite01", 1, 452)],
)
def test_a_message_of_others(file: str, vias: int, body: int) -> None:
    message = read_others(restore=True)["kamailio_" + file]
    assert isinstance(message, SipMessage)
    assert (len(values(message, "via")), len(message.body)) == (vias, body)


STARTS = st.lists(
    st.sampled_from(["INVITE", "ACK", "FOO", "SIP/2.0", "200", "099", "1000", "OK", "sip:a@b", "sip:" + "x" * 250]),
    max_size=5,
).map(" ".join)


@example("INVITE sip:a\t SIP/2.0")
@example("INVITE sip:a SIP/2.0 SIP/2.0")
@example("INVITE  SIP/2.0")
@example("FOO sip:a@b SIP/2.0")
@example("SIP/2.0 099 No")
@example("SIP/2.0 1000 No")
@example("SIP/2.0 200 OK\rX")
@given(STARTS)
def test_however_the_version_is_written_a_start_line_reads_the_same(line: str) -> None:
    """Lines as they usually are have a reader of their own."""

    def read(data: bytes) -> object:
        try:
            message = read_sip(data)
        except Malformed as malformed:
            return malformed.reason
        if message is None:
            return None
        headers = [(header.name, header.start, header.end) for header in message.headers]
        return message.method, message.status, message.uri_start, message.uri_end, headers

    usual = f"{line}\r\nCall-ID: x\r\n\r\n".encode()
    assert read(usual) == read(usual.replace(b"SIP/2.0", b"sip/2.0"))


def test_every_reason_is_named_here() -> None:
    """The names are counters: a new one needs a test of its own."""
    files = [Path(*doorman.wire.__path__, name) for name in ("sip.py", "sip_lines.py")]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    tests = Path(__file__).read_text(encoding="utf-8")
    reasons = [part.split('"')[1] for part in source.split("Malformed(")[1:]]
    assert len(reasons) > 7
    assert [reason for reason in reasons if "{" not in reason and f'"{reason}"' not in tests] == []


@pytest.mark.parametrize("name", ["CSeq", "Call-ID", "Content-Length"])
def test_headers_that_may_stand_once(name: str) -> None:
    value = {"CSeq": "1 OPTIONS", "Call-ID": "x", "Content-Length": "0"}[name]
    assert refusal(sip(START, CALL, "CSeq: 1 OPTIONS", f"{name}: {value}")) == f"{name.lower()}-twice"


class TestFragments:
    """RFC 3420."""

    @pytest.mark.parametrize("text", [b"SIP/2.0 200 OK", b"SIP/2.0 200 OK\r\n", b"SIP/2.0 200 OK\r\n\r\n"])
    def test_a_status_line(self, text: bytes) -> None:
        message = read_fragment(text)
        assert (message.status, message.headers, message.body) == (200, [], b"")

    def test_a_request_line(self) -> None:
        message = read_fragment(b"INVITE sip:a@b SIP/2.0\r\nf: x")
        assert (message.method, message.data[message.uri_start : message.uri_end]) == (b"INVITE", b"sip:a@b")
        assert [value.strip() for value in values(message, "from")] == [b"x"]

    @pytest.mark.parametrize("end", [b"", b"\r\n", b"\n", b"\r\n\r\n"])
    def test_headers_alone(self, end: bytes) -> None:
        message = read_fragment(b"From: x\r\nTo: y" + end)
        assert (message.method, message.status, message.call_id) == (b"", 0, b"")
        assert [value.strip() for value in values(message, "from") + values(message, "to")] == [b"x", b"y"]
        assert message.body == b""

    def test_a_body(self) -> None:
        message = read_fragment(b"SIP/2.0 200 OK\r\nc: text/plain\r\n\r\nhello\r\n")
        assert message.body == b"hello\r\n"
        assert read_fragment(b"SIP/2.0 200 OK\r\nl: 5\r\n\r\nhello\r\nafter").body == b"hello"
        assert read_fragment(b"l: 5\r\n").body == b"", "what is left out of a message may be its body"

    @pytest.mark.parametrize("text", [b"v=0\r\n", b"hello", b"\0\1", b"l: 9\r\n\r\nhello", b"To: a\rFrom: b"])
    def test_none(self, text: bytes) -> None:
        with pytest.raises(Malformed):
            read_fragment(text)
