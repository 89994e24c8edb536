"""Modes of the SIP ALG and its guard against floods, on the live gateway."""

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE
from kit.lab import Lab, eventually
from kit.sip import request, sdp, sip

INVITE = request(host=INSIDE_PHONE, body=sdp(INSIDE_PHONE, 20_000))
FAILURES = 5


@pytest.mark.parametrize(("mode", "doors"), [("observe", 0), ("pinhole-only", 2), ("off", 0)])
def test_a_mode_is_put_to_work_at_once(lab: Lab, mode: str, doors: int) -> None:
    """An INVITE goes by the mode of its phone's interface, and the next of the same flow by the mode set meanwhile."""
    net = lab.network
    lab.configure("interface in0", f" ip nat service sip mode {mode}")
    with (
        lab.serving(),
        lab.udp(net.inside, INSIDE_PHONE, 5060) as phone,
        lab.udp(net.outside, OUTSIDE_PHONE, 5060) as peer,
    ):
        phone.sendto(INVITE, (OUTSIDE_PHONE, 5060))
        data, back = peer.recvfrom(2_000)
        assert (data, back[0]) == (INVITE, GATEWAY_GLOBAL)
        assert len(lab.doors()) == doors
        notes = lab.ask("show alg sip statistics")["notes"]
        assert notes.get("would-rewrite", 0) == (mode != "off")
        assert notes.get("would-open-door", 0) == (4 if mode == "observe" else 0)
        names = lab.in_gateway("nft", "list", "map", "ip", "doorman", "bindings")
        assert (f"{INSIDE_PHONE} . udp . 20000" in names) == (mode == "pinhole-only")
        lab.order("configure terminal", "interface in0", "no ip nat service sip mode", "end")
        phone.sendto(INVITE.replace(b"Call-ID: one", b"Call-ID: two"), (OUTSIDE_PHONE, 5060))
        assert INSIDE_PHONE.encode() not in peer.recv(2_000)
        assert len(lab.doors()) >= 2
        assert lab.ask("show ip nat statistics")["counters"]["Kernel"].get("commit-refused", 0) == 0


def test_a_flood_is_denied_and_heard_again(lab: Lab) -> None:
    net = lab.network
    lab.configure(f"ip nat service sip protect threshold {FAILURES}")
    with (
        lab.serving(),
        lab.udp(net.inside, INSIDE_EXCHANGE, 5060) as exchange,
        lab.udp(net.outside, OUTSIDE_PHONE, 5060) as scanner,
    ):

        def call(number: int) -> None:
            scanner.sendto(request(call_id=f"scan{number}", host=OUTSIDE_PHONE), (EXCHANGE_GLOBAL, 5060))

        for number in range(FAILURES):
            call(number)
            data, back = exchange.recvfrom(2_000)
            via = next(line for line in data.decode().splitlines() if line.startswith("Via:"))
            more = ("From: <sip:x@x>;tag=a", "To: <sip:y@y>;tag=b", f"Call-ID: scan{number}", "CSeq: 1 INVITE")
            exchange.sendto(sip("SIP/2.0 404 Not Found", via, *more), back)
            assert scanner.recv(2_000).startswith(b"SIP/2.0 404")
        call(100)
        eventually(lambda: lab.ask("show alg sip guard")[0]["refused"], "nothing is denied")
        [entry] = lab.ask("show alg sip guard")
        assert (entry["source"], entry["server"], entry["state"]) == (OUTSIDE_PHONE, INSIDE_EXCHANGE, "denied")
        assert (entry["failures"], entry["refused"]) == (FAILURES, 1)
        assert lab.ask("show alg sip statistics")["drops"] == {"sip: denied-source": 1}
        lab.order(f"clear alg sip guard {OUTSIDE_PHONE}")
        call(101)
        assert b"scan101" in exchange.recv(2_000)
