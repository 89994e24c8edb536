"""Bodies that mention users and their addresses: dialog states, lists, fragments of messages, parts of all kinds."""

import pytest

from doorman.engine.results import Fate
from kit.sip import (
    GLOBAL,
    OTHER_PHONE,
    PEER,
    STATIC,
    Gateway,
    Passage,
    answer,
    crlf,
    request,
    sdp,
    sip,
)

DIALOG_INFO = """\
<?xml version="1.0"?>
<!-- of sip:alice@HOST:5060 -->
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full"
             entity="sip:alice@HOST">
  <dialog id="as7d900as8" call-id="a84b4c76e66710@HOST" local-tag="sip:alice@HOST" direction="recipient">
    <state event='replaced'>confirmed</state>
    <local><identity display="sip:alice@HOST is me">sip:alice@HOST</identity>
      <target uri="sip:alice@HOST:5060;transport=udp?x=1&amp;y=2"><param pname="+sip.rendering" pval="no"/></target>
    </local>
    <remote><identity>sip:bob@198.51.100.20</identity><target uri='sip:alice@HOST'/></remote>
    <note>call sip:alice@HOST now</note>
  </dialog>
</dialog-info>
"""
EDITED = (
    'entity="sip:alice@HOST"', ">sip:alice@HOST<", 'uri="sip:alice@HOST:5060;', "uri='sip:alice@HOST'"
)  # fmt: skip


def dialog_info(host: str, edited: str | None = None) -> bytes:
    """The document, with one host where URIs stand and another everywhere else."""
    text = DIALOG_INFO
    for place in EDITED:
        text = text.replace(place, place.replace("HOST", edited or host))
    return text.replace("HOST", host).encode()


def notify(kind: str, body: str | bytes, *more: str) -> bytes:
    """A NOTIFY of the phone with a body of this type."""
    content = crlf(body) if isinstance(body, str) else body
    return sip(
        "NOTIFY sip:bob@198.51.100.20 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1",
        "From: <sip:alice@10.0.0.10>;tag=a", "To: <sip:bob@198.51.100.20>;tag=b", "Call-ID: n", "CSeq: 1 NOTIFY",
        "Contact: <sip:alice@10.0.0.10:5060>", f"Content-Type: {kind}", *more, body=content,
    )  # fmt: skip


def sent(kind: str, body: str | bytes, *more: str, gateway: Gateway | None = None) -> tuple[bytes, Passage]:
    """The body that leaves; its length is what Content-Length says."""
    passage = (gateway or Gateway()).out(notify(kind, body, *more))
    assert passage.fate == Fate.FORWARDED, passage.reason
    content = passage.data.partition(b"\r\n\r\n")[2]
    assert f"\r\nContent-Length: {len(content)}\r\n\r\n" in passage.text
    return content, passage


