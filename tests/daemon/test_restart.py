"""A gateway that is killed after any message of a call and started again: nobody notices.

Each story is told once without a break, and then once for each of its messages with a crash after it: the engine is
gone, a new one adopts what the journal has. Every message must come out the same, with the same doors and calls.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from doorman.config.reader import read_config
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import Keeper
from doorman.engine.engine import Engine
from doorman.engine.snapshot import contents_of
from doorman.nat.sessions import Session
from kit.saved import Read, everything
from kit.sip import (
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    PHONE,
    POOL,
    STATIC,
    Gateway,
    Passage,
    answer,
    incoming,
    request,
    sdp,
    sip,
)

MEDIA = "198.51.100.99:7000"


class Step(NamedTuple):
    """What happens next: a datagram from inside or outside, or time that passes."""

    what: Literal["out", "in", "wait"]
    data: bytes = b""
    source: str = ""
    target: str = ""
    seconds: float = 0.0


def out(data: bytes, source: str = PHONE, target: str = PEER) -> Step:
    """A phone sends."""
    return Step("out", data, source, target)


def in_(data: bytes, source: str = PEER, target: str = "203.0.113.1:5060") -> Step:
    """The outside sends."""
    return Step("in", data, source, target)


def wait(seconds: float) -> Step:
    """Time passes."""
    return Step("wait", seconds=seconds)


def second(message: bytes, number: int = 2) -> bytes:
    """The message as one of the call's later transactions, within the dialog."""
    later = message.replace(b"CSeq: 1 ", b"CSeq: %d " % number)
    return later.replace(b"To: <sip:bob@198.51.100.20>\r", b"To: <sip:bob@198.51.100.20>;tag=b\r")


def reply(status: int, method: str, call_id: str = "in", body: str = "", number: int = 1) -> bytes:
    """The phone's response to `incoming`."""
    return sip(
        f"SIP/2.0 {status} Whatever",
        f"Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK{call_id}{method}",
        "From: <sip:bob@198.51.100.20>;tag=b",
        "To: <sip:alice@10.0.0.10>;tag=a",
        f"Call-ID: {call_id}",
        f"CSeq: {number} {method}",
        "Contact: <sip:alice@10.0.0.10:5060>",
        *(["Content-Type: application/sdp"] if body else []),
        body=body,
    )


CALL = [
    out(request(body=sdp())),
    in_(answer(100)),
    in_(answer(183, body=sdp("198.51.100.99", 7000))),
    in_(b"early media", MEDIA, "203.0.113.1:4000"),
    wait(20),
    in_(answer(200, body=sdp("198.51.100.99", 7000))),
    out(second(request("ACK"), 1)),
    out(b"media", "10.0.0.10:4000", MEDIA),
    in_(b"media", MEDIA, "203.0.113.1:4000"),
    in_(b"rtcp", "198.51.100.99:7001", "203.0.113.1:4001"),
    wait(100),
    out(second(request(body=sdp(port=4010)))),
    in_(second(answer(200, body=sdp("198.51.100.99", 7000)))),
    out(second(request("ACK"))),
    in_(b"media", MEDIA, "203.0.113.1:4010"),
    wait(4),
    in_(
        incoming("INVITE", call_id="one", body=sdp("198.51.100.98", 7000)).replace(
            b"sip:alice@203.0.113.1>", b"sip:alice@203.0.113.1>;tag=a"
        )
    ),
    out(reply(488, "INVITE", "one")),
    in_(b"media", MEDIA, "203.0.113.1:4010"),
    in_(incoming("BYE", call_id="one").replace(b"CSeq: 1", b"CSeq: 7")),
    out(reply(200, "BYE", "one", number=7)),
    wait(3),
    in_(incoming("BYE", call_id="one").replace(b"CSeq: 1", b"CSeq: 7")),
    out(reply(200, "BYE", "one", number=7)),
    wait(3),
]
REGISTERED = [
    out(request("REGISTER", call_id="r")),
    in_(answer(401, call_id="r", method="REGISTER")),
    out(request("REGISTER", call_id="r").replace(b"CSeq: 1", b"CSeq: 2")),
    in_(answer(200, "Expires: 900", call_id="r", method="REGISTER").replace(b"CSeq: 1", b"CSeq: 2")),
    wait(500),
    in_(incoming(body=sdp("198.51.100.99", 7000))),
    out(reply(180, "INVITE")),
    wait(10),
    out(reply(200, "INVITE", body=sdp())),
    in_(incoming("ACK")),
    in_(b"media", MEDIA, "203.0.113.1:4000"),
    out(request("BYE", call_id="in")),
    in_(answer(200, method="BYE", call_id="in")),
    wait(90),
    in_(incoming(call_id="late")),
    out(reply(404, "INVITE", "late")),
    in_(incoming("ACK", call_id="late")),
]


