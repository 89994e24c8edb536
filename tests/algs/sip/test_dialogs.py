"""Dialogs as they run in the field: tried again, held, changed on both sides at once, and overtaken by late copies.

phone 10.0.0.10, tag a      gateway 203.0.113.1      peer 198.51.100.20, tag b; its media come from 198.51.100.99
"""

import re

import pytest

from doorman.algs.sip.calls import State
from doorman.engine.results import Fate
from kit.dialogs import (
    ANSWER,
    EAR,
    MEDIA,
    OURS,
    changed,
    connected,
    hears,
    numbered,
    reply,
    speaks,
    tagged,
    within,
    within_inbound,
)
from kit.sip import GLOBAL, PHONE, STRANGER, Gateway, answer, incoming, request, sdp


class TestTriedAgain:
    """A refusal belongs to the try it refuses (RFC 3261, section 17.1.1.3)."""

    @pytest.mark.parametrize("tag", ["b", "z"])
    def test_a_late_challenge_of_the_first_try_changes_nothing(self, tag: str) -> None:
        gateway = Gateway()
        challenge = tagged(answer(401), tag)
        gateway.out(request(body=sdp()))
        gateway.in_(challenge)
        gateway.out(request("ACK"))
        gateway.out(numbered(request(body=sdp()), 2))
        gateway.in_(numbered(answer(100), 2))
        gateway.in_(challenge)
        gateway.in_(numbered(answer(180), 2))
        gateway.wait(9)
        assert gateway.call("one").state == State.EARLY
        assert len(gateway.media_doors()) == 2
        assert gateway.out(b"something", "10.0.0.11:4000", STRANGER).source != OURS
        gateway.in_(numbered(answer(200, body=ANSWER), 2))
        gateway.in_(challenge)
        gateway.wait(9)
        assert gateway.call("one").state == State.CONFIRMED
        assert hears(gateway) == EAR

    def test_two_tries_that_share_a_tag(self) -> None:
        """Some servers make the tag from the Call-ID."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(407))
        gateway.out(numbered(request(body=sdp()), 2))
        gateway.in_(numbered(answer(200, body=ANSWER), 2))
        gateway.wait(60)
        assert gateway.call("one").state == State.CONFIRMED
        assert hears(gateway) == EAR

    def test_a_refusal_of_the_second_try_ends_the_call(self) -> None:
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(401))
        gateway.out(numbered(request(body=sdp()), 2))
        gateway.in_(numbered(answer(486), 2))
        assert gateway.call("one").state == State.ENDED
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_a_call_from_outside_that_the_phone_challenges(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        first = gateway.in_(incoming(call_id="one", body=ANSWER))
        gateway.out(reply(first, 401))
        second = gateway.in_(numbered(incoming(call_id="one", body=ANSWER), 2))
        gateway.out(reply(second, 183, body=sdp()))
        gateway.out(reply(first, 401))
        gateway.wait(9)
        assert gateway.call("one").state == State.EARLY
        assert hears(gateway) == EAR
        gateway.out(reply(second, 486))
        gateway.wait(6)
        assert gateway.call("one").state == State.ENDED
        assert hears(gateway) == "no-translation"


class TestThePhoneSpeaksFirst:
    """Its first packet shows where it sends to, not where the peer's media will come from."""

    @pytest.mark.parametrize(
        ("announced", "comes_from"),
        [
            ("192.168.7.7:6000", "198.51.100.77:7000"),  # a peer behind a NAT of its own
            ("198.51.100.99:6000", "198.51.100.99:6002"),  # one that sends from another port
            ("198.51.100.99:6000", "198.51.100.99:6000"),
        ],
    )
    def test_the_peers_media_come_in(self, announced: str, comes_from: str) -> None:
        host, _, port = announced.partition(":")
        gateway = connected(accepted=sdp(host, int(port)))
        assert speaks(gateway, announced) == OURS
        assert hears(gateway, comes_from) == EAR
        assert speaks(gateway, comes_from) == OURS
        gateway.in_(within_inbound("BYE", 1))
        gateway.wait(6)
        assert hears(gateway, comes_from) == "no-translation"

    def test_but_only_once(self) -> None:
        gateway = connected(accepted=sdp("192.168.7.7", 6000))
        speaks(gateway, "192.168.7.7:6000")
        assert hears(gateway, "198.51.100.77:7000") == EAR
        assert hears(gateway, STRANGER) == "no-session-or-door"


