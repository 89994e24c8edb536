"""The messages of the test call, with tshark as judge."""

from pathlib import Path

from doorman.net.addresses import Endpoint, address_of
from doorman.net.datagrams import datagram
from doorman.selftest import messages
from kit.captures import frames, pcap, tshark

PHONE, MIRROR = Endpoint(address_of("192.168.1.250"), 32_060), Endpoint(address_of("192.0.2.53"), 5060)
INVITE = messages.invite(PHONE, MIRROR, 32_000, "77")
ANSWER = messages.answer(INVITE, MIRROR, 30_000)
ENDS = PHONE, MIRROR, "77"


def test_others_understand_the_call(tmp_path: Path) -> None:
    bye = messages.end(*ENDS)
    there = [INVITE, messages.acknowledgement(*ENDS), bye, messages.withdrawal(*ENDS)]
    back = [ANSWER, messages.consent(bye)]
    file = tmp_path / "call.pcap"
    packets = [datagram(PHONE, MIRROR, each) for each in there] + [datagram(MIRROR, PHONE, each) for each in back]
    file.write_bytes(pcap(frames(*packets)))
    rows = tshark(
        file, "sip.Call-ID", "sip.CSeq", "sip.Via.branch", "sip.to.tag", "sdp.media.port", "_ws.expert.message"
    )
    assert {row["sip.Call-ID"][0] for row in rows} == {messages.call_id("77")}
    assert [row["sip.CSeq"] for row in rows] == [
        *(["1 INVITE"], ["1 ACK"], ["2 BYE"], ["1 CANCEL"]),
        *(["1 INVITE"], ["2 BYE"]),
    ]
    invite, ack, ended, withdrawn, answered, agreed = (row["sip.Via.branch"] for row in rows)
    assert invite == withdrawn == answered
    assert ended == agreed
    assert len({*invite, *ack, *ended}) == 3
    assert [row["sip.to.tag"] for row in rows] == [[], ["mirror"], ["mirror"], [], ["mirror"], ["mirror"]]
    assert [row["sdp.media.port"] for row in rows] == [["32000"], [], [], [], ["30000"], []]
    assert not [told for row in rows for told in row["_ws.expert.message"] if "alform" in told or "ontent" in told]


def test_the_answer_repeats_what_the_mirror_saw() -> None:
    seen = INVITE.replace(b"192.168.1.250:32060;", b"203.0.113.1:1024;")
    via = b"Via: SIP/2.0/UDP 203.0.113.1:1024;branch="
    assert via in messages.answer(seen, MIRROR, 30_000)
    assert via not in ANSWER


def test_what_is_announced() -> None:
    assert messages.announced(INVITE) == Endpoint(PHONE.address, 32_000)
    assert messages.announced(INVITE.replace(b"m=audio", b"x=audio")) is None
    assert messages.announced(INVITE.replace(b"c=IN IP4 192.168.1.250", b"c=IN IP4 pbx.example")) is None
    assert messages.announced(INVITE.replace(b"m=audio 32000", b"m=audio 99999")) is None
    assert messages.announced(b"something else") is None
