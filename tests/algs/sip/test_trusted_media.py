"""An exchange or proxy inside, which the operator lets announce others: `ip nat service sip trusted-media ACL`.

exchange 10.0.0.10 (trusted)      gateway 203.0.113.1      peer 198.51.100.20, its media come from 198.51.100.99
its phone 10.0.0.11
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorman.algs.sip.calls import State
from doorman.config.reader import read_config
from doorman.dataplanes.report import registration_entry
from doorman.engine.results import Fate
from doorman.engine.snapshot import restore
from doorman.nat.bindings import MAX_PORTS_PER_HOST
from doorman.net.addresses import address_text
from doorman.net.packet import UDP
from kit.dialogs import ANSWER, EAR, MEDIA, RTP, hears, numbered, reply, within, within_inbound
from kit.packets import endpoint
from kit.saved import everything
from kit.sip import (
    GLOBAL,
    OTHER_PHONE,
    OVERLOAD,
    PEER,
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
from kit.strategies import messages

TRUST = "ip nat service sip trusted-media 7\n"
TRUSTED = TRUST + "access-list 7 permit host 10.0.0.10\n"
THIRD_EAR = "10.0.0.11:4000"
THIRD_SDP = sdp("10.0.0.11", 4000)


def exchange(config: str = OVERLOAD + TRUSTED) -> Gateway:
    """A gateway with an exchange that has registered with the peer."""
    gateway = Gateway(config)
    gateway.out(request("REGISTER", call_id="r"))
    return gateway


def answered(description: str = THIRD_SDP) -> Gateway:
    """A call of the peer, which the exchange answers with this description."""
    gateway = exchange()
    accepted = gateway.out(reply(gateway.in_(incoming(call_id="one", body=ANSWER)), 200, body=description))
    assert accepted.fate == Fate.FORWARDED
    return gateway


def leads_to(gateway: Gateway) -> set[str]:
    """Where the doors of media lead to."""
    return {door.rpartition(">")[2] for door in gateway.media_doors()}


def ours(gateway: Gateway, local: str) -> str:
    """The name of an inside endpoint."""
    return next(binding.partition(">")[2] for binding in gateway.bindings() if binding.startswith(local + ">"))


class TestMedia:
    """The exchange announces where its phone receives: media do not go by the exchange."""

    def test_of_an_incoming_call(self) -> None:
        gateway = answered()
        assert leads_to(gateway) == {THIRD_EAR, "10.0.0.11:4001"}
        name = ours(gateway, THIRD_EAR)
        assert hears(gateway, MEDIA, name) == THIRD_EAR
        assert hears(gateway, STRANGER, name) == "no-session-or-door"
        assert gateway.out(RTP, THIRD_EAR, MEDIA).source == name
        gateway.in_(within_inbound("BYE", 2))
        gateway.wait(6)
        assert gateway.media_doors() == []
        assert hears(gateway, MEDIA, name) == "no-translation"

    def test_of_an_outgoing_call(self) -> None:
        gateway = exchange()
        sent = gateway.out(request(body=THIRD_SDP))
        assert (sent.lines("c"), sent.lines("m")) == ([f"IN IP4 {GLOBAL}"], ["audio 4000 RTP/AVP 0"])
        assert sent.lines("o") == [f"- 1 1 IN IP4 {GLOBAL}"]
        gateway.in_(answer(200, body=ANSWER))
        assert hears(gateway, MEDIA, f"{GLOBAL}:4000") == THIRD_EAR

    def test_of_a_call_that_is_handed_over(self) -> None:
        """The SBC outside calls an inside phone, which transfers to another: re-INVITE with that one's description."""
        gateway = answered(sdp())
        assert hears(gateway) == EAR
        gateway.out(within("INVITE", 2, body=THIRD_SDP))
        gateway.in_(numbered(answer(200, body=ANSWER), 2))
        gateway.out(within("ACK", 2))
        gateway.wait(6)
        assert leads_to(gateway) == {THIRD_EAR, "10.0.0.11:4001"}
        assert hears(gateway, MEDIA, ours(gateway, THIRD_EAR)) == THIRD_EAR
        assert hears(gateway) == "no-translation"

    def test_of_two_phones_in_one_call(self) -> None:
        """The call's voice at one, its video at another."""
        two = sdp() + "\nm=video 4002 RTP/AVP 31\nc=IN IP4 10.0.0.11"
        assert leads_to(answered(two)) == {"10.0.0.10:4000", "10.0.0.10:4001", "10.0.0.11:4002", "10.0.0.11:4003"}

    def test_with_names_of_their_own(self) -> None:
        gateway = exchange(POOL + TRUSTED)
        sent = gateway.out(request(body=THIRD_SDP))
        assert sent.line("Contact") == "<sip:alice@203.0.113.10:5060>"
        assert sent.lines("c") == ["IN IP4 203.0.113.11"]

    def test_what_the_exchange_mentions_opens_nothing(self) -> None:
        gateway = exchange()
        before = gateway.doors
        fragment = request("INVITE", host="10.0.0.11", body=THIRD_SDP)
        sent = gateway.out(sip("NOTIFY sip:bob@198.51.100.20 SIP/2.0", "Call-ID: n", "CSeq: 1 NOTIFY",
                               "Content-Type: message/sip", body=fragment))  # fmt: skip
        assert sent.fate == Fate.FORWARDED
        assert gateway.doors == before
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())


