"""Forwarded calls (seed 003): both parties outside: no door; forwarded to another inside host: doors for that host.

phone 10.0.0.10      gateway 203.0.113.1      peer 198.51.100.20, tag b; its media come from 198.51.100.99
third 10.0.0.11                               another, 198.51.100.30; its media come from 198.51.100.88
"""

import pytest

from doorman.algs.sip.calls import State
from doorman.engine.results import Fate
from kit.dialogs import ANSWER, EAR, MEDIA, OURS, RTP, connected, hears, numbered, reply, tagged, within, within_inbound
from kit.sip import GLOBAL, OTHER_PHONE, PEER, PHONE, STRANGER, Gateway, Passage, answer, incoming, request, sdp, sip

ANOTHER = "198.51.100.30:5060"
ANOTHERS_MEDIA = "198.51.100.88:8000"
ANOTHERS_SDP = sdp("198.51.100.88", 8000)
THIRD_EAR = "10.0.0.11:4000"
THIRD_SDP = sdp("10.0.0.11", 4000)


def registered(*phones: str) -> Gateway:
    """A gateway whose phones have registered with the peer."""
    gateway = Gateway()
    for phone in phones or (PHONE,):
        host = phone.partition(":")[0]
        gateway.out(request("REGISTER", call_id=f"r{host}", host=host), phone)
    return gateway


def redirecting(received: Passage, contact: str) -> bytes:
    """The phone's answer to an INVITE: call somebody else."""
    return reply(received, 302).replace(b"<sip:alice@10.0.0.10:5060>", contact.encode())


def name_of(gateway: Gateway, phone: str) -> str:
    """What a phone is called outside."""
    return next(binding.partition(">")[2] for binding in gateway.bindings() if binding.startswith(phone))


def contact_in(message: Passage) -> str:
    """The endpoint in a Contact."""
    return message.line("Contact").partition("@")[2].rstrip(">")


def invite(name: str, cseq: int = 2) -> bytes:
    """The caller follows a redirection: the same call, another target (RFC 3261, section 8.1.3.4)."""
    lines = [f"Via: SIP/2.0/UDP {PEER};branch=z9hG4bK2", "From: <sip:bob@198.51.100.20>;tag=b"]
    lines += [f"To: <sip:carol@{name}>", "Call-ID: one", f"CSeq: {cseq} INVITE", "Contact: <sip:bob@198.51.100.20>"]
    return sip(f"INVITE sip:carol@{name} SIP/2.0", *lines, "Content-Type: application/sdp", body=ANSWER)


def accepted_by_third(received: Passage) -> bytes:
    """The third host answers."""
    return reply(received, 200, body=THIRD_SDP).replace(b"alice@10.0.0.10", b"carol@10.0.0.11")


class TestBothPartiesOutside:
    """Media flow between them, and need no door here."""

    def test_the_phone_redirects_the_caller(self) -> None:
        gateway = registered()
        sent = gateway.out(redirecting(gateway.in_(incoming(call_id="one", body=ANSWER)), "<sip:carol@198.51.100.30>"))
        assert sent.line("Contact") == "<sip:carol@198.51.100.30>"
        assert gateway.call("one").state == State.ENDED
        assert gateway.media_doors() == []

    def test_the_exchange_calls_the_other_one_and_stays_out_of_their_media(self) -> None:
        """Two calls, each with the description of the other's end."""
        gateway = registered()
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        offered = gateway.out(request(call_id="two", body=ANSWER), target=ANOTHER)
        assert offered.lines("c") == ["IN IP4 198.51.100.99"]
        answered = gateway.in_(answer(200, call_id="two", body=ANOTHERS_SDP), ANOTHER)
        assert answered.lines("c") == ["IN IP4 198.51.100.88"]
        gateway.out(request("ACK", call_id="two"), target=ANOTHER)
        accepted = gateway.out(reply(received, 200, body=ANOTHERS_SDP))
        assert (accepted.lines("c"), accepted.lines("m")) == (["IN IP4 198.51.100.88"], ["audio 8000 RTP/AVP 0"])
        assert gateway.media_doors() == []
        assert {gateway.call(name).state for name in ("one", "two")} == {State.CONFIRMED}
        assert not any(":4000" in binding for binding in gateway.bindings())

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_a_call_is_handed_over_to_another_outside(self, method: str) -> None:
        """The SBC outside calls an inside phone, which transfers to a trunk outside; the exchange says so."""
        gateway = registered()
        gateway.out(reply(gateway.in_(incoming(call_id="one", body=ANSWER)), 200, body=sdp()))
        assert hears(gateway) == EAR
        gateway.out(within(method, 2, body=ANOTHERS_SDP))
        gateway.in_(numbered(answer(200, method=method, body=ANSWER), 2))
        gateway.wait(6)
        assert gateway.media_doors() == []
        assert hears(gateway) == "no-translation"
        assert gateway.call("one").state == State.CONFIRMED


