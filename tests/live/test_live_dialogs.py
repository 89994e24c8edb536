"""What may become of a call: changed, held, cancelled, refused, forked, referred; each way and over each transport.

A test speaks for both telephones; one gateway serves them all.
"""

import pytest

from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from kit.lab import eventually
from kit.parties import endpoint, parties, registered
from kit.talks import PACKETS, Media, Talk, change, early, flow, tell

THIRD_PHONE = "192.168.1.12"


class TestChanges:
    """Re-INVITE and UPDATE."""

    def test_a_stream_comes_and_goes(self, talk: Talk) -> None:
        ours, theirs = talk.connect()
        pictures = Media(talk.caller), Media(talk.callee)
        offered = talk.caller.asks("UPDATE", body=ours.offer(f"m=video {pictures[0].port} RTP/AVP 96"))
        answered = talk.callee.answers(offered, 200, body=theirs.offer(f"m=video {pictures[1].port} RTP/AVP 96"))
        pictures[0].goes_to(answered, 1)
        pictures[1].goes_to(offered, 1)
        flow(*pictures)
        flow(ours, theirs)
        gone = talk.callee.asks("INVITE", body=theirs.offer("m=video 0 RTP/AVP 96"))
        talk.caller.answers(gone, 200, body=ours.offer("m=video 0 RTP/AVP 96"))
        talk.callee.asks("ACK")
        flow(ours, theirs)
        assert talk.open_doors() == [talk.of_inside(ours, theirs).port + 1], "RTCP of the sound has not come"
        talk.hang_up(talk.caller)

    def test_a_refused_one_changes_nothing(self, talk: Talk) -> None:
        ours, theirs = talk.connect()
        refused = Media(talk.inside)
        offered = talk.inside.asks("INVITE", body=refused.offer())
        assert refused.port in talk.open_doors()
        talk.outside.answers(offered, 488)
        talk.inside.asks("ACK")
        assert talk.open_doors() == [talk.of_inside(ours, theirs).port + 1]
        flow(ours, theirs)
        talk.hang_up(talk.callee)

    @pytest.mark.parametrize("policy", ["release", "retain"])
    def test_hold(self, talk: Talk, policy: str) -> None:
        talk.lab.order("configure terminal", f"ip nat service sip hold {policy}", "end")
        talk.stack.callback(talk.lab.order, "configure terminal", "no ip nat service sip hold", "end")
        ours, theirs = talk.connect()
        before = talk.open_doors()
        change(talk.caller, ours.offer("a=inactive"), theirs.offer("a=inactive"))
        assert talk.open_doors() == (before if policy == "retain" else [])
        invite, answer = change(talk.callee, theirs.offer(), ours.offer())
        theirs.goes_to(answer)
        ours.goes_to(invite)
        flow(ours, theirs)
        talk.hang_up(talk.caller)

    def test_music_while_somebody_holds(self, talk: Talk) -> None:
        ours, theirs = talk.connect()
        holds, hears = (ours, theirs) if ours.party is talk.inside else (theirs, ours)
        change(talk.inside, holds.offer("a=sendonly"), hears.offer("a=recvonly"))
        already = hears.stream.counts()
        holds.stream.towards(holds.remote, PACKETS)
        eventually(lambda: hears.stream.counts().received == already.received + PACKETS, "no music")
        assert hears.stream.counts().sources.keys() == already.sources.keys()
        talk.hang_up(talk.callee)


class TestEnds:
    """CANCEL, whatever 487 does, and a final error."""

    def test_cancel(self, talk: Talk) -> None:
        invite = early(talk)
        talk.callee.answers(talk.caller.asks("CANCEL"), 200)
        talk.has_ended("CANCEL", talk.caller)
        talk.callee.answers(invite, 487)
        talk.caller.asks("ACK")
        talk.has_ended("487 (INVITE)", talk.callee)

    @pytest.mark.parametrize("status", [302, 486, 603])
    def test_a_final_error(self, talk: Talk, status: int) -> None:
        invite = early(talk)
        assert talk.open_doors() != []
        talk.callee.answers(invite, status)
        talk.caller.asks("ACK")
        talk.has_ended(f"{status} (INVITE)", talk.callee)