class TestXml:
    def test_dialog_states(self) -> None:
        """RFC 4235: all URIs of ours; the Call-ID, comments, notes and what only looks like a URI stay."""
        content, passage = sent("application/dialog-info+xml", dialog_info("10.0.0.10"))
        assert content == dialog_info("10.0.0.10", GLOBAL)
        assert [edit.rule for edit in passage.edits].count("XML URI") == 4

    def test_and_back(self) -> None:
        gateway = Gateway()
        _, passage = sent("application/dialog-info+xml", dialog_info("10.0.0.10"), gateway=gateway)
        back = gateway.in_(passage.data.replace(b"NOTIFY sip:bob@198.51.100.20", b"NOTIFY sip:alice@203.0.113.1"))
        assert back.data.endswith(dialog_info("10.0.0.10"))

    def test_nothing_is_opened_for_what_is_mentioned(self) -> None:
        gateway = Gateway()
        content, _ = sent("application/dialog-info+xml", '<a uri="sip:x@10.0.0.10:5072"/>', gateway=gateway)
        assert content == b'<a uri="sip:x@203.0.113.1:5072"/>\r\n'
        assert [door for door in gateway.signalling_doors() if "5072" in door] == []

    def test_another_port_outside(self) -> None:
        """What messages are sent to gets the port; who somebody is does not."""
        gateway = Gateway()
        gateway.out(request("REGISTER", host="10.0.0.11"), OTHER_PHONE)
        text = '<a entity="sip:al@10.0.0.10"><identity>sip:al@10.0.0.10</identity><b uri="sip:al@10.0.0.10"/></a>'
        content, passage = sent("application/dialog-info+xml", text, gateway=gateway)
        host, name = GLOBAL.encode(), passage.source.encode()
        assert host + b":5060" != name
        assert content == (
            b'<a entity="sip:al@%s"><identity>sip:al@%s</identity><b uri="sip:al@%s"/></a>\r\n' % (host, host, name)
        )

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("application/pidf+xml",
             '<presence entity="pres:alice@HOST"><contact priority="0.8">sip:alice@HOST:5060</contact></presence>'),
            ("application/conference-info+xml",
             '<conference-info entity="sip:conf@HOST"><uri>sip:c@HOST:5060</uri><endpoint entity="sip:a@HOST:5060"/>'),
            ("application/reginfo+xml",
             '<registration aor="sip:alice@HOST" id="a"><contact><uri>sip:a@HOST:5060</uri></contact></registration>'),
            ("application/resource-lists+xml",
             '<rl:resource-lists xmlns:rl="x"><rl:entry rl:uri = "sip:alice@HOST:5060"/></rl:resource-lists>'),
            ("application/rlmi+xml", '<list uri="sip:friends@HOST:5060"><resource uri="im:alice@HOST:5060"/></list>'),
            ("text/xml; charset=utf-8", "<a><![CDATA[sip:alice@HOST:5060]]></a>"),
            ("application/xml", "<a>\r\n <b\tc='SIPS:alice@HOST:5060' d=\"1\" />\r\n</a>"),
        ],
    )  # fmt: skip
    def test_kinds(self, kind: str, text: str) -> None:
        content, _ = sent(kind, text.replace("HOST", "10.0.0.10").encode())
        assert content == text.replace("HOST", GLOBAL).encode()

    @pytest.mark.parametrize(
        "text",
        [
            "<a uri=\"tel:+1555\" v='http://10.0.0.10/' w='sip:10.0.0.10.example' x='10.0.0.10'>10.0.0.10</a>",
            '<!DOCTYPE a [<!ENTITY b "sip:a@10.0.0.10">]><a uri="sip:a@10.0.0.10">&b;</a>',
            '<!-- <a uri="sip:a@10.0.0.10"/> --><?x uri="sip:a@10.0.0.10"?>',
            '<a><![CDATA[<b uri="sip:a@10.0.0.10"/>]]></a>',
            '<a uri="sip:a@10.0.0.10"', "<a>sip:a@10.0.0.10", "<a>sip:a@10.0.0.10<!-- x -->:7000</a>",
            '<a uri="sip:a@10.0.0.10&#58;7000" b="sip:a&#64;10.0.0.10">sip:a@&#49;0.0.0.10</a>',
            '<a uri="see sip:a@10.0.0.10" v="sip:a@10.0.0.10 too">at sip:a@10.0.0.10 or</a>',
            '"sip:a@10.0.0.10"', "sip:a@10.0.0.10", "<a uri=sip:a@10.0.0.10>", "<!-- sip:a@10.0.0.10", "<",
        ],
    )  # fmt: skip
    def test_left_alone(self, text: str) -> None:
        content, _ = sent("application/dialog-info+xml", text.encode())
        assert content == text.encode()

    def test_other_peoples_addresses_are_noted(self) -> None:
        gateway = Gateway()
        text = '<a b="sip:a@192.168.1.1" c="sip:a@192.168.1.1" d="sip:a@192.168.1.2"/>'
        assert sent("application/pidf+xml", text.encode(), gateway=gateway)[0] == text.encode()
        assert gateway.notes("address-left") == 3, "the two, and the peer"