class TestRedirection:
    """Forwarded to another inside host: the exchange answers 302 with its phone as Contact."""

    def test_the_phone_is_called(self) -> None:
        gateway = exchange()
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        moved = reply(received, 302).replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:carol@10.0.0.11>")
        name = gateway.out(moved).line("Contact").partition("@")[2].rstrip(">")
        call = numbered(incoming(call_id="one", body=ANSWER), 2).replace(f"{GLOBAL}:5060".encode(), name.encode())
        received = gateway.in_(call, target=name)
        assert (received.target, received.text.split()[1]) == (OTHER_PHONE, "sip:alice@10.0.0.11")
        gateway.out(reply(received, 200, body=THIRD_SDP).replace(b"alice@10.0.0.10", b"carol@10.0.0.11"), OTHER_PHONE)
        assert hears(gateway, MEDIA, ours(gateway, THIRD_EAR)) == THIRD_EAR
        assert (gateway.call("one").state, gateway.call("one", "10.0.0.11").state) == (State.ENDED, State.CONFIRMED)

    def test_nobody_calls(self) -> None:
        gateway = exchange()
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        gateway.out(reply(received, 302).replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:carol@10.0.0.11>"))
        assert f"contact any>{ours(gateway, OTHER_PHONE)}>{OTHER_PHONE}" in gateway.signalling_doors()
        gateway.wait(34)
        assert not any(OTHER_PHONE in door for door in gateway.signalling_doors())
        gateway.wait(400)
        gateway.wait(400)
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())


