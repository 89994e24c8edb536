"""Policies for messages of an application: which go on, which end their connection, and what is told of them."""

import random

import pytest

from doorman.algs.sip.fields import SipFields
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from kit.packets import endpoint, udp
from kit.sip import OVERLOAD, PEER, PHONE, Gateway, answer, request, sdp
from kit.talk import Talk

BASE = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
class-map type inspect VOICE
 match protocol sip
policy-map type inspect OUT
 class type inspect VOICE
  inspect
  service-policy sip MESSAGES
zone-pair security OUT source LAN destination WAN
 service-policy type inspect OUT
"""
DROPPED = "sip: application-policy"


def config(*matches: str, kind: str = "match-any", actions: str = "  reset\n", more: str = "") -> str:
    lines = "".join(f" match {match}\n" for match in matches)
    policy = f"policy-map type inspect sip MESSAGES\n class type inspect sip BAD\n{actions}"
    return f"{OVERLOAD}{more}class-map type inspect sip {kind} BAD\n{lines}{policy}{BASE}"


def regex(*patterns: str) -> str:
    return "parameter-map type regex BAD\n" + "".join(f' pattern "{pattern}"\n' for pattern in patterns)


LONG = request("OPTIONS", "X-Long: " + "x" * 300)
PLAIN = request("OPTIONS")


@pytest.mark.parametrize(
    ("match", "bad", "good"),
    [
        ("request method options", PLAIN, request("REGISTER")),
        ("not request method options", request("REGISTER"), PLAIN),
        ("request header x-long length gt 200", LONG, PLAIN),
        ("req-resp header X-LONG length gt 299", LONG, request("OPTIONS", "X-Long: " + "x" * 299)),
        ("request header route count gt 1", request("OPTIONS", "Route: <sip:a>", "Route: <sip:b>"), PLAIN),
        ("request header user-agent regex BAD", request("OPTIONS", "User-Agent: friendly-scanner"), PLAIN),
        ("request header subject regex BAD", request("OPTIONS", "s: a friendly-scanner"), PLAIN),
        ("request uri length gt 30", PLAIN.replace(b"sip:bob@", b"sip:" + b"b" * 30 + b"@"), PLAIN),
        ("request uri regex BAD", PLAIN.replace(b"sip:bob@", b"sip:scan@"), PLAIN),
        ("content type application/sdp", request(body=sdp()), PLAIN),
        (
            "content type regex BAD",
            request(body="x").replace(b"application/sdp", b"text/scan;a=b"),
            request(body=sdp()),
        ),
        ("content length gt 50", request(body=sdp()), request("OPTIONS", body="x" * 40)),
        ("max-forwards gt 70", request("OPTIONS", "Max-Forwards: 71"), request("OPTIONS", "Max-Forwards: 70")),
        ("unknown header", LONG, PLAIN),
    ],
)
def test_what_a_class_covers(match: str, bad: bytes, good: bytes) -> None:
    text = config(match, more=regex("friendly-scanner", "^sip:scan@", "^text/scan$"))
    gate = Gateway(text)
    assert gate.out(bad).reason == DROPPED
    assert not len(gate.engine.state.doors)
    assert gate.out(good).fate == Fate.FORWARDED


def test_a_message_that_breaks_the_protocol() -> None:
    bad = PLAIN.replace(b"CSeq: 1 OPTIONS", b"CSeq: one OPTIONS")
    assert Gateway(config("protocol-violation")).out(bad).reason == DROPPED
    assert Gateway(config("protocol-violation")).out(PLAIN).fate == Fate.FORWARDED


def test_all_matches_or_any_of_them() -> None:
    both = ("request method options", "max-forwards gt 70")
    high = request("OPTIONS", "Max-Forwards: 71")
    assert Gateway(config(*both)).out(PLAIN).reason == DROPPED
    assert Gateway(config(*both, kind="match-all")).out(PLAIN).fate == Fate.FORWARDED
    assert Gateway(config(*both, kind="match-all")).out(high).reason == DROPPED
    assert Gateway(config()).out(PLAIN).fate == Fate.FORWARDED


def test_responses_are_judged_too_and_by_matches_about_responses_only() -> None:
    for match, fate in (
        ("response header contact regex BAD", Fate.DROPPED),
        ("req-resp header contact regex BAD", Fate.DROPPED),
        ("request header contact regex BAD", Fate.FORWARDED),
        ("not request method invite", Fate.FORWARDED),
    ):
        gate = Gateway(config(match, more=regex("bob@")))
        assert gate.out(request(body=sdp())).fate == Fate.FORWARDED
        assert gate.in_(answer(body=sdp("198.51.100.20", 7000))).fate == fate


def test_the_first_class_decides_and_allow_spares_from_later_ones() -> None:
    spared = "class-map type inspect sip match-all GOOD\n match request header user-agent regex BAD\n"
    text = config("request method options", more=regex("^ours$") + spared)
    text = text.replace(
        " class type inspect sip BAD\n", " class type inspect sip GOOD\n  allow\n class type inspect sip BAD\n"
    )
    assert Gateway(text).out(request("OPTIONS", "User-Agent: ours")).fate == Fate.FORWARDED
    assert Gateway(text).out(request("OPTIONS", "User-Agent: theirs")).reason == DROPPED


def test_logged_messages_are_told_of_whatever_stands_in_them() -> None:
    gate = Gateway(config("not request method register", actions="  log\n"))
    assert gate.out(PLAIN).fate == Fate.FORWARDED
    gate.out(PLAIN.replace(b"OPTIONS", b"OPT\x1b[31mS"))
    assert gate.engine.screen is not None
    lines = [one.line for one in gate.engine.screen.firewall.told]
    assert lines[0] == f"%APPFW-6-MESSAGE: class BAD of sip policy MESSAGES: allow OPTIONS {PHONE} => {PEER}"
    assert all(line.isprintable() for line in lines)


def test_keepalives_and_other_traffic_pass() -> None:
    gate = Gateway(config("not request method options"))
    assert gate.out(b"\r\n\r\n").fate == Fate.FORWARDED


@pytest.mark.parametrize("delegated", [False, True])
def test_before_the_alg_sees_anything(delegated: bool) -> None:  # noqa: FBT001 - of a table
    engine = Engine(read_config(config("request method invite"), "f"), random.Random(7).random, delegated=delegated)
    result = engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1000.0)
    assert (result.fate, result.reason) == (Fate.DROPPED, DROPPED)
    assert not list(engine.inspector.algs["sip"].remembered())
    assert not list(engine.state.bindings)


def test_over_tcp_the_connection_is_reset() -> None:
    engine = Engine(read_config(config("request method invite"), "f"), random.Random(7).random)
    talk = Talk(engine, "10.0.0.10:40000", PEER)
    talk.open()
    over = [message.replace(b"UDP", b"TCP") for message in (PLAIN, request(body=sdp()), PLAIN)]
    talk.say(Side.INSIDE, over[0])
    assert talk.heard[Side.OUTSIDE].startswith(b"OPTIONS")
    heard = talk.say(Side.INSIDE, over[1] + over[2])
    assert b"INVITE" not in talk.heard[Side.OUTSIDE]
    assert talk.heard[Side.OUTSIDE].count(b"OPTIONS sip") == 1
    assert any("R" in str(packet["TCP"].flags) for packet in [*heard.on, *heard.back])
    assert engine.drops[DROPPED] == 1


def test_through_a_proxy_the_connection_is_closed() -> None:
    engine = Engine(read_config(config("request method invite"), "f"), random.Random(7).random, delegated=True)
    connection = connect(engine, endpoint("10.0.0.10:40000"), endpoint(PEER), Side.INSIDE, 1000.0)
    relay = connection.receive(request(body=sdp()).replace(b"UDP", b"TCP"), End.CLIENT, 1000.0)
    assert (relay.data, relay.close) == (b"", True)


def test_fields_of_a_message() -> None:
    fields = SipFields(request("OPTIONS", "v: SIP/2.0/UDP b", "X-A: 1\r\n 2", body="x"))
    assert (fields.kind, fields.name) == ("request", "OPTIONS")
    assert len(fields.values("header:via")) == 2
    assert fields.values("header:x-a") == [b"1 2"]
    assert fields.values("unknown-header") == [b"x-a"]
    assert fields.values("content-length") == [b"3"]
    reply = SipFields(answer(486))
    assert (reply.kind, reply.name, reply.values("method"), reply.values("uri")) == ("response", "486", [], [])
    assert SipFields(b"\0\1").values("protocol-violation") == []
