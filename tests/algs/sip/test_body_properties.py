"""What holds for every body, of any kind and depth: exact lengths, nothing else changed, and back as it was."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorman.engine.results import Fate
from doorman.wire.multipart import find_parts
from kit.sip import GLOBAL, OTHER_PHONE, PEER, STATIC, Gateway, crlf, request, sdp, sip
from kit.strategies import HOSTS, damaged, descriptions, messages

few = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OWN_HOSTS = [host for host in HOSTS if host not in {"10.0.0.50", GLOBAL}]
hosts = st.sampled_from(OWN_HOSTS)

TAGS = [
    '<a uri="sip:{}:5060"/>', "<b entity='sip:x@{}'/>", "<c>sip:y@{}</c>", "<!-- sip:{} -->",
    "<d><![CDATA[sip:{}]]></d>", "sip:{}", "<e f='sip:{}", '<g h="pres:z@{};u=1&amp;v"/>',
]  # fmt: skip
Body = tuple[str, bytes]
"""A content type and what it is of."""


@st.composite
def documents(draw: st.DrawFn) -> Body:
    """An XML body."""
    kind = draw(st.sampled_from(["application/dialog-info+xml", "application/pidf+xml;charset=x", "text/xml"]))
    tags = draw(
        st.lists(
            st.tuples(
                st.sampled_from(TAGS),
                hosts,
            ),
            max_size=6,
        )
    )  # fmt: skip
    return kind, "".join(text.format(host) for text, host in tags).encode()


@st.composite
def fragments(draw: st.DrawFn) -> Body:
    """A part of a message."""
    whole = draw(messages(OWN_HOSTS) | st.just(b"SIP/2.0 200 OK\r\n"))
    return "message/sipfrag", whole[: draw(st.sampled_from([len(whole), 200, 60]))]


plain = (
    documents()
    | fragments()
    | descriptions(OWN_HOSTS).map(lambda text: ("application/sdp", crlf(text)))
    | hosts.map(lambda host: ("application/simple-message-summary", f"Message-Account: sip:v@{host}\r\n".encode()))
    | st.just(("text/plain", b"sip:alice@10.0.0.10 10.0.0.10"))
)


@st.composite
def multiparts(draw: st.DrawFn, inner: st.SearchStrategy[Body]) -> Body:
    """Several bodies, some with a length of their own."""
    boundary = draw(st.sampled_from(["x", "xy", "a'b"])) + str(draw(st.integers(0, 9)))
    parts = []
    for kind, body in draw(st.lists(inner, min_size=1, max_size=3)):
        length = draw(st.sampled_from(["", "", "Content-Length: {}\r\n", "l:{}\r\n"])).format(len(body))
        parts.append(f"--{boundary}\r\nContent-Type: {kind}\r\n{length}\r\n".encode() + body + b"\r\n")
    subtype = draw(st.sampled_from(["mixed", "related", "alternative"]))
    return f'multipart/{subtype};boundary="{boundary}"', b"".join(parts) + f"--{boundary}--\r\n".encode()


bodies = st.recursive(plain, multiparts, max_leaves=6)


def notify(body: Body) -> bytes:
    """A message with a body."""
    kind, content = body
    return sip("NOTIFY sip:bob@198.51.100.20 SIP/2.0", "i: n", "CSeq: 1 NOTIFY", f"c: {kind}", body=content)


def lengths(data: bytes, kind: str, start: int) -> list[tuple[int, int]]:
    """What each part's own Content-Length says, and what it is."""
    found = []
    for part in find_parts(data, kind.encode(), start, len(data)):
        if part.lengths and data[part.start - 4 : part.start] == b"\r\n\r\n":
            at, end = part.lengths[-1]
            head = data.rfind(b"\r\n--", 0, part.start)
            if at > head:
                found.append((int(data[at:end]), part.end - part.start))
    return found


@few
@given(bodies)
def test_lengths_are_right_and_nothing_else_changes(body: Body) -> None:
    data = notify(body)
    gateway = Gateway()
    gateway.out(request("REGISTER", host="10.0.0.11"), OTHER_PHONE)
    sent = gateway.out(data)
    assert "internal-error" not in sent.reason
    if sent.fate == Fate.DROPPED:
        assert sent.data == data
        return
    head, _, content = sent.data.partition(b"\r\n\r\n")
    assert int(re.findall(rb"Content-Length: (\d+)", head)[0]) == len(content)
    before = lengths(data, body[0], data.index(b"\r\n\r\n") + 4)
    after = lengths(sent.data, body[0], len(head) + 4)
    assert [said == true for said, true in after] == [said == true for said, true in before]
    at = 0
    rest = b""
    for edit in sent.edits:
        assert at <= edit.start <= edit.end
        assert edit.rule.startswith(("SDP", "XML")) or edit.rule in {
            "Content-Length", "Message-Account", "Request-URI", "Via", "Via received", "Contact", "From", "To", "Route",
            "Record-Route", "Path", "Service-Route", "P-Asserted-Identity", "P-Preferred-Identity", "Refer-To",
            "Referred-By", "Reply-To", "Remote-Party-ID", "Diversion", "History-Info", "Call-Info", "Warning", "Also",
            "P-Called-Party-ID",
        }  # fmt: skip
        rest += data[at : edit.start] + edit.new
        at = edit.end
    assert rest + data[at:] == sent.data


@few
@given(bodies)
def test_back_as_it_was(body: Body) -> None:
    data = notify(body)
    gateway = Gateway(STATIC)
    sent = gateway.out(data)
    if sent.fate == Fate.FORWARDED:
        assert gateway.in_(sent.data, PEER, sent.source).data == data


@few
@given(damaged(bodies.map(notify)), st.booleans())
def test_damaged_ones_are_accounted_for(data: bytes, outbound: bool) -> None:  # noqa: FBT001 - which way
    gateway = Gateway()
    gateway.out(request("INVITE", call_id="r", body=sdp()))
    passed = gateway.out(data) if outbound else gateway.in_(data)
    assert "internal-error" not in passed.reason
    if passed.fate == Fate.DROPPED:
        assert passed.data == data
