"""Calls that an exchange inside hands to its phones: media flow between the outside and the phone, both directions.

exchange 192.168.1.5, 203.0.113.5      gateway 203.0.113.1      phone 198.51.100.20
its phone 192.168.1.12                                          proxy 198.51.100.10
"""

from pathlib import Path

import pytest

from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, PROXY
from doorman.lab.phones import SCENARIOS as LAB_SCENARIOS
from doorman.lab.phones import SIP_PORT, Line, Played, sipp
from doorman.lab.plans import SET_UP_SECONDS, Plan, from_inside, from_outside, registering, to_contact
from kit.holding import SCENARIOS
from kit.lab import LINGER, PACKETS, SHORT, Lab, eventually

TRUSTED = (f"access-list 7 permit host {INSIDE_EXCHANGE}", "ip nat service sip trusted-media 7")
HERS = "192.168.1.12"
BOTH = pytest.mark.parametrize("played", [SHORT, SHORT._replace(transport="tcp")], ids=["udp", "tcp"])


@pytest.fixture
def trusting(lab: Lab) -> Lab:
    """A lab whose gateway lets the exchange announce others."""
    lab.configure(*TRUSTED)
    return lab


@BOTH
@pytest.mark.parametrize("caller", ["outside", "inside"])
def test_an_exchange_announces_its_phone(trusting: Lab, caller: str, played: Played) -> None:
    network = trusting.network
    exchange = Line(network.inside, INSIDE_EXCHANGE, "reception", 20000, HERS)
    if caller == "outside":
        plan = from_outside(network, played)._replace(callee=exchange)
    else:
        plan = from_inside(network, played)._replace(caller=exchange)
    with trusting.serving():
        assert_media_of_the_phone(trusting, plan)


@BOTH
def test_an_exchange_forwards_the_caller_to_its_phone(trusting: Lab, played: Played) -> None:
    """By 302: the phone has never talked to the outside before, and is called by the name that it has there now."""
    plan = from_outside(trusting.network, played)
    with trusting.serving():
        redirects = SCENARIOS / "redirects.xml", plan.callee
        play(trusting, plan, (SCENARIOS / "redirected.xml", plan.caller), EXCHANGE_GLOBAL, redirects)
        assert_media_of_the_phone(trusting, forwarded(trusting, plan, "redirected"))
        eventually(
            lambda: not trusting.doors() and not trusting.media_flows(), "a call leaves something behind", LINGER + 3.0
        )


@BOTH
def test_an_exchange_registers_its_phone(trusting: Lab, played: Played) -> None:
    _, proxy = registering(trusting.network)
    plan = from_outside(trusting.network, played)._replace(caller=proxy)
    with trusting.serving():
        registrar = LAB_SCENARIOS / "registrar.xml", proxy
        play(trusting, plan, (SCENARIOS / "registers.xml", plan.callee), PROXY, registrar)
        [registration] = trusting.ask("show alg sip registrations")
        assert (registration["user"], registration["inside_party"]) == ("carol", INSIDE_EXCHANGE)
        assert_media_of_the_phone(trusting, forwarded(trusting, plan, "registrar"))


def play(lab: Lab, plan: Plan, asks: tuple[Path, Line], dials: str, answers: tuple[Path, Line]) -> None:
    """Play one scenario against another, in which the exchange names its phone."""
    once = plan.played._replace(options=("-key", "target", plan.target, "-key", "forward", HERS))
    with (
        sipp(*answers, lab.directory, played=once) as callee,
        sipp(*asks, lab.directory, calls=(dials, SIP_PORT), played=once) as caller,
    ):
        caller.finish(SET_UP_SECONDS)
        callee.finish(SET_UP_SECONDS)


def forwarded(lab: Lab, plan: Plan, scenario: str) -> Plan:
    """The plan's caller calls the phone, by the contact that a scenario logged."""
    phone = Line(lab.network.inside, HERS, "carol", 20000)
    call = to_contact(phone, plan.caller, lab.directory / f"{scenario}.messages", plan.played)
    assert call.dials[0] == GATEWAY_GLOBAL
    return call


def assert_media_of_the_phone(lab: Lab, plan: Plan) -> None:
    """The call has media both ways, which the phone gets, and which come from the name that it has outside."""
    with lab.calling(plan) as calls:
        assert {door["leads_to"].partition(":")[0] for door in lab.doors("rtcp")} == {HERS}
        [leg] = calls.finish().legs
    for end in leg:
        assert (end.sent, end.received, end.lost, end.reordered, end.refused) == (PACKETS, PACKETS, 0, 0, 0)
    media_from = {line.namespace: end.sources for line, end in zip((plan.callee, plan.caller), leg, strict=True)}
    outside = next(line for line in (plan.caller, plan.callee) if line.namespace == lab.network.outside)
    assert [address for address, _ in media_from[lab.network.outside]] == [outside.address]
    assert [address for address, _ in media_from[lab.network.inside]] == [GATEWAY_GLOBAL], "not the exchange's name"
    assert lab.ask("show alg sip statistics")["drops"] == {}