class TestProxy:
    """A proxy inside: its phone's own Contact, perhaps without a Record-Route."""

    def accepted(self, gateway: Gateway, *more: str) -> Passage:
        """The phone's 200, as the proxy passes it on."""
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        accepted = reply(received, 200, *more, body=THIRD_SDP)
        return gateway.out(accepted.replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:carol@10.0.0.11:5060>"))

    def within(self, method: str, cseq: int, name: str) -> bytes:
        """A request of the peer straight to the phone."""
        message = within_inbound(method, cseq)
        return message.replace(b"alice@203.0.113.1:5060", b"carol@" + name.encode())

    def test_the_dialog_goes_on_without_it(self) -> None:
        gateway = exchange()
        name = self.accepted(gateway).line("Contact").partition("@")[2].rstrip(">")
        assert gateway.in_(self.within("ACK", 1, name), target=name).target == OTHER_PHONE
        assert hears(gateway, MEDIA, ours(gateway, THIRD_EAR)) == THIRD_EAR
        assert gateway.call("one").state == State.CONFIRMED
        received = gateway.in_(self.within("BYE", 2, name), target=name)
        assert received.text.startswith("BYE sip:carol@10.0.0.11:5060 SIP/2.0\r\n")
        assert received.outcome is not None
        assert received.outcome.owner is not None
        assert address_text(received.outcome.owner.party) == "10.0.0.10", "one call, and one ladder"
        assert gateway.call("one").state == State.ENDED
        assert gateway.out(reply(received, 200), OTHER_PHONE).target == PEER
        gateway.in_(self.within("BYE", 2, name), target=name)
        assert [call.owner.name for call in gateway.sip.calls] == [b"r", b"one"], "sent again, it begins nothing"
        gateway.wait(6)
        assert gateway.media_doors() == []
        gateway.wait(34)
        assert [call.owner.name for call in gateway.sip.calls] == []
        assert gateway.signalling_doors() == []

    def test_also_after_a_restart(self) -> None:
        before = exchange()
        name = self.accepted(before).line("Contact").partition("@")[2].rstrip(">")
        gateway = Gateway(OVERLOAD + TRUSTED)
        restore(gateway.engine, everything(before.engine), gateway.now)
        gateway.in_(self.within("BYE", 2, name), target=name)
        assert gateway.call("one").state == State.ENDED

    def test_a_call_of_the_phone_itself_is_another(self) -> None:
        """Two hosts with one Call-ID have two calls, whatever the proxy names."""
        gateway = exchange()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 5000)), OTHER_PHONE)
        self.accepted(gateway)
        gateway.out(request("BYE", host="10.0.0.11"), OTHER_PHONE)
        assert gateway.call("one").state == State.CONFIRMED
        assert gateway.call("one", "10.0.0.11").state == State.ENDED

    def test_so_is_one_that_the_peer_forks_to_it(self) -> None:
        """The peer knows both and calls both."""
        gateway = exchange()
        gateway.out(request("REGISTER", host="10.0.0.11", call_id="r2"), OTHER_PHONE)
        name = self.accepted(gateway).line("Contact").partition("@")[2].rstrip(">")
        gateway.in_(incoming(call_id="one", body=ANSWER).replace(b"alice@203.0.113.1:5060", name.encode()), target=name)
        assert gateway.call("one", "10.0.0.11").state == State.TRYING
        assert gateway.call("one").state == State.CONFIRMED

    def test_by_route(self) -> None:
        """With a Record-Route, requests come to the proxy and name the phone in their first line."""
        gateway = exchange()
        sent = self.accepted(gateway, "Record-Route: <sip:10.0.0.10;lr>")
        name = sent.line("Contact").partition("@")[2].rstrip(">")
        assert sent.line("Record-Route") == f"<sip:{GLOBAL};lr>"
        learned, received = gateway.learned(
            self.within("BYE", 2, OTHER_PHONE).replace(
                b"Content-Length", b"Route: <sip:10.0.0.10;lr>\r\nContent-Length"
            )
        )
        assert learned.startswith(f"BYE sip:carol@{name} SIP/2.0\r\n".encode()), "what replay says the peer has sent"
        assert received.text.startswith(f"BYE sip:carol@{OTHER_PHONE} SIP/2.0\r\n")
        assert (received.target, received.line("Route")) == (PHONE, "<sip:10.0.0.10;lr>")

    @pytest.mark.parametrize(
        ("header", "role"),
        [("Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK1", "via"), ("m: <sip:carol@10.0.0.11>", "contact"),
         ("Record-Route: <sip:10.0.0.11;lr>", "record-route")],
    )  # fmt: skip
    def test_each_header_that_says_where(self, header: str, role: str) -> None:
        for config, named in ((OVERLOAD + TRUSTED, True), (OVERLOAD, False)):
            gateway = Gateway(config)
            sent = gateway.out(sip("OPTIONS sip:bob@198.51.100.20 SIP/2.0", header, "Call-ID: o", "CSeq: 1 OPTIONS"))
            assert ("10.0.0.11" not in sent.text) == named
            assert [door.split()[0] for door in gateway.signalling_doors() if "10.0.0.11" in door] == [role] * named
            assert gateway.notes("third-party-address") == (not named)

    def test_other_headers_name_nobody(self) -> None:
        """No name is given out where nobody is to be let in: an identity, a list of routes, a state of a phone."""
        gateway = exchange()
        headers = ["Call-ID: o", "CSeq: 1 OPTIONS", "Via: SIP/2.0/UDP 10.0.0.10", "Via: SIP/2.0/UDP 10.0.0.11"]
        headers += ["Route: <sip:10.0.0.12:5060>", "P-Asserted-Identity: <sip:c@10.0.0.13:5060>"]
        gateway.out(sip("OPTIONS sip:bob@198.51.100.20 SIP/2.0", *headers))
        assert {binding.partition(":")[0] for binding in gateway.bindings()} == {"10.0.0.10"}