def unanswered() -> list[Step]:
    """A call that is tried with credentials, rings, is cancelled, and made again at once."""
    return [
        out(request(body=sdp())),
        in_(answer(407)),
        out(request("ACK")),
        out(request(body=sdp()).replace(b"CSeq: 1", b"CSeq: 2")),
        in_(answer(180).replace(b"CSeq: 1", b"CSeq: 2")),
        out(request("CANCEL").replace(b"CSeq: 1", b"CSeq: 2")),
        in_(answer(200, method="CANCEL").replace(b"CSeq: 1", b"CSeq: 2")),
        in_(answer(487).replace(b"CSeq: 1", b"CSeq: 2")),
        out(request("ACK").replace(b"CSeq: 1", b"CSeq: 2")),
        out(request(call_id="two", body=sdp())),
        wait(6),
        in_(answer(200, call_id="two", body=sdp("198.51.100.99", 7000))),
        out(request("ACK", call_id="two")),
        in_(b"media", MEDIA, "203.0.113.1:4000"),
        out(request("BYE", call_id="two")),
        in_(answer(200, method="BYE", call_id="two")),
    ]


def second_phone() -> list[Step]:
    """A phone whose ports are another's outside, and which writes its address without the port."""
    host = "10.0.0.11"
    register = request("REGISTER", call_id="s", host=host).replace(b"10.0.0.11:5060", b"10.0.0.11")
    ring = incoming(body=sdp("198.51.100.99", 7000)).replace(b"203.0.113.1", b"<name>")
    return [
        out(request("REGISTER", call_id="r")),
        out(register, OTHER_PHONE),
        in_(
            answer(200, "Expires: 600", call_id="s", method="REGISTER").replace(b"203.0.113.1:5060", b"<name>"),
            PEER,
            "<name>",
        ),
        wait(100),
        in_(ring.replace(b"<name>:5060", b"<name>"), PEER, "<name>"),
        out(
            reply(200, "INVITE", body=sdp(host))
            .replace(b"10.0.0.10:5060", b"10.0.0.11")
            .replace(b"10.0.0.10", b"10.0.0.11"),
            OTHER_PHONE,
        ),
        in_(incoming("ACK").replace(b"203.0.113.1:5060", b"<name>"), PEER, "<name>"),
        wait(30),
        in_(incoming("BYE").replace(b"203.0.113.1:5060", b"<name>"), PEER, "<name>"),
        out(
            reply(200, "BYE").replace(b"10.0.0.10:5060", b"10.0.0.11").replace(b"10.0.0.10", b"10.0.0.11"), OTHER_PHONE
        ),
    ]


def in_config(config: str, story: list[Step]) -> list[Step]:
    """The story where the phone has an address of its own."""
    name = {POOL: "203.0.113.10", STATIC: "203.0.113.100"}[config]
    return [
        step._replace(
            data=step.data.replace(b"203.0.113.1:", name.encode() + b":").replace(
                b"203.0.113.1>", name.encode() + b">"
            ),
            target=step.target.replace("203.0.113.1:", name + ":"),
        )
        for step in story
    ]


STORIES = {
    "call": (OVERLOAD, CALL),
    "registration": (OVERLOAD, REGISTERED),
    "unanswered": (OVERLOAD, unanswered()),
    "second phone": (OVERLOAD, second_phone()),
    "pool": (POOL, in_config(POOL, CALL)),
    "static": (STATIC, in_config(STATIC, REGISTERED)),
}


