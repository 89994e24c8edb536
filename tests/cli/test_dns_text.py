"""DNS in words: what `--explain` and `debug` show of messages that are no text, escaped where they are hostile."""

import dns.message
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Direction, Message, Path
from doorman.cli.debug.lines import debug_lines
from doorman.cli.dns_text import lines_of
from doorman.cli.explain import explain
from doorman.engine.inspection import Inspection
from doorman.net.packet import UDP
from kit.dns import ASKING, SERVER, STATIC, Dns, answer, query, read, responses, translated
from kit.packets import endpoint

ANSWER = answer(
    query("5.0.0.10.in-addr.arpa", "PTR"),
    "5.0.0.10.in-addr.arpa. 300 IN PTR www.example.org.",
    additional=[f"www.example.org. 300 IN A {SERVER}", 'www.example.org. 300 IN TXT "x"'],
).to_wire()


def inspection(data: bytes, config: str = STATIC) -> Inspection:
    gate = Dns(config)
    translated(gate, data, Direction.OUTBOUND)
    near, far = endpoint(f"{SERVER}:53"), endpoint(f"{ASKING}:5000")
    message = Message(data, Direction.OUTBOUND, UDP, Path(near, far, endpoint("203.0.113.5:53"), far), 0.0)
    return Inspection("dns", message, gate.outcome)


def test_each_record_before_and_after() -> None:
    assert [line.rstrip() for line in explain(inspection(ANSWER), 1)] == [
        "packet 1: outbound NOERROR",
        "  10.0.0.5:53 -> 198.51.100.7:5000, leaves as 203.0.113.5:53 -> 198.51.100.7:5000",
        "    NOERROR 4711",
        "  - 5.0.0.10.in-addr.arpa. PTR",
        f"  + {'5.113.0.203.in-addr.arpa. PTR':<66} ! name: inside local to global",
        "  - 5.0.0.10.in-addr.arpa. 300 PTR www.example.org.",
        f"  + {'5.113.0.203.in-addr.arpa. 300 PTR www.example.org.':<66} ! name: inside local to global",
        "  - www.example.org. 300 A 10.0.0.5",
        f"  + {'www.example.org. 300 A 203.0.113.5':<66} ! A: inside local to global",
        "    www.example.org. 300 TXT (2 bytes)",
        "",
    ]


def test_debug_says_what_was_translated() -> None:
    lines = [line.partition("UTC: ")[2] for line in debug_lines(inspection(ANSWER), 0)]
    assert lines == [
        "NAT: DNS: [0] processing NOERROR message",
        "NAT: DNS: [0] translated name 5.0.0.10.in-addr.arpa.->5.113.0.203.in-addr.arpa.",
        "NAT: DNS: [0] translated A 10.0.0.5->203.0.113.5",
    ]
    reset = [
        line for line in debug_lines(inspection(ANSWER, STATIC + "ip nat service dns-reset-ttl\n"), 0) if "TTL" in line
    ]
    assert [line.partition("translated ")[2] for line in reset] == ["TTL 300->0"] * 2


@given(responses())
def test_names_and_addresses_are_as_dnspython_writes_them(said: dns.message.Message) -> None:
    data = said.to_wire()
    found = [line.text for line in lines_of(data, streamed=False)]
    assert found == [line.text for line in lines_of(b"\0\0" + data, streamed=True)]
    again = read(data)
    wanted = [rrset.name.to_text() for rrset in again.question]
    for section in (again.answer, again.authority, again.additional):
        wanted += [rrset.name.to_text() for rrset in section]
    assert [line.split(" ")[0] for line in found[1:]][: len(wanted)] == wanted
    spans = [(line.start, line.end) for line in lines_of(data, streamed=False)]
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert spans[-1][1] == len(data)


@given(st.binary(min_size=12, max_size=80))
def test_hostile_bytes_never_reach_a_terminal(data: bytes) -> None:
    assert all(line.text.isprintable() and line.text.isascii() for line in lines_of(data, streamed=False))
