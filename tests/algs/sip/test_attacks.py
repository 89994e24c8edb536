"""Peers and strangers who want more than a call: other hosts' ports, all names there are, or no inspection at all."""

from collections import Counter

import pytest

from doorman.engine.results import Fate
from doorman.nat import bindings
from kit.sip import (
    GLOBAL,
    OTHER_PHONE,
    OVERLOAD,
    PHONE,
    POOL,
    STRANGER,
    Gateway,
    Passage,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

RTP = b"\x80\x00\x00\x01" + bytes(160)
MEDIA = "198.51.100.99:6000"
ANSWER = sdp("198.51.100.99", 6000)
STATIC_TOO = OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n"
KINDS = pytest.mark.parametrize(
    ("config", "name"),
    [(OVERLOAD, "203.0.113.1"), (POOL, "203.0.113.10"), (STATIC_TOO, "203.0.113.100")],
    ids=["overload", "pool", "static"],
)
DAY = 86_400


FEW = OVERLOAD + "ip nat service sip quota calls 20\nip nat service sip quota incoming-calls 5\n"
"""A gateway with small quotas: small numbers do as well."""


def registered(config: str = OVERLOAD, name: str = GLOBAL, *, expires: int = 3600) -> Gateway:
    """A gateway whose phone has registered; the outside knows it by `name`."""
    gateway = Gateway(config)
    gateway.out(request("REGISTER", call_id="r"))
    gateway.in_(answer(200, f"Expires: {expires}", call_id="r", method="REGISTER"), target=name + ":5060")
    return gateway


def echoed(received: Passage, status: int = 200, *more: str) -> bytes:
    """The phone's response: what stood in the request stands in it again (RFC 3261, section 8.2.6.2)."""
    names = ("Via", "Record-Route", "From", "Call-ID", "CSeq")
    headers = [f"{name}: {value}" for name in names for value in received.lines(name)]
    to = f"To: {received.line('To')};tag=a"
    return sip(f"SIP/2.0 {status} Whatever", *headers, to, "Contact: <sip:alice@10.0.0.10:5060>", *more)


def others(gateway: Gateway) -> list[str]:
    """The bindings of all hosts but the phone."""
    return [binding for binding in gateway.bindings() if not binding.startswith("10.0.0.10:")]


class TestNamesThatPeersWrite:
    """Both sides of a gateway use 10.0.0.0/24: an address there is not ours because somebody writes it."""

    FOREIGN = (
        "Via: SIP/2.0/UDP 10.0.0.77:5060;branch=z9hG4bKv",
        "Via: SIP/2.0/UDP 10.0.0.78;branch=z9hG4bKw;received=10.0.0.79;rport=5070",
        "Record-Route: <sip:10.0.0.80;lr>, <sip:10.0.0.81:5070;lr>",
    )

    def request(self, method: str = "INVITE") -> bytes:
        return incoming(method, *self.FOREIGN).replace(b"sip:bob@198.51.100.20>", b"sip:bob@10.0.0.77>")

    @KINDS
    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_come_back_to_them_as_they_were(self, config: str, name: str, method: str) -> None:
        gateway = registered(config, name)
        before = gateway.bindings()
        received = gateway.in_(self.request(method), target=name + ":5060")
        back = gateway.out(echoed(received, 180))
        assert back.fate == Fate.FORWARDED, back.reason
        for header in ("Via", "Record-Route", "From"):
            sent = [
                line.partition(": ")[2]
                for line in self.request(method).decode().splitlines()
                if line[: len(header)] == header
            ]
            assert received.lines(header) == sent
            assert back.lines(header) == sent
        assert gateway.bindings() == before

    def test_a_registrar_inside_keeps_the_contact_of_a_phone_outside(self) -> None:
        gateway = Gateway(STATIC_TOO)
        contact = "Contact: <sip:x@10.0.0.50:5060>"
        register = sip(
            "REGISTER sip:203.0.113.100 SIP/2.0",
            "Via: SIP/2.0/UDP 10.0.0.50:5060;branch=z9hG4bK1",
            "From: <sip:x@203.0.113.100>;tag=1",
            "To: <sip:x@203.0.113.100>",
            "Call-ID: r",
            "CSeq: 1 REGISTER",
            contact,
        )
        received = gateway.in_(register, "198.51.100.20:31000", "203.0.113.100:5060")
        assert "Contact: " + received.line("Contact") == contact
        response = echoed(received, 200).replace(
            b"Contact: <sip:alice@10.0.0.10:5060>", contact.encode() + b";expires=60"
        )
        back = gateway.out(response, PHONE, "198.51.100.20:31000")
        assert "Contact: " + back.line("Contact") == contact + ";expires=60"
        assert back.line("Via") == "SIP/2.0/UDP 10.0.0.50:5060;branch=z9hG4bK1"
        assert others(gateway) == []

    def test_an_inside_host_is_named_where_it_has_a_name(self) -> None:
        """A proxy inside may route to a phone beside it; by naming it, it gives it no name."""
        gateway = registered()
        contacts = "Contact: <sip:x@10.0.0.11:5060>, <sip:y@10.0.0.12:5060>"
        named = gateway.out(request("REGISTER", host="10.0.0.11", call_id="o"), OTHER_PHONE).source
        before = gateway.bindings()
        sent = gateway.out(request("OPTIONS", contacts))
        assert sent.lines("Contact")[1] == f"<sip:x@{named}>, <sip:y@10.0.0.12:5060>"
        assert gateway.bindings() == before


class TestNamesThatRunOut:
    @KINDS
    def test_a_strangers_echo_takes_none(self, config: str, name: str) -> None:
        """The pool has five addresses; a stranger names four more inside hosts, and the phone echoes them."""
        gateway = registered(config, name)
        before = gateway.bindings()
        vias = [f"Via: SIP/2.0/UDP 10.0.0.{host}:5060;branch=z9hG4bK{host}" for host in range(100, 104)]
        routes = [f"Record-Route: <sip:10.0.0.{host}:5060;lr>" for host in range(100, 104)]
        received = gateway.in_(incoming("OPTIONS", *vias, *routes), STRANGER, name + ":5060")
        assert gateway.out(echoed(received), PHONE, STRANGER).fate == Fate.FORWARDED
        assert gateway.bindings() == before
        assert gateway.out(request(host="10.0.0.11", call_id="two"), OTHER_PHONE).fate == Fate.FORWARDED

    @KINDS
    def test_a_stranger_takes_none_by_naming_the_phone(self, config: str, name: str) -> None:
        gateway = registered(config, name)
        before = gateway.bindings()
        ports = [*range(2000, 2050), 5060, 5061]
        hosts = [name, GLOBAL, "10.0.0.10", "10.0.0.11"]
        contacts = ", ".join(f"<sip:x@{host}:{port}>" for host in hosts for port in ports)
        received = gateway.in_(
            incoming("INVITE", f"Contact: {contacts}", body=sdp(name, 9000)), STRANGER, name + ":5060"
        )
        gateway.out(echoed(received), PHONE, STRANGER)
        assert gateway.bindings() == before

    def test_a_host_takes_none_for_others(self) -> None:
        gateway = Gateway()
        contacts = ", ".join(f"<sip:x@10.0.0.{2 + n % 200}:{2000 + n}>" for n in range(255))
        gateway.out(request("OPTIONS", f"Contact: {contacts}"))
        assert others(gateway) == []

    def test_what_one_host_can_have_is_limited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bindings, "MAX_PORTS_PER_HOST", 100)
        gateway = Gateway()
        fates: Counter[str] = Counter()
        for first in range(2000, 4000, 20):
            contacts = ", ".join(f"<sip:10.0.0.10:{port}>" for port in range(first, first + 20))
            fates[gateway.out(request("OPTIONS", f"Contact: {contacts}", call_id=f"{first}")).reason] += 1
        assert fates == {"": 4, "sip: host-over-quota": 96}
        assert len(gateway.bindings()) <= 100
        assert gateway.out(b"something", "10.0.0.11:4000", STRANGER).fate == Fate.FORWARDED
        gateway.wait(400)
        gateway.wait(400)
        assert gateway.out(request("OPTIONS")).fate == Fate.FORWARDED


