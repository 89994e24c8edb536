"""Calls that an exchange inside hands to its phones: media flow between the outside and the phone, both directions.

exchange 192.168.1.5, 203.0.113.5      gateway 203.0.113.1      phone 198.51.100.20
its phones 192.168.1.10 …
"""

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, OUTSIDE_PHONE
from doorman.lab.phones import SIP_PORT, Line, sipp
from doorman.lab.plans import SET_UP_SECONDS, Plan, from_inside, from_outside, to_contact
from kit.holding import SCENARIOS
from kit.lab import LINGER, PACKETS, SHORT, Lab, eventually

TRUSTED = (f"access-list 7 permit host {INSIDE_EXCHANGE}", "ip nat service sip trusted-media 7")


def assert_media_of_the_phone(lab: Lab, plan: Plan, phone: str) -> None:
    """The call has media both ways, which the phone gets, and which come from the name that it has outside."""
    inside_calls = plan.caller.namespace == lab.network.inside
    with lab.calling(plan) as calls:
        assert {door["leads_to"].partition(":")[0] for door in lab.doors("rtcp")} == {phone}
        [leg] = calls.finish().legs
    inside, outside = leg if inside_calls else reversed(leg)
    for end in leg:
        assert (end.sent, end.received, end.lost, end.reordered, end.refused) == (PACKETS, PACKETS, 0, 0, 0)
    assert [address for address, _ in inside.sources] == [OUTSIDE_PHONE]
    assert [address for address, _ in outside.sources] == [GATEWAY_GLOBAL], "from the phone's name, not the exchange's"
    assert lab.ask("show alg sip statistics")["drops"] == {}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("caller", ["outside", "inside"])
def test_an_exchange_announces_its_phone(lab: Lab, caller: str, transport: str) -> None:
    phone, played = lab.network.phone(2), SHORT._replace(transport=transport)
    exchange = Line(lab.network.inside, INSIDE_EXCHANGE, "reception", 20000, phone)
    if caller == "outside":
        plan = from_outside(lab.network, played)._replace(callee=exchange)
    else:
        plan = from_inside(lab.network, played)._replace(caller=exchange)
    lab.configure(*TRUSTED)
    with lab.serving():
        assert_media_of_the_phone(lab, plan, phone)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_exchange_forwards_the_caller_to_its_phone(lab: Lab, transport: str) -> None:
    """By 302: the phone has never talked to the outside before, and is called by the name that it has there now."""
    phone, played = lab.network.phone(2), SHORT._replace(transport=transport)
    plan = from_outside(lab.network, played)
    told = ("-key", "target", plan.target, "-key", "forward", phone)
    lab.configure(*TRUSTED)
    with lab.serving():
        once = played._replace(options=told)
        with (
            sipp(SCENARIOS / "redirects.xml", plan.callee, lab.directory, played=once) as exchange,
            sipp(
                SCENARIOS / "redirected.xml",
                plan.caller,
                lab.directory,
                calls=(EXCHANGE_GLOBAL, SIP_PORT),
                played=once,
            ) as caller,
        ):
            caller.finish(SET_UP_SECONDS)
            exchange.finish(SET_UP_SECONDS)
        line = Line(lab.network.inside, phone, "carol", 20000)
        forwarded = to_contact(line, plan.caller, lab.directory / "redirected.messages", played)
        assert forwarded.dials[0] == GATEWAY_GLOBAL
        assert_media_of_the_phone(lab, forwarded, phone)
        eventually(lambda: not lab.doors() and not lab.media_flows(), "a call leaves something behind", LINGER + 3.0)
