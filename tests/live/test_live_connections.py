"""A phone that is called over the connection by which it registered: nobody outside connects to it."""

import re
import socket

import pytest

from doorman.lab.network import GATEWAY_GLOBAL, INSIDE_PHONE, PROXY
from kit.lab import Lab, eventually
from kit.messages import audio, message
from kit.waiting import DEADLINE

PHONE_PORT, PHONE_RTP, PROXY_RTP = 41_234, 20_000, 30_000
PACKETS = 10
OF_PHONE = f"<sip:alice@{INSIDE_PHONE}:{PHONE_PORT};transport=tcp>"
REGISTER = message(
    f"REGISTER sip:{PROXY} SIP/2.0",
    f"Via: SIP/2.0/TCP {INSIDE_PHONE}:{PHONE_PORT};branch=z9hG4bKregister",
    f"From: <sip:alice@{PROXY}>;tag=a",
    f"To: <sip:alice@{PROXY}>",
    "Call-ID: registration",
    "CSeq: 1 REGISTER",
    f"Contact: {OF_PHONE}",
    "Expires: 600",
)
DIALOG = [
    f"Via: SIP/2.0/TCP {PROXY}:5060;branch=z9hG4bKinvite",
    f"From: <sip:bob@{PROXY}>;tag=b",
    f"To: <sip:alice@{PROXY}>",
    "Call-ID: call",
    "CSeq: 1 INVITE",
]


def heard(receiver: socket.socket) -> str:
    """A message, as short as these are."""
    return receiver.recv(4_000).decode()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def register(phone: socket.socket, proxy: socket.socket) -> str:
    """Register; the contact as the proxy knows it."""
    phone.sendall(REGISTER)
    registered = heard(proxy)
    assert INSIDE_PHONE not in registered
    contact, via = found(r"Contact: (<.*>)", registered), found(r"Via: (.*)\r", registered)
    proxy.sendall(
        message(
            "SIP/2.0 200 OK",
            f"Via: {via}",
            f"From: <sip:alice@{PROXY}>;tag=a",
            f"To: <sip:alice@{PROXY}>;tag=p",
            "Call-ID: registration",
            "CSeq: 1 REGISTER",
            f"Contact: {contact};expires=600",
        )
    )
    assert f"Contact: {OF_PHONE};expires=600" in heard(phone)
    return contact


def call(phone: socket.socket, proxy: socket.socket, contact: str) -> tuple[str, int]:
    """The proxy calls, the phone answers; where the phone hears media, as the proxy was told."""
    of_proxy = f"Contact: <sip:bob@{PROXY};transport=tcp>"
    proxy.sendall(message(f"INVITE {contact[1:-1]} SIP/2.0", *DIALOG, of_proxy, body=audio(PROXY, PROXY_RTP)))
    assert heard(phone).startswith(f"INVITE {OF_PHONE[1:-1]} ")
    answer = audio(INSIDE_PHONE, PHONE_RTP)
    phone.sendall(message("SIP/2.0 200 OK", *DIALOG, f"Contact: {OF_PHONE}", body=answer))
    answered = heard(proxy)
    assert INSIDE_PHONE not in answered
    return found(r"c=IN IP4 (\S+)", answered), int(found(r"m=audio (\d+)", answered))


@pytest.mark.parametrize("mode", ["l4f", "vtcp"])
def test_a_call_over_the_phones_own_connection(lab: Lab, mode: str) -> None:
    net = lab.network
    lab.configure(f"ip nat service sip tcp mode {mode}")
    with (
        lab.serving(),
        lab.tcp(net.outside, PROXY, 5060, listens=True) as listener,
        lab.tcp(net.inside, INSIDE_PHONE, PHONE_PORT) as phone,
    ):
        phone.connect((PROXY, 5060))
        proxy, _ = listener.accept()
        with proxy:
            proxy.settimeout(DEADLINE)
            announced = call(phone, proxy, register(phone, proxy))
            inside = lab.media.open(net.inside, INSIDE_PHONE, PHONE_RTP)
            outside = lab.media.open(net.outside, PROXY, PROXY_RTP)
            assert announced[0] == GATEWAY_GLOBAL
            outside.towards(announced, PACKETS)
            eventually(lambda: inside.counts().received == PACKETS, "the phone does not hear the proxy")
            inside.towards((PROXY, PROXY_RTP), PACKETS)
            eventually(lambda: outside.counts().received == PACKETS, "the proxy does not hear the phone")
    assert outside.counts().sources == {announced: PACKETS}