class TestLists:
    """A list of states: multipart/related with a document for each (RFC 4662)."""

    @staticmethod
    def listed(host: str, count: int) -> bytes:
        first = (
            '--50UBf\r\nContent-Type: application/rlmi+xml;charset="UTF-8"\r\nContent-ID: <a@10.0.0.10>\r\n\r\n'
            f'<list uri="sip:friends@{host}:5060" version="1" fullState="true"/>\r\n'
        )
        parts = [
            f"--50UBf\r\nContent-Type: application/dialog-info+xml\r\nContent-ID: <{number}@10.0.0.10>\r\n\r\n"
            f'<dialog-info entity="sip:{number}@{host}"><dialog id="1"><state>{"confirmed" * 18}</state>'
            f'<local><identity>sip:{number}@{host}</identity><target uri="sip:{number}@{host}:5060"/></local>'
            "<remote><identity>sip:bob@198.51.100.20</identity></remote></dialog></dialog-info>\r\n"
            for number in range(count)
        ]
        return (first + "".join(parts) + "--50UBf--\r\n").encode()

    def test_each(self) -> None:
        kind = 'multipart/related;type="application/rlmi+xml";start="<a@10.0.0.10>";boundary="50UBf"'
        content, _ = sent(kind, self.listed("10.0.0.10", 3))
        assert content == self.listed(GLOBAL, 3)

    def test_a_hundred_of_five_hundred_bytes(self) -> None:
        """Seed 003: 100 instances in one message; every one translated (how fast: `make bench`)."""
        body = self.listed("10.0.0.10", 100)
        assert 45_000 < len(body) < 55_000
        gateway = Gateway()
        kind = "multipart/related;boundary=50UBf"
        assert sent(kind, body, gateway=gateway)[0] == self.listed(GLOBAL, 100)

    def test_one_document_with_a_hundred(self) -> None:
        gateway = Gateway()
        one = DIALOG_INFO[DIALOG_INFO.index("<dialog id") : DIALOG_INFO.index("</dialog-info>")]
        start = '<dialog-info entity="sip:alice@HOST">'

        def document(host: str, edited: str) -> bytes:
            text = start + one * 100 + "</dialog-info>"
            for place in EDITED:
                text = text.replace(place, place.replace("HOST", edited))
            return text.replace("HOST", host).encode()

        body = document("10.0.0.10", "10.0.0.10")
        assert len(body) > 50_000
        assert sent("application/dialog-info+xml", body, gateway=gateway)[0] == document("10.0.0.10", GLOBAL)

    @pytest.mark.parametrize(
        "body",
        [
            b"<" * 60_000, b"<!--" * 15_000, b'"sip:' * 12_000, b"<a sip:" * 8_500, b'<a b="sip:' * 6_000,
            b"<![CDATA[sip:a" * 4_000, b"sip:" * 15_000, b"<a " + b'b="" ' * 11_000 + b'c="sip:a@10.0.0.10"',
            b"<a>sip:" + b" " * 60_000, b"<?" * 30_000, b"<a" + b" " * 60_000 + b"sip:",
        ],
        ids=range(11),
    )  # fmt: skip
    def test_what_is_made_to_be_slow(self, body: bytes) -> None:
        gateway = Gateway()
        data = notify("application/dialog-info+xml", body)
        assert gateway.out(data).reason in {"", "sip: too-many-uris"}


class TestSummary:
    def test_the_account(self) -> None:
        text = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@HOST:5060\r\nVoice-Message: 2/8 (0/2)\r\n"
        content, _ = sent("application/simple-message-summary", text.replace("HOST", "10.0.0.10").encode())
        assert content == text.replace("HOST", GLOBAL).encode()

    def test_of_the_outside(self) -> None:
        text = b"message-account : <sip:alice@203.0.113.1>\r\n\r\nTo: <sip:alice@203.0.113.1>\r\n"
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        back = gateway.in_(notify("application/simple-message-summary", text))
        assert back.data.endswith(b"message-account : <sip:alice@10.0.0.10>\r\n\r\nTo: <sip:alice@203.0.113.1>\r\n")


