"""Early media, delayed offers, and calls that several answer (RFC 3261, section 13.2.2.4; RFC 3262; RFC 3264)."""

import pytest

from doorman.algs.sip.calls import State
from kit.dialogs import ANSWER, EAR, MEDIA, OURS, connected, hears, numbered, reply, tagged, within, within_inbound
from kit.sip import GLOBAL, PHONE, Gateway, answer, incoming, request, sdp

OTHER_MEDIA = "198.51.100.98:6000"
OTHER_ANSWER = sdp("198.51.100.98", 6000)


def bye(tag: str) -> bytes:
    return tagged(within("BYE", 9), tag)


def forked(first: str = "b", second: str = "c") -> Gateway:
    """A phone that hears early media of two; the second spoke last."""
    gateway = Gateway()
    gateway.out(request(body=sdp()))
    gateway.in_(tagged(answer(183, body=ANSWER), first))
    gateway.in_(tagged(answer(183, body=OTHER_ANSWER), second))
    return gateway


class TestOneThatIsEndedBeforeAnyAnswer:
    """BYE ends one early dialog; the others ring on (RFC 3261, section 15)."""

    @pytest.mark.parametrize(("ended", "other"), [("b", OTHER_MEDIA), ("c", MEDIA)])
    def test_leaves_the_others(self, ended: str, other: str) -> None:
        gateway = forked()
        gateway.out(bye(ended))
        gateway.wait(7)
        assert gateway.call("one").state == State.EARLY
        gateway.in_(tagged(answer(200), "c" if ended == "b" else "b"))
        assert hears(gateway, other) == EAR
        assert gateway.call("one").state == State.CONFIRMED

    def test_ends_the_call_with_the_last_of_them(self) -> None:
        gateway = forked()
        gateway.out(bye("b"))
        gateway.out(bye("c"))
        assert gateway.call("one").state == State.ENDED
        gateway.wait(7)
        assert gateway.media_doors() == []

    def test_one_that_rings_does_not_keep_an_answered_call(self) -> None:
        gateway = forked()
        gateway.in_(tagged(answer(200), "b"))
        gateway.out(bye("b"))
        assert gateway.call("one").state == State.ENDED


