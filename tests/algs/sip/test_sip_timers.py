"""The timers of the SIP ALG (RFC 3261, table 4; RFC 4028): what each ends, also when it is changed on the way."""

import gc
from collections.abc import Callable

import pytest

from doorman.algs.api import Door, Owner
from doorman.algs.sip.calls import Call, State
from doorman.config.reader import read_config
from doorman.firewall.silence import Owned
from kit.dialogs import ANSWER, EAR, changed, connected, hears, numbered, reply, speaks, within, within_inbound
from kit.sip import OVERLOAD, Gateway, answer, incoming, request, sdp

MINUTE = 60


def ringing(config: str = "") -> Gateway:
    gateway = Gateway(OVERLOAD + config)
    gateway.out(request(body=sdp()))
    gateway.in_(answer(180))
    return gateway


def configure(gateway: Gateway, config: str) -> None:
    """Other settings, while it runs."""
    gateway.engine.reconfigure(read_config(OVERLOAD + config, "test.cfg"), gateway.now)


def lasts(gateway: Gateway, there: Callable[[Gateway], object], step: float = 1.0, most: float = 100_000) -> float:
    """How long something stays there, in seconds, if nothing happens."""
    began = gateway.now
    while there(gateway) and gateway.now - began < most:
        gateway.wait(step)
    return gateway.now - began


def has_doors(gateway: Gateway) -> bool:
    return bool(gateway.media_doors())


def has_used_doors(gateway: Gateway) -> bool:
    """Also those that became sessions."""
    return any(door.inspect_as is None for door in gateway.engine.state.doors.everyone())


def has_calls(gateway: Gateway) -> bool:
    return len(gateway.sip.calls) > 0


def kept(gateway: Gateway, owner: Owner) -> list[str]:
    """What is in memory of a call, whoever keeps it."""
    gateway.engine.take_changes()
    whose = [one for one in gc.get_objects() if isinstance(one, Call | Door | Owned) and one.owner is owner]
    return sorted(type(one).__name__ for one in whose)


def test_what_is_over_is_not_kept_until_its_timers_would_ring() -> None:
    gateway = connected()
    call = gateway.call("one")
    assert kept(gateway, call.owner) == ["Call", "Door", "Door", "Owned"]
    gateway.out(within("BYE", 2))
    gateway.wait(6)
    assert kept(gateway, call.owner) == ["Call"]
    owner = call.owner
    del call
    gateway.wait(33)
    assert kept(gateway, owner) == []


class TestInactiveMedia:
    """Each packet of RTP or RTCP begins the time anew; at its end the doors close, and the call goes on."""

    @pytest.mark.parametrize(("config", "seconds"), [("", 120), ("ip nat service sip inactive-media-timeout 30\n", 30)])
    def test_nothing_ever_came(self, config: str, seconds: int) -> None:
        gateway = connected(config=config)
        assert lasts(gateway, has_doors) == pytest.approx(seconds, abs=2)
        assert gateway.notes("inactive-media") == 1
        assert gateway.call("one").state == State.CONFIRMED

    @pytest.mark.parametrize("comes", [hears, speaks, lambda g: hears(g, "198.51.100.99:6001", "203.0.113.1:4001")])
    def test_whatever_comes_or_goes_begins_it_anew(self, comes: Callable[[Gateway], str]) -> None:
        gateway = connected()
        for _ in range(6):
            gateway.wait(100)
            assert comes(gateway)
        assert lasts(gateway, has_used_doors) == pytest.approx(120, abs=2)

    def test_a_flow_that_ended_sooner_counts_from_its_last_packet(self) -> None:
        gateway = connected(config="ip nat translation udp-timeout 20\n")
        gateway.wait(100)
        hears(gateway)
        assert lasts(gateway, has_used_doors) == pytest.approx(120, abs=2)

    def test_a_changed_session_opens_them_again(self) -> None:
        gateway = connected()
        gateway.wait(200)
        assert not has_doors(gateway)
        changed(gateway, 2, sdp())
        assert hears(gateway) == EAR

    def test_does_not_end_what_rings(self) -> None:
        gateway = ringing()
        gateway.wait(150)
        assert has_doors(gateway)

    def test_changed_while_calls_are_there(self) -> None:
        gateway = connected()
        gateway.wait(20)
        configure(gateway, "ip nat service sip inactive-media-timeout 600\n")
        gateway.wait(1)
        assert lasts(gateway, has_doors) == pytest.approx(600, abs=2)

    def test_leaves_no_trace(self) -> None:
        gateway = connected()
        gateway.in_(within_inbound("BYE", 1))
        gateway.wait(10)
        assert kept(gateway, gateway.call("one").owner) == ["Call"]


