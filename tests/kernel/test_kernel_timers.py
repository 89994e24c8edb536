"""The timers of the SIP ALG on a live gateway: what each takes from the kernel, and what it leaves there."""

from collections.abc import Callable

import pytest

from doorman.algs.sip.alg import SipAlg
from kit.dialogs import numbered, within
from kit.live import Live
from kit.sip import GLOBAL, OVERLOAD, answer, request, sdp

MINUTE = 60
PHONE_RTP, PEER_RTP = "10.0.0.10:4000", "198.51.100.99:7000"
NAME_RTP, NAME_RTCP = f"{GLOBAL}:4000", f"{GLOBAL}:4001"
NAME = f"{GLOBAL} . udp . 5060"
"""Of the phone's signalling, as nft lists it."""
THEIRS = sdp("198.51.100.99", 7000)

Make = Callable[..., Live]


def configured(make: Make, line: str) -> Live:
    return make(OVERLOAD + f"ip nat service sip {line}\n")


def talks(live: Live) -> None:
    """The call is answered, and RTP has come; RTCP has not."""
    live.out(request(body=sdp()))
    live.in_(answer(body=THEIRS))
    live.out(within("ACK", 1))
    assert [d.receiver for d in live.in_(b"media", PEER_RTP, NAME_RTP)] == [PHONE_RTP]
    assert media(live) == (1, 1)


def media(live: Live) -> tuple[int, int]:
    """The flows of media, and the doors that none came by."""
    flows = [flow for flow in live.flows() if "dport=4000 " in flow]
    doors = live.elements("doors") + live.elements("doors_any")
    return len(flows), sum(f"{GLOBAL} . udp . {port}" in doors for port in (4000, 4001))


def calls(live: Live) -> list[str]:
    alg = live.engine.inspector.algs["sip"]
    assert isinstance(alg, SipAlg)
    return [call.state.name for call in alg.calls]


def signals(live: Live) -> bool:
    """Whether the peer still reaches the phone at the address of its Contact."""
    return bool(live.in_(request("OPTIONS", call_id="later", host="198.51.100.20")))


def test_inactive_media_timeout_ends_the_doors_and_not_the_call(make: Make) -> None:
    live = configured(make, "inactive-media-timeout 30")
    live.out(request(body=sdp()))
    live.in_(answer(body=THEIRS))
    live.out(within("ACK", 1))
    live.wait(29)
    assert media(live) == (0, 2)
    live.wait(31)
    assert media(live) == (0, 0)
    assert calls(live) == ["CONFIRMED"]
    assert live.in_(b"media", PEER_RTP, NAME_RTP) == []
    assert signals(live)


def test_maximum_call_duration_ends_whatever_the_call_has(make: Make) -> None:
    live = configured(make, "maximum-call-duration 3")
    talks(live)
    live.wait(3 * MINUTE - 1)
    assert media(live)[0] == 1
    assert calls(live) == ["CONFIRMED"]
    live.wait(3 * MINUTE + 1)
    assert media(live) == (0, 0)
    assert calls(live) == []
    for name in (NAME_RTP, NAME_RTCP):
        assert live.in_(b"media", PEER_RTP, name) == []


def test_c_timeout_ends_what_rings(make: Make) -> None:
    live = configured(make, "c-timeout 3")
    live.out(request(body=sdp()))
    live.in_(answer(183, body=THEIRS))
    live.wait(3 * MINUTE - 1)
    assert media(live) == (0, 2)
    assert calls(live) == ["EARLY"]
    live.wait(3 * MINUTE + 1)
    assert media(live) == (0, 0)
    assert calls(live) == []


@pytest.mark.parametrize("t1", [500, 1_000])
def test_t1_ends_what_nobody_answers(make: Make, t1: int) -> None:
    live = configured(make, f"t1-interval {t1}")
    live.out(request("OPTIONS"))
    live.wait(64 * t1 / 1_000 - 1)
    assert NAME in live.elements("doors_any")
    assert calls(live) == ["TRYING"]
    live.wait(64 * t1 / 1_000 + 1)
    assert NAME not in live.elements("doors_any")
    assert calls(live) == []


@pytest.mark.parametrize("t4", [5, 10])
@pytest.mark.parametrize("end", ["BYE", "CANCEL", "486"])
def test_t4_is_how_long_doors_stay_after_the_end(make: Make, end: str, t4: int) -> None:
    live = configured(make, f"t4-interval {t4}")
    if end == "BYE":
        talks(live)
        live.out(within("BYE", 2))
        live.in_(numbered(answer(method="BYE"), 2))
    else:
        live.out(request(body=sdp()))
        live.in_(answer(183, body=THEIRS))
        live.in_(answer(486)) if end == "486" else live.out(request("CANCEL"))
    before = media(live)
    live.wait(t4 - 1)
    assert media(live) == before != (0, 0)
    live.wait(t4 + 1)
    assert media(live) == (0, 0)