class TestEarlyMedia:
    def test_of_whom_spoke_last(self) -> None:
        gateway = forked()
        assert hears(gateway, OTHER_MEDIA) == EAR
        assert gateway.call("one").state == State.EARLY

    def test_silence_while_it_rings_closes_nothing(self) -> None:
        """An announcement, then nothing until somebody answers."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(183, body=ANSWER))
        assert hears(gateway) == EAR
        gateway.wait(170)
        gateway.in_(answer(200, body=ANSWER))
        assert hears(gateway) == EAR

    def test_a_ringing_that_comes_after_the_end(self) -> None:
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.out(request("CANCEL"))
        gateway.in_(answer(183, body=ANSWER))
        assert gateway.call("one").state == State.ENDED
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_a_reliable_one_offers_again(self) -> None:
        """183, PRACK with another offer, 200 with its answer (RFC 3262, section 5)."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(183, "Require: 100rel", "RSeq: 1", body=ANSWER))
        gateway.out(within("PRACK", 2, "RAck: 1 1 INVITE", body=sdp(port=5000)))
        gateway.in_(numbered(answer(200, method="PRACK", body=OTHER_ANSWER), 2))
        gateway.in_(answer(200))
        gateway.wait(6)
        assert hears(gateway, OTHER_MEDIA, GLOBAL + ":5000") == "10.0.0.10:5000"
        assert hears(gateway) == "no-translation"

    def test_an_answer_that_was_given_while_it_rang(self) -> None:
        """The 200 need not say it again (RFC 6337, section 3.1)."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(183, "Require: 100rel", "RSeq: 1", body=ANSWER))
        gateway.out(within("PRACK", 2, "RAck: 1 1 INVITE"))
        gateway.in_(numbered(answer(200, method="PRACK"), 2))
        gateway.in_(answer(200))
        gateway.out(within("ACK", 1))
        gateway.wait(6)
        assert hears(gateway) == EAR


class TestDelayedOffer:
    def test_of_a_call_from_outside(self) -> None:
        """INVITE without a description, 200 with the phone's, ACK with the peer's."""
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        received = gateway.in_(incoming(call_id="one"))
        answered = gateway.out(reply(received, 200, body=sdp()))
        assert f"c=IN IP4 {GLOBAL}" in answered.text
        gateway.in_(within_inbound("ACK", 1, body=ANSWER))
        assert hears(gateway) == EAR

    def test_a_gate_until_the_acknowledgement(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        gateway.out(reply(gateway.in_(incoming(call_id="one")), 200, body=sdp()))
        assert {door.split()[1].split(">")[0] for door in gateway.media_doors()} == {"198.51.100.20"}

    def test_of_the_peer(self) -> None:
        gateway = Gateway()
        gateway.out(request())
        gateway.in_(answer(200, body=ANSWER))
        gateway.out(within("ACK", 1, body=sdp()))
        gateway.wait(6)
        assert hears(gateway) == EAR


class TestForks:
    @pytest.mark.parametrize("says", [True, False], ids=["again", "nothing"])
    def test_the_call_follows_the_first_answer(self, says: bool) -> None:  # noqa: FBT001 - what the 200 describes
        gateway = forked()
        gateway.in_(answer(200, body=ANSWER if says else ""))
        gateway.out(within("ACK", 1))
        gateway.wait(6)
        assert hears(gateway, OTHER_MEDIA) in {"no-session-or-door", "no-translation"}
        assert hears(gateway) == EAR
        assert gateway.call("one").chosen == b"b"

    def test_a_second_answer_changes_nothing(self) -> None:
        gateway = forked()
        gateway.in_(answer(200, body=ANSWER))
        gateway.in_(tagged(answer(200, body=OTHER_ANSWER), "c"))
        gateway.in_(tagged(answer(183, body=OTHER_ANSWER), "d"))
        assert hears(gateway, OTHER_MEDIA) == "no-session-or-door"
        assert hears(gateway) == EAR

    def test_nor_does_its_bye(self) -> None:
        gateway = forked()
        gateway.in_(answer(200, body=ANSWER))
        gateway.in_(tagged(answer(200, body=OTHER_ANSWER), "c"))
        gateway.out(bye("c"))
        gateway.wait(6)
        assert hears(gateway) == EAR
        gateway.out(bye("b"))
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_the_caller_keeps_the_second(self) -> None:
        gateway = forked()
        gateway.in_(answer(200, body=ANSWER))
        gateway.in_(tagged(answer(200, body=OTHER_ANSWER), "c"))
        gateway.out(bye("b"))
        gateway.wait(6)
        assert hears(gateway, OTHER_MEDIA) == EAR
        assert gateway.call("one").chosen == b"c"
        gateway.out(bye("c"))
        gateway.wait(6)
        assert gateway.media_doors() == []

    def test_a_changed_session_is_that_of_its_dialog(self) -> None:
        gateway = forked()
        gateway.in_(answer(200, body=ANSWER))
        gateway.in_(tagged(answer(200, body=OTHER_ANSWER), "c"))
        gateway.in_(within_inbound("INVITE", 2, body=sdp("198.51.100.97", 6000)).replace(b"tag=b", b"tag=c"))
        assert hears(gateway, "198.51.100.97:6000") == "no-session-or-door"
        gateway.out(reply(gateway.in_(within_inbound("INVITE", 3, body=sdp("198.51.100.97", 6000))), 200, body=sdp()))
        assert hears(gateway, "198.51.100.97:6000") == EAR

    def test_two_phones_of_an_exchange_inside_ring(self) -> None:
        """Each early dialog has a port; with the answer the other's doors close."""
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        received = gateway.in_(incoming(call_id="one", body=ANSWER))
        first, second = (
            reply(received, 183, body=sdp(port=port)).replace(b"tag=a", tag)
            for port, tag in ((4000, b"tag=x"), (5000, b"tag=y"))
        )
        gateway.out(first)
        gateway.out(second)
        assert len(gateway.media_doors()) == 4
        gateway.out(first.replace(b"183", b"200", 1))
        gateway.wait(6)
        assert [door.split(">")[1] for door in gateway.media_doors()] == [GLOBAL + ":4001", GLOBAL + ":4000"]
        assert hears(gateway) == EAR

    def test_a_late_ringing_of_another_leaves_the_media_alone(self) -> None:
        gateway = connected()
        gateway.in_(tagged(answer(183, body=OTHER_ANSWER), "c"))
        assert hears(gateway) == EAR

    @pytest.mark.parametrize("status", [487, 486, 603])
    def test_a_final_error_closes_all(self, status: int) -> None:
        gateway = forked()
        gateway.out(request("CANCEL"))
        gateway.in_(answer(200, method="CANCEL"))
        gateway.in_(answer(status))
        gateway.wait(4)
        assert gateway.media_doors() != []
        gateway.wait(2)
        assert gateway.media_doors() == []

    def test_cancel_ends_the_call_whatever_the_other_side_says(self) -> None:
        gateway = forked()
        gateway.out(request("CANCEL"))
        gateway.wait(6)
        assert gateway.media_doors() == []
        assert hears(gateway, MEDIA, OURS) == "no-translation"
        assert gateway.in_(answer(487)).target == PHONE
