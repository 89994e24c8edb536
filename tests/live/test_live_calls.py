"""Calls through the live gateway: media counted at both ends, both links captured and judged by tshark."""

from pathlib import Path

import pytest

from doorman.lab.capture import capturing_both_sides
from doorman.lab.phones import Played
from doorman.lab.plans import Plan, from_inside, from_outside, to_registered
from doorman.lab.rtp import PCMU, TELEPHONE_EVENT
from kit.captures import tshark
from kit.holding import holding
from kit.lab import LINGER, PACKETS, SHORT, Lab, eventually

INSIDE_NETWORK = b"192.168.1."
CALLERS = ["inside", "outside", "registrar"]
"""Who calls: a phone inside; a phone outside, the exchange; the registrar, a phone that registered with it."""
MESSAGES = ["INVITE", "180", "200", "ACK", "BYE", "200"]
CHECKSUMS = ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"]
FIELDS = [*CHECKSUMS, "_ws.malformed", "sip.Method", "sip.Status-Code", "ip.dst"]
SDP = ["sdp.connection_info.address", "sdp.media.port"]
BAD = "0"
"""The status of a wrong checksum."""

Frames = list[dict[str, list[str]]]


def planned(lab: Lab, caller: str, played: Played) -> Plan:
    if caller == "inside":
        return from_inside(lab.network, played)
    if caller == "outside":
        return from_outside(lab.network, played)
    return to_registered(lab.network, lab.directory, played)


def announced(frames: Frames, receiver: str) -> set[tuple[str, int]]:
    """Where media goes, as this receiver was told."""
    return {
        (address, int(port))
        for frame in frames
        if frame["ip.dst"] == [receiver]
        for address, port in zip(*(frame[field] for field in SDP), strict=True)
    }


def methods(frames: Frames) -> list[str]:
    return [kind for frame in frames for kind in frame["sip.Method"] + frame["sip.Status-Code"]]


def assert_flawless(frames: Frames) -> None:
    assert [frame for frame in frames if frame["_ws.malformed"]] == []
    assert [frame for frame in frames for field in CHECKSUMS if BAD in frame[field]] == []


@pytest.mark.parametrize("transport", ["udp", "tcp", "vtcp"])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_call_has_media_both_ways(lab: Lab, caller: str, transport: str) -> None:
    played = lab.over(transport)
    with lab.serving(), capturing_both_sides(lab.network, lab.directory) as captures:
        plan = planned(lab, caller, played)
        [leg] = lab.place(plan).legs
    frames = dict(zip(("inside", "outside"), (tshark(capture, *FIELDS, *SDP) for capture in captures), strict=True))
    for end, line in zip(leg, (plan.caller, plan.callee), strict=True):
        assert (end.sent, end.received, end.lost, end.reordered, end.refused) == (PACKETS, PACKETS, 0, 0, 0)
        seen = frames["inside" if line.namespace == lab.network.inside else "outside"]
        assert end.sources.keys() == announced(seen, line.address), "heard from elsewhere than was announced"
        assert methods(seen)[-6:] == MESSAGES
        assert_flawless(seen)
    inside, outside = (Path(capture).read_bytes() for capture in captures)
    assert INSIDE_NETWORK in inside
    assert INSIDE_NETWORK not in outside


def test_what_a_call_needed_is_gone_after_it(lab: Lab) -> None:
    with lab.serving():
        plans = {}
        for phone, transport in enumerate(["udp", "tcp"]):
            plan = to_registered(lab.network, lab.directory, SHORT._replace(transport=transport), phone)
            plans[transport] = plan._replace(caller=plan.caller._replace(media_port=30_000 + 1_000 * phone))
        with lab.calling(plans["udp"], "udp") as calls, lab.calling(plans["tcp"], "tcp") as others:
            eventually(lambda: len(lab.media_flows()) == 2, "no media")
            eventually(lambda: [door["role"] for door in lab.doors()] == ["rtcp", "rtcp"], "doors that were used stay")
            assert calls.finish().has_two_way_media
            assert others.finish().has_two_way_media
        eventually(lambda: not lab.doors() and not lab.media_flows(), "a call leaves something behind", LINGER + 3.0)
        assert {door["transport"] for door in lab.doors("contact")} == {"udp", "tcp"}
        assert [registration["left"] > 500 for registration in lab.ask("show alg sip registrations")] == [True, True]
        with lab.calling(plans["udp"], "udp") as calls, lab.calling(plans["tcp"], "tcp") as others:
            assert calls.finish().has_two_way_media
            assert others.finish().has_two_way_media


def test_a_call_outlives_the_clearing_of_all_translations(lab: Lab) -> None:
    with lab.serving(), lab.calling(from_inside(lab.network, SHORT)) as calls:
        eventually(lambda: len(lab.media_flows()) == 1, "no media")
        lab.order("clear ip nat translation *")
        assert [call["state"] for call in lab.ask("show alg sip calls")] == ["confirmed"]
        [leg] = calls.finish().legs
        assert lab.ask("show alg sip statistics")["messages"]["BYE"] == 1
    for end in leg:
        assert len(end.sources) == 1
        assert end.lost <= 2, "what was on its way"


def test_a_phone_that_uses_its_ports_again_at_once_keeps_its_call(lab: Lab) -> None:
    with lab.serving():
        plan = from_inside(lab.network, SHORT)
        lab.place(plan)
        [leg] = lab.place(plan._replace(played=SHORT._replace(seconds=LINGER + 0.5))).legs
    for end in leg:
        assert end.sent == end.received > PACKETS


def test_digits_pass_both_ways(lab: Lab) -> None:
    with lab.serving(), lab.calling(from_inside(lab.network, SHORT)) as calls:
        for end in (calls.caller, calls.callee):
            end.streams[1].press(5)
        [leg] = calls.finish().legs
    for counts in leg:
        assert counts.payload_types == {PCMU: PACKETS - 6, TELEPHONE_EVENT: 6}


@pytest.mark.parametrize(("caller", "transport"), [("inside", "udp"), ("outside", "tcp"), ("registrar", "vtcp")])
def test_a_held_call_goes_on_at_another_port(lab: Lab, caller: str, transport: str) -> None:
    played = lab.over(transport)._replace(seconds=0.1)
    with lab.serving():
        plan = planned(lab, caller, played)
        stays = LINGER + 2.5 if caller == "inside" else 1.0
        with holding(lab, plan, stays) as call:
            first, second, callee = call.streams
            call.wait_for("held 1")
            call.wait_for_media(callee)
            call.wait_for("media 2")
            first.stop()
            call.wait_for_media(second)
            if caller == "inside":
                eventually(lambda: not mentions(lab, first.endpoint[1]), "the old port stays open", LINGER + 3.0)
                assert mentions(lab, second.endpoint[1])
            call.wait_for_media(callee)
            call.finish()
            call.stop()
    assert callee.counts().received == first.counts().sent + second.counts().sent
    assert callee.counts().sent == first.counts().received + second.counts().received


def mentions(lab: Lab, port: int) -> list[str]:
    """The doors and flows that a port of media still has."""
    doors = [str(door) for door in lab.doors() if door["leads_to"].endswith(f":{port}")]
    return doors + [flow for flow in lab.media_flows() if f"={port} " in flow]
