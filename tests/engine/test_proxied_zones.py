"""Connections of the proxy and the zone-based firewall: their sessions are there as long as they are, and no longer."""

import random

import pytest

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.firewall.sessions import Inspected
from kit.gateway import OVERLOAD, STATIC
from kit.packets import endpoint

PHONE, PEER, NAME = "192.168.1.10:5000", "198.51.100.7:21", "203.0.113.5:21"
ZONES = """
class-map type inspect FILES
 match protocol ftp
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""
SYNWAIT = 30.0


def policy(action: str, zones: str = "source LAN destination WAN") -> str:
    """Zones whose policy does this with FTP."""
    lines = f"policy-map type inspect P\n class type inspect FILES\n  {action}\n"
    return ZONES + lines + f"zone-pair security OUT {zones}\n service-policy type inspect P\n"


class Proxy:
    """The engine of a live gateway with its firewall, and a clock."""

    def __init__(self, firewall: str, base: str = OVERLOAD) -> None:
        self.base = base
        self.now = 1000.0
        self.engine = Engine(read_config(base + firewall, "test.cfg"), random.Random(7).random, delegated=True)
        self.wait(0)

    def connect(self, side: Side = Side.INSIDE, sender: str = PHONE, receiver: str = PEER) -> Connection:
        connection = connect(self.engine, endpoint(sender), endpoint(receiver), side, self.now)
        connection.establish(self.now)
        return connection

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.engine.expire(self.now)

    def follow(self, firewall: str) -> None:
        self.engine.reconfigure(read_config(self.base + firewall, "test.cfg"), self.now)

    @property
    def sessions(self) -> list[Inspected]:
        assert self.engine.screen is not None
        return list(self.engine.screen.firewall.sessions)

    @property
    def told(self) -> list[str]:
        assert self.engine.screen is not None
        return [one.line for one in self.engine.screen.firewall.told]


@pytest.fixture(params=["nat", "no nat"])
def base(request: pytest.FixtureRequest) -> str:
    lines = OVERLOAD.splitlines()
    return "\n".join(line for line in lines if request.param == "nat" or "ip nat" not in line) + "\n"


def test_a_session_lives_as_long_as_its_connection(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    [session] = proxy.sessions
    assert session.state == "SIS_OPEN"
    proxy.wait(2 * SYNWAIT)
    assert proxy.sessions == [session]
    proxy.wait(100_000)  # no idle time ends it: the connection does
    assert proxy.sessions == [session]
    assert connection.alive
    connection.close(proxy.now)
    assert proxy.sessions == []


def test_what_its_ends_send_is_counted(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    connection.receive(b"220 hello\r\n", End.SERVER, proxy.now)
    connection.receive(b"QUIT\r\n", End.CLIENT, proxy.now)
    [session] = proxy.sessions
    assert (str(session.initiator), str(session.responder), session.sent) == (PHONE, PEER, [46, 11])
    connection.finish(End.SERVER, proxy.now)
    assert session.state == "SIS_CLOSING"
    assert proxy.engine.screen is not None
    counted = proxy.engine.screen.firewall.counts["OUT", "FILES"]
    assert (counted.packets, counted.bytes, counted.flows) == (3, 57, 1)


@pytest.mark.parametrize("other", [policy("drop"), policy("inspect", "source WAN destination LAN"), ZONES])
def test_a_policy_that_allows_it_no_longer_cuts_it(base: str, other: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    proxy.wait(2 * SYNWAIT)
    proxy.follow(other)
    assert not connection.alive
    assert connection.receive(b"QUIT\r\n", End.CLIENT, proxy.now).close
    assert proxy.sessions == []


@pytest.mark.parametrize("other", [policy("inspect"), policy("pass"), ""])
def test_a_policy_that_still_allows_it_does_not(base: str, other: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    proxy.follow(other)
    proxy.wait(2 * SYNWAIT)
    assert connection.alive
    assert connection.receive(b"QUIT\r\n", End.CLIENT, proxy.now).data == b"QUIT\r\n"
    proxy.follow(policy("inspect"))
    assert connection.alive
    proxy.wait(2 * SYNWAIT)
    assert [str(session.responder) for session in proxy.sessions] == [PEER]
    proxy.follow(policy("drop"))
    assert not connection.alive


@pytest.mark.parametrize(("action", "alive"), [("inspect", True), ("pass", True), ("drop", False)])
def test_zones_that_are_made_meanwhile_judge_it(base: str, action: str, *, alive: bool) -> None:
    proxy = Proxy("", base)
    connection = proxy.connect()
    proxy.wait(500)
    proxy.follow(policy(action))
    assert connection.alive is alive
    proxy.wait(2 * SYNWAIT)
    assert connection.alive is alive


def test_one_from_outside_is_judged_by_the_host_behind_its_name() -> None:
    proxy = Proxy(policy("inspect", "source WAN destination LAN"), STATIC)
    connection = proxy.connect(Side.OUTSIDE, "198.51.100.7:4000", NAME)
    assert [str(one.responder) for one in proxy.sessions] == ["192.168.1.5:21"]
    proxy.wait(2 * SYNWAIT)
    assert connection.alive
    proxy.follow(policy("drop", "source WAN destination LAN"))
    assert not connection.alive


def test_sessions_that_are_cleared_end_their_connection(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    assert proxy.engine.screen is not None
    for session in proxy.sessions:
        proxy.engine.screen.firewall.sessions.end(session)
    assert not connection.alive


def test_another_connection_between_the_same_ends_has_its_own(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    first, second = proxy.connect(), proxy.connect()
    assert (first.alive, second.alive) == (False, True)
    first.close(proxy.now)
    assert len(proxy.sessions) == 1
    assert second.alive


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_the_parameters_say(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = connect(proxy.engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, proxy.now)
    proxy.wait(SYNWAIT + 1)
    assert proxy.sessions == []
    assert not connection.alive


def test_a_refused_one_leaves_nothing(base: str) -> None:
    proxy = Proxy(policy("drop"), base)
    with pytest.raises(Refused, match="zone-policy"):
        proxy.connect()
    assert proxy.sessions == []


def test_beginning_and_end_are_told(base: str) -> None:
    audit = "parameter-map type inspect AUDIT\n audit-trail on\n"
    proxy = Proxy(audit + policy("inspect AUDIT"), base)
    connection = proxy.connect()
    connection.receive(b"QUIT\r\n", End.CLIENT, proxy.now)
    connection.close(proxy.now)
    ends = f"tcp session: initiator ({PHONE}) -- responder ({PEER})"
    where = "(target:class)-(OUT:FILES)"
    begun, ended = proxy.told
    assert begun == f"%FW-6-SESS_AUDIT_TRAIL_START: {where}:Start {ends}"
    assert ended == f"%FW-6-SESS_AUDIT_TRAIL: {where}:Stop " + ends.replace(") --", ") sent 46 bytes --") + (
        " sent 0 bytes"
    )


@pytest.mark.parametrize("other", [policy("inspect"), policy("inspect") + "ip port-map ftp port tcp 2121\n"])
def test_one_that_ends_right_after_a_change_leaves_nothing(base: str, other: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = proxy.connect()
    proxy.follow(other)
    connection.close(proxy.now)
    assert proxy.sessions == []


def test_one_that_is_established_right_after_a_change_is_open(base: str) -> None:
    proxy = Proxy(policy("inspect"), base)
    connection = connect(proxy.engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, proxy.now)
    proxy.follow(policy("inspect"))
    connection.establish(proxy.now)
    assert proxy.engine.screen is not None
    assert proxy.engine.screen.firewall.sessions.half_open.total() == 0
    proxy.wait(2 * SYNWAIT)
    assert connection.alive


def test_one_that_is_refused_keeps_no_name_of_its_client() -> None:
    names = "ip nat pool OUT 10.99.1.1 10.99.1.2 prefix-length 24\naccess-list 7 permit any\n"
    names += "ip nat outside source list 7 pool OUT\n"
    proxy = Proxy(policy("drop", "source WAN destination LAN"), STATIC + names)
    for number in range(4):
        with pytest.raises(Refused, match="zone-policy"):
            proxy.connect(Side.OUTSIDE, f"198.51.100.{number + 1}:4000", NAME)
    assert list(proxy.engine.state.outside) == []
