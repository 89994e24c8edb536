"""Captures of an exchange inside that hands calls to its phones, replayed: the outside's view has no inside address."""

from doorman.net.packet import parse_packet
from kit.captures import Replayed, frames, inside, replayed, tagged
from kit.dialogs import RTP
from kit.packets import udp
from kit.sip import OTHER_PHONE, OVERLOAD, PEER, PHONE, answer, incoming, request, sdp, sip

TRUSTED = OVERLOAD + "ip nat service sip trusted-media 7\naccess-list 7 permit host 10.0.0.10\n"
OUT, BACK = (PHONE, PEER), (PEER, PHONE)
EAR, MOUTH = "10.0.0.11:4000", "198.51.100.99:6000"
MEDIA = [udp(EAR, MOUTH, RTP), udp(MOUTH, EAR, RTP)]


def flawless(packets: list[bytes], config: str = TRUSTED) -> Replayed:
    """A replay in which everything goes on, arrives as captured, and has lost the inside addresses on its way out."""
    done = replayed(frames(*packets), config)
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    assert len(done.packets) == len(packets)
    assert not any(b"10.0.0." in packet for packet in done.packets)
    return done


def test_it_announces_its_phone() -> None:
    done = flawless([
        udp(*OUT, request(body=sdp("10.0.0.11"))),
        udp(*BACK, inside(answer(200, body=sdp("198.51.100.99", 6000)))),
        udp(*OUT, tagged(request("ACK"))),
        *MEDIA,
        udp(*OUT, tagged(request("BYE"))),
        udp(*BACK, inside(answer(200, method="BYE"))),
    ])  # fmt: skip
    ends = [(str(packet.sender), str(packet.receiver)) for packet in map(parse_packet, done.packets) if packet]
    assert ends[3:5] == [("203.0.113.1:4000", MOUTH), (MOUTH, "203.0.113.1:4000")]
    assert {(door["role"], door["leads_to"]) for door in done.found["doors"] if "rt" in door["role"]} == {
        ("rtp", EAR), ("rtcp", "10.0.0.11:4001"),
    }  # fmt: skip


def test_it_is_a_proxy_and_the_phone_hangs_up_without_it() -> None:
    asked = inside(incoming(call_id="one", body=sdp("198.51.100.99", 6000)))
    dialog = ["From: <sip:bob@198.51.100.20>;tag=b", "To: <sip:alice@10.0.0.10>;tag=a", "Call-ID: one"]
    via = "Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKoneINVITE"
    lines = [via, *dialog, "CSeq: 1 INVITE", "Contact: <sip:carol@10.0.0.11:5060>", "Content-Type: application/sdp"]
    turned = ["To: <sip:bob@198.51.100.20>;tag=b", "From: <sip:alice@10.0.0.10>;tag=a", "Call-ID: one"]
    via = "Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKoneBYE"
    done = flawless([
        udp(*OUT, request("REGISTER", call_id="r")),
        udp(*BACK, asked),
        udp(*OUT, sip("SIP/2.0 200 OK", *lines, body=sdp("10.0.0.11"))),
        udp(PEER, OTHER_PHONE, sip("ACK sip:carol@10.0.0.11:5060 SIP/2.0", *dialog, "CSeq: 1 ACK")),
        *MEDIA,
        udp(OTHER_PHONE, PEER, sip("BYE sip:bob@198.51.100.20:5060 SIP/2.0", via, *turned, "CSeq: 2 BYE")),
        udp(PEER, OTHER_PHONE, sip("SIP/2.0 200 OK", via, *turned, "CSeq: 2 BYE")),
    ])  # fmt: skip
    [call] = done.found["calls"]
    assert (call["call_id"], call["inside_party"], call["state"]) == ("one", "10.0.0.10", "ended")


def test_nobody_named_it() -> None:
    done = replayed(frames(udp(*OUT, request(body=sdp("10.0.0.11")))), OVERLOAD)
    assert done.reasons == ["sip: third-party-address"]