class TestFragments:
    @pytest.mark.parametrize("text", ["SIP/2.0 200 OK\r\n", "SIP/2.0 100 Trying", "SIP/2.0 503 X\r\n\r\n", ""])
    def test_a_status_alone(self, text: str) -> None:
        """What a NOTIFY of a transfer has (RFC 3515, section 2.4.5)."""
        assert sent("message/sipfrag;version=2.0", text.encode())[0] == text.encode()

    @pytest.mark.parametrize("end", ["", "\r\n", "\r\n\r\n"])
    def test_headers(self, end: str) -> None:
        text = (
            "INVITE sip:alice@HOST SIP/2.0\r\nVia: SIP/2.0/UDP HOST:5060;branch=z9hG4bK10.0.0.10\r\n"
            "f: <sip:alice@HOST>;tag=1\r\n"
            "Contact: <sip:alice@HOST:5060>\r\nCall-ID: 1@10.0.0.10\r\nSubject: sip:10.0.0.10"
        )
        content, _ = sent("message/sipfrag", (text.replace("HOST", "10.0.0.10") + end).encode())
        assert content == (text.replace("HOST", GLOBAL) + end).encode()

    def test_headers_alone(self) -> None:
        content, _ = sent("message/sipfrag", b"Contact: <sip:alice@10.0.0.10:5060>\r\nTo: sip:x@10.0.0.10\r\n")
        assert content == b"Contact: <sip:alice@203.0.113.1:5060>\r\nTo: sip:x@203.0.113.1\r\n"

    def test_its_body_is_only_mentioned(self) -> None:
        """An address in it is named as outside, but it announces nothing: no door, nor the right to be refused."""
        gateway = Gateway()
        inner = crlf(sdp("10.0.0.10", 22))
        fragment = sip("SIP/2.0 200 OK", "m: <sip:a@10.0.0.10:5060>", "c: application/sdp", body=inner)
        content, _ = sent("message/sipfrag", fragment, gateway=gateway)
        read = content.decode()
        assert "c=IN IP4 203.0.113.1\r\n" in read
        assert "m: <sip:a@203.0.113.1:5060>\r\n" in read
        head, _, body = read.partition("\r\n\r\n")
        assert f"Content-Length: {len(body)}" in head
        assert gateway.media_doors() == []

    def test_whole_messages_within_messages(self) -> None:
        deep = b"SIP/2.0 200 OK\r\nm: <sip:a@10.0.0.10:5060>\r\n"
        for _ in range(4):
            deep = sip("SIP/2.0 200 OK", "m: <sip:a@10.0.0.10:5060>", "c: message/sip", body=deep)
        content, _ = sent("message/sip", deep)
        assert content.count(b"203.0.113.1") == 3
        assert content.count(b"10.0.0.10") == 2, "deeper ones stay unread"

    @pytest.mark.parametrize("text", ["v=0\r\n", "\x00\x01\x02", "To: a\r\nno header\r\n"])
    def test_what_is_none_is_left(self, text: str) -> None:
        gateway = Gateway()
        assert sent("message/sipfrag", text.encode(), gateway=gateway)[0] == text.encode()
        assert gateway.notes("fragment-unreadable") == 1

    def test_a_fragment_tells_nothing_of_how_the_phone_writes_itself(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", host="10.0.0.11"), OTHER_PHONE)
        name = gateway.out(request("REGISTER")).source
        gateway.out(notify("message/sipfrag", b"Contact: <sip:alice@10.0.0.10>\r\n"))
        back = gateway.in_(sip(f"OPTIONS sip:alice@{name} SIP/2.0", "Call-ID: o", "CSeq: 1 OPTIONS"), PEER, name)
        assert back.text.startswith("OPTIONS sip:alice@10.0.0.10:5060 SIP/2.0")


class TestParts:
    @staticmethod
    def nested(host: str) -> bytes:
        """A multipart within another, each with a length of its own that has to grow, one from 99 to 100 and more."""
        inner = b"--y\r\nContent-Type: application/pidf+xml\r\n\r\n<a b='sip:a@%s'/>\r\n--y--" % host.encode()
        head = b"--x\r\nContent-Type: multipart/mixed;boundary=y\r\nContent-Length: %d\r\n\r\n" % len(inner)
        fragment = sip("SIP/2.0 200 OK", f"m: sip:a@{host}:5060")
        second = b"\r\n--x\r\nl: %d\r\nContent-Type: message/sipfrag\r\n\r\n" % len(fragment)
        return head + inner + second + fragment + b"\r\n--x--\r\n"

    def test_every_length(self) -> None:
        content, _ = sent("multipart/mixed;boundary=x", self.nested("10.0.0.10"))
        assert content == self.nested(GLOBAL)

    def test_alternatives_are_the_same_streams(self) -> None:
        """Two descriptions to choose from: the answer to either lets the other side in."""
        gateway = Gateway()
        first, second = crlf(sdp(port=4000)), crlf(sdp(port=5000))
        body = b"--x\r\nc: application/sdp\r\n\r\n%s\r\n--x\r\nc: application/sdp\r\n\r\n%s\r\n--x--" % (first, second)
        data = request(body=body).replace(
            b"application/sdp\r\nContent-Length", b"multipart/alternative;boundary=x\r\nl"
        )
        assert gateway.out(data).text.count("c=IN IP4 203.0.113.1") == 2
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        assert [door.split()[1].partition(">")[0] for door in gateway.media_doors()] == ["198.51.100.99"] * 4

    @pytest.mark.parametrize(
        "line",
        ["Content-Transfer-Encoding: base64", "content-transfer-encoding:quoted-printable", "e: gzip",
         "Content-Encoding: deflate"],
    )  # fmt: skip
    def test_encoded_parts_are_noted(self, line: str) -> None:
        gateway = Gateway()
        body = f"--x\r\nContent-Type: application/sdp\r\n{line}\r\n\r\ndj0wDQo=\r\n--x--".encode()
        assert sent("multipart/mixed;boundary=x", body, gateway=gateway)[0] == body
        assert gateway.notes("encoded-body") == 1
        plain = body.replace(line.encode(), line.partition(":")[0].encode() + b": Binary")
        if "transfer" in line.lower():
            sent("multipart/mixed;boundary=x", plain, gateway=gateway)
            assert gateway.notes("encoded-body") == 1

    def test_an_encoded_body(self) -> None:
        gateway = Gateway()
        body = b"dj0wDQo="
        assert sent("application/sdp", body, "Content-Transfer-Encoding: base64", gateway=gateway)[0] == body
        assert gateway.notes("encoded-body") == 1

    def test_signed_parts_are_not_changed(self) -> None:
        """RFC 3261, section 23: a changed byte would make the signature wrong."""
        gateway = Gateway()
        body = (
            b"--x\r\nc: message/sip\r\n\r\nContact: <sip:a@10.0.0.10:5060>\r\n--x\r\nc: application/pkcs7-signature\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n0\x82\r\n--x--"
        )
        kind = 'multipart/signed;protocol="application/pkcs7-signature";boundary=x'
        assert sent(kind, body, gateway=gateway)[0] == body
        assert (gateway.notes("signed-body"), gateway.notes("encrypted-body")) == (1, 1)

    @pytest.mark.parametrize("qop", ['qop="auth-int"', "qop=auth-int", 'qop = "auth-int"'])
    @pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
    def test_what_credentials_cover_is_not_changed(self, name: str, qop: str) -> None:
        gateway = Gateway()
        data = request("INVITE", f'{name}: Digest username="a", {qop}, response="1"', body=sdp())
        passed = gateway.out(data)
        assert passed.data.endswith(crlf(sdp()))
        assert passed.line("Contact") == f"<sip:alice@{GLOBAL}:5060>"
        assert gateway.notes("signed-body") == 1
        assert gateway.media_doors() == []

    def test_other_credentials_cover_no_body(self) -> None:
        sent_on = Gateway().out(request("INVITE", 'Authorization: Digest qop="auth", cnonce="auth-int"', body=sdp()))
        assert f"c=IN IP4 {GLOBAL}" in sent_on.text


def test_a_static_name_keeps_every_port() -> None:
    content, _ = sent("application/dialog-info+xml", dialog_info("10.0.0.10"), gateway=Gateway(STATIC))
    assert content == dialog_info("10.0.0.10", "203.0.113.100")
