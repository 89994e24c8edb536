"""Calls: their doors from the offer to five seconds after the end, and what keeps calls apart."""

import pytest

from doorman.algs.sip.calls import State
from doorman.engine.results import Fate
from kit.dialogs import within_inbound
from kit.sip import (
    GLOBAL,
    OTHER_PHONE,
    PEER,
    PHONE,
    STRANGER,
    Gateway,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

MEDIA_SERVER = "198.51.100.99:7000"
RTP = b"\x80\x00\x00\x01" + bytes(160)
OURS = GLOBAL + ":4000"


def ring(gateway: Gateway, call_id: str = "one", port: int = 4000) -> None:
    """The phone calls; it has announced media."""
    assert gateway.out(request(call_id=call_id, body=sdp(port=port))).fate == Fate.FORWARDED


def connect(gateway: Gateway, call_id: str = "one", port: int = 4000) -> None:
    """The phone calls, and the peer answers with the address of a media server."""
    ring(gateway, call_id, port)
    gateway.in_(answer(200, call_id=call_id, body=sdp("198.51.100.99", 7000)))
    gateway.out(request("ACK", call_id=call_id))


def bye(call_id: str = "one", tag: str = "b") -> bytes:
    return request("BYE", call_id=call_id).replace(
        b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@198.51.100.20>;tag=%s" % tag.encode()
    )


def dialogs(gateway: Gateway) -> dict[bytes, State]:
    return {dialog.tag: dialog.state for dialog in gateway.call("one").dialogs}


def visitors(gateway: Gateway) -> list[str]:
    """Whom the doors for media let in."""
    return sorted({door.split()[1].split(">")[0] for door in gateway.media_doors()})


class TestDoors:
    def test_a_gate_for_the_peer_until_there_is_an_answer(self) -> None:
        gateway = Gateway()
        ring(gateway)
        assert gateway.media_doors() == [
            "rtcp 198.51.100.20>203.0.113.1:4001>10.0.0.10:4001",
            "rtp 198.51.100.20>203.0.113.1:4000>10.0.0.10:4000",
        ]
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).reason == "no-session-or-door"
        assert gateway.in_(RTP, "198.51.100.20:9999", OURS).target == "10.0.0.10:4000"

    def test_media_of_another_server_once_the_answer_says_so(self) -> None:
        gateway = Gateway()
        connect(gateway)
        assert visitors(gateway) == ["198.51.100.99"]
        assert gateway.in_(RTP, STRANGER, OURS).fate == Fate.DROPPED
        assert gateway.in_(RTP, "198.51.100.20:9999", OURS).fate == Fate.DROPPED
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).target == "10.0.0.10:4000"
        assert gateway.in_(RTP, "198.51.100.99:7001", GLOBAL + ":4001").target == "10.0.0.10:4001"

    def test_the_phones_own_media_leave_by_the_announced_port(self) -> None:
        gateway = Gateway()
        connect(gateway)
        assert gateway.out(RTP, "10.0.0.10:4000", MEDIA_SERVER).source == OURS
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).target == "10.0.0.10:4000"

    def test_a_far_end_that_holds_says_nothing_about_who_may_come_in(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(200, body=sdp("0.0.0.0", 7000)))
        gateway.out(request("ACK"))
        gateway.out(request(body=sdp(port=4100)))
        assert visitors(gateway) == ["198.51.100.20"]

    def test_early_media(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(183, body=sdp("198.51.100.99", 7000)))
        assert visitors(gateway) == ["198.51.100.99"]
        assert gateway.call("one").state == State.EARLY

    def test_an_answer_without_a_description_changes_nothing(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(180))
        assert visitors(gateway) == ["198.51.100.20"]

    def test_an_offer_in_the_answer_and_an_answer_in_the_ack(self) -> None:
        """A delayed offer (RFC 3261, section 13.2.1)."""
        gateway = Gateway()
        gateway.out(request())
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        assert gateway.media_doors() == []
        gateway.out(request("ACK", body=sdp()))
        assert visitors(gateway) == ["198.51.100.99"]

    def test_a_call_from_outside(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        gateway.in_(incoming(body=sdp("198.51.100.99", 7000)))
        assert gateway.media_doors() == []
        ok = incoming().replace(b"INVITE sip:alice@203.0.113.1:5060 SIP/2.0", b"SIP/2.0 200 OK").splitlines()
        response = sip("SIP/2.0 200 OK", *[line.decode() for line in ok[1:6]], "c: application/sdp", body=sdp())
        sent = gateway.out(response)
        assert "c=IN IP4 203.0.113.1" in sent.text
        assert visitors(gateway) == ["198.51.100.99"]
        assert gateway.call("in").state == State.CONFIRMED

    def test_a_far_end_behind_a_nat_of_its_own(self) -> None:
        """It announces an address that nobody can send from: its media may come from anywhere."""
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(200, body=sdp("192.168.77.5", 7000)))
        assert visitors(gateway) == ["any"]
        assert gateway.in_(RTP, STRANGER, OURS).fate == Fate.FORWARDED

    def test_a_far_end_that_writes_a_name(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(200, body=sdp("media.example", 7000)))
        assert gateway.media_doors() != []

    def test_new_media_by_another_invite(self) -> None:
        gateway = Gateway()
        connect(gateway)
        connect(gateway, port=4010)
        gateway.wait(6)
        assert [door.split(">")[1] for door in gateway.media_doors()] == [GLOBAL + ":4011", GLOBAL + ":4010"]
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.DROPPED

    def test_the_far_end_moves_its_media(self) -> None:
        gateway = Gateway()
        connect(gateway)
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED
        gateway.in_(within_inbound("INVITE", 1, body=sdp("198.51.100.77", 7000)))
        assert visitors(gateway) == ["198.51.100.77"]
        assert gateway.in_(RTP, "198.51.100.77:7000", OURS).fate == Fate.FORWARDED

    def test_the_far_end_moves_its_media_to_another_port(self) -> None:
        """The phone hears it there at once, also while it says nothing itself."""
        gateway = Gateway()
        connect(gateway)
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED
        for _ in range(2):
            gateway.in_(within_inbound("INVITE", 1, body=sdp("198.51.100.99", 7100)))
            assert gateway.in_(RTP, "198.51.100.99:7100", OURS).fate == Fate.FORWARDED
        assert gateway.in_(RTP, "198.51.100.99:7200", OURS).fate == Fate.DROPPED, "once is enough"
        gateway.in_(incoming("BYE", call_id="one"))
        gateway.wait(6)
        for port in (7000, 7100):
            assert gateway.in_(RTP, f"198.51.100.99:{port}", OURS).fate == Fate.DROPPED

    def test_a_medium_is_added(self) -> None:
        gateway = Gateway()
        connect(gateway)
        gateway.out(request(body=sdp(port=4000) + "\nm=video 4002 RTP/AVP 31"))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000) + "\nm=video 7002 RTP/AVP 31"))
        assert len(gateway.media_doors()) == 4

    def test_a_refused_change_leaves_the_media_as_they_were(self) -> None:
        """RFC 3261, section 14.1: the session stays as if no re-INVITE had been issued. T.38 is refused like this."""
        gateway = Gateway()
        connect(gateway)
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED
        gateway.out(request(body=sdp(port=4100).replace("m=audio 4100 RTP/AVP 0", "m=image 4100 udptl t38")))
        gateway.in_(answer(488))
        gateway.wait(30)
        assert gateway.call("one").state == State.CONFIRMED
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED


