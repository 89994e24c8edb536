"""Hold, and streams that come and go (RFC 3264, section 8): which doors close, and when they open anew."""

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
    within,
    within_inbound,
)
from kit.sip import GLOBAL, Gateway, answer, request, sdp

RETAIN = "ip nat service sip hold retain\n"
OLD_HOLD = sdp("0.0.0.0")
HOLDS = pytest.mark.parametrize(
    "held", [sdp() + "\na=sendonly", sdp() + "\na=inactive", OLD_HOLD], ids=["sendonly", "inactive", "0.0.0.0"]
)


def peers_hold(gateway: Gateway, direction: str, answered: str, cseq: int = 1) -> None:
    """The peer changes the direction of the media, and the phone agrees."""
    received = gateway.in_(within_inbound("INVITE", cseq, body=f"{ANSWER}\na={direction}"))
    gateway.out(reply(received, 200, body=f"{sdp()}\na={answered}"))


class TestRelease:
    @HOLDS
    def test_the_doors_close_after_the_answer(self, held: str) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        gateway.out(within("INVITE", 2, body=held))
        gateway.wait(20)
        assert gateway.media_doors() != [], "nobody has agreed yet"
        gateway.in_(numbered(answer(200, body=ANSWER + "\na=recvonly"), 2))
        gateway.wait(4)
        assert gateway.media_doors() != []
        gateway.wait(2)
        assert gateway.media_doors() == []
        assert hears(gateway, "198.51.100.99:6666") in {"no-translation", "no-session-or-door"}
        assert gateway.call("one").state == State.CONFIRMED

    @HOLDS
    def test_and_open_anew_when_the_call_is_resumed(self, held: str) -> None:
        gateway = connected()
        changed(gateway, 2, held)
        gateway.wait(6)
        assert gateway.media_doors() == []
        changed(gateway, 3, sdp())
        assert [door.split()[0] for door in gateway.media_doors()] == ["rtcp", "rtp"]
        assert hears(gateway) == EAR

    @HOLDS
    def test_perhaps_under_another_name(self, held: str) -> None:
        gateway = connected()
        changed(gateway, 2, held)
        gateway.wait(400)
        taken = gateway.out(b"something", "10.0.0.11:4000", "192.0.2.66:4000")
        assert taken.source == OURS
        resumed = gateway.out(within("INVITE", 3, body=sdp()))
        port = resumed.line("m=audio").split()[0] if resumed.lines("m=audio") else resumed.line("m").split()[1]
        gateway.in_(numbered(answer(200, body=ANSWER), 3))
        assert port != "4000"
        assert hears(gateway, MEDIA, f"{GLOBAL}:{port}") == EAR

    @HOLDS
    def test_a_refused_hold_changes_nothing(self, held: str) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        gateway.out(within("INVITE", 2, body=held))
        gateway.in_(numbered(answer(488), 2))
        gateway.wait(30)
        assert hears(gateway) == EAR

    @HOLDS
    def test_refreshed_while_on_hold(self, held: str) -> None:
        """The same again, for the session timer's sake: nothing opens."""
        gateway = connected()
        for cseq in (2, 3, 4):
            changed(gateway, cseq, held)
            gateway.wait(6)
            assert gateway.media_doors() == []
        changed(gateway, 5, sdp())
        assert hears(gateway) == EAR

    def test_music_goes_on_under_its_name(self) -> None:
        """`sendonly`: the phone plays music; what it sends must come from where it came from before."""
        gateway = connected()
        assert speaks(gateway) == OURS
        changed(gateway, 2, sdp() + "\na=sendonly", ANSWER + "\na=recvonly")
        for _ in range(10):
            gateway.wait(6)
            assert speaks(gateway) == OURS
        assert gateway.media_doors() == []
        assert hears(gateway, "198.51.100.99:6666") == "no-session-or-door"

    @pytest.mark.parametrize("heard", [True, False])
    def test_and_ends_when_the_call_is_resumed_elsewhere(self, heard: bool) -> None:  # noqa: FBT001 - both ways
        gateway = connected()
        assert speaks(gateway) == OURS
        assert not heard or hears(gateway) == EAR
        changed(gateway, 2, sdp() + "\na=sendonly", ANSWER + "\na=recvonly")
        for _ in range(4):
            gateway.wait(6)
            assert speaks(gateway) == OURS
        changed(gateway, 3, sdp("10.0.0.10", 4400))
        gateway.wait(6)
        assert hears(gateway, MEDIA, GLOBAL + ":4400") == "10.0.0.10:4400"
        assert not any(":4000" in binding for binding in gateway.bindings())

    def test_of_an_inactive_stream_nothing_is_left(self) -> None:
        gateway = connected()
        assert hears(gateway) == EAR
        changed(gateway, 2, sdp() + "\na=inactive", ANSWER + "\na=inactive")
        gateway.wait(6)
        assert hears(gateway) == "no-translation"
        assert not any(":4000" in binding for binding in gateway.bindings())

    def test_the_peers_music_comes_in(self) -> None:
        gateway = connected()
        peers_hold(gateway, "sendonly", "recvonly")
        gateway.wait(6)
        assert hears(gateway) == EAR

    def test_the_peer_holds_without_music(self) -> None:
        gateway = connected()
        peers_hold(gateway, "inactive", "inactive")
        gateway.wait(6)
        assert gateway.media_doors() == []
        peers_hold(gateway, "sendrecv", "sendrecv", cseq=2)
        assert hears(gateway) == EAR

    def test_a_phone_that_knows_no_directions_answers(self) -> None:
        gateway = connected()
        received = gateway.in_(within_inbound("INVITE", 1, body=ANSWER + "\na=inactive"))
        gateway.out(reply(received, 200, body=sdp()))
        gateway.wait(6)
        assert gateway.media_doors() == []
        received = gateway.in_(within_inbound("INVITE", 2, body=ANSWER))
        gateway.out(reply(received, 200, body=sdp()))
        assert hears(gateway) == EAR

    def test_resumed_at_once(self) -> None:
        """Before the doors have closed: they stay, and so do the flows."""
        gateway = connected()
        assert hears(gateway) == EAR
        changed(gateway, 2, sdp() + "\na=inactive", ANSWER + "\na=inactive")
        gateway.wait(2)
        changed(gateway, 3, sdp())
        gateway.wait(30)
        assert hears(gateway) == EAR

    def test_resumed_by_an_invite_without_an_offer(self) -> None:
        """A controller asks the phone what it offers (RFC 3725): the answer is in the ACK."""
        gateway = connected()
        peers_hold(gateway, "inactive", "inactive")
        gateway.wait(6)
        received = gateway.in_(within_inbound("INVITE", 2))
        gateway.out(reply(received, 200, body=sdp()))
        gateway.in_(within_inbound("ACK", 2, body=ANSWER))
        gateway.wait(6)
        assert hears(gateway) == EAR

    def test_one_stream_of_two(self) -> None:
        both = sdp("10.0.0.10", 4000, "m=video 4002 RTP/AVP 9")
        accepted = sdp("198.51.100.99", 6000, "m=video 6002 RTP/AVP 9")
        gateway = connected(both, accepted)
        changed(gateway, 2, both + "\na=inactive", accepted + "\na=inactive")
        gateway.wait(6)
        assert hears(gateway) == EAR
        assert hears(gateway, "198.51.100.99:6002", GLOBAL + ":4002") == "no-translation"

    def test_a_direction_for_the_whole_session(self) -> None:
        """It holds for each stream that says nothing else (RFC 8866, section 6.7)."""
        both = sdp("10.0.0.10", 4000, "m=video 4002 RTP/AVP 9", "a=sendrecv").replace("t=0 0", "t=0 0\na=inactive")
        gateway = connected(both, sdp("198.51.100.99", 6000, "m=video 6002 RTP/AVP 9"))
        gateway.wait(6)
        assert [door.split(">")[1] for door in gateway.media_doors()] == [GLOBAL + ":4003", GLOBAL + ":4002"]

    def test_by_update(self) -> None:
        gateway = connected()
        gateway.out(within("UPDATE", 2, body=sdp() + "\na=inactive"))
        gateway.in_(numbered(answer(200, method="UPDATE", body=ANSWER + "\na=inactive"), 2))
        gateway.wait(6)
        assert gateway.media_doors() == []


