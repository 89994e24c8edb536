"""Doors for signalling: Via, Contact and Record-Route (seed 002), registrations and subscriptions."""

import pytest

from doorman.engine.results import Fate
from kit.sip import GLOBAL, OTHER_PHONE, PEER, PHONE, STRANGER, Gateway, answer, incoming, request, sip

CONTACT = "contact any>203.0.113.1:5060>10.0.0.10:5060"
VIA = "via 198.51.100.20>203.0.113.1:5060>10.0.0.10:5060"


def options(*headers: str, start: str = "OPTIONS sip:bob@198.51.100.20 SIP/2.0", call_id: str = "x") -> bytes:
    return sip(start, f"Call-ID: {call_id}", "CSeq: 1 OPTIONS", *headers)


def registered(*headers: str, expires: str = "Expires: 3600") -> bytes:
    """The registrar's answer."""
    return answer(200, expires, *headers, method="REGISTER")


class TestWhatOpens:
    def test_via_and_contact(self) -> None:
        gateway = Gateway()
        gateway.out(request("OPTIONS"))
        assert gateway.signalling_doors() == [CONTACT, VIA]

    def test_the_first_via_alone(self) -> None:
        gateway = Gateway()
        gateway.out(
            options("v: SIP/2.0/UDP 10.0.0.10:5060, SIP/2.0/UDP 10.0.0.10:5070", "v: SIP/2.0/UDP 10.0.0.10:5080")
        )
        assert gateway.signalling_doors() == [VIA]

    def test_a_via_without_a_port_means_5060(self) -> None:
        gateway = Gateway()
        gateway.out(options("Via: SIP/2.0/UDP 10.0.0.10"), "10.0.0.10:5070")
        assert gateway.signalling_doors() == [VIA]

    def test_no_via_of_ack_and_of_responses(self) -> None:
        for start in ("ACK sip:bob@198.51.100.20 SIP/2.0", "SIP/2.0 200 OK"):
            gateway = Gateway()
            gateway.out(options("Via: SIP/2.0/UDP 10.0.0.10:5060", start=start))
            assert gateway.signalling_doors() == []

    @pytest.mark.parametrize("start", ["OPTIONS sip:bob@198.51.100.20 SIP/2.0", "SIP/2.0 200 OK"])
    def test_every_contact_and_record_route(self, start: str) -> None:
        gateway = Gateway()
        header = ["m: <sip:a@10.0.0.10>, <sip:a@10.0.0.10:5070>", "Record-Route: <sip:10.0.0.10:5070;lr>, <sip:h;lr>"]
        gateway.out(options(*header, start=start), "10.0.0.10:5070")
        assert gateway.signalling_doors() == [CONTACT, "contact any>203.0.113.1:5070>10.0.0.10:5070"]
        gateway.out(options("Record-Route: <sip:10.0.0.11;lr>", start=start, call_id="y"), "10.0.0.11:5070")
        assert [door.split()[0] for door in gateway.signalling_doors()] == ["contact", "contact", "record-route"]

    def test_ports_that_are_neither_the_senders_nor_sips(self) -> None:
        gateway = Gateway()
        gateway.out(options("m: <sip:a@10.0.0.10:3306>, <sip:a@10.0.0.10:22>", "v: SIP/2.0/UDP 10.0.0.10:8080"))
        assert gateway.signalling_doors() == []
        assert gateway.notes("signalling-port-refused") == 3

    def test_a_third_party(self) -> None:
        gateway = Gateway()
        gateway.out(options("Contact: <sip:a@10.0.0.50>", "Via: SIP/2.0/UDP 10.0.0.50"))
        assert gateway.signalling_doors() == []
        assert gateway.notes("third-party-address") == 2

    def test_nothing_of_the_other_side(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        before = gateway.signalling_doors()
        gateway.in_(incoming("OPTIONS", "Record-Route: <sip:203.0.113.1;lr>", "Contact: <sip:x@203.0.113.1:5060>"))
        assert gateway.signalling_doors() == before

    def test_no_more_than_sixteen_of_a_call(self) -> None:
        gateway = Gateway()
        for port in range(40_000, 40_020):
            gateway.out(options(f"Contact: <sip:a@10.0.0.10:{port}>"), f"10.0.0.10:{port}")
        assert len(gateway.signalling_doors()) == 16
        assert gateway.notes("too-many-signalling-doors") == 4


class TestWhoComesIn:
    def test_responses_from_another_port_of_the_peer(self) -> None:
        gateway = Gateway()
        gateway.out(request("OPTIONS").replace(b"Contact", b"X"))
        assert gateway.signalling_doors() == [VIA]
        back = gateway.in_(answer(200, method="OPTIONS"), "198.51.100.20:9999")
        assert (back.target, back.line("Via").split(";")[0]) == (PHONE, "SIP/2.0/UDP 10.0.0.10:5060")

    def test_no_response_from_elsewhere(self) -> None:
        gateway = Gateway()
        gateway.out(request("OPTIONS").replace(b"Contact", b"X"))
        assert gateway.in_(answer(200, method="OPTIONS"), STRANGER).reason == "no-session-or-door"

    def test_responses_to_the_port_of_the_via(self) -> None:
        """A phone that sends from another port than it listens on (RFC 3261, section 18.2.2)."""
        gateway = Gateway()
        gateway.out(request("OPTIONS"), "10.0.0.10:40000")
        back = gateway.in_(answer(200, method="OPTIONS"), PEER, GLOBAL + ":5060")
        assert back.target == PHONE

    def test_requests_from_anywhere_to_a_contact(self) -> None:
        """Endpoint-independent, as seed 000 has it; the message is inspected whatever ports it uses."""
        gateway = Gateway()
        gateway.out(request("REGISTER").replace(b":5060", b":40000"), "10.0.0.10:40000")
        received = gateway.in_(incoming().replace(b":5060", b":40000"), "192.0.2.66:33333", GLOBAL + ":40000")
        assert received.target == "10.0.0.10:40000"
        assert received.text.startswith("INVITE sip:alice@10.0.0.10:40000 SIP/2.0\r\n")

    def test_other_traffic_does_not(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        assert gateway.in_(incoming(), STRANGER, GLOBAL + ":5061").fate == Fate.DROPPED


class TestLifetimes:
    def test_an_answered_request(self) -> None:
        gateway = Gateway()
        gateway.out(request("OPTIONS"))
        gateway.wait(31)
        assert len(gateway.signalling_doors()) == 2
        gateway.wait(3)
        assert gateway.signalling_doors() == []

    def test_doors_are_shared(self) -> None:
        gateway = Gateway()
        gateway.out(request("OPTIONS", call_id="a"))
        gateway.wait(20)
        gateway.out(request("OPTIONS", call_id="b"))
        gateway.wait(20)
        assert gateway.signalling_doors() == [CONTACT, VIA]
        gateway.wait(14)
        assert gateway.signalling_doors() == []

    @pytest.mark.parametrize(
        ("headers", "expires", "lifetime"),
        [
            ([], "Expires: 600", 600), ([], "Expires: 7200", 7200), ([], "X: y", 3600), ([], "Expires: soon", 3600),
            (["Contact: <sip:alice@203.0.113.1:5060>;expires=300"], "Expires: 600", 300),
            (['m: <sip:a@203.0.113.1:5060>;q=1; Expires = "900" '], "Expires: 600", 900),
            (
                ["Contact: <sip:a@198.51.100.7>;expires=7200, <sip:a@203.0.113.1:5060>;expires=60, sip:a@b;expires=9"],
                "Expires: 600", 60,
            ),
        ],
    )  # fmt: skip
    def test_registration(self, headers: list[str], expires: str, lifetime: int) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(registered(*headers, expires=expires))
        gateway.wait(lifetime - 1)
        assert CONTACT in gateway.signalling_doors()
        assert gateway.in_(incoming(), STRANGER).target == PHONE
        gateway.wait(3)
        assert len(gateway.sip.calls) == 1, "the call that came in"
        gateway.wait(200)
        assert gateway.signalling_doors() == []

    def test_refreshed(self) -> None:
        gateway = Gateway()
        for _ in range(5):
            gateway.out(request("REGISTER"))
            gateway.in_(registered(expires="Expires: 600"))
            gateway.wait(500)
        assert gateway.in_(incoming(), STRANGER).target == PHONE

    def test_a_refused_refresh_does_not_end_it(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(registered(expires="Expires: 600"))
        gateway.out(request("REGISTER"))
        gateway.in_(answer(401, method="REGISTER"))
        gateway.wait(500)
        assert gateway.in_(incoming(), STRANGER).target == PHONE

    @pytest.mark.parametrize("contact", ["Contact: <sip:alice@203.0.113.1:5060>;expires=0", "X: y"])
    def test_unregistered(self, contact: str) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(registered(expires="Expires: 600"))
        gateway.out(request("REGISTER", "Expires: 0"))
        gateway.in_(registered(contact, expires="Expires: 0"))
        gateway.wait(2)
        assert gateway.signalling_doors() == []

    def test_refused_registration(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(answer(403, method="REGISTER"))
        gateway.wait(34)
        assert gateway.signalling_doors() == []

    def test_subscription(self) -> None:
        gateway = Gateway()
        gateway.out(request("SUBSCRIBE", "Event: presence", "Expires: 1800"))
        gateway.in_(answer(202, "Expires: 1800", method="SUBSCRIBE"))
        gateway.wait(1700)
        notify = incoming("NOTIFY", call_id="one")
        assert gateway.in_(notify, STRANGER).line("To") == "<sip:alice@10.0.0.10>"
        gateway.wait(200)
        assert gateway.signalling_doors() == []

    def test_a_dialog(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        gateway.in_(answer(200))
        gateway.wait(3600)
        assert gateway.in_(incoming("BYE", call_id="one"), STRANGER).target == PHONE
        gateway.wait(40)
        assert gateway.signalling_doors() == []

    def test_each_phone_has_its_own(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="a"))
        other = gateway.out(request("REGISTER", call_id="b", host="10.0.0.11"), OTHER_PHONE)
        gateway.in_(answer(200, "Expires: 100", call_id="a", method="REGISTER"))
        gateway.in_(answer(200, "Expires: 900", call_id="b", method="REGISTER"), PEER, other.source)
        gateway.wait(500)
        assert [door.rpartition(">")[2] for door in gateway.signalling_doors()] == [OTHER_PHONE] * 2


def test_a_signalling_door_that_closes_ends_no_flow_that_the_phone_uses() -> None:
    gateway = Gateway()
    gateway.out(request("OPTIONS"))
    gateway.wait(40)
    assert gateway.signalling_doors() == []
    assert gateway.in_(incoming("OPTIONS"), PEER).target == PHONE
    assert gateway.in_(incoming("OPTIONS"), STRANGER).reason == "no-session-or-door"