class TestOtherLifetimes:
    """A subscription within a call ends without the call (RFC 6665, section 4.5.2)."""

    @pytest.mark.parametrize("method", ["SUBSCRIBE", "REGISTER"])
    @pytest.mark.parametrize("seconds", [60, 0])
    def test_of_the_phone(self, method: str, seconds: int) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        gateway.out(within(method, 2, f"Expires: {seconds}"))
        gateway.in_(numbered(answer(200, f"Expires: {seconds}", method=method), 2))
        self.goes_on(gateway)

    @pytest.mark.parametrize("seconds", [60, 0])
    def test_of_the_peer(self, seconds: int) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        received = gateway.in_(within_inbound("SUBSCRIBE", 1, f"Expires: {seconds}"))
        gateway.out(reply(received, 200, f"Expires: {seconds}"))
        self.goes_on(gateway)

    def goes_on(self, gateway: Gateway) -> None:
        gateway.wait(62)
        gateway.wait(33)
        assert gateway.call("one").state == State.CONFIRMED
        assert hears(gateway) == EAR
        assert gateway.in_(within_inbound("BYE", 2), STRANGER).target == PHONE


class TestBundle:
    """One port for two media lines (RFC 9143)."""

    OFFER = sdp("10.0.0.10", 4000, "m=video 4000 RTP/AVP 96", "a=rtcp-mux")
    ACCEPTED = sdp("198.51.100.99", 6000, "m=video 6000 RTP/AVP 96")

    @pytest.mark.parametrize("gone", ["audio", "video"])
    def test_one_line_less_leaves_the_port_to_the_other(self, gone: str) -> None:
        gateway = connected(self.OFFER, self.ACCEPTED)
        assert hears(gateway) == EAR
        changed(gateway, 2, self.without(self.OFFER, gone), self.without(self.ACCEPTED, gone))
        gateway.wait(7)
        assert hears(gateway) == EAR

    def test_no_line_left_closes_it(self) -> None:
        gateway = connected(self.OFFER, self.ACCEPTED)
        assert hears(gateway) == EAR
        neither = self.without(self.without(self.OFFER, "audio"), "video")
        changed(gateway, 2, neither, self.without(self.without(self.ACCEPTED, "audio"), "video"))
        gateway.wait(7)
        assert hears(gateway) == "no-translation"
        assert gateway.media_doors() == []

    def without(self, description: str, kind: str) -> str:
        return description.replace(f"m={kind} 4000", f"m={kind} 0").replace(f"m={kind} 6000", f"m={kind} 0")


class TestHold:
    """The same description again: nothing is new but the time."""

    @pytest.mark.parametrize("phone_first", [True, False])
    def test_held_for_longer_than_a_flow_lives(self, phone_first: bool) -> None:  # noqa: FBT001 - who sends first
        gateway = connected()
        if phone_first:
            speaks(gateway)
        assert hears(gateway) == EAR
        changed(gateway, 2, sdp("10.0.0.10", 4000, "a=sendonly"), ANSWER + "\na=recvonly")
        gateway.wait(400)
        changed(gateway, 3, sdp())
        assert hears(gateway) == EAR
        assert hears(gateway, "198.51.100.99:6001", GLOBAL + ":4001") == "10.0.0.10:4001"

    def test_resumed_by_the_peer(self) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        gateway.out(reply(gateway.in_(within_inbound("INVITE", 1, body=ANSWER + "\na=sendonly")), 200, body=sdp()))
        gateway.wait(400)
        gateway.out(reply(gateway.in_(within_inbound("INVITE", 2, body=ANSWER)), 200, body=sdp()))
        assert hears(gateway) == EAR

    def test_media_that_flow_need_no_second_door(self) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        before = gateway.media_doors()
        assert [door.split()[0] for door in before] == ["rtcp"]
        changed(gateway, 2, sdp())
        assert gateway.media_doors() == before
        assert hears(gateway, "198.51.100.99:6002") == "no-session-or-door"
        assert hears(gateway) == EAR