class TestBytesThatAreNotSip:
    """A datagram that is none of the protocol must not blind the gateway for a flow, unless it is the phone's own."""

    GARBAGE = b"GET / HTTP/1.1\r\n\r\n"
    STUN = bytes.fromhex("000100002112a442") + b"123456789012"
    OLD_STUN = bytes.fromhex("00010000") + b"1234567890123456"
    """RFC 3489 knew no magic cookie."""

    def inspected(self, gateway: Gateway) -> bool:
        """Whether the gateway still looks into what phone and peer say to each other."""
        return gateway.out(request("OPTIONS", call_id="later")).line("Contact") != "<sip:alice@10.0.0.10:5060>"

    def test_from_outside_where_a_door_is_open(self) -> None:
        """The flow is over, the registration is not: the forged packet would begin a new one."""
        gateway = registered()
        gateway.wait(400)
        assert gateway.in_(self.GARBAGE).fate == Fate.FORWARDED
        assert self.inspected(gateway)

    @pytest.mark.parametrize("first", [b"\r\n\r\n", STUN])
    def test_from_outside_before_the_phone_has_spoken(self, first: bytes) -> None:
        gateway = Gateway()
        gateway.out(first)
        assert gateway.in_(self.GARBAGE).fate == Fate.FORWARDED
        assert self.inspected(gateway)

    def test_from_outside_on_a_flow_that_speaks(self) -> None:
        gateway = registered()
        gateway.in_(self.GARBAGE)
        assert self.inspected(gateway)

    @pytest.mark.parametrize("first", [b"\r\n\r\n", b"\0\0\0\0", STUN, STUN + bytes(60)])
    def test_what_keeps_a_flow_open(self, first: bytes) -> None:
        """RFC 5626, section 4.4: a phone may begin with it."""
        gateway = Gateway()
        assert gateway.out(first).data == first
        assert self.inspected(gateway)

    @pytest.mark.parametrize("first", [GARBAGE, OLD_STUN])
    def test_from_the_phone_itself(self, first: bytes) -> None:
        gateway = Gateway()
        gateway.out(first)
        assert not self.inspected(gateway)

    def test_from_the_phone_once_it_has_spoken(self) -> None:
        gateway = registered()
        gateway.out(self.GARBAGE)
        assert self.inspected(gateway)


