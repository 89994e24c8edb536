"""The rows of SIP statistics: every method and class of response, by transport and direction."""

from collections import Counter

import pytest

from doorman.algs.api import Direction
from doorman.algs.sip.statistics import METHODS, ROWS
from doorman.cli.show.alg_statistics import show_qfp_statistics
from doorman.dataplanes.alg_counts import accepted, alg_counts, counted_rows
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.inspection import Tally
from doorman.engine.results import Side
from doorman.net.packet import TCP, UDP
from doorman.wire import sip
from kit.packets import endpoint
from kit.sip import PEER, PHONE, Gateway, answer, request

OUT, IN = Direction.OUTBOUND, Direction.INBOUND


def test_there_is_a_row_for_each_method() -> None:
    assert {method.encode() for method in METHODS} == sip.METHODS


@pytest.mark.parametrize(
    ("name", "row"),
    [
        *((method, method) for method in METHODS),
        *((status, status) for status in ("100", "180", "183", "200")),
        *((status, "1XX (excluding 100, 180, 183)") for status in ("101", "181", "182", "184", "199")),
        *((status, "2XX (excluding 200)") for status in ("201", "202", "204", "299")),
        *((f"{digit}{rest}", f"{digit}XX") for digit in "3456" for rest in ("00", "04", "99")),
        *((name, "unknown") for name in ("unknown", "700", "999", "PING")),
        ("malformed", "malformed"),
    ],
)
def test_row(name: str, row: str) -> None:
    assert ROWS.row_of(name) == row
    assert row in ROWS.names


def test_transports_and_directions_are_told_apart() -> None:
    seen = {
        ("INVITE", "", UDP, OUT): Tally(1),
        ("INVITE", "", TCP, IN): Tally(2),
        ("486", "INVITE", UDP, IN): Tally(3),
        ("404", "", UDP, IN): Tally(4),
    }
    rows = {row["name"]: row for row in counted_rows("sip", seen)}
    assert tuple(rows) == ROWS.names
    assert rows["INVITE"] == {
        "name": "INVITE",
        "total": 3,
        "udp": {"outbound": 1, "inbound": 0},
        "tcp": {"outbound": 0, "inbound": 2},
    }
    assert rows["4XX"]["udp"] == {"outbound": 0, "inbound": 7}
    assert rows["BYE"]["total"] == 0


def test_what_was_answered_with_200() -> None:
    assert accepted(
        {
            ("200", "INVITE", UDP, IN): Tally(1),
            ("200", "INVITE", TCP, OUT): Tally(1),
            ("200", "", UDP, IN): Tally(1),
            ("486", "BYE", 6, IN): Tally(9),
        }
    ) == {"INVITE": 2, "unknown": 1}


def test_messages_over_tcp_are_counted_like_those_over_udp() -> None:
    gateway = Gateway()
    gateway.out(request("OPTIONS"))
    gateway.in_(answer(200, method="OPTIONS"))
    connection = connect(gateway.engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, gateway.now)
    connection.receive(request("PUBLISH") + request("MESSAGE", call_id="two"), End.CLIENT, gateway.now)
    connection.receive(answer(489, method="PUBLISH"), End.SERVER, gateway.now)
    rows = {
        row["name"]: (row["udp"], row["tcp"])
        for row in counted_rows("sip", gateway.engine.inspector.seen["sip"])
        if row["total"]
    }
    none = {"outbound": 0, "inbound": 0}
    assert rows == {
        "OPTIONS": ({"outbound": 1, "inbound": 0}, none),
        "200": ({"outbound": 0, "inbound": 1}, none),
        "PUBLISH": (none, {"outbound": 1, "inbound": 0}),
        "MESSAGE": (none, {"outbound": 1, "inbound": 0}),
        "4XX": (none, {"outbound": 0, "inbound": 1}),
    }


def test_the_form_of_ios_xe() -> None:
    gateway = Gateway()
    gateway.out(request("UPDATE"))
    gateway.in_(answer(200, method="UPDATE"))
    gateway.out(request("NOTIFY"))
    gateway.in_(answer(200, method="NOTIFY"))
    gateway.out(request("INVITE").replace(b"Call-ID", b"X-ID"))
    lines = list(show_qfp_statistics(alg_counts(gateway.engine, "sip", Counter({"INVITE": 2}))))
    assert lines[3:6] == [
        "Register:           0 -> 200-OK:            0",
        "Invite:             0 -> 200-OK:            0   Rexmit-invite           2",
        "Update:             1 -> 200-OK:            1",
    ]
    assert "OtherReq:           0    OtherOk:           1    3xx-6xx:               0" in lines
    assert "Malform Media:                0   No Content Length:              0" in lines
    assert "Bad Format:                   1    No Call-id:                    1" in lines
