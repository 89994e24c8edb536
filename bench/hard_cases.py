"""Input of which a gateway must not be made slow: long lists of states, and what is written to cost much."""

import time
from collections.abc import Callable
from functools import partial

from doorman.cli.shell.patterns import Pattern
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Endpoint, address_of
from doorman.stream.assembler import Assembler
from doorman.stream.sip import framer
from figures import figure
from traffic import OUTSIDE, config, host, udp

_PHONE = host(0)
_HEAD = """NOTIFY sip:bob@198.51.100.20 SIP/2.0
Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK1
From: <sip:alice@{host}>;tag=a
To: <sip:bob@198.51.100.20>;tag=b
Call-ID: n
CSeq: 1 NOTIFY
Contact: <sip:alice@{host}:5060>
Content-Type: {kind}
Content-Length: {length}

"""
_DOCUMENT = """--50UBf
Content-Type: application/dialog-info+xml
Content-ID: <{number}@{host}>

<dialog-info entity="sip:{number}@{host}"><dialog id="1"><state>{state}</state>\
<local><identity>sip:{number}@{host}</identity><target uri="sip:{number}@{host}:5060"/></local>\
<remote><identity>sip:bob@198.51.100.20</identity></remote></dialog></dialog-info>
"""
_MADE_TO_BE_SLOW = (
    "<" * 60_000, "<!--" * 15_000, '"sip:' * 12_000, "<a sip:" * 8_500, '<a b="sip:' * 6_000, "<![CDATA[sip:a" * 4_000,
    "sip:" * 15_000, "<a " + 'b="" ' * 11_000 + f'c="sip:a@{_PHONE}"', "<a>sip:" + " " * 60_000, "<?" * 30_000,
    "<a" + " " * 60_000 + "sip:",
)  # fmt: skip
_PATTERNS = "(a+)+$", "(a|a)*b", "(.*a){12}(.*a)+x", "((a*)*)*b", ".*" * 60 + "x"
_SENDER, _SERVER = Endpoint(address_of(_PHONE), 5060), Endpoint(OUTSIDE, 5060)


def main() -> None:
    """Print how long each takes."""
    documents = [_DOCUMENT.format(number=number, host=_PHONE, state="confirmed" * 18) for number in range(100)]
    states = _notify("multipart/related;boundary=50UBf", "".join(documents) + "--50UBf--\n")
    listed = _passes(states, "")
    figure("sip-list-of-100", 1000 * listed, "ms", "< 5", bytes=len(states))
    slow = max(_passes(_notify("application/dialog-info+xml", body), "too-many-uris") for body in _MADE_TO_BE_SLOW)
    figure("sip-made-to-be-slow", 1000 * slow, "ms", "< 5", bytes=60_000)
    short, long = _seconds_a_byte(5_000), _seconds_a_byte(200_000)
    figure("sip-byte-by-byte-long-vs-short", long / short, "times", "< 2", bytes=(5_000, 200_000))
    text = "a" * 1000 + "!"
    worst = max(_best(partial(_search, pattern, text)) for pattern in _PATTERNS)
    figure("output-filter-made-to-be-slow", 1000 * worst, "ms a line", "< 100", characters=len(text))


def _search(pattern: str, text: str) -> bool:
    return Pattern(pattern).search(text)


def _notify(kind: str, body: str) -> bytes:
    length = len(body.replace("\n", "\r\n"))
    return (_HEAD.format(host=_PHONE, kind=kind, length=length) + body).replace("\n", "\r\n").encode()


def _passes(message: bytes, reason: str) -> float:
    """Seconds of one message through a gateway, which changes it or, by a rule, drops it."""
    packet = udp(_SENDER, _SERVER, message)
    engine = Engine(config(), lambda: 0.5)
    result = engine.receive(packet, Side.INSIDE, 0.0)
    dropped = result.fate == Fate.DROPPED and result.reason == f"sip: {reason}"
    if result.fate != Fate.FORWARDED and not dropped:
        raise RuntimeError(f"the bench does not do what it measures: {result.reason}")
    return _best(lambda: engine.receive(packet, Side.INSIDE, 0.0))


def _seconds_a_byte(length: int) -> float:
    """What each byte of a message costs that comes byte by byte."""
    head = "BYE sip:x SIP/2.0\n" + "".join(f"X-{line}: {'a' * 90}\n" for line in range(length // 200))
    text = f"{head}Content-Length: {length // 2}\n\n".replace("\n", "\r\n") + "b" * (length // 2)
    chunks = [bytes((byte,)) for byte in text.encode()]

    def feed() -> None:
        assembler = Assembler(framer(1_000_000))
        units = [unit for chunk in chunks for unit in assembler.feed(chunk)]
        if len(units) != 1:
            raise RuntimeError("the bench does not do what it measures")

    return _best(feed) / len(chunks)


def _best(work: Callable[[], object], rounds: int = 9) -> float:
    """Seconds that something takes of this processor."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