class TestOffers:
    """An offer waits for the answer to itself (RFC 3264, section 5; RFC 3261, section 14)."""

    NEW = GLOBAL + ":5000"
    NEW_EAR = "10.0.0.10:5000"

    def moving(self) -> Gateway:
        """A call in which the phone offers another port, in its second request; nobody has answered yet."""
        gateway = connected()
        assert hears(gateway) == EAR
        gateway.out(within("INVITE", 2, body=sdp(port=5000)))
        return gateway

    def stays(self, gateway: Gateway) -> None:
        gateway.wait(7)
        assert hears(gateway) == EAR
        assert hears(gateway, MEDIA, self.NEW) == "no-translation"
        assert gateway.call("one").state == State.CONFIRMED

    def moves(self, gateway: Gateway) -> None:
        gateway.wait(7)
        assert hears(gateway, MEDIA, self.NEW) == self.NEW_EAR
        assert hears(gateway) == "no-translation"

    def test_accepted(self) -> None:
        gateway = self.moving()
        gateway.in_(numbered(answer(200, body=ANSWER), 2))
        self.moves(gateway)

    def test_refused(self) -> None:
        gateway = self.moving()
        gateway.in_(numbered(answer(488), 2))
        self.stays(gateway)

    def test_a_request_of_the_peer_with_the_same_number_is_no_answer(self) -> None:
        gateway = self.moving()
        gateway.out(reply(gateway.in_(within_inbound("OPTIONS", 2)), 200))
        gateway.in_(numbered(answer(488), 2))
        self.stays(gateway)

    def test_the_answer_to_cancel_is_not_the_answer_to_the_offer(self) -> None:
        """CANCEL has the number of what it cancels (RFC 3261, section 9.1)."""
        gateway = self.moving()
        gateway.out(numbered(request("CANCEL"), 2))
        gateway.in_(numbered(answer(200, method="CANCEL"), 2))
        gateway.in_(numbered(answer(487), 2))
        self.stays(gateway)

    def test_the_phones_refusal_of_the_peers_offer_is_not_the_peers(self) -> None:
        """Both change the call at once (RFC 3261, section 14.1); here the phone's offer wins."""
        gateway = self.moving()
        received = gateway.in_(within_inbound("INVITE", 2, body=sdp("198.51.100.99", 6600)))
        gateway.out(reply(received, 491))
        gateway.in_(numbered(answer(200, body=ANSWER), 2))
        self.moves(gateway)

    def test_refused_after_it_was_sent_again_with_something_else(self) -> None:
        """What is undone is all that this transaction changed, the newest first."""
        gateway = self.moving()
        gateway.out(within("INVITE", 2, body=sdp(port=5002)))
        gateway.in_(numbered(answer(488), 2))
        self.stays(gateway)

    def test_that_nobody_answers_are_remembered_up_to_a_bound(self) -> None:
        gateway = connected()
        for number in range(100):
            gateway.out(within("INVITE", 2 + number, body=sdp(port=4000 + 2 * (number % 2))))
        assert len(gateway.call("one").unsettled) == 64

    def test_both_refuse_each_other(self) -> None:
        gateway = self.moving()
        received = gateway.in_(within_inbound("INVITE", 2, body=sdp("198.51.100.98", 6600)))
        gateway.in_(numbered(answer(491), 2))
        gateway.out(reply(received, 491))
        self.stays(gateway)


