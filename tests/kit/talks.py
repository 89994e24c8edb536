"""Calls of the lab for which a test speaks, with media: `Talk` is two parties, `Media` what one listens and speaks by.

ours, theirs = talk.connect()
talk.hang_up(talk.caller)
"""

import itertools
from contextlib import ExitStack
from typing import Any, NamedTuple

from doorman.lab.stream import Endpoint, Stream
from kit.agents import Agent, Heard
from kit.lab import LINGER, Lab, eventually
from kit.messages import audio
from kit.parties import Party

PACKETS = 3
_ports = itertools.count(20_000, 10)


class Media:
    """What a party listens and speaks by: a port, and where the other one is."""

    def __init__(self, party: Party) -> None:
        self.port = next(_ports)
        self.party = party
        self.stream: Stream = party.agent.ear(self.port)
        self.remote: Endpoint = ("", 0)

    def offer(self, *more: str) -> str:
        return audio(self.party.agent.address, self.port, *more)

    def goes_to(self, heard: Heard, line: int = 0) -> None:
        self.remote = heard.media[line]


class Talk(NamedTuple):
    """Two telephones, and what is between them."""

    lab: Lab
    stack: ExitStack
    caller: Party
    callee: Party

    @property
    def inside(self) -> Party:
        return self.caller if self.caller.agent.is_inside else self.callee

    @property
    def outside(self) -> Party:
        return self.inside.other

    def further(self, namespace: str, address: str) -> Agent:
        return Agent(self.lab, self.stack, namespace, address, self.caller.agent.transport)

    def of_inside(self, ours: Media, theirs: Media) -> Media:
        return ours if ours.party is self.inside else theirs

    def connect(self, *headers: str) -> tuple[Media, Media]:
        """Set a call up, the usual way; the media of the caller, and of the callee."""
        ours, theirs = Media(self.caller), Media(self.callee)
        invite = self.caller.asks("INVITE", *headers, body=ours.offer())
        self.callee.answers(invite, 180)
        answer = self.callee.answers(invite, 200, body=theirs.offer())
        self.caller.asks("ACK")
        ours.goes_to(answer)
        theirs.goes_to(invite)
        flow(ours, theirs)
        return ours, theirs

    def hang_up(self, by: Party) -> None:
        """End the call, and see that nothing of it stays."""
        by.other.answers(by.asks("BYE"), 200)
        self.has_ended("BYE", by)

    def has_ended(self, what: str, by: Party) -> None:
        """The gateway knows what ended the call, and opens nothing more for it."""
        assert self.shown()["ended"]["why"] == f"{what} from {'inside' if by is self.inside else 'outside'}"
        assert self.open_doors() == []

    def shown(self) -> dict[str, Any]:
        """The call, as the gateway shows it."""
        [call] = self.lab.ask(f"show alg sip call {self.caller.call_id}")["calls"]
        assert isinstance(call, dict)
        return call

    def open_doors(self) -> list[int]:
        """The ports inside to which doors for the call's media lead, but for those that close within 5 seconds."""
        doors = [door for door in self.lab.doors() if self.caller.call_id in door["label"]]
        return sorted(int(door["leads_to"].rpartition(":")[2]) for door in doors if door["left"] > LINGER)


def flow(one: Media, other: Media) -> None:
    """Media flow both ways."""
    both = (one, other), (other, one)
    before = [receiver.stream.counts().received for _, receiver in both]
    for sender, _ in both:
        sender.stream.towards(sender.remote, PACKETS)
    for (_, receiver), already in zip(both, before, strict=True):
        eventually(
            lambda: receiver.stream.counts().received == already + PACKETS,  # noqa: B023 - used at once
            f"{receiver.party.agent.address} hears nothing",
        )


def early(talk: Talk) -> Heard:
    """Ring, with media; the INVITE as the callee heard it."""
    ours, theirs = Media(talk.caller), Media(talk.callee)
    invite = talk.caller.asks("INVITE", body=ours.offer())
    ours.goes_to(talk.callee.answers(invite, 183, body=theirs.offer()))
    theirs.goes_to(invite)
    flow(ours, theirs)
    return invite


def change(party: Party, offer: str, answer: str) -> tuple[Heard, Heard]:
    """Change the session by another INVITE; both descriptions as the other one heard them."""
    invite = party.asks("INVITE", body=offer)
    answered = party.other.answers(invite, 200, body=answer)
    party.asks("ACK")
    return invite, answered


def tell(party: Party, status: str) -> None:
    """Tell who referred how it went (RFC 3515, clause 2.4.4)."""
    state = ("Event: refer", "Subscription-State: terminated;reason=noresource")
    notify = party.asks("NOTIFY", *state, body=f"{status}\r\n", kind="message/sipfrag;version=2.0")
    party.other.answers(notify, 200)
