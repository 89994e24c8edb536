"""Phones that know what they are called outside (STUN, or told by whoever set them up), and write that themselves."""

import pytest

from doorman.engine.results import Fate
from doorman.net.addresses import address_of
from kit.sip import GLOBAL, OTHER_PHONE, OVERLOAD, PEER, PHONE, STATIC, STRANGER, Gateway, answer, request, sdp, sip

STUN_SERVER = "198.51.100.3:3478"
MEDIA_SERVER = "198.51.100.99:7000"
VIA = "Via: SIP/2.0/UDP {};branch=z9hG4bK1"


def learn(gateway: Gateway, port: int) -> str:
    """What a STUN server tells the phone about one of its ports."""
    return gateway.out(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), f"10.0.0.10:{port}", STUN_SERVER).source


@pytest.fixture
def gateway() -> Gateway:
    """A gateway where another phone has the usual ports."""
    gateway = Gateway()
    gateway.out(request("REGISTER", host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
    gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
    return gateway


class TestSignalling:
    def test_everything_stays_in_both_directions(self, gateway: Gateway) -> None:
        name = learn(gateway, 5060)
        assert name != f"{GLOBAL}:5060"
        headers = ["Call-ID: r", "CSeq: 1 REGISTER", VIA.format(name), f"Contact: <sip:alice@{name}>;expires=600"]
        data = sip("REGISTER sip:198.51.100.20 SIP/2.0", *headers)
        sent = gateway.out(data)
        assert (sent.data, sent.source) == (data, name)
        back = sip("SIP/2.0 200 OK", *headers)
        assert gateway.in_(back, PEER, name).data == back
        call = sip(f"INVITE sip:alice@{name} SIP/2.0", "Call-ID: c", "CSeq: 1 INVITE", VIA.format(PEER))
        for source in (PEER, STRANGER):
            received = gateway.in_(call, source, name)
            assert (received.data, received.target) == (call, PHONE)

    def test_it_stays_alive_as_long_as_the_registration(self, gateway: Gateway) -> None:
        name = learn(gateway, 5060)
        headers = ["Call-ID: r", "CSeq: 1 REGISTER", VIA.format(name), f"Contact: <sip:alice@{name}>;expires=3000"]
        gateway.out(sip("REGISTER sip:198.51.100.20 SIP/2.0", *headers))
        gateway.in_(sip("SIP/2.0 200 OK", *headers), PEER, name)
        assert [door for door in gateway.signalling_doors() if door.startswith("contact any") and "10.0.0.10" in door]
        gateway.wait(2900)
        call = sip(f"INVITE sip:alice@{name} SIP/2.0", "Call-ID: c", "CSeq: 1 INVITE", VIA.format(STRANGER))
        assert gateway.in_(call, STRANGER, name).target == PHONE
        assert gateway.out(b"x", PHONE, MEDIA_SERVER).source == name, "one name, whoever it talks to (RFC 4787, REQ-1)"

    def test_who_goes_back_to_the_inside_name_gets_that(self, gateway: Gateway) -> None:
        name = learn(gateway, 5060)
        contact = "Contact: <sip:alice@{}>"
        gateway.out(sip("OPTIONS sip:b@c SIP/2.0", "i: x", "CSeq: 1 OPTIONS", contact.format(name)))
        gateway.out(sip("OPTIONS sip:b@c SIP/2.0", "i: y", "CSeq: 1 OPTIONS", contact.format(PHONE)))
        back = gateway.in_(sip(f"OPTIONS sip:alice@{name} SIP/2.0", "i: z", "CSeq: 1 OPTIONS"), PEER, name)
        assert back.text.startswith(f"OPTIONS sip:alice@{PHONE} SIP/2.0\r\n")

    def test_via_and_contact_are_remembered_apart(self, gateway: Gateway) -> None:
        name = learn(gateway, 5060)
        lines = ["i: x", "CSeq: 1 OPTIONS", f"Contact: <sip:alice@{name}>", VIA.format(PHONE)]
        sent = gateway.out(sip("OPTIONS sip:b@c SIP/2.0", *lines))
        assert sent.line("Via") == f"SIP/2.0/UDP {name};branch=z9hG4bK1"
        back = gateway.in_(sent.data.replace(b"OPTIONS sip:b@c SIP/2.0", b"SIP/2.0 200 OK"), PEER, name)
        assert back.data == sip("SIP/2.0 200 OK", *lines)

    def test_a_name_of_another_host_is_none_of_his(self, gateway: Gateway) -> None:
        """Or one could have doors opened to whom one likes."""
        others = next(b.partition(">")[2] for b in gateway.bindings() if b.startswith("10.0.0.11:5060>"))
        before = gateway.signalling_doors()
        contact = f"Contact: <sip:alice@{others}>"
        sent = gateway.out(sip("OPTIONS sip:b@c SIP/2.0", "i: x", "CSeq: 1 OPTIONS", contact))
        assert contact in sent.text
        assert gateway.signalling_doors() == before
        assert gateway.notes("address-left") >= 1

    def test_it_outlives_the_gateway(self, gateway: Gateway) -> None:
        name = learn(gateway, 5060)
        gateway.out(sip("OPTIONS sip:b@c SIP/2.0", "i: x", "CSeq: 1 OPTIONS", f"Contact: <sip:alice@{name}>"))
        keys = {gateway.sip.record(item)[0] for item in gateway.sip.remembered()}
        host, port = PHONE.split(":")
        assert ("public", (address_of(host), int(port)), False) in keys

    @pytest.mark.parametrize("learned", [True, False])
    def test_a_host_with_an_address_of_its_own(self, learned: bool) -> None:  # noqa: FBT001 - whether it knows
        gateway = Gateway(STATIC)
        host = "203.0.113.100" if learned else "10.0.0.10"
        lines = ["i: x", "CSeq: 1 OPTIONS", f"Contact: <sip:pbx@{host}>", VIA.format(host)]
        sent = gateway.out(sip("OPTIONS sip:b@c SIP/2.0", *lines))
        assert sent.line("Contact") == "<sip:pbx@203.0.113.100>"
        back = gateway.in_(sent.data.replace(b"OPTIONS sip:b@c SIP/2.0", b"SIP/2.0 200 OK"), PEER, sent.source)
        assert back.data == sip("SIP/2.0 200 OK", *lines)


class TestMedia:
    def test_it_is_kept_and_gets_its_doors(self, gateway: Gateway) -> None:
        host, _, port = learn(gateway, 4000).partition(":")
        description = sdp(host, int(port), f"a=rtcp:{port}")
        sent = gateway.out(request(body=description))
        assert sent.text.endswith(request(body=description).decode().partition("\r\n\r\n")[2])
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)), PEER, sent.source)
        assert [door for door in gateway.media_doors() if door.endswith("10.0.0.10:4000")] == [
            f"rtp 198.51.100.99>{host}:{port}>10.0.0.10:4000"
        ]
        assert gateway.in_(b"x", MEDIA_SERVER, f"{host}:{port}").target == "10.0.0.10:4000"
        assert gateway.in_(b"x", STRANGER, f"{host}:{port}").fate == Fate.DROPPED

    def test_the_port_above_is_kept_for_rtcp(self, gateway: Gateway) -> None:
        host, _, port = learn(gateway, 4000).partition(":")
        gateway.out(request(body=sdp(host, int(port))))
        mine = [door.split(" ")[0] + door[door.rindex(">") :] for door in gateway.media_doors() if "10.0.0.10" in door]
        assert mine == ["rtcp>10.0.0.10:4001", "rtp>10.0.0.10:4000"]
        assert gateway.out(b"x", "10.0.0.10:4001", MEDIA_SERVER).source == f"{host}:{int(port) + 1}"

    def test_the_port_above_is_somebody_elses(self) -> None:
        gateway = Gateway()
        name = learn(gateway, 4000)
        gateway.out(b"x", f"10.0.0.11:{int(name.rpartition(':')[2]) + 1}", MEDIA_SERVER)
        assert gateway.out(request(body=sdp(GLOBAL, int(name.rpartition(":")[2])))).fate == Fate.FORWARDED
        assert [door.split()[0] for door in gateway.media_doors()] == ["rtp"]

    def test_rtcp_by_the_name_it_learned(self, gateway: Gateway) -> None:
        rtp, rtcp = learn(gateway, 4000), learn(gateway, 4001)
        port, other = rtp.rpartition(":")[2], rtcp.rpartition(":")[2]
        assert int(other) != int(port) + 1
        gateway.out(request(body=sdp(GLOBAL, int(port), f"a=rtcp:{other} IN IP4 {GLOBAL}")))
        assert [door for door in gateway.media_doors() if "10.0.0.10" in door] == [
            f"rtcp 198.51.100.20>{rtcp}>10.0.0.10:4001", f"rtp 198.51.100.20>{rtp}>10.0.0.10:4000",
        ]  # fmt: skip

    def test_a_binding_lasts_as_long_as_its_call(self, gateway: Gateway) -> None:
        name = learn(gateway, 4000)
        gateway.out(request(body=sdp(GLOBAL, int(name.rpartition(":")[2]))))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)), PEER, gateway.out(request("ACK")).source)
        for _ in range(20):
            gateway.wait(30)
            assert gateway.in_(b"x", MEDIA_SERVER, name).target == "10.0.0.10:4000"

    def test_a_port_that_nobody_has(self, gateway: Gateway) -> None:
        before = [door for door in gateway.media_doors() if "10.0.0.10" in door]
        sent = gateway.out(request(body=sdp(GLOBAL, 40_000)))
        assert f"c=IN IP4 {GLOBAL}\r\n" in sent.text
        assert [door for door in gateway.media_doors() if "10.0.0.10" in door] == before == []

    def test_a_port_that_nobody_announces(self) -> None:
        gateway = Gateway(OVERLOAD + "ip nat inside source static udp 10.0.0.10 53 203.0.113.1 5300\n")
        assert gateway.out(request(body=sdp(GLOBAL, 5300))).reason == "sip: port-not-allowed"

    def test_candidates_that_stun_found(self, gateway: Gateway) -> None:
        """An agent of ICE: host and server-reflexive candidates for both components, the latter by default."""
        rtp, rtcp = (int(learn(gateway, port).rpartition(":")[2]) for port in (4000, 4001))
        candidates = [
            "a=candidate:1 1 UDP 2130706431 10.0.0.10 4000 typ host",
            "a=candidate:1 2 UDP 2130706430 10.0.0.10 4001 typ host",
            f"a=candidate:2 1 UDP 1694498815 {GLOBAL} {rtp} typ srflx raddr 10.0.0.10 rport 4000",
            f"a=candidate:2 2 UDP 1694498814 {GLOBAL} {rtcp} typ srflx raddr 10.0.0.10 rport 4001",
        ]
        for host, port, other in ((GLOBAL, rtp, rtcp), ("10.0.0.10", 4000, 4001)):
            body = sdp(host, port, f"a=rtcp:{other} IN IP4 {host}", *candidates)
            sent = gateway.out(request(call_id=host, body=body))
            assert sent.text.splitlines()[-6:] == [
                f"m=audio {rtp} RTP/AVP 0", f"a=rtcp:{rtcp} IN IP4 {GLOBAL}",
                f"a=candidate:1 1 UDP 2130706431 {GLOBAL} {rtp} typ host",
                f"a=candidate:1 2 UDP 2130706430 {GLOBAL} {rtcp} typ host",
                f"a=candidate:2 1 UDP 1694498815 {GLOBAL} {rtp} typ srflx raddr {GLOBAL} rport {rtp}",
                f"a=candidate:2 2 UDP 1694498814 {GLOBAL} {rtcp} typ srflx raddr {GLOBAL} rport {rtcp}",
            ]  # fmt: skip
            mine = [door.split(">")[-1] for door in gateway.media_doors() if "10.0.0.10" in door]
            assert set(mine) == {"10.0.0.10:4000", "10.0.0.10:4001"}

    def test_a_reflexive_candidate_alone(self, gateway: Gateway) -> None:
        """Its host candidates hidden (mDNS), the phone is reached by what STUN found."""
        name = learn(gateway, 4000)
        port = name.rpartition(":")[2]
        hidden = [
            "a=candidate:1 1 UDP 2 a3e4.local 4000 typ host",
            f"a=candidate:2 1 UDP 1 {GLOBAL} {port} typ srflx raddr 0.0.0.0 rport 0",
        ]
        body = sdp("0.0.0.0", 9, *hidden)
        assert gateway.out(request(body=body)).text.splitlines()[-2:] == hidden
        assert [door for door in gateway.media_doors() if "10.0.0.10" in door] == [
            f"candidate 198.51.100.20>{name}>10.0.0.10:4000"
        ]


def test_a_host_with_many_names_takes_no_room_from_others() -> None:
    """How hosts write themselves is never forgotten; nobody shall fill the memory of it."""
    gateway = Gateway()
    before = len(list(gateway.sip.remembered()))
    for port in range(2000, 2200):
        headers = ["Call-ID: r", "CSeq: 1 OPTIONS", f"Contact: <sip:alice@{learn(gateway, port)}>"]
        gateway.out(sip("OPTIONS sip:198.51.100.20 SIP/2.0", *headers))
    gateway.wait(60)
    assert list(gateway.sip.calls) == []
    assert len(list(gateway.sip.remembered())) == before + 64
    for port in range(2000, 2200):
        headers = ["Call-ID: r", "CSeq: 1 OPTIONS", f"Contact: <sip:alice@10.0.0.10:{port}>"]
        gateway.out(sip("OPTIONS sip:198.51.100.20 SIP/2.0", *headers))
    gateway.wait(60)
    assert list(gateway.sip.remembered()) == []