class TestEnd:
    @pytest.mark.parametrize("by_phone", [True, False])
    def test_bye(self, by_phone: bool) -> None:  # noqa: FBT001 - who hangs up
        gateway = Gateway()
        connect(gateway)
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED
        if by_phone:
            gateway.out(bye())
            gateway.in_(answer(200, method="BYE"))
        else:
            gateway.in_(incoming("BYE", call_id="one"))
        assert gateway.call("one").state == State.ENDED
        gateway.wait(4)
        assert gateway.media_doors() != []
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.FORWARDED
        gateway.wait(2)
        assert gateway.media_doors() == []
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).fate == Fate.DROPPED

    def test_the_response_to_bye_passes(self) -> None:
        gateway = Gateway()
        connect(gateway)
        gateway.out(bye())
        gateway.wait(4.5)
        assert gateway.in_(answer(200, method="BYE")).target == PHONE

    def test_bye_again_does_not_prolong(self) -> None:
        gateway = Gateway()
        connect(gateway)
        for _ in range(4):
            gateway.out(bye())
            gateway.wait(2)
        assert gateway.media_doors() == []

    def test_an_answer_sent_again_after_the_bye(self) -> None:
        """Its ACK was lost: the call is over all the same."""
        gateway = Gateway()
        connect(gateway)
        gateway.out(bye())
        again = gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        assert again.target == PHONE
        assert gateway.call("one").state == State.ENDED
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_an_answer_that_crosses_a_cancel(self) -> None:
        """RFC 3261, section 9.1: the caller gets a call that it must end by BYE; until then it is one."""
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(180))
        gateway.out(request("CANCEL"))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        gateway.wait(10)
        assert len(gateway.media_doors()) == 2
        gateway.out(bye())
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_cancel(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(180))
        gateway.out(request("CANCEL"))
        gateway.wait(4)
        assert len(gateway.media_doors()) == 2
        gateway.wait(2)
        assert gateway.media_doors() == []

    def test_cancel_that_comes_too_late(self) -> None:
        """RFC 3261, section 9.1: the call is answered, and CANCEL has no effect."""
        gateway = Gateway()
        connect(gateway)
        gateway.out(request("CANCEL"))
        gateway.wait(30)
        assert len(gateway.media_doors()) == 2

    @pytest.mark.parametrize("status", [302, 401, 407, 486, 487, 503, 603])
    def test_final_error(self, status: int) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(status))
        gateway.out(request("ACK"))
        assert len(gateway.media_doors()) == 2
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_tried_again_with_credentials(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.in_(answer(407))
        gateway.out(request("ACK"))
        gateway.out(request(body=sdp()).replace(b"CSeq: 1", b"CSeq: 2"))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)).replace(b"CSeq: 1", b"CSeq: 2"))
        gateway.wait(60)
        assert visitors(gateway) == ["198.51.100.99"]
        assert gateway.call("one").state == State.CONFIRMED

    def test_everything_is_given_back(self) -> None:
        gateway = Gateway()
        connect(gateway)
        gateway.in_(RTP, MEDIA_SERVER, OURS)
        gateway.out(bye())
        gateway.wait(1000)
        gateway.wait(1000)
        assert list(gateway.sip.calls) == []
        assert gateway.doors == []
        assert gateway.bindings() == []
        assert len(gateway.engine.state.sessions) == 0


