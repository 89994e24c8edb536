"""Messages are read in pieces that came before; however that is done, they say what they say read with care."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doorman.wire.malformed import Malformed
from doorman.wire.sip import read_sip
from kit.sip import sip
from kit.strategies import damaged, headers, uris, vias

START = "OPTIONS sip:bob@198.51.100.20 SIP/2.0"
VIA = "Via: SIP/2.0/UDP 10.0.0.10:5060"
NAMED = (f"{VIA};branch=z9hG4bK1", "From: <sip:alice@10.0.0.10>;tag=a", "To: <sip:bob@198.51.100.20>", "Call-ID: x")


def said(data: bytes, shift: int = 0, max_headers: int = 256, max_line: int = 65_535) -> object:
    """Everything that a message says, places counted from `shift`; or why it says nothing."""
    try:
        message = read_sip(data, max_headers, max_line)
    except Malformed as malformed:
        return malformed.reason
    if message is None:
        return None
    at = message.lines_start
    lines = []
    for line in message.lines:
        places = [(place.start, place.end, place.host, place.port, place.endpoint) for place in line.places(99)]
        sent_by = [(via.sent_by.start, via.sent_by.host, len(via.parameters)) for via in line.vias(99)]
        lines.append((line.kind, line.written, at - shift, line.start, line.end, line.token, places, sent_by))
        at += line.length
    return (
        lines,
        at - shift,
        [(header.name, header.start - shift, header.end - shift) for header in message.headers],
        (message.name, message.method, message.status, message.uri_start - shift, message.uri_end - shift),
        [(place.start, place.host) for place in message.target],
        (message.call_id, message.cseq, message.cseq_method, message.to_tag, message.from_tag),
        (message.body_start - shift, message.body_end - shift, message.body),
    )


def with_care(data: bytes, max_headers: int = 256, max_line: int = 65_535) -> object:
    """The same, read line by line: the first one is empty, as none is in most messages (RFC 3261, section 7.5)."""
    return said(b"\r\n" + data, 2, max_headers, max_line)


STARTS = st.sampled_from([START, "SIP/2.0 200 OK", "SIP/2.0 180 Ringing", "INVITE tel:+1 SIP/2.0", "INVITE SIP/2.0"])
LINES = st.one_of(
    vias().map("Via: {}".format),
    vias().map("v: {}".format),
    uris().map("From: {}".format),
    uris().map("To: {}".format),
    uris().map("Contact: {}".format),
    headers(),
    st.sampled_from([
        *NAMED, "i: y", "CSeq: 1 OPTIONS", "CSeq: 2", "Max-Forwards: 70", "Content-Length: 0", "l: 4", "X: y", "Y",
        " z", f"{VIA};", f"{VIA};x", f"{VIA};branch=a;received=10.0.0.10", f"{VIA};branch=a,SIP/2.0/UDP 10.0.0.50",
        "Via: ;b", 'Warning: 307 10.0.0.10 "x"', "Subject: a\rb", "Subject: a\nTo: b", "Subject: a\n\nb",
    ]),
)  # fmt: skip


@st.composite
def whole(draw: st.DrawFn) -> bytes:
    """A message that has what most have, in some order, and whatever else."""
    lines = [*NAMED, *draw(st.lists(LINES, max_size=6))]
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"]))
    text = end.join([draw(STARTS), *draw(st.permutations(lines)), "", draw(st.sampled_from(["", "body"]))])
    return text.encode("latin-1")


few = settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@example(sip(START, *NAMED, "Subject: a\nTo: <sip:b@c>;tag=t"))
@example(sip(START, *NAMED, "Subject: a\rTo: <sip:b@c>;tag=t"))
@example(sip(START, *NAMED, "Subject: a\r\n b"))
@example(sip(START, *NAMED, "i: y"))
@example(sip(START, *NAMED, "To: <sip:b@c>;tag=t", "From: <sip:b@c>;tag=t", VIA))
@example(sip(START, "To: <sip:b@c>", *NAMED))
@example(sip(START, f"{VIA};branch=a\nTo: b", *NAMED))
@example(sip(START, f"{VIA};branch=\r", *NAMED))
@example(sip(START, *NAMED, "CSeq: 1 OPTIONS", "CSeq: 1 OPTIONS"))
@example(sip(START, "CSeq: 1 OPTIONS", *NAMED, "CSeq: 1 OPTIONS"))
@given(whole() | damaged(whole()))
def test_a_message_says_the_same_read_in_pieces(data: bytes) -> None:
    expected = with_care(data)
    assert said(data) == expected
    assert said(data) == expected, "recalled"
    assert said(data + b"more") == with_care(data + b"more")


@few
@given(whole(), st.integers(0, 8), st.integers(20, 120) | st.integers(120, 400))
def test_limits_are_the_same(data: bytes, max_headers: int, max_line: int) -> None:
    said(data)
    assert said(data, 0, max_headers, max_line) == with_care(data, max_headers, max_line)


def test_lines_that_differ_are_not_taken_for_each_other() -> None:
    for tag in ("1", "2", "1"):
        differs(tag)


def differs(tag: str) -> None:
    """A message whose lines differ from those of others in this."""
    headers = [
        f"{VIA};branch=z9hG4bK{tag}",
        f"From: <sip:a@b>;tag={tag}",
        f"To: <sip:c@d>;tag=t{tag}",
        f"i: call-{tag}",
    ]
    message = read_sip(sip(START, *headers, f"CSeq: {tag} OPTIONS"))
    assert message is not None
    assert (message.call_id, message.cseq) == (f"call-{tag}".encode(), tag.encode())
    assert (message.from_tag, message.to_tag) == (tag.encode(), f"t{tag}".encode())
    assert message.value("via") == f"SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK{tag}".encode()
