"""Many calls at once between the same two ports, as on a trunk."""

from doorman.lab.phones import Played
from doorman.lab.plans import from_inside
from kit.lab import CALL_ID, LINGER, Lab, eventually

CALLS = 1_000
RATE = 160
BETWEEN_FIRST_AND_LAST = CALLS / RATE
HOLD = 2 * BETWEEN_FIRST_AND_LAST + 1.0
"""Seconds; a machine that has more to do takes longer for the set-up and the media."""
TALK = Played(
    calls=CALLS,
    rate=RATE,
    seconds=BETWEEN_FIRST_AND_LAST + 0.5,
    options=(*CALL_ID, "-d", f"{HOLD * 1000:.0f}"),
)
"""All calls are there at the same time, and the last ones still after the doors of the first ones have been closed."""


def test_1000_calls_on_one_trunk(lab: Lab) -> None:
    assert LINGER < BETWEEN_FIRST_AND_LAST
    with lab.serving():
        with lab.calling(from_inside(lab.network, TALK)) as calls:
            assert lab.ask("show alg sip statistics")["totals"]["calls"] == CALLS
            eventually(lambda: len(lab.media_flows()) == CALLS, "not every call has a flow of its own")
            assert len(lab.doors("rtcp")) == CALLS
            report = calls.finish()
        statistics = lab.ask("show alg sip statistics")
        assert statistics["drops"] == {}
        signalling = [flow for flow in lab.flows() if "sport=5060" in flow]
    assert len(signalling) == 1
    assert len(report.legs) == CALLS
    for leg in report.legs:
        assert leg.has_two_way_media
        assert (leg.caller.received, leg.callee.received) == (leg.callee.sent, leg.caller.sent)
        assert leg.callee.sent > 0
    outside = [source for leg in report.legs for source in leg.callee.sources]
    assert len(set(outside)) == CALLS
    assert statistics["messages"]["BYE"] == CALLS
