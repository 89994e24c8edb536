"""Scripts made of other scripts: messages damaged in the ways that readers get wrong, and in another order.

Damage is of bytes (bits, spans, cuts), of tokens (hosts, numbers, delimiters), of headers (doubled, swapped, folded,
lying about lengths), of bodies (SDP, multipart, XML), and of the conversation itself.
"""

import random
import re
from collections.abc import Callable, Sequence

from kit.fuzz.script import Kind, Script, Step
from kit.fuzz.words import DELIMITERS, HEADERS, HOSTS, METHODS, NUMBERS, PARTS, SDP_LINES, TEXTS, XML

_GATEWAYS = ("overload", "busy", "pool", "static", "exchange", "permissive", "pinhole", "observe")
_LONGEST = 64_000
_MOST_STEPS = 14
_HOST = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]|[a-z]+\.(?:example|com|org)")
_NUMBER = re.compile(rb"\d+")
_TOKEN = re.compile(rb"[A-Za-z0-9.-]+")
_LENGTH = re.compile(rb"^((?:content-length|l)[ \t]*:[ \t]*)(\d+)", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")

Chance = random.Random
Mutator = Callable[[bytes, Chance], bytes]


def mutate(script: Script, others: Sequence[Script], chance: Chance, how: Mutator | None = None) -> Script:
    """A script like this one, and a little of another perhaps; `how`: its messages, if not as texts."""
    change = how or mutate_message
    steps = list(script.steps)
    if chance.random() < 0.3:
        _rearrange(steps, chance.choice(others).steps, chance)
    talking = [number for number, step in enumerate(steps) if step.kind != Kind.WAIT]
    for _ in range(chance.choice((1, 1, 1, 2, 3)) if talking else 0):
        number = chance.choice(talking)
        steps[number] = steps[number]._replace(data=change(steps[number].data, chance))
    moves = script.gateway in _GATEWAYS and chance.random() >= 0.9
    gateway = chance.choice(_GATEWAYS) if moves else script.gateway
    return Script(gateway, tuple(steps[:_MOST_STEPS]))


def mutate_message(data: bytes, chance: Chance) -> bytes:
    """A message like this one; its Content-Length mostly tells the truth, so that the body is looked at."""
    truthful = chance.random() < 0.7
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        data = chance.choice(MUTATORS)(data, chance)[:_LONGEST]
    return with_length(data) if truthful else data


def mutate_bytes(data: bytes, chance: Chance) -> bytes:
    """A message like this one, which is no text."""
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        data = chance.choice(_BYTES)(data, chance)[:_LONGEST]
    return data


def with_length(data: bytes) -> bytes:
    """A message whose first Content-Length is that of the rest behind the first empty line."""
    end = _END.search(data)
    if end is None:
        return data
    size = len(data) - end.end()
    return _LENGTH.sub(lambda match: match[1] + str(size).encode(), data[: end.end()], count=1) + data[end.end() :]


def _rearrange(steps: list[Step], others: Sequence[Step], chance: Chance) -> None:
    at = chance.randrange(len(steps) + 1)
    match chance.randrange(6):
        case 0 if len(steps) > 1:
            del steps[at % len(steps)]
        case 1 if steps:
            steps.insert(at, steps[at % len(steps)])
        case 2 if len(steps) > 1:
            other = chance.randrange(len(steps))
            steps[at % len(steps)], steps[other] = steps[other], steps[at % len(steps)]
        case 3:
            steps.insert(at, Step(Kind.WAIT, seconds=chance.choice((0.1, 4.0, 6.0, 33.0, 121.0, 3700.0))))
        case 4 if steps and steps[at % len(steps)].kind != Kind.WAIT:
            kind = Kind.IN if steps[at % len(steps)].kind == Kind.OUT else Kind.OUT
            steps[at % len(steps)] = steps[at % len(steps)]._replace(kind=kind)
        case _:
            steps[at:at] = others[chance.randrange(len(others) + 1) :][:3]


# Bytes


def _flip_bits(data: bytes, chance: Chance) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 4)) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _put(data: bytes, chance: Chance) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(DELIMITERS) * chance.choice((1, 1, 1, 2, 9)) + data[at:]


def _span(data: bytes, chance: Chance) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(start + chance.choice((1, 1, 2, 8, 40, 400)), len(data))


def _take_out(data: bytes, chance: Chance) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _double(data: bytes, chance: Chance) -> bytes:
    start, end = _span(data, chance)
    at = chance.choice((end, chance.randrange(len(data) + 1)))
    return data[:at] + data[start:end] + data[at:]


