"""Rewritten messages as tshark reads them: it must find what it found before, with our names for inside ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kit.captures import frames, pcap, tshark
from kit.packets import udp
from kit.sip import GLOBAL, PEER, PHONE, Gateway, crlf, request, sdp, sip

FIELDS = (
    "sip.Request-Line", "sip.r-uri.host", "sip.Via.sent-by.address", "sip.Via.sent-by.port", "sip.from.host",
    "sip.to.host", "sip.contact.host", "sip.contact.port", "sip.Refer-To", "sip.Diversion", "sip.History-Info",
    "sip.P-Asserted-Identity", "sip.Call-ID", "sip.Replaces", "sip.Content-Length", "sdp.owner.address",
    "sdp.connection_info.address", "sdp.media", "sdp.media.port", "sdp.media_attr", "xml.attribute", "xml.cdata",
    "mime_multipart.part", "sipfrag.line", "_ws.malformed", "_ws.expert",
)  # fmt: skip
HEAD = "v=0\no=- 1 1 IN IP4 10.0.0.10\ns=-\nc=IN IP4 10.0.0.10\nt=0 0\n"
XML = (
    '<?xml version="1.0"?><dialog-info entity="sip:alice@10.0.0.10"><dialog id="1"><local>'
    '<identity>sip:alice@10.0.0.10</identity><target uri="sip:alice@10.0.0.10:5060;a=b?c=1&amp;d=2"/></local>'
    "</dialog></dialog-info>"
)
FRAGMENT = b"SIP/2.0 200 OK\r\nContact: <sip:alice@10.0.0.10:5060>\r\nTo: <sip:alice@10.0.0.10>;tag=1\r\n"


def body_of(kind: str, body: bytes) -> bytes:
    """A NOTIFY with a body of a type."""
    return request("NOTIFY", body=body).replace(b"Content-Type: application/sdp", f"Content-Type: {kind}".encode(), 1)


def mixed() -> bytes:
    """A multipart of three kinds."""
    parts = [
        ("application/sdp", crlf(sdp())),
        ("application/dialog-info+xml", XML.encode()),
        ("message/sipfrag", FRAGMENT),
    ]
    body = (
        b"".join(b"--x\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), part) for kind, part in parts)
        + b"--x--\r\n"
    )
    return body_of("multipart/mixed;boundary=x", body)


MESSAGES: dict[str, Callable[[], bytes]] = {
    "speech": lambda: request(body=sdp(port=4000) + "\na=rtcp:4001 IN IP4 10.0.0.10\na=rtpmap:0 PCMU/8000"),
    "fax": lambda: request(body=HEAD + "m=image 4000 udptl t38\na=T38FaxVersion:0\na=T38FaxUdpEC:t38UDPRedundancy"),
    "messages": lambda: request(
        body=HEAD + "m=message 2855 TCP/MSRP *\na=path:msrp://10.0.0.10:2855/s;tcp\na=setup:passive"
    ),
    "floor": lambda: request(body=HEAD + "m=application 5000 TCP/BFCP *\na=setup:actpass\na=floorctrl:c-s"),
    "ice": lambda: request(
        body=HEAD + "m=audio 4000 RTP/SAVPF 0\na=candidate:1 1 UDP 2130706431 10.0.0.10 4000 typ host\n"
        "a=candidate:1 2 UDP 2130706430 10.0.0.10 4001 typ host\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:10.0.0.10"
    ),
    "headers": lambda: request(
        "REFER", "Refer-To: <sip:bob@10.0.0.10?Replaces=1%4010.0.0.77>",
        "Diversion: <sip:alice@10.0.0.10>;reason=user-busy",
        "History-Info: <sip:alice@10.0.0.10>;index=1", "P-Asserted-Identity: <sip:alice@10.0.0.10>",
    ),
    "dialog": lambda: body_of("application/dialog-info+xml", XML.encode()),
    "fragment": lambda: body_of("message/sipfrag;version=2.0", FRAGMENT),
    "mixed": mixed,
    "compact": lambda: sip(
        "INVITE sip:b@198.51.100.20 SIP/2.0", "v: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1",
        "f: <sip:a@10.0.0.10>;tag=1", "t: <sip:b@198.51.100.20>", "i: x", "CSeq: 1 INVITE",
        "m: <sip:a@10.0.0.10:5060>", "c: application/sdp", body=sdp(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_tshark_finds_the_same(tmp_path: Path, name: str) -> None:
    before = MESSAGES[name]()
    sent = Gateway().out(before)
    assert sent.edits
    file = tmp_path / "both.pcap"
    file.write_bytes(pcap(frames(udp(PHONE, PEER, before), udp(sent.source, PEER, sent.data))))
    theirs, ours = tshark(file, *FIELDS)
    assert theirs["sip.Call-ID"] or name == "compact"
    for field in FIELDS:
        if field == "sip.Content-Length":
            assert ours[field] == [str(len(sent.data.partition(b"\r\n\r\n")[2]))]
        elif field == "mime_multipart.part":
            assert len(ours[field]) == len(theirs[field])
        elif not (field == "sip.Call-ID" or field.startswith("_ws")):
            kept = "inline:10.0.0.10"
            expected = [
                value.replace(kept, "@@").replace("10.0.0.10", GLOBAL).replace("@@", kept) for value in theirs[field]
            ]
            assert ours[field] == expected, field
        else:
            assert ours[field] == theirs[field], field
