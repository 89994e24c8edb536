"""Subscriptions, and requests that are about no call: bodies that mention addresses, and messages of any length."""

import pytest

from doorman.lab.network import OUTSIDE_PHONE
from doorman.lab.stream import Endpoint
from kit.lab import Lab
from kit.parties import Party, endpoint
from kit.talks import Talk

DIALOG_INFO = "application/dialog-info+xml"
INSTANCES, INSTANCE_BYTES = 100, 500
LONGEST = 65_000
MTU = 1_500


@pytest.fixture(autouse=True, scope="module")
def long_messages(served: Lab) -> None:
    """Over TCP, too."""
    served.order("configure terminal", "ip nat service sip max-message-size 65535", "end")


def states(line: Endpoint) -> str:
    """The states of many dialogs (RFC 4235) of a phone on the line."""
    uri = f"sip:alice@{line[0]}:{line[1]}"
    remote = f"<remote><identity>sip:bob@{OUTSIDE_PHONE}</identity></remote>"
    dialogs = [
        f'<dialog id="{number}"><state>confirmed</state><local><target uri="{uri};line={number}"/></local>{remote}'
        f"<note>{'x' * 350}</note></dialog>\r\n"
        for number in range(INSTANCES)
    ]
    assert len(dialogs[0]) >= INSTANCE_BYTES
    return f'<dialog-info version="0" state="full" entity="{uri}">\r\n{"".join(dialogs)}</dialog-info>\r\n'


def presence(line: Endpoint) -> str:
    """Who is where (RFC 3863)."""
    contact = f'<contact priority="0.8">sip:alice@{line[0]}:{line[1]}</contact>'
    tuple_ = f'<tuple id="a"><status><basic>open</basic></status>{contact}</tuple>'
    return f'<presence entity="sip:alice@{line[0]}">{tuple_}</presence>\r\n'


def lines(talk: Talk, sender: Party) -> tuple[Endpoint, Endpoint]:
    """Where the inside host is, as who sends knows it, and as who hears it."""
    named = endpoint(talk.outside.target), (talk.inside.agent.address, 5060)
    return named if sender is talk.outside else named[::-1]


def notifies(talk: Talk, state: str, body: str = "") -> str:
    """Tell the subscriber; the body as it heard it."""
    headers = ("Event: dialog", f"Subscription-State: {state}")
    notify = talk.callee.asks("NOTIFY", *headers, body=body, kind=DIALOG_INFO)
    talk.caller.answers(notify, 200)
    assert notify.one("Content-Length") == str(len(notify.body))
    return notify.body


def test_states_of_a_hundred_lines(talk: Talk) -> None:
    talk.callee.answers(talk.caller.asks("SUBSCRIBE", "Event: dialog", "Expires: 600"), 200, "Expires: 600")
    told, heard = lines(talk, talk.callee)
    for _ in range(2):
        assert notifies(talk, "active;expires=600", states(told)) == states(heard)
    assert f"{talk.inside.agent.address}:5060" in {door["leads_to"] for door in talk.lab.doors("contact")}
    talk.callee.answers(talk.caller.asks("SUBSCRIBE", "Event: dialog", "Expires: 0"), 200, "Expires: 0")
    notifies(talk, "terminated;reason=timeout")


@pytest.mark.parametrize("asks", ["caller", "callee"])
def test_requests_within_a_call(talk: Talk, asks: str) -> None:
    talk.connect()
    one = talk.caller if asks == "caller" else talk.callee
    text = f"You reach me at sip:{talk.inside.user}@example.org:5060, not here.\r\n"
    for method, kind, body in (
        ("INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
        ("MESSAGE", "text/plain", text),
        ("OPTIONS", "text/plain", ""),
    ):
        heard = one.asks(method, body=body, kind=kind)
        assert heard.body == body
        one.other.answers(heard, 200)
    talk.hang_up(one)


def test_requests_outside_calls(talk: Talk) -> None:
    options = talk.caller.asks("OPTIONS", "Accept: application/sdp")
    talk.callee.answers(options, 200)
    told, heard = lines(talk, talk.caller)
    publish = talk.caller.asks("PUBLISH", "Event: presence", body=presence(told), kind="application/pidf+xml")
    assert publish.body == presence(heard)
    assert publish.one("Content-Length") == str(len(publish.body))
    talk.callee.answers(publish, 200, "SIP-ETag: x", "Expires: 600")
    talk.callee.answers(talk.caller.asks("MESSAGE", body="Hello\r\n", kind="text/plain"), 202)


@pytest.mark.parametrize("asks", ["caller", "callee"])
def test_the_longest_messages(talk: Talk, asks: str) -> None:
    talk.connect()
    one = talk.caller if asks == "caller" else talk.callee

    def says(length: int) -> None:
        body = "0123456789abcdef"[: length % 16] + "0123456789abcdef" * (length // 16)
        heard = one.asks("MESSAGE", body=body, kind="text/plain")
        assert heard.body == body
        one.other.answers(heard, 200)

    says(2 * MTU)
    overhead = len(one.agent.sent) - 2 * MTU + 1
    queued = received(talk.lab)
    says(LONGEST - overhead - 1)
    assert LONGEST - 5 < len(one.agent.sent) <= LONGEST
    if one.agent.transport == "udp":
        assert received(talk.lab) == queued + 2, "the fragments came to the queue one by one"
    talk.hang_up(one)


def received(lab: Lab) -> int:
    """The packets that came out of the kernel's queue."""
    packets = lab.ask("show ip nat statistics")["counters"]["Queue"]["received"]
    assert isinstance(packets, int)
    return packets