class TestMaximumCallDuration:
    """The absolute maximum: neither media nor a changed session make a call longer."""

    @pytest.mark.parametrize(("config", "minutes"), [("", 720), ("ip nat service sip maximum-call-duration 5\n", 5)])
    def test_ends_the_call(self, config: str, minutes: int) -> None:
        gateway = connected(config=config)
        cseq = 2
        for _ in range(minutes - 1):
            gateway.wait(MINUTE)
            hears(gateway)
            if cseq < 20:
                changed(gateway, cseq, sdp())
                cseq += 1
        assert has_calls(gateway)
        gateway.wait(MINUTE)
        gateway.wait(2)
        assert not has_calls(gateway)
        assert not has_used_doors(gateway)
        assert gateway.notes("call-too-long") == 1

    def test_longer_and_shorter_while_calls_are_there(self) -> None:
        gateway = connected(config="ip nat service sip inactive-media-timeout 2550\n")
        gateway.wait(10 * MINUTE)
        configure(gateway, "ip nat service sip maximum-call-duration 12\n")
        assert lasts(gateway, has_calls) == pytest.approx(2 * MINUTE, abs=2)
        gateway = connected(config="ip nat service sip maximum-call-duration 5\n")
        configure(
            gateway, "ip nat service sip inactive-media-timeout 2550\nip nat service sip maximum-call-duration 30\n"
        )
        assert lasts(gateway, has_doors) == pytest.approx(30 * MINUTE, abs=2)

    def test_shorter_than_the_call_is_now(self) -> None:
        gateway = connected()
        gateway.wait(10 * MINUTE)
        configure(gateway, "ip nat service sip maximum-call-duration 5\n")
        gateway.wait(2)
        assert not has_calls(gateway)


class TestT1:
    """A transaction takes 64 * T1 at most: timers B, D, F, H and J."""

    @pytest.mark.parametrize(("config", "seconds"), [("", 32), ("ip nat service sip t1-interval 2000\n", 128)])
    def test_a_request_without_an_answer(self, config: str, seconds: int) -> None:
        gateway = Gateway(OVERLOAD + config)
        gateway.out(request("OPTIONS"))
        assert lasts(gateway, has_calls) == pytest.approx(seconds, abs=2)

    @pytest.mark.parametrize(("config", "seconds"), [("", 32), ("ip nat service sip t1-interval 2000\n", 128)])
    def test_the_end_of_a_call_is_remembered(self, config: str, seconds: int) -> None:
        gateway = connected(config=config)
        gateway.in_(within_inbound("BYE", 1))
        assert lasts(gateway, has_doors) == pytest.approx(5, abs=2), "T4, not T1"
        gateway.now -= 6
        assert lasts(gateway, has_calls) == pytest.approx(seconds, abs=3)

    def test_changed_while_it_is_remembered(self) -> None:
        gateway = connected()
        gateway.in_(within_inbound("BYE", 1))
        configure(gateway, "ip nat service sip t1-interval 1000\n")
        assert lasts(gateway, has_calls) == pytest.approx(64, abs=2)

    def test_ends_no_call(self) -> None:
        gateway = ringing("ip nat service sip t1-interval 500\n")
        gateway.wait(100)
        assert gateway.call("one").state == State.EARLY