class TestRetain:
    @HOLDS
    def test_the_doors_stay(self, held: str) -> None:
        gateway = connected(config=RETAIN)
        before = gateway.media_doors()
        changed(gateway, 2, held, ANSWER + "\na=recvonly")
        gateway.wait(1000)
        assert gateway.media_doors() == before

    @HOLDS
    def test_a_phone_that_goes_on_as_before(self, held: str) -> None:
        """Its port is the same outside, though others wanted it meanwhile: some ends ignore the new offer."""
        gateway = connected(config=RETAIN)
        assert hears(gateway) == EAR
        changed(gateway, 2, held, ANSWER + "\na=recvonly")
        gateway.wait(1000)
        assert gateway.out(b"something", "10.0.0.11:4000", "192.0.2.66:4000").source != OURS
        resumed = gateway.out(within("INVITE", 3, body=sdp()))
        assert "m=audio 4000 " in resumed.text
        gateway.in_(numbered(answer(200, body=ANSWER), 3))
        assert hears(gateway) == EAR

    def test_silence_counts_again_once_it_is_resumed(self) -> None:
        gateway = connected(config=RETAIN)
        changed(gateway, 2, sdp() + "\na=inactive", ANSWER + "\na=inactive")
        gateway.wait(1000)
        assert gateway.media_doors() != []
        changed(gateway, 3, sdp())
        gateway.wait(122)
        gateway.wait(2)
        assert gateway.media_doors() == []

    def test_a_stream_that_is_gone_is_not_on_hold(self) -> None:
        gateway = connected(config=RETAIN)
        changed(gateway, 2, sdp(port=0), ANSWER.replace("m=audio 6000", "m=audio 0"))
        gateway.wait(6)
        assert gateway.media_doors() == []


