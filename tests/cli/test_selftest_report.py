"""What `doorman selftest` shows of what it saw."""

import json

from doorman.cli.selftest.report import Selftest, report, report_lines
from doorman.net.addresses import Endpoint, address_of
from doorman.selftest.call import Observed
from doorman.selftest.messages import invite
from doorman.selftest.stand_in import Datagram
from doorman.selftest.verdict import Told, judge

PHONE, MIRROR = Endpoint(address_of("192.168.1.250"), 32_060), Endpoint(address_of("192.0.2.53"), 5060)
NAME = Endpoint(address_of("203.0.113.1"), 1_024)
SENT = invite(PHONE, MIRROR, 32_000, "77")
FAULT = "NAT does not work: the INVITE did not leave: the ALG has not seen it"


def judged(seen: Observed) -> Selftest:
    return Selftest("in0", "out0", seen, Told(), judge(seen, Told()), [])


def test_an_invite_that_did_not_leave() -> None:
    assert list(report_lines(judged(Observed(PHONE, MIRROR, SENT)))) == [
        "INVITE of 192.168.1.250, behind in0, to 192.0.2.53, behind out0",
        "  192.168.1.250:32060 -> 192.0.2.53:5060, did not leave",
        "",
        f"{FAULT}, look for a rule that drops it, `nft list ruleset`",
    ]


def test_whatever_a_device_makes_of_the_message_can_be_shown() -> None:
    """Lines more and lines less, and bytes that no terminal should get."""
    changed = SENT.replace(b"Max-Forwards: 70\r\n", b"").replace(b"t=0 0", b"t=0 0\r\na=\x1b[2J\xff\r\nb=AS:64")
    shown = list(report_lines(judged(Observed(PHONE, MIRROR, SENT, Datagram(NAME, MIRROR, changed)))))
    assert shown[1] == "  192.168.1.250:32060 -> 192.0.2.53:5060, left as 203.0.113.1:1024 -> 192.0.2.53:5060"
    signed = [line for line in shown if line[2:4] in {"- ", "+ "}]
    assert signed == ["  - Max-Forwards: 70", "  + a=\\x1b[2J\\xff", "  + b=AS:64"]
    assert "answer     did not come to the phone" in shown
    found = json.loads(report(judged(Observed(PHONE, MIRROR, SENT, Datagram(NAME, MIRROR, changed)))))
    assert "a=\\x1b[2J\\xff" in found["invite"]["seen"]
    assert found["invite"]["seen_from"] == "203.0.113.1:1024"