class TestAnOutgoingCallThatTheOutsideForwards:
    def test_to_another_server(self) -> None:
        """A redirection that the phone follows: the gate is for the one it calls now."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        moved = answer(302).replace(b"<sip:bob@198.51.100.20:5060>", b"<sip:carol@198.51.100.30>")
        assert gateway.in_(moved).line("Contact") == "<sip:carol@198.51.100.30>"
        gateway.out(request("ACK"))
        gateway.out(numbered(request(body=sdp()), 2), target=ANOTHER)
        assert hears(gateway, MEDIA) == "no-session-or-door"
        gateway.in_(numbered(tagged(answer(200, body=ANOTHERS_SDP), "c"), 2), ANOTHER)
        gateway.wait(6)
        assert hears(gateway, ANOTHERS_MEDIA) == EAR
        assert hears(gateway, MEDIA) == "no-session-or-door"

    def test_by_its_proxy(self) -> None:
        """181, and then somebody else answers, from elsewhere than who rang."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(183, body=ANSWER))
        gateway.in_(answer(181))
        gateway.in_(tagged(answer(200, body=ANOTHERS_SDP), "c"))
        assert hears(gateway, ANOTHERS_MEDIA) == EAR
        assert hears(gateway, MEDIA) == "no-session-or-door"

    def test_back_to_another_inside_host(self) -> None:
        """The outside knows it by its name, the phone by its own address: they talk directly."""
        gateway = registered(PHONE, OTHER_PHONE)
        name = name_of(gateway, OTHER_PHONE)
        gateway.out(request(body=sdp()))
        moved = answer(302).replace(b"<sip:bob@198.51.100.20:5060>", f"<sip:carol@{name}>".encode())
        received = gateway.in_(moved)
        assert (received.target, received.line("Contact")) == (PHONE, f"<sip:carol@{OTHER_PHONE}>")
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_from_inside_to_inside_through_a_server_outside(self) -> None:
        """Each gets the other's inside address, since their doors are open; the media need not leave the network."""
        gateway = registered(PHONE, OTHER_PHONE)
        name = name_of(gateway, OTHER_PHONE)
        offer = gateway.out(request(body=sdp())).data.partition(b"\r\n\r\n")[2]
        call = incoming(call_id="leg", body=offer).replace(GLOBAL.encode() + b":5060", name.encode())
        received = gateway.in_(call, target=name)
        assert (received.target, received.lines("c"), received.lines("m")) == (
            OTHER_PHONE, ["IN IP4 10.0.0.10"], ["audio 4000 RTP/AVP 0"],
        )  # fmt: skip
        accepted = gateway.out(accepted_by_third(received), OTHER_PHONE)
        media = accepted.line("m").split()[1]
        back = gateway.in_(answer(200, body=accepted.data.partition(b"\r\n\r\n")[2]))
        assert (back.lines("c"), back.lines("m")) == (["IN IP4 10.0.0.11"], ["audio 4000 RTP/AVP 0"])
        through = gateway.out(RTP, EAR, f"{GLOBAL}:{media}")
        assert (through.source, through.target) == (OURS, THIRD_EAR), "and if they do all the same, they arrive"


class TestForwardedToAnotherInsideHost:
    """The one who is called answers 302 with that host as Contact."""

    def test_a_registered_one_is_called_by_its_binding(self) -> None:
        gateway = registered(PHONE, OTHER_PHONE)
        received = gateway.in_(incoming(call_id="one", body=ANSWER), target=name_of(gateway, PHONE))
        sent = gateway.out(redirecting(received, f"<sip:carol@{OTHER_PHONE}>"))
        name = contact_in(sent)
        assert name == name_of(gateway, OTHER_PHONE)
        self.is_called(gateway, name)

    def test_no_door_for_one_that_has_no_name(self) -> None:
        """Without `trusted-media`: nobody but a host itself, or a REFER, opens a door to it."""
        gateway = registered()
        before = gateway.bindings(), gateway.signalling_doors()
        sent = gateway.out(redirecting(gateway.in_(incoming(call_id="one", body=ANSWER)), f"<sip:carol@{OTHER_PHONE}>"))
        assert sent.fate == Fate.FORWARDED
        assert contact_in(sent) == OTHER_PHONE
        assert gateway.notes("third-party-address") == 1
        assert (gateway.bindings(), gateway.signalling_doors(), gateway.media_doors()) == (*before, [])

    def test_nor_for_its_media(self) -> None:
        gateway = registered()
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        sent = gateway.out(reply(received, 200, body=THIRD_SDP))
        assert (sent.fate, sent.reason) == (Fate.DROPPED, "sip: third-party-address")
        assert gateway.media_doors() == []

    def test_nor_when_the_call_is_changed(self) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        assert gateway.out(within("INVITE", 2, body=THIRD_SDP)).reason == "sip: third-party-address"
        received = gateway.in_(within_inbound("INVITE", 2, body=ANSWER))
        assert gateway.out(reply(received, 200, body=THIRD_SDP)).reason == "sip: third-party-address"
        assert hears(gateway) == EAR
        assert not any("10.0.0.11" in binding for binding in gateway.bindings())

    def is_called(self, gateway: Gateway, name: str) -> None:
        """The caller follows, and the third host has doors of its own until the call ends."""
        received = gateway.in_(invite(name), PEER, name)
        assert received.target == OTHER_PHONE
        sent = gateway.out(accepted_by_third(received), OTHER_PHONE)
        assert sent.lines("c") == [f"IN IP4 {GLOBAL}"]
        assert {door.rpartition(">")[2] for door in gateway.media_doors()} == {THIRD_EAR, "10.0.0.11:4001"}
        ours = f"{GLOBAL}:{sent.line('m').split()[1]}"
        assert hears(gateway, MEDIA, ours) == THIRD_EAR
        assert hears(gateway, STRANGER, ours) == "no-session-or-door"
        assert gateway.out(RTP, THIRD_EAR, MEDIA).source == ours
        gateway.in_(invite(name, 3).replace(b"INVITE", b"BYE").replace(b">\r\nCall", b">;tag=a\r\nCall"), PEER, name)
        gateway.wait(6)
        assert gateway.media_doors() == []
        assert hears(gateway, MEDIA, ours) == "no-translation"
