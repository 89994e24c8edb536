"""Another configuration under calls: what it does not concern goes on without a packet lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from doorman.lab.calls import Calls
from doorman.lab.gateway import Gateway, doorman
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, PROXY
from doorman.lab.phones import Played
from doorman.lab.plans import Plan, from_inside, from_outside
from kit.lab import CALL_ID, LINGER, PACKETS, Lab, eventually

TALK = Played(seconds=2.0, options=CALL_ID)
STATIC = f"ip nat inside source static {INSIDE_EXCHANGE} {EXCHANGE_GLOBAL}"
CHANGES = [
    "ip nat inside source static 192.168.1.12 203.0.113.12",
    "ip nat translation udp-timeout 120",
    "ip nat service sip udp port 5070",
    "no ip nat service sip tcp port 5060",
]


def by_signal(lab: Lab, gateway: Gateway) -> None:
    del lab
    os.kill(gateway.pid, signal.SIGHUP)


def by_shell(lab: Lab, gateway: Gateway) -> None:
    del lab
    subprocess.run(doorman("shell", "--socket", str(gateway.socket), "-c", "reload"), check=True, timeout=10)


def running_config(lab: Lab) -> str:
    return lab.order("show running-config")


def applied(lab: Lab) -> list[str]:
    """Which of the changes are in force."""
    shown = running_config(lab)
    return [change for change in CHANGES if change in shown]


def from_registrar(lab: Lab, played: Played) -> Plan:
    """A call to the exchange; not from the outside phone, which may be in another call."""
    plan = from_outside(lab.network, played)
    return plan._replace(caller=plan.caller._replace(address=PROXY))


def assert_all_came(calls: Calls) -> None:
    [leg] = calls.finish().legs
    for end in leg:
        assert end.lost == 0
        assert end.refused == 0
        assert end.received == end.sent > PACKETS


@pytest.mark.parametrize("reload", [by_signal, by_shell])
def test_calls_over_reloads(lab: Lab, reload: Callable[[Lab, Gateway], None]) -> None:
    def change(count: int) -> None:
        lab.configure(*CHANGES[:count])
        reload(lab, gateway)
        eventually(lambda: applied(lab) == CHANGES[:count], "not applied")

    with lab.serving() as gateway:
        before = time.monotonic()  # calls must be longer than all of it takes here
        change(1)
        change(0)
        talk = TALK._replace(seconds=max(TALK.seconds, len(CHANGES) * (time.monotonic() - before)))
        with (
            lab.calling(from_inside(lab.network, talk), "out") as out,
            lab.calling(from_registrar(lab, talk._replace(transport="tcp")), "in") as in_,
        ):
            for count in range(1, len(CHANGES) + 1):
                change(count)
            for calls in (out, in_):
                assert not calls.caller.has_ended, "the reloads took longer than the calls"
                assert_all_came(calls)
            assert {call["state"] for call in lab.ask("show alg sip calls")} == {"ended"}


def test_a_configuration_with_an_error_is_refused_as_a_whole(lab: Lab) -> None:
    with lab.serving() as gateway, lab.calling(from_inside(lab.network, TALK)) as calls:
        before = running_config(lab)
        lab.configure(CHANGES[0], "ip nat inside source static 192.168.1.300 203.0.113.13")
        assert "Invalid input" in lab.refusal("reload")
        by_signal(lab, gateway)
        eventually(lambda: "is not applied" in gateway.log.read_text(), "the signal has no effect")
        assert running_config(lab) == before
        assert CHANGES[0] not in running_config(lab)
        assert_all_came(calls)


def test_a_rule_that_goes_takes_only_its_own_calls_along(lab: Lab) -> None:
    permit = "access-list 1 permit 192.168.1.0 0.0.0.255"
    only_phone = f"access-list 1 permit {INSIDE_PHONE}"
    lab.configure(only_phone, without=[permit])
    with (
        lab.serving(),
        lab.calling(from_inside(lab.network, TALK), "out") as out,
        lab.calling(from_registrar(lab, TALK._replace(seconds=LINGER)), "in") as in_,
    ):
        exchange = in_.callee.streams[1]
        eventually(lambda: exchange.counts().received > 0, "no media")
        lab.configure(only_phone, without=[permit, STATIC])
        lab.order("reload")
        heard = exchange.counts().received
        assert [flow for flow in lab.flows() if INSIDE_EXCHANGE in flow and EXCHANGE_GLOBAL in flow] == []
        assert [door for door in lab.ask("show ip nat doors") if INSIDE_EXCHANGE in door["leads_to"]] == []
        assert_all_came(out)
        assert exchange.counts().received <= heard + 1, "media came in after the rule was gone"
        assert in_.caller.streams[1].counts().sources.keys() <= {(EXCHANGE_GLOBAL, exchange.endpoint[1])}