class TestOtherHosts:
    """An answer that names an inside host makes the phone send there; and tells it who is there."""

    def test_a_name_made_for_other_traffic_is_left(self) -> None:
        gateway = Gateway()
        gateway.out(b"a question", "10.0.0.11:7777", "192.0.2.1:53")
        gateway.out(request(body=sdp()))
        received = gateway.in_(answer(200, body=sdp(GLOBAL, 7777)))
        assert received.lines("c") == ["IN IP4 203.0.113.1"]
        assert received.lines("m") == ["audio 7777 RTP/AVP 0"]

    def test_one_that_is_announced_is_translated(self) -> None:
        """Two phones call each other through a proxy outside."""
        gateway = Gateway()
        other = gateway.out(request(host="10.0.0.11", call_id="two", body=sdp("10.0.0.11", 4100)), OTHER_PHONE)
        gateway.out(request(body=sdp()))
        received = gateway.in_(answer(200, body=sdp(GLOBAL, int(other.line("m").split()[1]))))
        assert received.lines("c") == ["IN IP4 10.0.0.11"]
        assert received.lines("m") == ["audio 4100 RTP/AVP 0"]

    def test_a_static_one_is_translated(self) -> None:
        gateway = Gateway(OVERLOAD + "ip nat inside source static 10.0.0.11 203.0.113.100\n")
        gateway.out(request(body=sdp()))
        received = gateway.in_(answer(200, body=sdp("203.0.113.100", 4100)))
        assert received.lines("c") == ["IN IP4 10.0.0.11"]
        assert received.lines("m") == ["audio 4100 RTP/AVP 0"]

    def test_a_call_that_is_over_is_no_way_to_the_next_owner_of_its_port(self) -> None:
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(request("ACK"))
        gateway.in_(incoming("BYE", call_id="one"))
        gateway.wait(7)
        assert gateway.out(b"a question", "10.0.0.11:4000", "192.0.2.1:53").source == GLOBAL + ":4000"
        update = incoming("UPDATE", call_id="one", body=sdp("192.0.2.66", 9000)).replace(
            b"To: <sip:alice@203.0.113.1>", b"To: <sip:alice@203.0.113.1>;tag=a"
        )
        gateway.in_(update)
        assert gateway.media_doors() == []
        assert gateway.in_(RTP, "192.0.2.66:1234", GLOBAL + ":4000").reason == "no-session-or-door"