class Moment(NamedTuple):
    """What there is after a step."""

    passage: Passage | None
    doors: list[Read]
    calls: list[Read]


class Life:
    """A gateway with a journal, which can be killed. Flows stay: the kernel has them."""

    def __init__(self, config: str, directory: Path) -> None:
        self.gateway = Gateway(config)
        self.config = config
        self.directory = directory
        self.said: list[str] = []
        self._begin()

    def _begin(self) -> None:
        # Where no port is left to chance, it is the same with a break and without.
        engine = Engine(read_config(self.config, "test.cfg"), lambda: 0.5, delegated=True)
        self.gateway.engine = engine
        self.journal = Journal(self.directory, "boot")
        self.keeper = Keeper(engine, self.journal, self.said.append)
        self.restored = self.keeper.restore(self.gateway.now)

    def crash(self) -> None:
        """Kill and start it."""
        media = [session for session in self.gateway.engine.state.sessions if session.alg is None]
        self.journal.close()
        self._begin()
        for session in media:
            carry_on(self.gateway.engine, session, self.gateway.now)

    def tell(self, step: Step) -> Moment:
        """Let something happen."""
        gateway, passage = self.gateway, None
        if step.what == "wait":
            gateway.wait(step.seconds)
        else:
            data, target = step.data, step.target
            if target == "<name>":
                target = self.name_of_other_phone()
                data = data.replace(b"<name>", target.encode())
            send = gateway.out if step.what == "out" else gateway.in_
            passage = send(data, step.source, target)._replace(outcome=None)  # it has doors, of which each is another
        self.keeper.note(gateway.engine.take_changes())
        self.keeper.flush(gateway.now)
        saved = sorted(everything(gateway.engine))
        assert sorted(self.journal.load().items()) == saved, "what is saved bit by bit is all there is"
        return Moment(
            passage,
            [record for record in saved if contents_of(record).kind == "doors"],
            [record for record in saved if contents_of(record).kind == "sip"],
        )

    def name_of_other_phone(self) -> str:
        """The global name of the other phone's signalling."""
        (name,) = (text.split(">")[1] for text in self.gateway.bindings() if text.startswith(OTHER_PHONE))
        return name


def carry_on(engine: Engine, flow: Session, now: float) -> None:
    """Tell an engine of a flow that the kernel has still."""
    binding = engine.state.bindings.by_local(flow.protocol, flow.inside_local)
    assert binding is not None
    assert binding.outward(flow.inside_local) == flow.inside_global
    session = Session(flow.protocol, binding, flow.inside_local, flow.outside_global)
    session.awaited = flow.awaited
    engine.state.sessions.add(session, now)


@pytest.mark.parametrize(("config", "story"), STORIES.values(), ids=STORIES)
def test_a_crash_after_any_message_is_not_noticed(config: str, story: list[Step], tmp_path: Path) -> None:
    whole = Life(config, tmp_path / "whole")
    told = [whole.tell(step) for step in story]
    assert all(moment.passage.fate.value in {"forwarded", "passed"} for moment in told if moment.passage is not None), [
        m.passage for m in told
    ]
    whole.journal.close()
    for crash in range(len(story)):
        life = Life(config, tmp_path / str(crash))
        for index, step in enumerate(story):
            moment = life.tell(step)
            assert moment == told[index], f"crash after {crash}, step {index}"
            if index == crash:
                life.crash()
                assert life.restored.refused == {}
        finish(life)


def finish(life: Life) -> None:
    """When all is over nothing is left, nor saved."""
    for seconds in (40.0, 700.0, 50_000.0):
        life.tell(wait(seconds))
    assert [*life.gateway.engine.state.doors.everyone(), *life.gateway.sip.calls] == []
    left = [contents_of(record) for record in life.journal.load().items()]
    assert {record.kind for record in left} <= {"binding", "sip"}
    assert [record.key for record in left if isinstance(record.key, tuple) and record.key[0] == "sip"] == []
    assert life.said == []
    life.journal.close()