class TestRegistrations:
    """A third party registers: the Contact is another host than the one the REGISTER comes from."""

    def register(self, *more: str) -> bytes:
        return request("REGISTER", *more, call_id="third").replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:c@10.0.0.11>")

    def test_by_a_trusted_exchange(self) -> None:
        gateway = Gateway(OVERLOAD + TRUSTED)
        carol = self.register().replace(b"To: <sip:alice@", b"To: <sip:carol@")
        name = gateway.out(carol).line("Contact").partition("@")[2].rstrip(">")
        gateway.in_(answer(200, f"Contact: <sip:c@{name}>;expires=600", call_id="third", method="REGISTER"))
        [registration] = map(registration_entry, gateway.sip.calls)
        assert (registration["user"], registration["inside_party"]) == ("carol", "10.0.0.10")
        gateway.wait(590)
        received = gateway.in_(incoming(call_id="x").replace(f"{GLOBAL}:5060".encode(), name.encode()), STRANGER, name)
        assert received.target == OTHER_PHONE
        assert received.text.startswith("INVITE sip:alice@10.0.0.11 SIP/2.0\r\n")
        gateway.wait(12)
        assert not any("contact any" in door for door in gateway.signalling_doors()), "as long as the 2xx says"

    def test_and_taken_back(self) -> None:
        gateway = Gateway(OVERLOAD + TRUSTED)
        gateway.out(self.register())
        gateway.in_(answer(200, "Expires: 600", call_id="third", method="REGISTER"))
        gateway.out(numbered(self.register("Expires: 0"), 2))
        gateway.in_(numbered(answer(200, call_id="third", method="REGISTER"), 2))
        gateway.wait(40)
        assert gateway.signalling_doors() == []

    def test_of_a_phone_that_nobody_allowed_it_for(self) -> None:
        gateway = Gateway()
        sent = gateway.out(self.register())
        gateway.in_(answer(200, "Expires: 600", call_id="third", method="REGISTER"))
        assert (sent.fate, sent.line("Contact")) == (Fate.FORWARDED, "<sip:c@10.0.0.11>")
        assert gateway.notes("third-party-address") == 1
        assert not any("10.0.0.11" in door for door in gateway.signalling_doors())
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())

    def test_only_the_user_is_another(self) -> None:
        """RFC 3261, section 10.2: From says who registers, To for whom; the Contact is the sender's own."""
        gateway = Gateway()
        to = b"To: <sip:carol@10.0.0.11>"
        sent = gateway.out(request("REGISTER").replace(b"To: <sip:alice@198.51.100.20>", to))
        assert (sent.line("Contact"), sent.line("To")) == (f"<sip:alice@{GLOBAL}:5060>", "<sip:carol@10.0.0.11>")
        assert f"contact any>{GLOBAL}:5060>{PHONE}" in gateway.signalling_doors()

    def test_twenty_phones_of_one_exchange(self) -> None:
        gateway = Gateway(OVERLOAD + TRUSTED)
        for number in range(20):
            contact = f"10.0.0.{50 + number}".encode()
            gateway.out(self.register().replace(b"10.0.0.11", contact).replace(b"third", b"r%d" % number))
        assert len([door for door in gateway.signalling_doors() if door.startswith("contact")]) == 20
        assert gateway.notes("third-party-address") == 0


