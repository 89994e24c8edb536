"""Media on hold (RFC 3264, section 8.4): streams that an end announces and does not listen to.

a=sendonly                 this end does not listen, and goes on to send: music
a=inactive                 neither
c=0.0.0.0                  the old way to say that it does not listen
m=audio 0                  the stream is refused, or gone

What becomes of the doors of an end that does not listen, or has nothing to listen to, is configured. `release`: they
close once the other end agrees, and open anew, perhaps under another name, when the call is resumed. `retain`: they
stay, for ends which then go on with what was agreed before. The doors of a stream that is gone close in any case.
"""

from typing import Final

from doorman.algs.api import CloseDoors, Effect, InactivityTimeout
from doorman.algs.sip.calls import Call, Calls, Ends, Speaker
from doorman.algs.sip.media import GONE, Announced, hears, speaks
from doorman.algs.sip.offers import close_gone

_FOR_EVER: Final = float("inf")


def retained(call: Call, announced: list[Announced], speaker: Speaker) -> list[Announced]:
    """What is announced, together with what an end had before that gives no address while it holds."""
    known: list[Announced | None] = [ends[speaker.end] for ends in call.streams]
    known += [None] * (len(announced) - len(known))
    return [
        mine.through(mine.flows or before.flows)
        if before is not None and mine.receives is None and mine.direction != GONE
        else mine
        for mine, before in zip(announced, known, strict=False)
    ]


def release(calls: Calls, call: Call, at: float) -> list[Effect]:
    """Close, at a time, the doors that nobody listens at, once both ends agree on that.

    A flow by which the end itself goes on to send is spared while it is announced: its music keeps its name.
    """
    effects: list[Effect] = []
    released = []
    for ends in call.streams:
        for end, mine in enumerate(ends):
            theirs = ends[1 - end]
            if mine is None or theirs is None or not mine.flows or (hears(mine) and speaks(theirs)):
                continue
            if calls.limits.retains and GONE not in {mine.direction, theirs.direction}:
                continue
            if speaks(mine) and hears(theirs):
                effects += [CloseDoors(call.owner, at, flow.entrance, spare=True) for flow in mine.flows]
            else:
                ends[end] = mine.through(())
                released.append(mine)
    return effects + [effect for mine in released for effect in close_gone(call, mine, at)]


def silence(calls: Calls, call: Call) -> InactivityTimeout:
    """How long the media of a call may be silent: for ever while it is on hold and what it has is to be retained."""
    retains = calls.limits.retains and any(_is_held(ends) for ends in call.streams)
    return InactivityTimeout(call.owner, _FOR_EVER if retains else calls.times.silence)


def _is_held(ends: Ends) -> bool:
    return any(end is not None and end.direction != GONE and not (hears(end) and speaks(end)) for end in ends)