class TestWhereMediaAreReceived:
    def test_a_peer_in_a_private_network_is_where_it_says(self) -> None:
        """It signals from there as well, so that is no NAT of its own: only it is let in."""
        gateway, peer = Gateway(), "172.16.0.9:5060"
        gateway.out(request(body=sdp()), PHONE, peer)
        gateway.in_(answer(200, body=sdp("172.16.0.9", 6000)), peer)
        assert hears(gateway, "172.16.0.9:6000") == EAR
        assert {door.split(">")[0] for door in gateway.media_doors()} == {"rtcp 172.16.0.9"}

    def test_nowhere_yet_is_no_hold(self) -> None:
        """With port 9, ICE says later where (RFC 8840, section 4.1.1)."""
        gateway = connected(accepted=sdp("0.0.0.0", 9))
        _, theirs = gateway.call("one").streams[0]
        assert theirs is not None
        assert theirs.direction == b"sendrecv"

    @pytest.mark.parametrize("hold", ["release", "retain"])
    def test_what_the_peer_refuses_closes(self, hold: str) -> None:
        video = "m=video {} RTP/AVP 9"
        gateway = connected(
            sdp("10.0.0.10", 4000, video.format(4002)),
            sdp("198.51.100.99", 6000, video.format(0)),
            f"ip nat service sip hold {hold}\n",
        )
        gateway.wait(7)
        assert [door.split(":")[-1] for door in gateway.media_doors()] == ["4001", "4000"]


class TestThereAndBack:
    """A port that was given up comes back before its door has closed (fax and voice again, say)."""

    def test_the_peers_new_port_is_let_in_there(self) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        changed(gateway, 2, sdp(port=5000), sdp("198.51.100.99", 6002))
        changed(gateway, 3, sdp(), sdp("198.51.100.99", 6002))
        assert hears(gateway, "198.51.100.99:6002") == EAR
        gateway.wait(7)
        assert hears(gateway, "198.51.100.99:6002") == EAR


