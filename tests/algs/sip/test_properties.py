"""What holds for every message, whole or damaged."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorman.algs.api import Outcome, apply_edits
from doorman.engine.results import Fate
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import find_parts
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import read_sip
from doorman.wire.uri import find_request_uri, find_uris, find_via
from kit.sip import GLOBAL, OTHER_PHONE, PEER, PHONE, POOL, STATIC, Gateway, Passage, request, sdp
from kit.strategies import HOSTS, PHONE_HOST, damaged, descriptions, messages

OWN_HOSTS = [host for host in HOSTS if host not in {"10.0.0.50", GLOBAL}]
"""Those that a phone may write and that come back as they were: no third party, no address of the gateway."""

Read = TypeVar("Read")

few = settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def busy(config: str | None = None) -> Gateway:
    """A gateway with a phone that has taken the usual ports, and one that has registered."""
    gateway = Gateway(config) if config is not None else Gateway()
    gateway.out(request("INVITE", call_id="busy", host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
    gateway.out(request("REGISTER", call_id="r"), PHONE)
    return gateway


def accounted(sent: Passage, data: bytes) -> None:
    """An outcome or a reason, never an internal error, and edits that make of the one what is the other."""
    assert "internal-error" not in sent.reason
    if sent.fate == Fate.DROPPED:
        assert sent.reason
        assert sent.data == data
        return
    assert sent.outcome is None or isinstance(sent.outcome, Outcome)
    assert apply_edits(data, sent.edits) == sent.data
    for before, after in zip(sent.edits, sent.edits[1:], strict=False):
        assert before.end <= after.start


def read_or_refuse(read: Callable[[], Read]) -> Read | None:
    """What a reader gives, or None where it refuses with a reason; anything else it raises is a failure."""
    try:
        return read()
    except Malformed as malformed:
        return None if malformed.reason else pytest.fail("refused without a reason")


class TestReaders:
    @few
    @given(damaged(messages()) | st.binary(max_size=200))
    def test_a_message_or_malformed(self, data: bytes) -> None:
        message = read_or_refuse(lambda: read_sip(data))
        if message is None:
            return
        assert message.data == data
        assert 0 <= message.body_start <= message.body_end <= len(data)
        at = 0
        for header in message.headers:
            start, end = header.start, header.end
            assert at <= start <= end <= message.body_start
            at = end
            for place in (*find_uris(data[start:end]), *find_request_uri(data[start:end])):
                assert 0 <= place.start < place.end <= end - start
                assert place.host in data[start + place.start : start + place.end]
            for via in find_via(data[start:end]):
                assert via.sent_by.start < via.sent_by.end <= end - start

    @few
    @given(damaged(descriptions().map(str.encode)), st.integers(0, 50))
    def test_a_description_or_malformed(self, data: bytes, start: int) -> None:
        description = read_or_refuse(lambda: read_sdp(data, min(start, len(data)), len(data)))
        for media in description.media if description is not None else ():
            assert int(data[media.port.start : media.port.end]) == media.port.number
            for candidate in media.candidates:
                assert int(data[candidate.port.start : candidate.port.end]) == candidate.port.number

    @few
    @given(
        damaged(
            st.just(b"--x\r\nc: a/b\r\n\r\nhello\r\n--x\r\nc: multipart/x;boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--")
        )
    )
    def test_parts_or_malformed(self, data: bytes) -> None:
        for part in read_or_refuse(lambda: find_parts(data, b"multipart/mixed;boundary=x", 0, len(data))) or ():
            assert 0 <= part.start <= part.end <= len(data)


class TestGateway:
    @few
    @given(damaged(messages()) | messages())
    def test_outbound(self, data: bytes) -> None:
        accounted(busy().out(data), data)

    @few
    @given(damaged(messages()) | messages())
    def test_inbound(self, data: bytes) -> None:
        gateway = busy()
        target = gateway.bindings()[1].split(">")[1]
        accounted(gateway.in_(data, PEER, target), data)

    @few
    @given(st.lists(messages() | damaged(messages()), min_size=2, max_size=6))
    def test_a_conversation(self, conversation: list[bytes]) -> None:
        """Whatever is said, in both directions, time brings the tables back to where they were."""
        gateway = Gateway()
        gateway.out(request("REGISTER", call_id="r"), PHONE)
        for index, data in enumerate(conversation):
            if index % 2:
                accounted(gateway.in_(data), data)
            else:
                accounted(gateway.out(data), data)
            gateway.wait(0.5)
        for _ in range(4):
            gateway.wait(50_000)
        assert (gateway.doors, gateway.bindings(), list(gateway.sip.calls)) == ([], [], [])

    @few
    @given(messages())
    def test_the_same_message_twice(self, data: bytes) -> None:
        gateway = busy()
        first = gateway.out(data)
        state = gateway.bindings(), gateway.media_doors(), gateway.signalling_doors()
        second = gateway.out(data)
        assert (second.fate, second.reason, second.data) == (first.fate, first.reason, first.data)
        assert (gateway.bindings(), gateway.media_doors(), gateway.signalling_doors()) == state

    @few
    @given(messages(OWN_HOSTS))
    def test_no_inside_address_leaves_in_what_is_translated(self, data: bytes) -> None:
        sent = busy().out(data)
        if sent.fate != Fate.FORWARDED:
            return
        message = read_sip(sent.data)
        assert message is not None
        places = [
            place
            for header in message.headers
            if header.name not in {"via", "call-id", "cseq", "content-type", "content-length"}
            for place in find_uris(sent.data[header.start : header.end])
        ]
        places += [
            place
            for header in message.headers
            if header.name == "via"
            for via in find_via(sent.data[header.start : header.end])
            for place in (via.sent_by, *via.parameters)
        ]
        assert not any(place.host == PHONE_HOST.encode() for place in places)
        assert not [line for line in sent.text.splitlines() if line[:2] in {"c=", "o="} and line.endswith(PHONE_HOST)]


class TestRoundTrip:
    @few
    @given(messages(OWN_HOSTS))
    def test_outbound_and_back(self, data: bytes) -> None:
        """What the phone wrote is what it gets when the other side says it again."""
        gateway = Gateway(STATIC)
        sent = gateway.out(data)
        if sent.fate == Fate.FORWARDED:
            assert gateway.in_(sent.data, PEER, sent.source).data == data

    @few
    @given(messages(OWN_HOSTS))
    def test_what_the_outside_must_have_sent(self, data: bytes) -> None:
        """Replay's question and its proof, where ports are preserved and where they are not."""
        for gateway in (Gateway(STATIC), Gateway(POOL), Gateway()):
            gateway.out(request("REGISTER", call_id="r"), PHONE)
            sent, received = gateway.learned(data)
            accounted(received, sent)
            if received.fate == Fate.FORWARDED:
                assert received.data == data
            else:
                assert received.reason.startswith("sip: ")

    @few
    @given(damaged(messages()))
    def test_what_was_sent_of_something_damaged(self, data: bytes) -> None:
        sent, received = busy().learned(data)
        accounted(received, sent)

    @few
    @given(messages() | damaged(messages()))
    def test_a_nat_that_changes_nothing(self, data: bytes) -> None:
        """An inside host that outside has the very name it has inside."""
        same = STATIC.replace("203.0.113.100", "10.0.0.10")
        for gateway in (Gateway(same), Gateway(STATIC.replace("10.0.0.10 203.0.113.100", "10.0.0.77 203.0.113.100"))):
            sent = gateway.out(data)
            assert sent.data == data
            assert sent.edits == []


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_every_beginning_of_a_message(cut: int) -> None:
    data = request(body=sdp())[:cut]
    if data:
        accounted(Gateway().out(data), data)