class TestDoorsOfOthers:
    @pytest.mark.parametrize("method", ["BYE", "CANCEL", "INVITE"])
    @pytest.mark.parametrize("blank", [" ", "\t", "\r\n "])
    def test_a_call_id_that_is_the_name_of_a_signalling_door(self, method: str, blank: str) -> None:
        """Who has that name for a call would end the registration of the phone with it."""
        gateway = registered()
        before = gateway.signalling_doors()
        name = blank.join(["signalling", "udp", "10.0.0.10:5060", "from", "any"])
        assert gateway.in_(incoming(method, call_id=name), STRANGER).reason == "sip: call-id"
        gateway.wait(7)
        assert gateway.signalling_doors() == before
        assert gateway.in_(incoming("OPTIONS"), STRANGER).target == PHONE

    @pytest.mark.parametrize(
        "message",
        [
            answer(200, "Expires: 0", call_id="r", method="REGISTER"),
            answer(200, call_id="r", method="REGISTER").replace(
                b"bob@198.51.100.20:5060>", b"a@203.0.113.1>;expires=0"
            ),
            incoming("REGISTER", "Expires: 0", call_id="r"),
            incoming("BYE", call_id="r"),
            incoming("CANCEL", call_id="r"),
        ],
        ids=["answer", "contact", "REGISTER", "BYE", "CANCEL"],
    )
    def test_a_registration_is_not_ended_by_who_knows_its_call_id(self, message: bytes) -> None:
        gateway = registered()
        for sent in (incoming(call_id="r"), message):
            assert gateway.in_(sent, STRANGER).fate == Fate.FORWARDED
        gateway.wait(300)
        assert gateway.in_(incoming("OPTIONS"), STRANGER).target == PHONE

    def test_nor_prolonged(self) -> None:
        gateway = registered(expires=60)
        gateway.in_(answer(200, "Expires: 3600", call_id="r", method="REGISTER"), STRANGER)
        gateway.in_(incoming("REGISTER", "Expires: 3600", call_id="r"), STRANGER)
        gateway.in_(answer(200, "Expires: 3600", call_id="r", method="REGISTER"), STRANGER)
        gateway.wait(62)
        assert gateway.signalling_doors() == []

    def test_nor_by_another_phone_of_the_same_user(self) -> None:
        """Both share an address outside; the registrar lists both (RFC 3261, section 10.3)."""
        gateway = registered()
        name = gateway.out(request("REGISTER", host="10.0.0.11", call_id="o"), OTHER_PHONE).source
        both = f"Contact: <sip:alice@{name}>;expires=3000, <sip:alice@{GLOBAL}:5060>;expires=60"
        gateway.out(request("REGISTER", call_id="r"))
        gateway.in_(answer(200, both, call_id="r", method="REGISTER"))
        gateway.wait(50)
        assert gateway.in_(incoming("OPTIONS"), STRANGER).target == PHONE
        gateway.wait(12)
        assert "10.0.0.10:5060" not in " ".join(gateway.signalling_doors())


class TestForgedSource:
    def test_a_request_in_another_phones_name(self) -> None:
        gateway = registered()
        assert gateway.in_(incoming("OPTIONS"), OTHER_PHONE).reason == "spoofed-source"
        assert gateway.in_(incoming("OPTIONS"), STRANGER).fate == Fate.FORWARDED


class TestFloods:
    """Every Call-ID that a stranger invents is remembered for a while."""

    def test_strangers_leave_room_for_the_phone(self) -> None:
        gateway = registered(FEW)
        before = [gateway.in_(incoming(call_id=f"in{n}"), f"192.0.2.{n + 1}:5060").reason for n in range(20)]
        assert before == [""] * 5 + ["sip: too-many-calls"] * 15
        assert len(gateway.sip.calls) == 6
        outbound = [gateway.out(request(call_id=f"out{n}", body=sdp(port=5000 + 2 * n))).reason for n in range(20)]
        assert outbound == [""] * 14 + ["sip: too-many-calls"] * 6
        assert len(gateway.sip.calls) == 20

    def test_calls_that_are_known_go_on(self) -> None:
        gateway = registered(FEW)
        gateway.out(request(body=sdp()))
        for number in range(20):
            gateway.in_(incoming("OPTIONS", call_id=f"in{number}"), STRANGER)
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(request("ACK"))
        assert gateway.in_(RTP, MEDIA, GLOBAL + ":4000").target == "10.0.0.10:4000"
        assert gateway.in_(incoming("BYE", call_id="one")).fate == Fate.FORWARDED

    def test_other_hosts_have_numbers_of_their_own(self) -> None:
        gateway = registered(FEW)
        for number in range(30):
            gateway.out(request("OPTIONS", call_id=f"out{number}"))
        assert gateway.out(request(host="10.0.0.11"), OTHER_PHONE).fate == Fate.FORWARDED
        assert gateway.out(request(call_id="one-more")).reason == "sip: too-many-calls"

    def test_a_refused_message_leaves_nothing(self) -> None:
        gateway = registered(FEW)
        for number in range(5):
            gateway.in_(incoming(call_id=f"in{number}"), STRANGER)
        before = gateway.bindings(), gateway.media_doors(), gateway.signalling_doors()
        gateway.in_(incoming(call_id="over", body=ANSWER), STRANGER)
        assert (gateway.bindings(), gateway.media_doors(), gateway.signalling_doors()) == before

    @pytest.mark.parametrize("status", [183, 200])
    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "SUBSCRIBE"])
    def test_answers_to_what_nobody_asked_take_no_room_for_long(self, status: int, method: str) -> None:
        """Believed, a 200 to an INVITE would be a call of twelve hours, one to a REGISTER last a day."""
        gateway = registered(FEW)
        for number in range(5):
            stray = answer(status, "Expires: 86400", call_id=f"x{number}", method=method, body=ANSWER)
            assert gateway.in_(stray, STRANGER).fate == Fate.FORWARDED
        assert gateway.in_(incoming(call_id="real")).reason == "sip: too-many-calls"
        gateway.wait(34)
        assert len(gateway.sip.calls) == 1
        assert gateway.in_(incoming(call_id="real")).fate == Fate.FORWARDED

    def test_room_comes_back_with_time(self) -> None:
        gateway = registered(FEW)
        for method in ("OPTIONS", "INVITE"):
            for number in range(9):
                gateway.in_(incoming(method, call_id=f"{method}{number}"), STRANGER)
            assert len(gateway.sip.calls) == 6
            gateway.wait(200)
            assert len(gateway.sip.calls) == 1