class TestWhoMayAnnounceWhom:
    """A host that is not named opens no door for another; one that is, only for inside hosts that are translated."""

    def test_only_who_is_on_the_list(self) -> None:
        gateway = Gateway(OVERLOAD + TRUST + "access-list 7 permit host 10.0.0.12\n")
        assert gateway.out(request(body=THIRD_SDP)).reason == "sip: third-party-address"
        sent = gateway.out(request(host="10.0.0.12", body=THIRD_SDP, call_id="t"), "10.0.0.12:5060")
        assert sent.fate == Fate.FORWARDED

    @pytest.mark.parametrize("lines", ["", "no ip nat service sip trusted-media\n"])
    def test_nobody_unless_configured(self, lines: str) -> None:
        config = OVERLOAD + (TRUSTED + lines if lines else "")
        assert Gateway(config).out(request(body=THIRD_SDP)).reason == "sip: third-party-address"

    def test_a_list_that_changes_counts_at_once(self) -> None:
        gateway = answered()
        none = OVERLOAD + TRUST + "access-list 7 deny host 10.0.0.10\n"
        gateway.engine.reconfigure(read_config(none, "test.cfg"), gateway.now)
        assert gateway.out(request(body=THIRD_SDP, call_id="t")).reason == "sip: third-party-address"
        assert hears(gateway, MEDIA, ours(gateway, THIRD_EAR)) == THIRD_EAR, "a call that is there goes on"

    def test_not_who_is_not_translated_itself(self) -> None:
        """Its messages leave as they came, so that a name for another would be told to nobody."""
        config = OVERLOAD.replace("access-list 1 permit", "access-list 1 deny host 10.0.0.10\naccess-list 1 permit")
        gateway = Gateway(config + TRUSTED)
        gateway.out(request("OPTIONS", "Record-Route: <sip:10.0.0.11;lr>", call_id="o"))
        assert gateway.out(request(body=THIRD_SDP)).reason == "sip: third-party-address"
        assert gateway.bindings() == []

    def test_never_the_gateway(self) -> None:
        gateway, host = exchange(), "10.0.0.1"
        before = gateway.bindings(), gateway.doors
        assert gateway.out(request(body=sdp(host))).reason == "sip: third-party-address"
        assert (gateway.bindings(), gateway.doors) == before
        sent = gateway.out(
            request("OPTIONS", f"Record-Route: <sip:{host};lr>", f"Refer-To: <sip:x@{host}>", call_id="o")
        )
        assert (sent.line("Record-Route"), sent.line("Refer-To")) == (f"<sip:{host};lr>", f"<sip:x@{host}>")
        assert {door.leads_to.address for door in gateway.doors} == {bytes([10, 0, 0, 10])}

    @pytest.mark.parametrize("host", ["198.51.100.7", GLOBAL, "203.0.113.77", "192.168.7.7", "10.0.0.200"])
    def test_nobody_that_is_not_translated(self, host: str) -> None:
        """Outside, one of the gateway's names, another network, an inside host that no rule translates."""
        config = OVERLOAD.replace("access-list 1 permit", "access-list 1 deny host 10.0.0.200\naccess-list 1 permit")
        gateway = exchange(config + TRUSTED)
        sent = gateway.out(request("INVITE", f"Record-Route: <sip:{host};lr>", body=sdp(host)))
        assert (sent.lines("c"), sent.line("Record-Route")) == ([f"IN IP4 {host}"], f"<sip:{host};lr>")
        assert gateway.media_doors() == []
        assert {door.leads_to.address for door in gateway.doors} == {bytes([10, 0, 0, 10])}

    @pytest.mark.parametrize("port", [22, 443, 1023])
    def test_no_port_that_is_privileged(self, port: int) -> None:
        assert exchange().out(request(body=sdp("10.0.0.11", port))).reason == "sip: port-not-allowed"

    @pytest.mark.parametrize("port", [22, 3306, 8080, 5070])
    def test_signalling_only_where_it_is_served(self, port: int) -> None:
        """Not even at the port that the exchange itself sends from."""
        gateway = Gateway(OVERLOAD + TRUSTED)
        message = request("REGISTER").replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:c@10.0.0.11:%d>" % port)
        sent = gateway.out(message, f"10.0.0.10:{port}")
        assert sent.line("Contact") == f"<sip:c@10.0.0.11:{port}>"
        assert not any("10.0.0.11" in name for name in gateway.bindings() + gateway.signalling_doors())

    def test_never_by_a_message_from_the_outside(self) -> None:
        gateway = exchange(OVERLOAD + TRUST + "access-list 7 permit any\n")
        before = gateway.bindings(), gateway.doors
        gateway.in_(incoming(body=THIRD_SDP).replace(b"<sip:bob@198.51.100.20:5060>", b"<sip:c@10.0.0.11>"), STRANGER)
        gateway.in_(incoming("REFER", "Refer-To: <sip:c@10.0.0.11>", call_id="f"))
        assert gateway.media_doors() == []
        assert gateway.bindings() == before[0]
        assert len(gateway.doors) == len(before[1])

    def test_no_more_than_the_doors_of_a_call(self) -> None:
        gateway = Gateway(OVERLOAD + TRUSTED + "ip nat service sip quota signalling-doors 4\n")
        for number in range(8):
            gateway.out(
                request("REGISTER").replace(b"<sip:alice@10.0.0.10:5060>", b"<sip:c@10.0.0.%d>" % (20 + number))
            )
        assert len(gateway.signalling_doors()) == 4
        assert len(gateway.bindings()) == 4, "nor names that would be good for nothing"

    def test_the_host_that_is_announced_has_its_quota(self) -> None:
        gateway = exchange()
        for number in range(MAX_PORTS_PER_HOST - 2):
            gateway.engine.state.bindings.bind(UDP, endpoint(f"10.0.0.11:{10_000 + number}"))
        assert gateway.out(request(body=THIRD_SDP)).fate == Fate.FORWARDED
        assert gateway.out(request(body=sdp("10.0.0.11", 5000), call_id="t")).reason == "sip: host-over-quota"


