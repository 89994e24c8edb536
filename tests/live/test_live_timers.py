"""Silence on the live gateway: what `inactive-media-timeout` ends, and what it leaves.

The other timers of SIP take minutes at least, see tests/kernel/test_kernel_timers.py; t4 is in every test of a BYE.
"""

from contextlib import ExitStack

from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE
from kit.agents import Agent
from kit.lab import Lab, eventually
from kit.parties import parties
from kit.talks import Media, Talk

TIMEOUT = 10
"""Seconds, the shortest that can be configured."""


def ports(lab: Lab, media: Media) -> list[str]:
    """The doors and flows of a phone's port and of the one above."""
    places = [f"{INSIDE_PHONE}:{media.port + step}" for step in (0, 1)]
    doors = [door["leads_to"] for door in lab.doors() if door["leads_to"] in places]
    return doors + [flow for flow in lab.media_flows() if f"sport={media.port} " in flow]


def test_inactive_media_timeout(lab: Lab) -> None:
    lab.configure(f"ip nat service sip inactive-media-timeout {TIMEOUT}")
    with lab.serving(), ExitStack() as stack:
        inside = Agent(lab, stack, lab.network.inside, INSIDE_PHONE, "udp")
        outside = Agent(lab, stack, lab.network.outside, OUTSIDE_PHONE, "udp")
        talks = [Talk(lab, stack, *parties(inside, outside, f"sip:bob@{OUTSIDE_PHONE}")) for _ in range(2)]
        (silent, _), (going_on, theirs) = (talk.connect() for talk in talks)
        going_on.stream.towards(going_on.remote)
        eventually(lambda: not ports(lab, silent), "silent media stay", TIMEOUT + 5.0)
        before = theirs.stream.counts().received
        eventually(lambda: theirs.stream.counts().received > before, "media that flow have ended, too")
        assert len(ports(lab, going_on)) == 2
        assert [call["state"] for call in lab.ask("show alg sip calls")] == ["confirmed", "confirmed"]
        timers = [talk.shown()["timers"] for talk in talks]
        assert [[timer["why"] for timer in ended] for ended in timers] == [["inactive-media"], []]
        going_on.stream.stop()
        for talk in talks:
            talk.callee.answers(talk.caller.asks("INFO"), 200)
            talk.hang_up(talk.callee)
