"""The JSON report: its keys are part of the interface, its texts are safe to show."""

import json

from doorman.algs.api import Owner
from doorman.algs.registry import REGISTRY
from doorman.dataplanes.report import flow, label, shown
from doorman.net.addresses import address_of
from kit.captures import SECOND, Replayed, call, frames, inside, replayed
from kit.packets import gre, ping, tcp, udp
from kit.sip import OVERLOAD, PEER, PHONE, STATIC, answer, request, sdp

NTP = ("10.0.0.10:123", "198.51.100.7:123")


def whole_call() -> Replayed:
    """A call, and packets one, four and six seconds after its end."""
    taken = frames(*call())
    end = taken[-1].time_ns
    later = [frames(udp(*NTP))[0]._replace(time_ns=end + delay * SECOND) for delay in (1, 4, 6)]
    return replayed([*taken, *later], OVERLOAD)


def test_keys() -> None:
    found = whole_call().found
    assert list(found) == [
        *("packets", "messages", "statistics", "rewritten", "rewritten_by", "asymmetries", "drops", "notes"),
        *("translations", "doors", "calls", "sessions", "access_lists", "zone_pairs", "firewall_log"),
    ]
    assert list(found["packets"]) == ["read", "from_inside", "from_outside", "written", "passed", "dropped"]
    assert {tuple(entry) for entry in found["translations"]} == {
        ("protocol", "inside_global", "inside_local", "outside_local", "outside_global")
    }
    assert {tuple(door) for door in found["doors"]} == {
        (
            *("label", "role", "transport", "visitor", "entrance", "leads_to"),
            *("opened_at_packet", "promoted_at_packet", "closed_at_packet"),
        )
    }
    assert {tuple(one) for one in found["calls"]} == {
        ("call_id", "inside_party", "from", "to", "state", "dialogs", "streams")
    }
    assert found["access_lists"] == []
    dropped = replayed(frames(udp(PEER, PHONE)), OVERLOAD).found
    assert dropped["drops"] == [{"packet": 1, "reason": "no-translation"}]


def test_access_lists_of_interfaces() -> None:
    config = OVERLOAD + "access-list 101 deny udp any any\ninterface out0\n ip access-group 101 out\n"
    found = replayed(frames(udp(PHONE, PEER), udp(PEER, PHONE)), config).found
    assert found["access_lists"] == [
        {
            "name": "101",
            "kind": "extended",
            "lines": [{"sequence": 10, "line": "deny udp any any", "matches": 1}],
        }
    ]
    assert [drop["reason"] for drop in found["drops"]] == ["access-list", "no-translation"]


def test_counts_of_a_call() -> None:
    found = whole_call().found
    assert found["packets"] == {
        "read": 11, "from_inside": 7, "from_outside": 4, "written": 11, "passed": 0, "dropped": 0,
    }  # fmt: skip
    nothing: dict[str, dict[str, int]] = {entry.name: {} for entry in REGISTRY}
    assert found["messages"] == {**nothing, "sip": {"180": 1, "200": 2, "ACK": 1, "BYE": 1, "INVITE": 1}}
    assert (found["rewritten"], found["rewritten_by"]) == (6, {"sip": 6})
    assert found["sessions"] == {entry.name: [] for entry in REGISTRY if entry.sessions}
    assert found["asymmetries"] == []


def test_life_of_doors() -> None:
    media = [door for door in whole_call().found["doors"] if door["role"] in {"rtp", "rtcp"}]
    assert media == [
        {
            "label": "sip one",
            "role": role,
            "transport": "udp",
            "visitor": "198.51.100.20",
            "entrance": f"203.0.113.1:{port}",
            "leads_to": f"10.0.0.10:{port}",
            "opened_at_packet": 1,
            "promoted_at_packet": used,
            "closed_at_packet": 11,
        }
        for role, port, used in (("rtp", 4000, 6), ("rtcp", 4001, None))
    ]


def test_doors_that_the_capture_does_not_see_close() -> None:
    found = replayed(frames(*call()), OVERLOAD).found
    assert {door["closed_at_packet"] for door in found["doors"]} == {None}
    assert {door["visitor"] for door in found["doors"] if door["role"] == "contact"} == {None}


def test_a_call() -> None:
    (one,) = whole_call().found["calls"]
    assert one == {
        "call_id": "one",
        "inside_party": "10.0.0.10",
        "from": "alice",
        "to": "bob",
        "state": "ended",
        "dialogs": {"b": "ended"},
        "streams": [{"kind": "audio", "inside": "10.0.0.10:4000", "outside": "198.51.100.20:6000"}],
    }


def test_calls_that_are_long_over_are_told_too() -> None:
    first = frames(*call("first"))
    second = [frame._replace(time_ns=frame.time_ns + 4000 * SECOND) for frame in frames(*call("second"))]
    found = replayed([*first, *second], OVERLOAD).found
    assert [one["call_id"] for one in found["calls"]] == ["first", "second"]


def test_translations() -> None:
    assert replayed(frames(udp(*NTP)), OVERLOAD).found["translations"] == [
        {
            "protocol": "udp",
            "inside_global": "203.0.113.1:123",
            "inside_local": "10.0.0.10:123",
            "outside_local": "198.51.100.7:123",
            "outside_global": "198.51.100.7:123",
        }
    ]
    assert replayed([], STATIC).found["translations"] == [
        {
            "protocol": None,
            "inside_global": "203.0.113.100",
            "inside_local": "10.0.0.10",
            "outside_local": None,
            "outside_global": None,
        }
    ]


def test_hostile_bytes_are_escaped() -> None:
    evil = "\x1b]0;owned\x07\x9b2J\u00e9\r".replace("\r", "")
    hostile = call()
    hostile[0] = udp(PHONE, PEER, request(call_id=evil, body=sdp()).replace(b"sip:alice@", b"sip:a\x1b[2Jlice@"))
    told = inside(answer(180, call_id=evil)).replace(b"To: <sip:bob@198.51.100.20>", b"To: \x1b[31m<sip:b@203.0.113.1>")
    text = json.dumps(replayed(frames(hostile[0], udp(PEER, PHONE, told)), OVERLOAD).found, ensure_ascii=False)
    assert "asymmetry" in text
    assert all(" " <= character <= "~" for character in text)
    assert r"\\x1b]0;owned\\x07\\x9b2J\\xe9" in text
    assert json.loads(text)["calls"][0]["from"] == r"a\x1b[2Jlice"


def test_shown_and_label() -> None:
    assert shown(bytes(range(0x1E, 0x22)) + b"~\x7f\xff") == r"\x1e\x1f !~\x7f\xff"
    assert label(Owner("sip", b"a\nb", address_of("10.0.0.1"))) == r"sip a\x0ab"


def test_flow() -> None:
    assert flow(udp(*NTP)) == "udp 10.0.0.10:123 -> 198.51.100.7:123"
    assert flow(tcp("10.0.0.10:1", "198.51.100.7:2")) == "tcp 10.0.0.10:1 -> 198.51.100.7:2"
    assert flow(ping("10.0.0.10", "198.51.100.7", 77)) == "icmp 10.0.0.10 -> 198.51.100.7"
    assert flow(gre("10.0.0.10", "198.51.100.7")) == "47 10.0.0.10 -> 198.51.100.7"
    assert flow(b"") == "not a whole packet: 0 bytes"