class TestStreamsComeAndGo:
    VIDEO = "m=video 4002 RTP/AVP 9"
    THEIR_VIDEO = "m=video 6002 RTP/AVP 9"

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_added_and_removed(self, method: str) -> None:
        gateway = connected()
        both, accepted = sdp("10.0.0.10", 4000, self.VIDEO), sdp("198.51.100.99", 6000, self.THEIR_VIDEO)
        for cseq, offer, answered, doors in (
            (2, both, accepted, 4),
            (3, both.replace("video 4002", "video 0"), accepted.replace("video 6002", "video 0"), 2),
            (4, both, accepted, 4),
        ):
            gateway.out(within(method, cseq, body=offer))
            gateway.in_(numbered(answer(200, method=method, body=answered), cseq))
            gateway.out(within("ACK", cseq))
            gateway.wait(6)
            assert len(gateway.media_doors()) == doors

    def test_refused_in_the_first_answer(self) -> None:
        """The peer wants no video: its port is zero (RFC 3264, section 6)."""
        gateway = connected(sdp("10.0.0.10", 4000, self.VIDEO), sdp("198.51.100.99", 6000, "m=video 0 RTP/AVP 9"))
        gateway.wait(6)
        assert [door.split(">")[1] for door in gateway.media_doors()] == [GLOBAL + ":4001", GLOBAL + ":4000"]

    def test_moved_by_the_phone(self) -> None:
        """A changed address or port: a new door, and the old one closes after the answer."""
        gateway = connected()
        assert hears(gateway) == EAR
        changed(gateway, 2, sdp(port=5000))
        assert hears(gateway, MEDIA, GLOBAL + ":5000") == "10.0.0.10:5000"
        gateway.wait(6)
        assert hears(gateway) == "no-translation"

    def test_an_early_call_that_only_listens(self) -> None:
        """An offer of `sendonly` asks for nothing to be let in."""
        gateway = Gateway()
        gateway.out(request(body=sdp() + "\na=sendonly"))
        assert gateway.media_doors() == []
        assert gateway.out(b"music", EAR, MEDIA).fate == Fate.FORWARDED
