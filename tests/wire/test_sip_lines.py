"""Messages are read in pieces that came before; however that is done, they say what they say read with care."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doorman.wire import sip_lines
from doorman.wire.malformed import Malformed
from doorman.wire.sip import SipMessage, read_sip
from doorman.wire.uri import HostPort
from kit.sip import sip
from kit.strategies import damaged, headers, uris, vias

START = "OPTIONS sip:bob@198.51.100.20 SIP/2.0"
VIA = "Via: SIP/2.0/UDP 10.0.0.10:5060"
NAMED = (f"{VIA};branch=z9hG4bK1", "From: <sip:alice@10.0.0.10>;tag=a", "To: <sip:bob@198.51.100.20>", "Call-ID: x")
MORE = (*NAMED, "CSeq: 102 OPTIONS", "Contact: <sip:alice@10.0.0.10>")


def said(data: bytes, shift: int = 0, max_headers: int = 256, max_line: int = 65_535) -> object:
    """Everything that a message says, places counted from `shift`; or why it says nothing."""
    try:
        message = read_sip(data, max_headers, max_line)
    except Malformed as malformed:
        return malformed.reason
    if message is None:
        return None
    return (
        [(at - shift, place.end - place.start, place.host, place.endpoint) for at, place in addresses(message)],
        [(header.name, header.start - shift, header.end - shift) for header in message.headers],
        [message.value(name) for name in ("via", "from", "to", "call-id", "cseq", "content-length", "contact")],
        (message.name, message.method, message.status, message.uri_start - shift, message.uri_end - shift),
        [(place.start, place.host) for place in message.target],
        (message.call_id, message.cseq, message.cseq_method, message.to_tag, message.from_tag),
        (message.body_start - shift, message.body_end - shift, message.body),
    )


def addresses(message: SipMessage) -> Iterator[tuple[int, HostPort]]:
    """All addresses in the headers of a message, and where in it they stand."""
    at, gaps = message.lines_start, iter(message.gaps)
    for line in message.lines:
        start, gap = at + line.start, next(gaps, 0)
        if line.kind == sip_lines.VIA:
            places = [place for via in line.vias(99) for place in (via.sent_by, *via.parameters)]
            yield from [(start + line.shift(place, gap) + place.start, place) for place in places]
        elif line.kind > sip_lines.CONTENT_LENGTH:
            yield from [(start + place.start, place) for place in line.places(99)]
        at += line.length + gap


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
        *MORE, "i: y", "CSeq: 1 OPTIONS", "CSeq: 77 BYE", "CSeq: 7x BYE", "CSeq: 2", "Max-Forwards: 70",
        "Content-Length: 0", "l: 4", "X: y", "Y", " z", f"{VIA};", f"{VIA};x", f"{VIA};branch=a;received=10.0.0.10",
        f"{VIA};branch=a,SIP/2.0/UDP 10.0.0.50", "Via: ;b", f"{VIA};rport=1;received=10.0.0.10;branch=a-b",
        f"{VIA};branch=a/b;maddr=10.0.0.9", f"{VIA};branch=a.b;received=10.0.0.10;rport=9",
        f'{VIA};branch="a;received=10.0.0.10"', "Vary: ;branch=a;x", "To: sip:b@c;tag=a b",
        "From: sip:b@10.0.0.9;tag=a-1.b", "From: sip:b@10.0.0.9;tag=a;maddr=10.0.0.8", "To: b;TAG=x;tag=y",
        "To: <sip:b@10.0.0.9", "To: <sip:b;tag=a@10.0.0.9", "Call-ID: x y", "Call-ID: x\ty", "Call-ID: ",
        'Warning: 307 10.0.0.10 "x"', "Subject: a\rb", "Subject: a\nTo: b", "Subject: a\n\nb",
    ]),
)  # fmt: skip


@st.composite
def whole(draw: st.DrawFn) -> bytes:
    """A message that has what most have, in some order, and whatever else."""
    lines = [*draw(st.sampled_from([NAMED, MORE])), *draw(st.lists(LINES, max_size=6))]
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"]))
    order = draw(st.just(lines) | st.permutations(lines))
    text = end.join([draw(STARTS), *order, "", draw(st.sampled_from(["", "body"]))])
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
@example(sip(START, *MORE, f"{VIA};branch=a.b;received=10.0.0.10;rport=9"))
@example(sip(START, f"{VIA};branch=a.b;received=10.0.0.10;rport=9", *MORE))
@example(sip(START, f'{VIA};branch="a;received=10.0.0.9;x=SIP/2.0/UDP 10.0.0.8"', *MORE))
@example(sip(START, f"{VIA};branch=SIP/2.0/UDP 10.0.0.8;received=10.0.0.9", *MORE))
@example(sip(START, "To: <sip:b;tag=a@10.0.0.9", *MORE))
@example(sip(START, "To: <sip:b@c>;TAG=a;tag=b", *MORE))
@example(sip(START, "To: <sip:b@c>;tag=a\rFrom: x", *MORE))
@example(sip(START, f"{VIA};branch=a\rTo: x", *MORE))
@example(sip(START, *NAMED[:3], "Call-ID: a\rb", "CSeq: 102 OPTIONS"))
@example(sip(START, *NAMED[:3], "Call-ID: a b", "CSeq: 102 OPTIONS"))
@example(sip(START, *NAMED[:3], "Call-ID: a\tb", "CSeq: 102 OPTIONS"))
@example(sip(START, *NAMED[:3], "Call-ID: a\vb", "CSeq: 102 OPTIONS"))
@example(sip(START, *NAMED[:3], "Call-ID: a\fb", "CSeq: 102 OPTIONS"))
@example(sip(START, "CSeq: 102 OPTIONS", *MORE))
@example(sip(START, "CSeq: 102 OPTIONS", *NAMED))
@example(sip(START, *NAMED, "CSeq: 102"))
@example(sip(START, *NAMED, "CSeq: 102x OPTIONS"))
@example(sip(START, *NAMED, "CSeq: x102 OPTIONS"))
@example(sip(START, *NAMED, "Contact: <sip:a@10.0.0.10>", "CSeq: 102 OPTIONS"))
@example(sip(START, *MORE, "Content-Length: 4") + b"bodymore")
@example(sip(START, "Content-Length: 4", *MORE) + b"bodymore")
@example(sip(START, "Content-Length: 4", *MORE, "l: 4") + b"bodymore")
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
    for tag in ("1", "2", "1", "10", "20", "1"):
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
    assert message.value("cseq") == f"{tag} OPTIONS".encode()


def test_what_is_new_in_each_call_is_not_remembered_with_the_line() -> None:
    first, second = call("1"), call("2b-c")
    assert first.lines == second.lines, "the same objects"
    assert [(line.kind, gap) for line, gap in zip(second.lines, second.gaps, strict=False)] == [
        (sip_lines.VIA, len("2b-c")),
        (sip_lines.FROM, len("2b-c")),
        (sip_lines.TO, len("2b-c")),
        (sip_lines.CALL_ID, len("2b-c@10.0.0.10")),
        (sip_lines.CSEQ, len("234")),
    ]


def call(new: str) -> SipMessage:
    """An answer of a call, as phones are answered that ask for `rport`."""
    message = read_sip(
        sip(
            "SIP/2.0 200 OK",
            f"Via: SIP/2.0/UDP 10.0.0.10:5060;branch={new};received=10.0.0.10;rport=5060",
            f'From: "Alice" <sip:alice@10.0.0.10>;tag={new}',
            f"To: <sip:bob@198.51.100.20>;tag={new}",
            f"Call-ID: {new}@10.0.0.10",
            "CSeq: 1234 INVITE",
            "Contact: <sip:bob@198.51.100.20>",
        )
    )
    assert message is not None
    return message


@pytest.mark.parametrize("cseq", ["CSeq:  1 INVITE", "CSeq:  23 INVITE", "CSeq: 23 INVITE", "CSeq:\t1 INVITE"])
def test_however_the_number_is_spaced_all_lines_are_recalled(cseq: str) -> None:
    first, second = (read_sip(sip("SIP/2.0 200 OK", *NAMED, cseq)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.lines == second.lines, "the same objects"
    assert second.cseq == cseq.split()[1].encode()
