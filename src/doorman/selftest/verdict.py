"""What a test call says of the gateway, in one line: do NAT and ALG do their work, and if not, which does not and why?

The first thing that went wrong decides; what came after it is its consequence.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from doorman.net.addresses import address_ascii, address_text
from doorman.selftest.call import Observed

_DROPPED = "look for a rule that drops it, `nft list ruleset`"


class Told(NamedTuple):
    """What the gateway tells of the call.

    Attributes:
        known: whether its ALG has seen the call.
        drops: the messages of it that the ALG dropped, and why.
        door: whether it opened a door where the media were announced.
        inaction: why the ALG does less than all, by the configuration; "" where nothing is configured so.
    """

    known: bool = False
    drops: tuple[tuple[str, str], ...] = ()
    door: bool = False
    inaction: str = ""


class Verdict(NamedTuple):
    """Whether all works, and the line that says so."""

    works: bool
    text: str


def judge(seen: Observed, told: Told) -> Verdict:
    """Judge a call by what both ends saw, and what the gateway tells of it."""
    for fault in (*_of_signalling(seen, told), *_of_media(seen, told)):
        return Verdict(works=False, text=fault)
    name = address_text(seen.seen.sender.address) if seen.seen is not None else ""
    text = f"{_phone(seen)} is {name} outside, in packets and messages, and media reach it at {seen.announced}"
    return Verdict(works=True, text=f"NAT and ALG work: {text}")


def private_lines(seen: Observed) -> list[str]:
    """The headers of the INVITE, and `SDP` lines, in which the mirror still saw the phone's own address."""
    if seen.seen is None:
        return []
    own = re.compile(rb"(?<![0-9.])" + re.escape(address_ascii(seen.phone.address)) + rb"(?![0-9])")
    head, _, body = seen.seen.data.partition(b"\r\n\r\n")
    found = [f"SDP {line[:2].decode()}" for line in body.split(b"\r\n") if own.search(line)]
    found += [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if own.search(line)]
    return list(dict.fromkeys(found))


def _of_signalling(seen: Observed, told: Told) -> Iterator[str]:
    if told.drops:
        message, why = told.drops[0]
        yield f"ALG does not work: it dropped {message}: {why}"
    if seen.seen is None:
        who = "the ALG let it pass" if told.known else "the ALG has not seen it"
        yield f"NAT does not work: the INVITE did not leave: {who}, {_DROPPED}"
    elif seen.seen.sender.address == seen.phone.address:
        yield f"NAT does not work: the packet left with the private address {_phone(seen)}: does a rule name it?"
    left = private_lines(seen)
    if left:
        where = "SDP" if any(line.startswith("SDP") for line in left) else ", ".join(left)
        yield _alg(f"{where} left with the private address {_phone(seen)}", told)
    if seen.answered is None and seen.seen is not None:
        yield f"NAT does not work: the answer to {seen.seen.sender} did not come to the phone: {_DROPPED}"


def _of_media(seen: Observed, told: Told) -> Iterator[str]:
    if seen.announced is None:
        yield _alg("the SDP that left announces no address", told)
    elif not told.door:
        yield _alg(f"no door was opened for the media announced at {seen.announced}", told)
    elif seen.media_in is None:
        yield f"NAT does not work: media did not come in by the door at {seen.announced}: {_DROPPED}"
    if seen.media_out is None:
        yield f"NAT does not work: media did not leave: {_DROPPED}"
    elif seen.media_out.sender != seen.announced:
        yield f"NAT does not work: media left as {seen.media_out.sender}, not as announced, {seen.announced}"
    if seen.ended is None:
        yield f"NAT does not work: the BYE did not leave: {_DROPPED}"


def _alg(what: str, told: Told) -> str:
    why = told.inaction or ("" if told.known else "it has not seen the call")
    return f"ALG does not work: {what}{f': {why}' if why else ''}"


def _phone(seen: Observed) -> str:
    return address_text(seen.phone.address)