def _repeat(data: bytes, chance: Chance) -> bytes:
    """A very long line, or very many of something."""
    start, end = _span(data, chance)
    size = end - start
    return data[:start] + data[start:end] * (chance.choice((3, 30, 300, 3000, 60_000)) // (size or 1)) + data[end:]


def _cut(data: bytes, chance: Chance) -> bytes:
    edges = [match.start() for match in re.finditer(rb"\r\n|\n|:|;|@|=|<|>", data)] or [0]
    at = chance.choice((chance.choice(edges), chance.choice(edges) + 1, chance.randrange(len(data) + 1)))
    return data[:at] if chance.random() < 0.8 else data[at:]


def _loose_ends(data: bytes, chance: Chance) -> bytes:
    count = chance.choice((-1, 1, 3))
    return data.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n ", b" \r\n")), count)


def _case(data: bytes, chance: Chance) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[start:end].swapcase() + data[end:]


# Tokens


def _exchange(data: bytes, pattern: re.Pattern[bytes], words: Sequence[bytes], chance: Chance) -> bytes:
    found = [match.span() for match in pattern.finditer(data)]
    if not found:
        return data
    start, end = chance.choice(found)
    return data[:start] + chance.choice(words) + data[end:]


def _host(data: bytes, chance: Chance) -> bytes:
    if chance.random() < 0.2:  # everywhere
        found = _HOST.findall(data)
        return data.replace(chance.choice(found), chance.choice(HOSTS)) if found else data
    return _exchange(data, _HOST, HOSTS, chance)


def _number(data: bytes, chance: Chance) -> bytes:
    return _exchange(data, _NUMBER, NUMBERS, chance)


def _text(data: bytes, chance: Chance) -> bytes:
    return _exchange(data, _TOKEN, TEXTS, chance)


def _tokens(data: bytes, chance: Chance) -> bytes:
    """Two tokens change places."""
    found = [match.span() for match in _TOKEN.finditer(data)]
    if len(found) < 2:
        return data
    (first, end), (second, stop) = sorted(chance.sample(found, 2))
    return data[:first] + data[second:stop] + data[end:second] + data[first:end] + data[stop:]


def _method(data: bytes, chance: Chance) -> bytes:
    found = [method for method in METHODS if method in data]
    old = chance.choice(found) if found else b"INVITE"
    return data.replace(old, chance.choice(METHODS), chance.choice((1, -1)))


def _status(data: bytes, chance: Chance) -> bytes:
    return re.sub(rb"^SIP/2\.0 \d+", b"SIP/2.0 " + chance.choice(NUMBERS), data, count=1)


# Headers and lines


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _double_line(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    if not lines:
        return data
    line = chance.choice(lines)
    at = chance.randrange(len(lines) + 1)
    lines[at:at] = [line] * chance.choice((1, 1, 2, 20, 300))
    return b"".join(lines)


def _drop_line(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    if lines:
        del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def _swap_lines(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    if len(lines) > 1:
        one, other = chance.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _add_header(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    at = chance.randrange(1, max(len(lines), 2))
    lines[at:at] = [chance.choice(HEADERS) + b"\r\n"] * chance.choice((1, 1, 1, 3, 60))
    return b"".join(lines)


def _fold(data: bytes, chance: Chance) -> bytes:
    blanks = [match.start() for match in re.finditer(rb"[ ,;:]", data)]
    if not blanks:
        return data
    at = chance.choice(blanks)
    return data[:at] + chance.choice((b"\r\n ", b"\r\n\t\t", b"\n ", b"\r\n \r\n ")) + data[at:]


def _lie(data: bytes, chance: Chance) -> bytes:
    return _LENGTH.sub(lambda match: match[1] + chance.choice(NUMBERS), data, count=1)


# Bodies


def _add_sdp(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    body = next((number for number, line in enumerate(lines) if line.startswith(b"v=0")), None)
    if body is None:
        return data
    at = chance.randrange(body, len(lines) + 1)
    lines[at:at] = [chance.choice(SDP_LINES) + b"\r\n"] * chance.choice((1, 1, 1, 2, 14, 130))
    return b"".join(lines)


def _wrap(data: bytes, chance: Chance) -> bytes:
    """The body becomes a part of a multipart."""
    end = _END.search(data)
    if end is None:
        return data
    head, body = data[: end.start()], data[end.end() :]
    kind = re.search(rb"^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*)", head, re.IGNORECASE | re.MULTILINE)
    name = chance.choice((b"mixed", b"alternative", b"related", b"signed", b"encrypted"))
    inner = kind[1] if kind else b"application/sdp"
    more = chance.choice(PARTS)
    length = b"\r\nContent-Length: %d" % len(body) if chance.random() < 0.4 else b""
    wrapped = b"--b\r\nContent-Type: " + inner + length + b"\r\n\r\n" + body + b"\r\n--b\r\n" + more + b"\r\n--b--\r\n"
    new_type = b"multipart/" + name + b";boundary=b"
    head = head[: kind.start(1)] + new_type + head[kind.end(1) :] if kind else head + b"\r\nContent-Type: " + new_type
    return with_length(head + b"\r\n\r\n" + wrapped)


def _other_body(data: bytes, chance: Chance) -> bytes:
    end = _END.search(data)
    if end is None:
        return data
    kind, body = chance.choice(XML)
    head = re.sub(
        rb"^(?:content-type|c)[ \t]*:[^\r\n]*\r?\n",
        b"",
        data[: end.start()] + b"\r\n",
        flags=re.IGNORECASE | re.MULTILINE,
    )
    return with_length(head + b"Content-Type: " + kind + b"\r\n\r\n" + body)


def _behind(data: bytes, chance: Chance) -> bytes:
    """Something stands behind the message, or before it."""
    more = chance.choice((b"\r\n", b"\r\n\r\n", b"\0", data, b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0", b"\x16\x03\x01"))
    return data + more if chance.random() < 0.7 else more + data


_BYTES: list[Mutator] = [_flip_bits, _flip_bits, _put, _take_out, _double, _repeat, _cut, _number]
MUTATORS: list[Mutator] = [
    *(_flip_bits, _put, _put, _take_out, _double, _repeat, _cut, _loose_ends, _case),
    *(_host, _host, _number, _number, _text, _tokens, _method, _status),
    *(_double_line, _drop_line, _swap_lines, _add_header, _add_header, _fold, _lie),
    *(_add_sdp, _add_sdp, _wrap, _other_body, _behind),
]