class TestTimers:
    def test_nobody_answers(self) -> None:
        gateway = Gateway()
        ring(gateway)
        gateway.wait(179)
        assert len(gateway.media_doors()) == 2
        gateway.wait(3)
        assert gateway.media_doors() == []
        assert list(gateway.sip.calls) == []

    def test_a_call_that_nobody_ends(self) -> None:
        gateway = Gateway()
        connect(gateway)
        for _ in range(430):
            gateway.out(RTP, "10.0.0.10:4000", MEDIA_SERVER)
            gateway.wait(100)
        assert len(gateway.media_doors()) == 2
        gateway.wait(0.2 * 3600)
        gateway.wait(2)
        assert gateway.doors == []
        assert list(gateway.sip.calls) == []

    def test_ringing_for_long(self) -> None:
        """Provisional responses prolong timer C (RFC 3261, section 16.7); the answer must find its doors."""
        gateway = Gateway()
        ring(gateway)
        for _ in range(6):
            gateway.in_(answer(180))
            gateway.wait(60)
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        assert gateway.in_(RTP, MEDIA_SERVER, OURS).target == "10.0.0.10:4000"

    def test_requests_outside_calls_are_forgotten(self) -> None:
        gateway = Gateway()
        for method in ("OPTIONS", "MESSAGE", "PUBLISH", "INFO", "NOTIFY"):
            gateway.out(request(method, call_id=method))
        assert len(gateway.sip.calls) == 5
        gateway.wait(34)
        assert list(gateway.sip.calls) == []
        assert gateway.doors == []