class TestEarly:
    """What is said before the call is answered."""

    def test_media_with_an_offer_in_prack(self, talk: Talk) -> None:
        ours, theirs = Media(talk.caller), Media(talk.callee)
        invite = talk.caller.asks("INVITE", "Supported: 100rel", body=ours.offer())
        progress = talk.callee.answers(invite, 183, "Require: 100rel", "RSeq: 1", body=theirs.offer())
        ours.goes_to(progress)
        theirs.goes_to(invite)
        flow(ours, theirs)
        pictures = Media(talk.caller), Media(talk.callee)
        prack = talk.caller.asks("PRACK", "RAck: 1 1 INVITE", body=ours.offer(f"m=video {pictures[0].port} RTP/AVP 96"))
        agreed = talk.callee.answers(prack, 200, body=theirs.offer(f"m=video {pictures[1].port} RTP/AVP 96"))
        pictures[0].goes_to(agreed, 1)
        pictures[1].goes_to(prack, 1)
        flow(*pictures)
        talk.callee.answers(invite, 200)
        talk.caller.asks("ACK")
        flow(ours, theirs)
        flow(*pictures)
        talk.hang_up(talk.callee)

    @pytest.mark.parametrize("reliable", [True, False], ids=["183 and PRACK", "200 and ACK"])
    def test_a_delayed_offer(self, talk: Talk, reliable: bool) -> None:  # noqa: FBT001 - where it is made
        ours, theirs = Media(talk.caller), Media(talk.callee)
        invite = talk.caller.asks("INVITE")
        if reliable:
            offer = talk.callee.answers(invite, 183, "Require: 100rel", "RSeq: 1", body=theirs.offer())
            answer = talk.caller.asks("PRACK", "RAck: 1 1 INVITE", body=ours.offer())
            talk.callee.answers(answer, 200)
        else:
            offer = talk.callee.answers(invite, 200, body=theirs.offer())
            answer = talk.caller.asks("ACK", body=ours.offer())
        ours.goes_to(offer)
        theirs.goes_to(answer)
        flow(ours, theirs)
        if reliable:
            talk.callee.answers(invite, 200)
            talk.caller.asks("ACK")
            flow(ours, theirs)
        talk.hang_up(talk.caller)

    def test_forks(self, talk: Talk) -> None:
        ours, first, second = Media(talk.caller), Media(talk.callee), Media(talk.callee)
        invite = talk.caller.asks("INVITE", body=ours.offer())
        for tag, theirs in (("one", first), ("two", second)):
            talk.callee.tag = tag
            ours.goes_to(talk.callee.answers(invite, 183, body=theirs.offer()))
            theirs.goes_to(invite)
            flow(ours, theirs)
        talk.callee.answers(invite, 200, body=second.offer())
        talk.caller.asks("ACK")
        flow(ours, second)
        assert not {first.port, first.port + 1} & set(talk.open_doors())
        talk.hang_up(talk.callee)


class TestReferrals:
    """REFER, from either side."""

    @pytest.mark.parametrize("replaced", ["", "inside;to-tag=x;from-tag=y"], ids=["blind", "attended"])
    def test_to_a_private_third_party(self, talk: Talk, replaced: str) -> None:
        talk.connect()
        third = talk.further(talk.lab.network.inside, THIRD_PHONE)
        query = replaced and "?Replaces=" + replaced.replace(";", "%3B").replace("=", "%3D")
        goal = f"sip:carol@{THIRD_PHONE}:5060;transport={third.transport}{query}"
        refer = talk.inside.asks("REFER", f"Refer-To: <{goal}>", f"Referred-By: <sip:alice@{INSIDE_PHONE}>")
        talk.outside.answers(refer, 202)
        told = refer.one("Refer-To").strip("<>")
        assert told.endswith(query)
        transferred = Talk(talk.lab, talk.stack, *parties(talk.outside.agent, third, told.partition("?")[0]))
        transferred.connect(*([f"Replaces: {replaced}"] if replaced else []))
        tell(talk.outside, "SIP/2.0 200 OK")
        talk.hang_up(talk.inside)
        transferred.hang_up(transferred.callee)

    def test_to_the_outside(self, talk: Talk) -> None:
        talk.connect()
        third = talk.further(talk.lab.network.outside, PROXY)
        goal = f"<sip:carol@{PROXY}:5060;transport={third.transport}>"
        refer = talk.outside.asks("REFER", f"Refer-To: {goal}")
        talk.inside.answers(refer, 202)
        assert refer.one("Refer-To") == goal
        transferred = Talk(talk.lab, talk.stack, *parties(talk.inside.agent, third, goal[1:-1]))
        transferred.connect()
        tell(talk.inside, "SIP/2.0 200 OK")
        talk.hang_up(talk.outside)
        transferred.hang_up(transferred.caller)

    def test_to_a_registered_phone(self, talk: Talk) -> None:
        talk.connect()
        third = talk.further(talk.lab.network.inside, THIRD_PHONE)
        refer = talk.outside.asks("REFER", f"Refer-To: <{registered(third, talk.outside.agent)}>")
        assert endpoint(refer.one("Refer-To")) == (THIRD_PHONE, 5060)
        talk.inside.answers(refer, 202)
        talk.hang_up(talk.outside)


class TestSignallingDoors:
    """By Via, Contact and Record-Route."""

    def test_by_a_route(self, talk: Talk) -> None:
        ours, theirs = Media(talk.caller), Media(talk.callee)
        invite = talk.caller.asks("INVITE", f"Record-Route: <sip:{talk.caller.agent.address};lr>", body=ours.offer())
        route = f"Record-Route: <sip:{talk.callee.agent.address};lr>"
        ours.goes_to(talk.callee.answers(invite, 200, route, body=theirs.offer()))
        theirs.goes_to(invite)
        talk.caller.asks("ACK")
        flow(ours, theirs)
        for party in (talk.callee, talk.caller):
            info = party.asks("INFO")
            assert endpoint(info.one("Route"))[0] == party.other.agent.address or party is talk.outside
            party.other.answers(info, 200)
        talk.hang_up(talk.callee)

    def test_by_a_contact_for_anybody(self, talk: Talk) -> None:
        talk.connect()
        stranger = talk.further(talk.lab.network.outside, PROXY)
        one, other = parties(stranger, talk.inside.agent, talk.outside.target)
        other.answers(one.asks("OPTIONS"), 200)
        talk.hang_up(talk.caller)

    def test_by_a_via_without_a_port(self, talk: Talk) -> None:
        third = talk.further(talk.lab.network.inside, THIRD_PHONE)
        third.sent_by = THIRD_PHONE
        beside = Talk(talk.lab, talk.stack, *parties(third, talk.outside.agent, f"sip:bob@{OUTSIDE_PHONE}"))
        beside.connect()
        beside.hang_up(beside.callee)
