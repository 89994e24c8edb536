"""One call in a report: whose it is, what went by, how it ended; in replay and of a gateway at work."""

from pathlib import Path

import pytest

from doorman.cli.show.call import show_call
from doorman.config.reader import read_config
from doorman.dataplanes.call_report import replayed_call
from doorman.dataplanes.replay import Replay
from doorman.dataplanes.report import Json
from doorman.engine.engine import Engine
from doorman.engine.ladder import Ladders, judged
from doorman.engine.results import Result
from kit.captures import call, frames
from kit.packets import udp
from kit.shell import FakeGateway
from kit.sip import OTHER_PHONE, OVERLOAD, PEER, PHONE, answer, request, sdp


def replayed(*packets: bytes) -> tuple[Replay, Ladders]:
    ladders = Ladders()

    def watch(_packet: int, _time_ns: int, result: Result) -> None:
        for inspection in judged(result):
            ladders.see(inspection)

    replay = Replay(Engine(read_config(OVERLOAD, "test.cfg"), lambda: 0.5), watch=watch)
    replay.run(frames(*packets))
    return replay, ladders


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


def details(gateway: FakeGateway, call_id: str = "one") -> Json:
    (found,) = gateway.call_details(call_id)["calls"]
    assert isinstance(found, dict)
    return found


def test_a_call_of_a_replay() -> None:
    found = replayed_call(*replayed(*call(), *call("other")), "one")
    (entry,) = found["calls"]
    assert [(message["message"], message["answers"], message["direction"]) for message in entry["messages"]] == [
        ("INVITE", None, "outbound"),
        ("180", "INVITE", "inbound"),
        ("200", "INVITE", "inbound"),
        ("ACK", None, "outbound"),
        ("BYE", None, "outbound"),
        ("200", "BYE", "inbound"),
    ]
    for message in entry["messages"]:
        ends = message["inside"], message["known_as"], message["outside"]
        assert ends == ("10.0.0.10:5060", "203.0.113.1:5060", "198.51.100.20:5060")
    assert entry["ended"] == {"time": 1_700_000_000.12, "why": "BYE from inside"}
    assert entry["lasted"] == 0.08
    assert [(door["role"], door["promoted_at_packet"]) for door in entry["doors"]] == [("rtp", 6), ("rtcp", None)]
    assert any("opened 1" in line or "opened 3" in line for line in show_call(found))


def test_which_call_is_meant() -> None:
    replay, ladders = replayed(*call("ab"), *call("abc"), *call("abd"), *call("x"))
    assert replayed_call(replay, ladders, "ab")["calls"][0]["call_id"] == "ab"
    assert replayed_call(replay, ladders, "x")["calls"][0]["call_id"] == "x"
    assert replayed_call(replay, ladders, "a") == {"calls": [], "candidates": ["ab", "abc", "abd"]}
    assert replayed_call(replay, ladders, "y") == {"calls": [], "candidates": []}


def test_two_inside_phones_have_a_ladder_each(gateway: FakeGateway) -> None:
    gateway.inside(udp(OTHER_PHONE, PEER, request("REGISTER", call_id="r", host="10.0.0.11")))
    target = str(next(iter(gateway.engine.state.sessions)).inside_global)
    gateway.inside(udp(PHONE, target, request(call_id="hairpin")))
    found = gateway.call_details("hair")
    assert {entry["inside_party"] for entry in found["calls"]} == {"10.0.0.10", "10.0.0.11"}
    assert [entry["messages"][0]["direction"] for entry in found["calls"]] == ["outbound", "inbound"]
    assert len([line for line in show_call(found) if not line]) == 1


def test_a_call_that_goes_on_has_no_end(gateway: FakeGateway) -> None:
    gateway.call()
    entry = details(gateway)
    assert (entry["known"], entry["ended"], entry["lasted"]) == (True, None, 5)


def test_a_refused_change_of_a_call_is_not_its_end(gateway: FakeGateway) -> None:
    gateway.call()
    again = request().replace(b"CSeq: 1", b"CSeq: 2").replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
    gateway.inside(udp(PHONE, PEER, again.replace(b"198.51.100.20>\r", b"198.51.100.20>;tag=b\r")))
    gateway.outside(udp(PEER, "203.0.113.1:5060", answer(488).replace(b"CSeq: 1", b"CSeq: 2")))
    entry = details(gateway)
    assert entry["messages"][-1]["message"] == "488"
    assert entry["ended"] is None


@pytest.mark.parametrize(
    ("seconds", "why"), [(400.0, "call-unanswered"), (0.0, None)], ids=["given up by a timer", "it still rings"]
)
def test_a_call_that_nobody_answers(gateway: FakeGateway, seconds: float, why: str | None) -> None:
    gateway.inside(udp(PHONE, PEER, request(body=sdp())))
    for _ in range(int(seconds)):
        gateway.wait(1)
    entry = details(gateway)
    assert (entry["ended"] or {}).get("why") == why
    assert entry["lasted"] is None


def test_silent_media_are_told_of_and_the_call_goes_on(gateway: FakeGateway) -> None:
    gateway.call()
    for _ in range(500):
        gateway.wait(1)
    entry = details(gateway)
    assert [timer["why"] for timer in entry["timers"]] == ["inactive-media"]
    assert (entry["doors"], entry["ended"]) == ([], None)
    assert any(line.endswith("timer: inactive-media") for line in show_call({"calls": [entry], "candidates": []}))


def test_a_cancelled_call(gateway: FakeGateway) -> None:
    gateway.inside(udp(PHONE, PEER, request()))
    gateway.inside(udp(PHONE, PEER, request("CANCEL")))
    assert details(gateway)["ended"]["why"] == "CANCEL from inside"


def test_what_a_message_is_dropped_for_is_escaped_and_explained(gateway: FakeGateway) -> None:
    gateway.attack()
    (found,) = gateway.call_details("\\x1b[")["calls"]
    assert found["call_id"] == "\\x1b[2J\\x07"
    assert all(
        " " <= character <= "~" for line in show_call({"calls": [found], "candidates": []}) for character in line
    )
