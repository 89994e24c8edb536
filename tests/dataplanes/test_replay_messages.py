"""The messages of RFC 4475 and of a SIP server's tests, each in a datagram, from the inside and from the outside."""

from pathlib import Path

import pytest

from kit.captures import SHARED, Replayed, frames, missing, replayed
from kit.packets import udp
from kit.sip import OVERLOAD

MESSAGES = sorted([*(SHARED / "sip" / "torture").glob("*.dat"), *(SHARED / "sip" / "messages").glob("*.sip")])
PEER, PHONE, EXCHANGE = "198.51.100.20:5060", "10.0.0.10:5060", "10.0.0.5:5060"
GATEWAY = OVERLOAD + "ip nat inside source static 10.0.0.5 203.0.113.5\n"
VALID = ["esc01", "longreq", "mpart01", "semiuri", "unreason", "wsinv"]
"""RFC 4475, section 3.1.1. `esc02`, whose method is no known one, is dropped for that alone."""
DROPPED = {
    "bigcode": "status-code",
    "esc02": "unknown-method",
    "insuf": "no-call-id",
    "kamailio_bad_uri": "body-shorter-than-content-length",
    "kamailio_bad_via2": "start-line",
    "kamailio_dns": "body-shorter-than-content-length",
    "kamailio_invite00": "body-shorter-than-content-length",
    "kamailio_invite3-callid": "no-call-id",
    "kamailio_invite5-callid": "header-line",
    "kamailio_long": "body-shorter-than-content-length",
    "kamailio_message": "body-shorter-than-content-length",
    "kamailio_ms-invite-00": "body-shorter-than-content-length",
    "kamailio_nmr": "body-shorter-than-content-length",
    "kamailio_req1": "no-call-id",
    "kamailio_rport": "header-line",
    "kamailio_route": "body-shorter-than-content-length",
    "mcl01": "content-length-twice",
    "ncl": "content-length",
}
"""All others are forwarded. Files whose line ends became LF are shorter than their Content-Length says."""

all_messages = pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)


def outcome(done: Replayed) -> str:
    """Why the one packet was dropped, or `forwarded`."""
    assert done.found["asymmetries"] == []
    assert sum(done.found["messages"]["sip"].values()) == 1
    assert done.found["packets"]["written"] + done.found["packets"]["dropped"] == 1
    return done.reasons[0] if done.reasons else "forwarded"


def expected(path: Path) -> str:
    return f"sip: {DROPPED[path.stem]}" if path.stem in DROPPED else "forwarded"


def test_the_messages_are_here() -> None:
    if not MESSAGES:
        missing("the folder ../shared/captures")
    assert len(MESSAGES) == 51
    assert set(VALID) | set(DROPPED) <= {path.stem for path in MESSAGES}
    assert not set(VALID) & set(DROPPED)


@all_messages
def test_from_the_inside(path: Path) -> None:
    assert outcome(replayed(frames(udp(PHONE, PEER, path.read_bytes())), GATEWAY)) == expected(path)


@all_messages
def test_from_the_outside(path: Path) -> None:
    assert outcome(replayed(frames(udp(PEER, EXCHANGE, path.read_bytes())), GATEWAY)) == expected(path)


@all_messages
def test_what_names_nobody_of_ours_goes_on_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    done = replayed(frames(udp(PHONE, PEER, data)), GATEWAY)
    assert [packet[28:] for packet in done.packets] == ([] if path.stem in DROPPED else [data])