class TestT4:
    """How long a message stays in the network: doors stay as long after what ends them."""

    @pytest.mark.parametrize(("config", "seconds"), [("", 5), ("ip nat service sip t4-interval 10\n", 10)])
    @pytest.mark.parametrize("end", ["BYE", "CANCEL", "486"])
    def test_after_the_end(self, end: str, config: str, seconds: int) -> None:
        gateway = ringing(config)
        if end == "BYE":
            gateway.in_(answer(200, body=ANSWER))
            gateway.in_(within_inbound("BYE", 1))
        elif end == "CANCEL":
            gateway.out(request("CANCEL"))
        else:
            gateway.in_(answer(486))
        assert lasts(gateway, has_doors, 0.5) == pytest.approx(seconds, abs=1.5)

    def test_after_a_changed_session(self) -> None:
        gateway = connected(config="ip nat service sip t4-interval 9\n")
        changed(gateway, 2, sdp(port=5000))
        gateway.wait(8)
        assert len(gateway.media_doors()) == 4
        gateway.wait(2)
        assert len(gateway.media_doors()) == 2


class TestC:
    """Timer C: an INVITE waits for its final response, and each provisional one begins the time anew."""

    @pytest.mark.parametrize(("config", "minutes"), [("", 3), ("ip nat service sip c-timeout 10\n", 10)])
    @pytest.mark.parametrize("provisional", [True, False])
    def test_nobody_answers(self, provisional: bool, config: str, minutes: int) -> None:  # noqa: FBT001 - 180 or nothing
        gateway = Gateway(OVERLOAD + config)
        gateway.out(request(body=sdp()))
        if provisional:
            gateway.wait(100)
            gateway.in_(answer(180))
        assert lasts(gateway, has_doors) == pytest.approx(minutes * MINUTE, abs=2)
        assert not has_calls(gateway)
        assert gateway.notes("call-unanswered") == 1

    def test_a_call_from_outside(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"))
        gateway.in_(answer(200, "Expires: 3600", call_id="r", method="REGISTER"))
        gateway.out(reply(gateway.in_(incoming(call_id="one", body=ANSWER)), 183, body=sdp()))
        assert lasts(gateway, has_doors) == pytest.approx(3 * MINUTE, abs=2)

    def test_changed_while_it_rings(self) -> None:
        gateway = ringing()
        gateway.wait(60)
        configure(gateway, "ip nat service sip c-timeout 5\n")
        assert lasts(gateway, has_doors) == pytest.approx(4 * MINUTE, abs=2)

    def test_ends_no_answered_call(self) -> None:
        gateway = connected(config="ip nat service sip inactive-media-timeout 2550\n")
        gateway.wait(11 * MINUTE)
        assert has_doors(gateway)


class TestSessionTimer:
    """RFC 4028: the answer says how long the session lasts unless it is refreshed; the BYE for it may take 64 * T1."""

    GRACE = 32
    CONFIG = "ip nat service sip inactive-media-timeout 2550\n"

    def connected(self, *more: str) -> Gateway:
        return connected("", ANSWER, self.CONFIG, *more)

    @pytest.mark.parametrize("header", ["Session-Expires: 600;refresher=uac", "x: 600;refresher=uas", "x:600"])
    def test_nobody_refreshes_it(self, header: str) -> None:
        gateway = self.connected(header)
        assert lasts(gateway, has_doors) == pytest.approx(600 + self.GRACE, abs=2)
        assert not has_calls(gateway)
        assert gateway.notes("session-expired") == 1

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    @pytest.mark.parametrize("refresher", ["uac", "uas"])
    def test_refreshed(self, method: str, refresher: str) -> None:
        more = f"Session-Expires: 600;refresher={refresher}"
        gateway = self.connected(more)
        for cseq in range(2, 6):
            gateway.wait(300)
            if refresher == "uac":
                gateway.out(within(method, cseq, more, body=sdp()))
                gateway.in_(numbered(answer(200, more, method=method, body=ANSWER), cseq))
            else:
                received = gateway.in_(within_inbound(method, cseq, more, body=ANSWER))
                gateway.out(reply(received, 200, more, body=sdp()))
        assert lasts(gateway, has_doors) == pytest.approx(600 + self.GRACE, abs=2)

    def test_an_update_without_a_description_refreshes_it(self) -> None:
        gateway = self.connected("Session-Expires: 600")
        gateway.wait(500)
        gateway.out(within("UPDATE", 2, "Session-Expires: 900"))
        gateway.in_(numbered(answer(200, "Session-Expires: 900", method="UPDATE"), 2))
        assert lasts(gateway, has_calls) == pytest.approx(900 + self.GRACE, abs=2)

    @pytest.mark.parametrize("status", [422, 491, 500])
    def test_a_refused_refresh_does_not(self, status: int) -> None:
        gateway = self.connected("Session-Expires: 600")
        gateway.wait(500)
        gateway.out(within("UPDATE", 2, "Session-Expires: 90"))
        gateway.in_(numbered(answer(status, "Min-SE: 300", method="UPDATE"), 2))
        assert lasts(gateway, has_calls) == pytest.approx(100 + self.GRACE, abs=2)

    def test_an_answer_that_says_nothing_means_no_end(self) -> None:
        gateway = self.connected("Session-Expires: 600")
        changed(gateway, 2, sdp())
        gateway.wait(2000)
        assert has_calls(gateway)

    def test_what_the_request_asked_for_is_not_what_is_agreed(self) -> None:
        gateway = Gateway(OVERLOAD + self.CONFIG)
        gateway.out(request("INVITE", "Session-Expires: 90", "Supported: timer", body=sdp()))
        gateway.in_(answer(200, body=ANSWER))
        gateway.wait(1000)
        assert has_calls(gateway)

    def test_too_short_an_interval(self) -> None:
        """422, and again with more (RFC 4028, section 6)."""
        gateway = Gateway(OVERLOAD + self.CONFIG)
        gateway.out(request("INVITE", "Session-Expires: 90", body=sdp()))
        gateway.in_(answer(422, "Min-SE: 1800"))
        gateway.out(request("ACK"))
        gateway.out(numbered(request("INVITE", "Session-Expires: 1800", "Min-SE: 1800", body=sdp()), 2))
        gateway.in_(numbered(answer(200, "Session-Expires: 1800", body=ANSWER), 2))
        assert lasts(gateway, has_doors) == pytest.approx(1800 + self.GRACE, abs=2)

    @pytest.mark.parametrize("value", ["1", "0", "89"])
    def test_none_is_shorter_than_ninety_seconds(self, value: str) -> None:
        gateway = self.connected(f"Session-Expires: {value}")
        assert lasts(gateway, has_doors) == pytest.approx(90 + self.GRACE, abs=2)

    @pytest.mark.parametrize("value", ["", "soon", "99999999999999", "-5"])
    def test_no_number_means_no_end(self, value: str) -> None:
        gateway = self.connected(f"Session-Expires: {value}")
        gateway.wait(2000)
        assert has_calls(gateway)

    def test_not_longer_than_a_call_may_be(self) -> None:
        gateway = connected("", ANSWER, self.CONFIG + "ip nat service sip maximum-call-duration 5\n", "x: 3600")
        assert lasts(gateway, has_calls) == pytest.approx(5 * MINUTE, abs=2)
        assert gateway.notes("call-too-long") == 1

    def test_the_answer_to_an_update_of_no_dialog_says_nothing(self) -> None:
        gateway = self.connected()
        gateway.in_(numbered(answer(200, "Session-Expires: 90", method="UPDATE"), 7).replace(b"tag=b", b"tag=z"))
        gateway.wait(1000)
        assert has_calls(gateway)


def test_silence_begins_with_the_last_packet_of_a_flow_that_is_gone() -> None:
    """Flows may be forgotten sooner than the media of a call are given up."""
    gateway = connected(config="ip nat translation udp-timeout 10\n")
    gateway.wait(100)
    assert hears(gateway) == EAR
    gateway.wait(15)
    gateway.wait(100)
    assert gateway.notes("inactive-media") == 0
    gateway.wait(10)
    assert gateway.notes("inactive-media") == 1
