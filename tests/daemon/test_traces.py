"""Traces: what a call looked like on both sides, as tshark reads it; and where nothing is written."""

import os
from pathlib import Path

import pytest

from doorman.algs.api import Direction, Message, Outcome, Owner
from doorman.algs.api import Path as Ends
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied
from doorman.daemon import traces as module
from doorman.daemon.traces import MOST_AT_ONCE, MOST_BYTES, MOST_FILES, Traces
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.inspection import Inspection
from doorman.engine.results import Side
from doorman.net.addresses import address_of
from doorman.net.packet import UDP
from kit.captures import tshark
from kit.packets import endpoint, udp
from kit.shell import BEGIN_NS, FakeGateway
from kit.sip import OVERLOAD, PEER, PHONE, Gateway, answer, request, sdp

ONE = Topic("sip", call_id="one")
FIELDS = (
    *("frame.interface_name", "ip.src", "ip.dst", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"),
    *(
        "sip.Method",
        "sip.Status-Code",
        "sip.Call-ID",
        "sdp.connection_info.address",
        "_ws.malformed",
        "frame.time_epoch",
    ),
)
GOOD = ["1"]


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


def big(length: int, call: bytes = b"one") -> Inspection:
    """A message of an inside phone."""
    ends = Ends(endpoint(PHONE), endpoint(PEER), endpoint("203.0.113.1:5060"), endpoint(PEER))
    message = Message(bytes(length), Direction.OUTBOUND, UDP, ends, 0.0)
    owner = Owner("sip", call, address_of("10.0.0.10"))
    return Inspection("sip", message, Outcome([], [], "INFO", None, owner))


def judged_by_tshark(path: Path) -> list[tuple[str, str, str, str]]:
    """Interface, ends and kind of each frame; checksums must be right."""
    rows = tshark(path, *FIELDS)
    for row in rows:
        assert row["_ws.malformed"] == []
        assert row["ip.checksum.status"] == GOOD
        assert row["udp.checksum.status"] + row["tcp.checksum.status"] == GOOD
    return [
        (
            row["frame.interface_name"][0],
            row["ip.src"][0],
            row["ip.dst"][0],
            (row["sip.Method"] or row["sip.Status-Code"])[0],
        )
        for row in rows
    ]


def test_both_sides_of_a_call(gateway: FakeGateway, tmp_path: Path) -> None:
    path = gateway.trace(ONE, "call", 300)
    gateway.register()  # another exchange
    gateway.call()
    gateway.hang_up()
    gateway.end_trace("call")
    assert path == tmp_path / "traces" / "call.pcapng"
    phone, name, peer = "10.0.0.10", "203.0.113.1", "198.51.100.20"
    expected = []
    for kind, outbound in [("INVITE", 1), ("200", 0), ("ACK", 1), ("ACK", 1), ("BYE", 1)]:
        inside = ("inside", phone, peer, kind) if outbound else ("inside", peer, phone, kind)
        outside = ("outside", name, peer, kind) if outbound else ("outside", peer, name, kind)
        expected += [inside, outside] if outbound else [outside, inside]
    assert judged_by_tshark(path)[: len(expected)] == expected
    rows = tshark(path, *FIELDS)
    assert {row["sip.Call-ID"][0] for row in rows} == {"one"}
    assert [row["sdp.connection_info.address"] for row in rows[:4]] == [[phone], [name], [peer], [peer]]
    assert float(rows[0]["frame.time_epoch"][0]) == pytest.approx(BEGIN_NS / 1e9)


def test_a_message_that_was_dropped_is_on_its_senders_side_only(gateway: FakeGateway) -> None:
    path = gateway.trace(Topic("sip", call_id="onerous"), "dropped", 60)
    gateway.inside(udp(PHONE, PEER, request(call_id="onerous", body=sdp(port=80))))
    gateway.end_trace("dropped")
    assert judged_by_tshark(path) == [("inside", "10.0.0.10", "198.51.100.20", "INVITE")]


def test_of_a_host_on_either_side(gateway: FakeGateway) -> None:
    path = gateway.trace(Topic("sip", endpoint(PEER).address), "host", 60)
    other = gateway.trace(Topic("sip", address_of("10.0.0.99")), "other-host", 60)
    gateway.register()
    gateway.end_trace("host")
    gateway.end_trace("other-host")
    assert len(judged_by_tshark(path)) == 4
    assert judged_by_tshark(other) == []


def test_over_tcp_messages_follow_each_other(tmp_path: Path) -> None:
    gateway = Gateway(OVERLOAD)
    traces = Traces(tmp_path, lambda: 0.0)
    path = traces.begin(ONE, "tcp", 60)
    connection = connect(gateway.engine, endpoint(PHONE), endpoint(PEER), Side.INSIDE, gateway.now)
    long = request("INVITE", "Subject: " + "x" * 5_000, body=sdp())
    relays = [connection.receive(long + request("CANCEL"), End.CLIENT, gateway.now)]
    relays.append(connection.receive(answer(100) + answer(487), End.SERVER, gateway.now))
    for inspection in (inspection for relay in relays for inspection in relay.inspections):
        traces.see(inspection, BEGIN_NS)
    traces.close()
    kinds = ["INVITE", "INVITE", "CANCEL", "CANCEL", "100", "100", "487", "487"]
    assert [row[3] for row in judged_by_tshark(path)] == kinds
    options = ["-o", "tcp.analyze_sequence_numbers:TRUE"]
    assert all(not row["tcp.analysis.flags"] for row in tshark(path, "tcp.analysis.flags", options=options))


def test_a_trace_ends_in_time(gateway: FakeGateway) -> None:
    gateway.trace(ONE, "short", 10)
    gateway.call()
    gateway.wait(5)
    assert [trace["state"] for trace in gateway.traces()] == ["done"]
    (trace,) = gateway.traces()
    gateway.hang_up()
    assert [trace] == list(gateway.traces())


def test_a_trace_ends_when_its_file_is_long_enough(tmp_path: Path) -> None:
    traces = Traces(tmp_path, lambda: 0.0)
    path = traces.begin(ONE, "long", 60)
    for _ in range(1_000):
        traces.see(big(65_000), BEGIN_NS)
    (trace,) = traces
    assert trace["state"] == "full"
    assert MOST_BYTES <= path.stat().st_size < MOST_BYTES + 150_000
    assert abs(path.stat().st_size - trace["bytes"]) < 0.01 * MOST_BYTES


def test_there_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 10)
    traces = Traces(tmp_path, lambda: 0.0)
    for number in range(MOST_AT_ONCE):
        traces.begin(ONE, f"t{number}", 60)
    with pytest.raises(NotApplied, match="8 traces are at work already"):
        traces.begin(ONE, "more", 60)
    for number in range(MOST_FILES - MOST_AT_ONCE):
        traces.end(f"t{number}")
        traces.begin(ONE, f"t{number + MOST_AT_ONCE}", 60)
        assert len(list(traces)) <= 10
    traces.close()
    with pytest.raises(NotApplied, match=r"has 100 files: remove some$"):
        traces.begin(ONE, "more", 60)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", ".x", "-x", "a b", "a\0", "a\n", "ä", "x" * 65, "~root"]
)
def test_a_name_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "traces"
    with pytest.raises(NotApplied, match="a file has a name of letters"):
        Traces(directory, lambda: 0.0).begin(ONE, name, 60)
    assert not directory.exists()


def test_no_file_is_written_over(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "there.pcapng").write_text("precious")
    (tmp_path / "link.pcapng").symlink_to(elsewhere)
    traces = Traces(tmp_path, lambda: 0.0)
    for name in ("there", "link"):
        with pytest.raises(NotApplied, match="File exists"):
            traces.begin(ONE, name, 60)
    assert (tmp_path / "there.pcapng").read_text() == "precious"
    assert not elsewhere.exists()


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    traces = Traces(tmp_path / "traces", lambda: 0.0)
    path = traces.begin(ONE, "private", 60)
    traces.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotApplied, match="Not a directory"):
        Traces(tmp_path / "file" / "traces", lambda: 0.0).begin(ONE, "x", 60)


def test_a_full_disk_ends_the_trace_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(os, "open", lambda *_: full)
    traces = Traces(tmp_path, lambda: 0.0)
    traces.begin(ONE, "x", 60)
    for _ in range(10):
        traces.see(big(60_000), BEGIN_NS)
    traces.close()
    assert [trace["state"] for trace in traces] == ["failed: No space left on device"]
