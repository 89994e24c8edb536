"""What is said of a call, by what was seen of it."""

import pytest

from doorman.net.addresses import Endpoint, address_of
from doorman.selftest.call import Observed
from doorman.selftest.messages import invite
from doorman.selftest.stand_in import Datagram
from doorman.selftest.verdict import Told, Verdict, judge

PHONE, MIRROR = Endpoint(address_of("192.168.1.25"), 32_060), Endpoint(address_of("192.0.2.53"), 5060)
NAME = Endpoint(address_of("192.168.1.254"), 32_060)
"""The phone's outside; its text begins with that of the phone's own address."""
MEDIA = Endpoint(NAME.address, 32_000)
SENT = invite(PHONE, MIRROR, 32_000, "77")
SEEN = Datagram(NAME, MIRROR, invite(NAME, MIRROR, 32_000, "77"))
SOMETHING = Datagram(MEDIA, MIRROR, b"")
GOOD = Observed(PHONE, MIRROR, SENT, SEEN, SOMETHING, MEDIA, SOMETHING, SOMETHING, SOMETHING)
TOLD = Told(known=True, door=True)
UNTRANSLATED = SEEN._replace(data=SENT)
DROPPED = TOLD._replace(drops=(("INVITE", "sip: too-many-calls"), ("CANCEL", "sip: other")))


def test_all_works() -> None:
    text = "192.168.1.25 is 192.168.1.254 outside, in packets and messages, and media reach it at 192.168.1.254:32000"
    assert judge(GOOD, TOLD) == Verdict(works=True, text=f"NAT and ALG work: {text}")


@pytest.mark.parametrize(
    ("seen", "told", "fault"),
    [
        (GOOD._replace(seen=None), TOLD, "NAT does not work: the INVITE did not leave: the ALG let it pass"),
        (GOOD._replace(seen=None), Told(), "NAT does not work: the INVITE did not leave: the ALG has not seen it"),
        (GOOD._replace(seen=None), DROPPED, "ALG does not work: it dropped INVITE: sip: too-many-calls"),
        (
            GOOD._replace(seen=UNTRANSLATED._replace(sender=PHONE)),
            TOLD,
            "NAT does not work: the packet left with the private address 192.168.1.25:",
        ),
        (
            GOOD._replace(seen=UNTRANSLATED),
            TOLD._replace(inaction="its mode is off"),
            "ALG does not work: SDP left with the private address 192.168.1.25: its mode is off",
        ),
        (
            GOOD._replace(seen=UNTRANSLATED),
            Told(),
            "ALG does not work: SDP left with the private address 192.168.1.25: it has not seen the call",
        ),
        (
            GOOD._replace(
                seen=SEEN._replace(data=SEEN.data.replace(b"@192.168.1.254:32060>", b"@192.168.1.25:32060>"))
            ),
            TOLD,
            "ALG does not work: Contact left with the private address 192.168.1.25",
        ),
        (GOOD._replace(answered=None), TOLD, "NAT does not work: the answer to 192.168.1.254:32060 did not come"),
        (GOOD._replace(announced=None), TOLD, "ALG does not work: the SDP that left announces no address"),
        (GOOD, TOLD._replace(door=False), "ALG does not work: no door was opened for the media announced at"),
        (GOOD._replace(media_in=None), TOLD, "NAT does not work: media did not come in by the door at"),
        (GOOD._replace(media_out=None), TOLD, "NAT does not work: media did not leave"),
        (
            GOOD._replace(media_out=SOMETHING._replace(sender=NAME)),
            TOLD,
            "NAT does not work: media left as 192.168.1.254:32060, not as announced, 192.168.1.254:32000",
        ),
        (GOOD._replace(ended=None), TOLD, "NAT does not work: the BYE did not leave"),
    ],
)
def test_the_first_fault_is_told(seen: Observed, told: Told, fault: str) -> None:
    verdict = judge(seen, told)
    assert not verdict.works
    assert verdict.text.startswith(fault)
    assert "\n" not in verdict.text
