"""One call of the live gateway: its ladder, its doors with what the kernel counts, its end, and its trace."""

import pytest

from doorman.lab.plans import from_inside
from kit.captures import tshark
from kit.lab import SHORT, Lab, eventually

LADDER = [("INVITE", None), ("180", "INVITE"), ("200", "INVITE"), ("ACK", None), ("BYE", None), ("200", "BYE")]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_one_call_is_shown_and_traced(lab: Lab, transport: str) -> None:
    lab.in_gateway("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
    with lab.serving() as gateway:
        plan = from_inside(lab.network, SHORT._replace(transport=transport))
        lab.order(f"trace alg sip host {plan.caller.address} calls 30")
        with lab.calling(plan) as calls:
            eventually(lambda: len(lab.media_flows()) == 1, "no media")
            [listed] = lab.ask("show alg sip calls")
            ring = lab.ask(f"show alg sip call {listed['call_id'][:12]}")["calls"][0]
            assert (ring["state"], ring["ended"]) == ("confirmed", None)
            calls.finish()
        [call] = lab.ask(f"show alg sip call {listed['call_id']}")["calls"]
        rows = {row["name"]: row for row in lab.ask("show alg sip statistics")["rows"]}
        lab.order("no trace alg sip file calls")
        [trace] = lab.ask("show alg sip traces")
    assert [(message["message"], message["answers"]) for message in call["messages"]] == LADDER
    assert {message["transport"] for message in call["messages"]} == {transport}
    assert {message["inside"].partition(":")[0] for message in call["messages"]} == {plan.caller.address}
    assert {message["outside"].partition(":")[0] for message in call["messages"]} == {plan.callee.address}
    assert call["ended"]["why"] == "BYE from inside"
    assert 0 < call["lasted"] < 30
    assert (rows["BYE"]["total"], rows["BYE"][transport]) == (1, {"outbound": 1, "inbound": 0})
    [media] = [door for door in call["doors"] if door["role"] == "rtp"]
    assert (media["packets_in"], media["packets_out"], media["state"]) == (20, 20, "used")
    assert media["bytes_in"] > 20 * 160
    assert (trace["state"], trace["messages"]) == ("stopped", len(LADDER))
    frames = tshark(gateway.state / "traces" / "calls.pcapng", "frame.interface_name", "sip.Method", "_ws.malformed")
    assert sorted(frame["frame.interface_name"][0] for frame in frames) == ["inside"] * 6 + ["outside"] * 6
    assert [frame["_ws.malformed"] for frame in frames] == [[]] * 12


def test_a_trace_ends_with_its_time(lab: Lab) -> None:
    with lab.serving():
        lab.order("trace alg sip call nobody short 1")
        eventually(lambda: lab.ask("show alg sip traces")[0]["state"] == "done", "the trace goes on")
