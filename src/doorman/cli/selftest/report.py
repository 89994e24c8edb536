"""What `doorman selftest` shows: the INVITE on both sides of the gateway, what became of the call, and the verdict."""

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from doorman.cli.doctor import lines
from doorman.dataplanes.netfilter.requirements.finding import Finding
from doorman.dataplanes.report import Json, shown
from doorman.net.addresses import address_text
from doorman.selftest.call import MIRROR_MEDIA, PHONE_MEDIA, Observed
from doorman.selftest.stand_in import Datagram
from doorman.selftest.verdict import Told, Verdict


class Selftest(NamedTuple):
    """A test.

    Attributes:
        inside, outside: the interfaces.
        seen: what both ends saw.
        told: what the gateway tells of it.
        verdict: what it comes to.
        obstacles: what may be the reason where it does not work.
    """

    inside: str
    outside: str
    seen: Observed
    told: Told
    verdict: Verdict
    obstacles: list[Finding]


def report_lines(tested: Selftest) -> Iterator[str]:
    """The test for people; the verdict is the last line."""
    seen = tested.seen
    phone, mirror = address_text(seen.phone.address), address_text(seen.mirror.address)
    yield f"INVITE of {phone}, behind {tested.inside}, to {mirror}, behind {tested.outside}"
    if seen.seen is None:
        yield f"  {seen.phone} -> {seen.mirror}, did not leave"
    else:
        yield f"  {seen.phone} -> {seen.mirror}, left as {seen.seen.sender} -> {seen.seen.receiver}"
        yield from (f"  {sign} {line}".rstrip() for sign, line in _difference(seen.sent, seen.seen.data))
    yield ""
    steps = list(_steps(seen, tested.told))
    yield from (f"{name:<9}  {what}" for name, what in steps)
    if steps:
        yield ""
    if tested.obstacles:
        yield "what may hold packets back on this machine:"
        yield from lines(tested.obstacles)
        yield ""
    yield tested.verdict.text


def report(tested: Selftest) -> str:
    """The test as a JSON object; its keys are part of the interface and listed in docs/selftest.md."""
    seen = tested.seen
    made: Json = {
        "works": tested.verdict.works,
        "verdict": tested.verdict.text,
        "inside": {"interface": tested.inside, "phone": str(seen.phone), "media": PHONE_MEDIA},
        "outside": {"interface": tested.outside, "mirror": str(seen.mirror), "media": MIRROR_MEDIA},
        "invite": {
            "sent": [shown(line) for line in seen.sent.split(b"\r\n")],
            "seen": None if seen.seen is None else [shown(line) for line in seen.seen.data.split(b"\r\n")],
            "seen_from": _sender(seen.seen),
        },
        "answered": seen.answered is not None,
        "announced": None if seen.announced is None else str(seen.announced),
        "door": tested.told.door,
        "media_in": seen.media_in is not None,
        "media_out_from": _sender(seen.media_out),
        "ended": seen.ended is not None,
        "alg": {
            "seen": tested.told.known,
            "dropped": [{"message": message, "why": why} for message, why in tested.told.drops],
            "inaction": tested.told.inaction or None,
        },
        "obstacles": [finding._asdict() for finding in tested.obstacles],
    }
    return json.dumps(made, indent=2) + "\n"


def _steps(seen: Observed, told: Told) -> Iterator[tuple[str, str]]:
    """What became of the call, as far as it went."""
    if seen.seen is None:
        return
    yield "answer", "came to the phone" if seen.answered is not None else "did not come to the phone"
    reachable = seen.announced is not None and seen.announced.address != seen.phone.address
    if reachable:
        yield "door", f"at {seen.announced}" if told.door else f"none at {seen.announced}, where media were announced"
    if seen.answered is None:
        return
    if reachable:
        came = f"came to {seen.media_in.receiver}" if seen.media_in is not None else "did not come to the phone"
        yield "media in", f"to {seen.announced} {came}"
    yield "media out", f"left as {seen.media_out.sender}" if seen.media_out is not None else "did not leave"
    yield "BYE", "left" if seen.ended is not None else "did not leave"


def _difference(sent: bytes, seen: bytes) -> Iterator[tuple[str, str]]:
    """The lines of a message, each with `-` where only its sender, `+` where only its receiver saw it."""
    old, new = ([shown(line) for line in message.removesuffix(b"\r\n").split(b"\r\n")] for message in (sent, seen))
    for kind, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from ((" ", line) for line in old[old_start:old_end])
            continue
        for before, after in zip_longest(old[old_start:old_end], new[new_start:new_end]):
            yield from ((sign, line) for sign, line in (("-", before), ("+", after)) if line is not None)


def _sender(datagram: Datagram | None) -> str | None:
    return None if datagram is None else str(datagram.sender)