ALLOWED = {
    # who sends, by whether it is trusted: whom doors may lead to
    (PHONE, False): {"10.0.0.10"},
    (PHONE, True): {"10.0.0.10", "10.0.0.50", "10.0.0.11"},
    (OTHER_PHONE, True): {"10.0.0.11"},
}
ANY_HOST = ["10.0.0.10", "10.0.0.50", "10.0.0.11", "10.0.0.1", "198.51.100.20", "192.168.7.7", GLOBAL]


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages(ANY_HOST), min_size=1, max_size=4), st.sampled_from(sorted(ALLOWED)))
def test_doors_lead_to_whom_the_sender_may_announce(sent: list[bytes], case: tuple[str, bool]) -> None:
    """A REFER may name one other host without being trusted (seed 003); all else may not."""
    source, trusted = case
    gateway = Gateway(OVERLOAD + (TRUSTED if trusted else ""))
    for data in sent:
        gateway.out(data, source)
        gateway.in_(data, PEER, f"{GLOBAL}:{source.partition(':')[2]}")
    doors = [door for door in gateway.doors if door.role != "refer-to"]
    assert {address_text(door.leads_to.address) for door in doors} <= ALLOWED[case]
    assert "10.0.0.1" not in {address_text(door.leads_to.address) for door in gateway.doors}
    assert not any(binding.startswith("10.0.0.1:") for binding in gateway.bindings())
    assert gateway.notes("door-without-binding") == 0