class TestApart:
    def test_two_hundred_calls_on_one_flow(self) -> None:
        gateway = Gateway()
        for number in range(200):
            connect(gateway, f"call{number}", 10_000 + 2 * number)
        assert len(gateway.media_doors()) == 400
        assert len(gateway.engine.state.sessions) == 1
        gateway.out(bye("call77"))
        gateway.wait(6)
        left = gateway.media_doors()
        assert len(left) == 398
        assert not any(":10154>" in door or ":10155>" in door for door in left)
        assert gateway.in_(RTP, MEDIA_SERVER, GLOBAL + ":10154").fate == Fate.DROPPED
        assert all(
            gateway.in_(RTP, MEDIA_SERVER, f"{GLOBAL}:{10_000 + 2 * n}").fate == Fate.FORWARDED for n in (0, 76, 78)
        )
        assert gateway.call("call76").state == State.CONFIRMED
        assert len(gateway.signalling_doors()) == 2

    def test_two_hosts_with_one_call_id(self) -> None:
        gateway = Gateway()
        connect(gateway)
        other = gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
        assert len(gateway.media_doors()) == 4
        gateway.out(bye())
        gateway.wait(6)
        assert {door.rpartition(">")[2].split(":")[0] for door in gateway.media_doors()} == {"10.0.0.11"}
        assert gateway.call("one", "10.0.0.11").state == State.TRYING
        assert other.source != PHONE

    def test_a_phone_calls_another_behind_the_same_gateway(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r", host="10.0.0.11"), OTHER_PHONE)
        arrived = gateway.out(request(body=sdp()), PHONE, GLOBAL + ":5060")
        assert arrived.target == OTHER_PHONE
        assert {str(call.owner.party) for call in gateway.sip.calls if call.owner.name == b"one"} == {
            str(bytes([10, 0, 0, 10])), str(bytes([10, 0, 0, 11])),
        }  # fmt: skip

    def test_forks(self) -> None:
        """Two phones answer one call; the caller ends one of the dialogs (RFC 3261, section 13.2.2.4)."""
        gateway = Gateway()
        ring(gateway)
        first = answer(200, body=sdp("198.51.100.99", 7000))
        second = first.replace(b"tag=b", b"tag=c").replace(b"198.51.100.99", b"198.51.100.98")
        gateway.in_(first)
        gateway.in_(second)
        assert dialogs(gateway) == {b"b": State.CONFIRMED, b"c": State.CONFIRMED}
        gateway.out(bye(tag="c"))
        gateway.wait(6)
        assert dialogs(gateway) == {b"b": State.CONFIRMED, b"c": State.ENDED}
        assert len(gateway.media_doors()) == 2
        gateway.out(bye(tag="b"))
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_a_bye_of_no_dialog(self) -> None:
        """Forged by somebody who has the Call-ID but not the tags (seed 003: malicious send of a BYE)."""
        gateway = Gateway()
        connect(gateway)
        for tag in (b"tag=x", b"x"):
            forged = incoming("BYE", call_id="one").replace(b"tag=a", tag).replace(b"tag=b", tag)
            assert gateway.in_(forged, STRANGER).fate == Fate.FORWARDED
        gateway.wait(6)
        assert len(gateway.media_doors()) == 2


class TestRetransmissions:
    def test_change_nothing(self) -> None:
        gateway = Gateway()
        messages = [
            (True, request(body=sdp(port=4001))),
            (False, answer(180)),
            (False, answer(200, body=sdp("198.51.100.99", 7000))),
            (True, request("ACK")),
        ]
        for outbound, data in messages:
            send = gateway.out if outbound else gateway.in_
            first = send(data)
            state = gateway.bindings(), gateway.media_doors(), gateway.signalling_doors(), gateway.call("one").state
            for _ in range(3):
                again = send(data)
                assert (again.fate, again.data) == (first.fate, first.data)
            now = gateway.bindings(), gateway.media_doors(), gateway.signalling_doors(), gateway.call("one").state
            assert now == state

    def test_a_late_one_does_not_open_what_became_a_session(self) -> None:
        gateway = Gateway()
        connect(gateway)
        gateway.in_(RTP, MEDIA_SERVER, OURS)
        assert len(gateway.media_doors()) == 1
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        gateway.out(request(body=sdp()))
        assert len(gateway.media_doors()) == 1


def test_the_call_table() -> None:
    gateway = Gateway()
    connect(gateway)
    call = gateway.call("one")
    assert (call.method, call.caller, call.callee, call.state) == (b"INVITE", b"alice", b"bob", State.CONFIRMED)
    assert dialogs(gateway) == {b"b": State.CONFIRMED}
    ((near, far),) = call.streams
    assert near is not None
    assert far is not None
    assert (str(near.receives), str(far.receives)) == ("10.0.0.10:4000", MEDIA_SERVER)
    assert PEER.startswith("198.51.100.20")


def test_a_call_that_was_not_seen_from_its_beginning() -> None:
    """A capture, or the gateway, begins in the middle: what the answer announces is let in, and stays."""
    gateway = Gateway()
    gateway.out(request("OPTIONS"))
    gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
    gateway.out(request("ACK"))
    assert gateway.call("one").state == State.CONFIRMED
    gateway.wait(600)
    assert gateway.call("one").state == State.CONFIRMED


def test_a_late_copy_of_the_first_request_opens_nothing_after_the_end() -> None:
    gateway = Gateway()
    connect(gateway)
    gateway.out(request("INVITE", body=sdp(port=4200)).replace(b"CSeq: 1", b"CSeq: 7"))
    gateway.in_(incoming("BYE", call_id="one"))
    gateway.out(bye().replace(b"CSeq: 1", b"CSeq: 8"))
    gateway.wait(6)
    assert gateway.media_doors() == []
    gateway.out(request(body=sdp()))
    assert gateway.media_doors() == []


def test_a_stranger_cannot_cancel_what_the_phone_began() -> None:
    gateway = Gateway()
    ring(gateway)
    gateway.in_(incoming("CANCEL", call_id="one").replace(b"CSeq: 1", b"CSeq: 9"), STRANGER)
    gateway.wait(6)
    assert visitors(gateway) == ["198.51.100.20"]
    gateway.out(request("CANCEL"))
    gateway.wait(6)
    assert visitors(gateway) == []


def test_an_answer_that_changes_no_door_leaves_nothing_to_be_saved() -> None:
    """The peer receives media where it signals from: the doors of the offer are those that it needs."""
    gateway = Gateway()
    gateway.engine.state.doors.retimed.watch()
    ring(gateway)
    doors = gateway.media_doors()
    gateway.wait(3)
    gateway.in_(answer(200, body=sdp("198.51.100.20", 7000)))
    assert gateway.media_doors() == doors
    assert not gateway.engine.state.doors.retimed