class TestLateCopies:
    """Of an INVITE that another followed, and of what belongs to it: they announce nothing any more.

    A 200 is sent again until its ACK comes (RFC 3261, section 13.3.1.4), which may be lost, and the next INVITE not.
    """

    ELSEWHERE = sdp("198.51.100.98", 6000)

    def test_of_an_answer_take_no_door_from_the_new_one(self) -> None:
        gateway = connected()
        changed(gateway, 2, sdp(), self.ELSEWHERE)
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(within("ACK", 1))
        gateway.wait(7)
        assert hears(gateway, "198.51.100.98:6000") == EAR
        assert hears(gateway, MEDIA) == "no-session-or-door"

    def test_of_an_offer_bring_no_door_back(self) -> None:
        gateway = connected()
        changed(gateway, 2, sdp(port=5000))
        gateway.wait(7)
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(within("ACK", 1))
        gateway.wait(7)
        assert hears(gateway) == "no-session-or-door"
        assert hears(gateway, MEDIA, GLOBAL + ":5000") == "10.0.0.10:5000"

    def test_of_an_acknowledgement_with_an_answer(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(within("ACK", 1, body=sdp()))
        changed(gateway, 2, sdp(port=5000))
        gateway.wait(7)
        gateway.out(within("ACK", 1, body=sdp()))
        gateway.wait(7)
        assert hears(gateway, MEDIA, GLOBAL + ":5000") == "10.0.0.10:5000"
        assert hears(gateway) == "no-session-or-door"

    def test_of_the_peers_offer_do_not_stand_against_the_phones(self) -> None:
        """Each end has numbers of its own (RFC 3261, section 8.1.1.5)."""
        gateway = connected()
        changed(gateway, 9, sdp())
        received = gateway.in_(within_inbound("INVITE", 2, body=self.ELSEWHERE))
        gateway.out(reply(received, 200, body=sdp()))
        assert hears(gateway, "198.51.100.98:6000") == EAR


class TestAfterTheEnd:
    OFFER = sdp("10.0.0.10", 4000, "m=video 4002 RTP/AVP 9")
    ACCEPTED = sdp("198.51.100.99", 6000, "m=video 6002 RTP/AVP 9")
    CHANGE = within("INVITE", 2, body=OFFER.replace("4002", "4004"))

    @pytest.mark.parametrize("late", [CHANGE, within("INVITE", 2), numbered(request(), 2)])
    @pytest.mark.parametrize("status", [200, 488])
    def test_a_late_copy_of_a_change_that_nobody_answered(self, late: bytes, status: int) -> None:
        gateway = connected(self.OFFER, self.ACCEPTED)
        gateway.out(self.CHANGE)
        gateway.in_(within_inbound("BYE", 1))
        assert gateway.out(late).fate == Fate.FORWARDED
        for _ in range(2):
            assert gateway.in_(numbered(answer(status), 2)).fate == Fate.FORWARDED
        gateway.wait(6)
        assert gateway.media_doors() == []
        assert not any("internal-error" in reason for reason in gateway.engine.drops)

    @pytest.mark.parametrize("method", ["UPDATE", "INVITE", "PRACK", "ACK", "INFO"])
    def test_what_the_peer_announces_opens_nothing(self, method: str) -> None:
        """The phone's port may be another host's by now."""
        gateway = connected()
        gateway.in_(within_inbound("BYE", 1))
        gateway.wait(7)
        assert gateway.out(b"something", "10.0.0.11:4000", STRANGER).source == OURS
        for message in (within_inbound(method, 2, body=ANSWER), incoming(method, call_id="one", body=ANSWER)):
            gateway.in_(message)
            assert gateway.media_doors() == []
            assert hears(gateway) == "no-session-or-door"

    @pytest.mark.parametrize("method", ["UPDATE", "PRACK", "ACK", "INFO"])
    def test_what_the_phone_announces_opens_nothing(self, method: str) -> None:
        gateway = connected()
        gateway.in_(within_inbound("BYE", 1))
        gateway.wait(7)
        gateway.out(within(method, 2, body=sdp()))
        assert gateway.media_doors() == []

    def test_the_same_call_id_can_be_called_again(self) -> None:
        gateway = connected()
        gateway.in_(within_inbound("BYE", 1))
        gateway.wait(7)
        gateway.out(numbered(request(body=sdp()), 3))
        gateway.in_(numbered(tagged(answer(200, body=ANSWER), "c"), 3))
        gateway.wait(7)
        assert hears(gateway) == EAR


class TestUnregistering:
    @pytest.mark.parametrize(
        ("asked", "contact"),
        [
            ("Expires: 0", "<sip:alice@10.0.0.10:5060>"),
            ("Expires: 0", "*"),
            ("X: y", "<sip:alice@10.0.0.10>;expires=0"),
        ],
    )
    def test_the_registrar_need_not_say_so(self, asked: str, contact: str) -> None:
        """A 200 lists what is still registered: nothing (RFC 3261, section 10.3)."""
        gateway = self.registered()
        unregister = self.register(2, asked).replace(b"<sip:alice@10.0.0.10:5060>", contact.encode())
        assert gateway.out(unregister).fate == Fate.FORWARDED
        gateway.in_(self.registrar(2))
        gateway.wait(40)
        assert gateway.signalling_doors() == []

    def test_a_refused_one_leaves_the_door_open(self) -> None:
        gateway = self.registered()
        gateway.out(self.register(2, "Expires: 0"))
        gateway.in_(numbered(answer(401, method="REGISTER"), 2))
        gateway.wait(40)
        assert gateway.in_(incoming(), STRANGER).target == PHONE

    def test_and_registering_again(self) -> None:
        gateway = self.registered()
        gateway.out(self.register(2, "Expires: 0"))
        gateway.in_(self.registrar(2))
        gateway.out(self.register(3, "Expires: 600"))
        gateway.in_(self.registrar(3, "Expires: 600"))
        gateway.wait(500)
        assert gateway.in_(incoming(), STRANGER).target == PHONE

    def registered(self) -> Gateway:
        gateway = Gateway()
        gateway.out(self.register(1, "Expires: 3600"))
        gateway.in_(self.registrar(1, "Expires: 3600"))
        return gateway

    def register(self, cseq: int, *more: str) -> bytes:
        return numbered(request("REGISTER", *more), cseq)

    def registrar(self, cseq: int, *more: str) -> bytes:
        """The registrar's 200, without a Contact."""
        contact = b"Contact: <sip:bob@198.51.100.20:5060>\r\n"
        return numbered(answer(200, *more, method="REGISTER"), cseq).replace(contact, b"")


class TestWhatAnnounces:
    """Media are announced by INVITE, ACK, PRACK and UPDATE, and by the answers to them."""

    @pytest.mark.parametrize("method", ["OPTIONS", "INFO", "MESSAGE", "NOTIFY", "SUBSCRIBE", "REGISTER", "PUBLISH"])
    def test_nothing_else_does(self, method: str) -> None:
        gateway = Gateway()
        gateway.out(request(method, body=sdp()))
        gateway.in_(answer(200, method=method, body=ANSWER))
        gateway.out(reply(gateway.in_(incoming(method, body=ANSWER)), 200, body=sdp()))
        assert gateway.media_doors() == []

    @pytest.mark.parametrize("method", ["OPTIONS", "INFO", "MESSAGE", "NOTIFY", "REFER"])
    def test_nor_within_a_call(self, method: str) -> None:
        gateway = connected()
        before = gateway.media_doors()
        gateway.in_(within_inbound(method, 2, body=sdp("192.0.2.66", 9000)))
        gateway.out(within(method, 3, body=sdp(port=5000)))
        gateway.in_(numbered(answer(200, method=method, body=sdp("192.0.2.66", 9000)), 3))
        assert gateway.media_doors() == before

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_the_peer_moves_its_media(self, method: str) -> None:
        gateway = connected()
        received = gateway.in_(within_inbound(method, 2, body=sdp("198.51.100.98", 6000)))
        gateway.out(reply(received, 200, body=sdp()))
        assert hears(gateway, "198.51.100.98:6000") == EAR

    @pytest.mark.parametrize("method", ["UPDATE", "PRACK"])
    def test_before_the_call_is_answered(self, method: str) -> None:
        """RFC 3311, section 5.1, and RFC 3262, section 5: an offer in an early dialog."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(183, "Require: 100rel", "RSeq: 1", body=ANSWER))
        gateway.out(within(method, 2, body=sdp(port=5000)))
        gateway.in_(numbered(answer(200, method=method, body=ANSWER), 2))
        gateway.wait(7)
        assert hears(gateway, MEDIA, GLOBAL + ":5000") == "10.0.0.10:5000"
        assert gateway.call("one").state == State.EARLY

    def test_an_answer_in_the_acknowledgement_of_a_ringing(self) -> None:
        """A reliable 183 offers, PRACK answers (RFC 3262, section 5)."""
        gateway = Gateway()
        gateway.out(request())
        gateway.in_(answer(183, "Require: 100rel", "RSeq: 1", body=ANSWER))
        gateway.out(within("PRACK", 2, "RAck: 1 1 INVITE", body=sdp()))
        assert hears(gateway) == EAR


class TestUnknownDialogs:
    """A request with a To tag belongs to the dialog of that tag, or to none."""

    @pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE"])
    @pytest.mark.parametrize("answered", [True, False])
    @pytest.mark.parametrize("sender", ["b", "y"])
    def test_of_the_peer(self, method: str, answered: bool, sender: str) -> None:  # noqa: FBT001 - or ringing
        """The To tag would be the phone's; the sender's may be right."""
        gateway = connected() if answered else self.ringing()
        before = gateway.media_doors(), gateway.call("one").state
        forged = within_inbound(method, 9, body="" if method == "BYE" else sdp("192.0.2.66", 9000))
        gateway.in_(forged.replace(b"tag=a", b"tag=x").replace(b"tag=b", b"tag=" + sender.encode()), STRANGER)
        assert (gateway.media_doors(), gateway.call("one").state) == before
        assert gateway.notes("unknown-dialog") == 1

    @pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE"])
    def test_of_the_phone(self, method: str) -> None:
        gateway = connected()
        before = gateway.media_doors()
        gateway.out(within(method, 2, body="" if method == "BYE" else sdp(port=5000)).replace(b"tag=b", b"tag=x"))
        assert (gateway.media_doors(), gateway.call("one").state) == (before, State.CONFIRMED)
        assert gateway.notes("unknown-dialog") == 1

    @pytest.mark.parametrize("method", ["BYE", "CANCEL", "INVITE", "UPDATE", "PRACK", "ACK"])
    @pytest.mark.parametrize("state", ["trying", "ringing", "connected"])
    @pytest.mark.parametrize("tags", [("", "z"), ("", ""), ("y", "z"), ("y", "")])
    def test_of_a_stranger_who_knows_the_call_id(self, method: str, state: str, tags: tuple[str, str]) -> None:
        """A tag is a secret of the two ends (RFC 3261, section 19.3); here To and From have none or others."""
        gateway = getattr(self, state)()
        before = gateway.media_doors(), gateway.call("one").state, gateway.call("one").tag
        forged = self.retagged(within_inbound(method, 1, body=sdp("192.0.2.66", 9000)), tags)
        assert gateway.in_(forged, STRANGER).fate == Fate.FORWARDED
        gateway.wait(7)
        assert (gateway.media_doors(), gateway.call("one").state, gateway.call("one").tag) == before

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK", "ACK"])
    @pytest.mark.parametrize("state", ["trying", "ringing", "connected"])
    @pytest.mark.parametrize("tags", [("", ""), ("b", ""), ("", "z"), ("b", "z")])
    def test_an_answer_of_a_stranger_who_knows_the_call_id(
        self, method: str, state: str, tags: tuple[str, str]
    ) -> None:
        gateway = getattr(self, state)()
        before = gateway.media_doors(), gateway.call("one").state
        forged = self.retagged(answer(200, method=method, body=sdp("192.0.2.66", 9000)), tags)
        assert gateway.in_(forged, STRANGER).fate == Fate.FORWARDED
        gateway.wait(7)
        assert (gateway.media_doors(), gateway.call("one").state) == before

    def test_a_cancel_without_a_number_cancels_nothing(self) -> None:
        gateway = self.ringing()
        cancel = self.retagged(within_inbound("CANCEL", 1), ("", "a")).replace(b"CSeq: 1 CANCEL\r\n", b"")
        gateway.in_(cancel, STRANGER)
        assert gateway.call("one").state == State.EARLY

    def test_the_right_tags_end_a_ringing_call(self) -> None:
        gateway = self.ringing()
        gateway.in_(within_inbound("BYE", 1))
        assert gateway.call("one").state == State.ENDED
        assert gateway.notes("unknown-dialog") == 0

    def trying(self) -> Gateway:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        gateway.out(request(body=sdp()))
        return gateway

    def ringing(self) -> Gateway:
        gateway = self.trying()
        gateway.in_(answer(180))
        return gateway

    def connected(self) -> Gateway:
        gateway = self.ringing()
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(within("ACK", 1))
        return gateway

    def retagged(self, message: bytes, tags: tuple[str, str]) -> bytes:
        """A message with other tags in To and From, or none."""
        for name, tag in zip(("To", "From"), tags, strict=True):
            said = b";tag=" + tag.encode() if tag else b""
            message = re.sub(
                rb"\r\n%s: ([^;\r]*)[^\r]*" % name.encode(), rb"\r\n%s: \1%s" % (name.encode(), said), message
            )
        return message