class TestLifetimes:
    """A registrar or subscriber that asks for decades gets a day, and may ask again."""

    @pytest.mark.parametrize("asked", ["999999999", "86401"])
    def test_of_a_registration(self, asked: str) -> None:
        gateway = registered(expires=int(asked))
        gateway.wait(DAY - 10)
        assert gateway.in_(incoming("OPTIONS"), STRANGER).target == PHONE
        gateway.wait(60)
        assert gateway.signalling_doors() == []
        assert list(gateway.sip.calls) == []

    def test_of_a_contact(self) -> None:
        header = "Contact: <sip:alice@203.0.113.1:5060>;expires=999999999"
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(answer(200, header, method="REGISTER"))
        gateway.wait(DAY + 10)
        assert gateway.signalling_doors() == []

    def test_of_a_subscription_from_outside(self) -> None:
        gateway = registered(expires=60)
        received = gateway.in_(incoming("SUBSCRIBE", "Expires: 999999999", call_id="s"))
        gateway.out(echoed(received, 200, "Expires: 999999999"))
        gateway.wait(DAY - 10)
        assert len(gateway.sip.calls) == 1
        gateway.wait(60)
        assert (list(gateway.sip.calls), gateway.signalling_doors()) == ([], [])


class TestStrangersInACall:
    """A stranger who has learned a Call-ID, and even the tags, but is not asked for media."""

    @pytest.mark.parametrize("method", ["OPTIONS", "INFO", "MESSAGE", "NOTIFY"])
    def test_an_answer_to_a_question_announces_nothing(self, method: str) -> None:
        """Phones describe their media in the answer to OPTIONS (RFC 3261, section 11.2)."""
        gateway = registered()
        received = gateway.in_(incoming(method), STRANGER)
        response = echoed(received, 200, "Content-Type: application/sdp")
        gateway.out(response.replace(b"Content-Length: 0", b"Content-Length: 87") + sdp_bytes(), PHONE, STRANGER)
        assert gateway.media_doors() == []
        assert gateway.in_(RTP, "192.0.2.66:6000", GLOBAL + ":4000").fate == Fate.DROPPED

    @pytest.mark.parametrize("method", ["INFO", "OPTIONS", "REFER"])
    def test_a_question_moves_no_door(self, method: str) -> None:
        gateway = registered()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=ANSWER))
        before = gateway.media_doors()
        gateway.in_(incoming(method, call_id="one", body=sdp("192.0.2.66", 9000)), STRANGER)
        assert gateway.media_doors() == before

    def test_answers_are_believed_of_whom_was_asked(self) -> None:
        """By the contact door anyone may send; with the right Call-ID and CSeq, too."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=sdp("192.0.2.66", 7000)).replace(b"tag=b", b"tag=x"), STRANGER)
        assert gateway.notes("unexpected-answer") == 1
        assert all("192.0.2.66" not in door for door in gateway.media_doors())
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        assert any("198.51.100.99" in door for door in gateway.media_doors())


def sdp_bytes() -> bytes:
    """The phone's description as it stands in a body."""
    return request(body=sdp()).partition(b"\r\n\r\n")[2]
