"""A gateway for the shell's tests: what `cli.gateway` promises, over an engine with a clock that only the test moves.

gateway = FakeGateway(tmp_path / "gateway.cfg")
gateway.call()                                     a phone inside calls a phone outside
typed(ShellSession(gateway, print), "show ip nat translations")
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Thread

from doorman.algs.api import Door, Owner
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.calls import Call
from doorman.cli.debug.lines import debug_lines
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied, Selection, Unsubscribe
from doorman.cli.shell.session import ShellSession
from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.stand_ins import with_stand_ins
from doorman.daemon.control import ControlServer
from doorman.daemon.monitor import Monitor
from doorman.daemon.traces import Traces
from doorman.dataplanes.access_report import access_entries, clear_access, matches_in
from doorman.dataplanes.alg_counts import alg_counts, clear_alg_counts
from doorman.dataplanes.call_report import call_report
from doorman.dataplanes.guard_report import clear_guard, guard_entries
from doorman.dataplanes.nat64_report import nat64_counters, nat64_entries
from doorman.dataplanes.report import (
    Json,
    binding_entry,
    call_entry,
    door_entry,
    registration_entry,
    session_entries,
    session_entry,
)
from doorman.dataplanes.zone_report import clear_counts, clear_sessions, counts_in, sessions_in, zone_pair_entries
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.ladder import Ladders, judged
from doorman.engine.results import DoorClosed, DoorOpened, DoorPromoted, Fate, Side
from doorman.nat.rules import UnusableConfig
from doorman.net.addresses import Address, address_text
from kit.packets import endpoint, udp
from kit.sip import OVERLOAD, PEER, PHONE, answer, request, sdp
from kit.tftp import request as tftp_request

BEGIN_NS = 1_779_545_477_243_000_000
"""2026-05-23 14:11:17.243 UTC."""
NO_DETAILS: Json = {"created": None, "used": None, "left": None, "alg": None, "packets": None, "bytes": None}


class FakeGateway:
    """A gateway without a network, kernel or daemon. `now` is its clock, in seconds; it began at 1000."""

    version = "0.1.0"

    def __init__(self, path: Path, config_text: str = OVERLOAD) -> None:
        self.config_path = path
        path.write_text(config_text)
        self.config = read_config(config_text, path.name)
        self.engine = Engine(with_stand_ins(self.config), random.Random(1).random)
        self.now = 1000.0
        self.refusing = ""
        self.log = Monitor()
        self.subscribers: dict[object, tuple[frozenset[Topic], Callable[[str], None]]] = {}
        self.ladders = Ladders()
        self.tracing = Traces(path.parent / "traces", lambda: self.now)
        self.nat64_counts = Counter({"to-ipv4": 5, "to-ipv6": 4, "no-nat64-rule": 1})
        self._counts: Counter[str] = Counter()

    # The network

    def inside(self, packet: bytes) -> None:
        """A packet arrives on the inside."""
        self._receive(packet, Side.INSIDE)

    def outside(self, packet: bytes) -> None:
        """A packet arrives on the outside."""
        self._receive(packet, Side.OUTSIDE)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.engine.expire(self.now)
        self.tracing.expire()

    def transfer(self) -> None:
        """An FTP session that begins a transfer, and a request of TFTP; their names are meant to spoil a terminal."""
        self.inside(udp("10.0.0.10:40001", "198.51.100.20:69", tftp_request("\x1b]0;x\x07")))
        client, server = endpoint("10.0.0.10:40000"), endpoint("198.51.100.20:21")
        connection = connect(self.engine, client, server, Side.INSIDE, self.now)
        for line in (b"USER \x1b[2J\xe9", b"PORT 10,0,0,10,156,67", b"RETR \x1b]0;x\x07"):
            connection.receive(line + b"\r\n", End.CLIENT, self.now)
        connection.receive(b"331 who?\r\n200 ok\r\n150 here it comes\r\n", End.SERVER, self.now)

    def watch(self) -> None:
        """An RTSP session with one stream; its names are meant to spoil a terminal."""
        client, server = endpoint("10.0.0.10:40002"), endpoint("198.51.100.20:554")
        connection = connect(self.engine, client, server, Side.INSIDE, self.now)
        asked = (
            b"SETUP rtsp://198.51.100.20/\x1b]0;x\x07 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;client_port=4588-4589"
        )
        connection.receive(asked + b"\r\n\r\n", End.CLIENT, self.now)
        answered = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: \x1b[2J\xe9\r\nTransport: RTP/AVP;server_port=6256-6257"
        connection.receive(answered + b"\r\n\r\n", End.SERVER, self.now)

    def call(self) -> None:
        """A phone calls; the other side answers, and its first RTP packet arrives."""
        self.inside(udp(PHONE, PEER, request(body=sdp())))
        self.outside(udp(PEER, "203.0.113.1:5060", answer(200, body=sdp("198.51.100.20", 6000))))
        self.outside(udp("198.51.100.20:6000", "203.0.113.1:4000", b"\x80rtp"))
        self.wait(5)

    def hang_up(self) -> None:
        """The phone acknowledges the answer, repeats that, and ends the call a minute and a half later."""
        acknowledged, bye = (
            request(method).replace(b"198.51.100.20>\r", b"198.51.100.20>;tag=b\r") for method in ("ACK", "BYE")
        )
        for _ in range(2):
            self.inside(udp(PHONE, PEER, acknowledged))
        self.wait(90)
        self.inside(udp(PHONE, PEER, bye))
        self.outside(udp(PEER, "203.0.113.1:5060", answer(200, method="BYE")))

    def fail(self) -> None:
        """Two calls with nearly the same name: one is refused by the gateway, one by the other side."""
        self.inside(udp(PHONE, PEER, request(call_id="onerous", body=sdp(port=80))))
        self.inside(udp(PHONE, PEER, request(call_id="onerous-2")))
        self.outside(udp(PEER, "203.0.113.1:5060", answer(486, call_id="onerous-2")))

    def register(self) -> None:
        """A phone registers for an hour, and is answered."""
        message = request("REGISTER", "Expires: 3600", call_id="reg")
        self.inside(udp(PHONE, PEER, message))
        self.outside(udp(PEER, "203.0.113.1:5060", answer(200, "Expires: 3600", call_id="reg", method="REGISTER")))

    def flood(self) -> None:
        """Somebody calls at random: the phone has registered, so the outside can reach it, and answers 404."""
        self.register()
        for number in range(22):
            called = request(call_id=f"scan{number}", host="192.0.2.66").replace(b"198.51.100.20", b"203.0.113.1")
            self.outside(udp("192.0.2.66:5060", "203.0.113.1:5060", called))
            refused = answer(404, call_id=f"scan{number}").replace(b"203.0.113.1", b"192.0.2.66")
            self.inside(udp(PHONE, "192.0.2.66:5060", refused))
        self.wait(3)

    def attack(self) -> None:
        """A message that would like to write to the operator's terminal."""
        evil = request(call_id="x").replace(b"Call-ID: x", b"Call-ID: \x1b[2J\x07").replace(b"alice", b"\x9b31m")
        self.inside(udp(PHONE, PEER, evil))

    def crowd(self, flows: int) -> None:
        """Many flows of ordinary traffic."""
        for number in range(flows):
            self.inside(_one_of_many(number))

    def _receive(self, packet: bytes, side: Side) -> None:
        known = len(self.engine.state.sessions)
        result = self.engine.receive(packet, side, self.now)
        made = len(self.engine.state.sessions) - known
        self._counts["misses" if made or result.fate == Fate.DROPPED else "hits"] += 1
        for change in self.engine.take_changes():
            kinds = ((DoorOpened, "opened"), (DoorClosed, "closed"), (DoorPromoted, "promoted"))
            self._counts.update(name for kind, name in kinds if isinstance(change, kind))
        time_ns = BEGIN_NS + int((self.now - 1000) * 1e9)
        for inspection in judged(result):
            self.ladders.see(inspection)
            self.tracing.see(inspection, time_ns)
        for topics, tell in self.subscribers.values():
            for inspection in result.inspections:
                if any(topic.covers(inspection) for topic in topics):
                    for line in debug_lines(inspection, time_ns):
                        tell(line)
            if Topic("nat") in topics and made:
                tell("NAT: a translation was made")

    # What the shell asks

    @property
    def uptime(self) -> float:
        """Since the clock began."""
        return self.now - 1000

    def translations(self, *, verbose: bool) -> Iterator[Json]:
        """The engine's, and one of a kernel."""
        state = self.engine.state
        for binding in list(state.bindings):
            if binding.static or not binding.sessions:
                flags = ["static"] if binding.static else []
                yield binding_entry(binding) | (NO_DETAILS | {"flags": flags, "by": "doorman"} if verbose else {})
        for session in list(state.sessions):
            entry = session_entry(session)
            if verbose:
                used = self.now - session.last_used
                entry |= NO_DETAILS | {"created": used + 3, "used": used, "left": session.timeout - used}
                entry |= {"flags": ["extended"], "alg": session.alg, "by": "doorman"}
                if session.alg is None:
                    entry |= {"packets": 12, "bytes": 3456, "by": "kernel"}
            yield entry

    def doors(self) -> Iterator[Json]:
        """The engine's."""
        for door in list(self.engine.state.doors):
            life = {"opened": self.now - door.opened, "left": self._left(door.closes), "flows": door.flows}
            yield door_entry(door) | life

    def calls(self) -> Iterator[Json]:
        """Those that began with INVITE."""
        for call in self._records(b"INVITE"):
            yield call_entry(call) | {"left": self._left(call.forget_at)}

    def registrations(self) -> Iterator[Json]:
        """Those that began with REGISTER."""
        for call in self._records(b"REGISTER"):
            yield registration_entry(call) | {"left": self._left(call.forget_at)}

    def statistics(self) -> Json:
        """What an engine without a kernel can count."""
        state = self.engine.state
        static = sum(binding.static for binding in state.bindings)
        sides: dict[str, list[str]] = {"inside": [], "outside": []}
        for interface in self.config.interfaces.values():
            if interface.nat is not None:
                sides[interface.nat].append(interface.name)
        return {
            "translations": {"static": static, "dynamic": len(state.sessions), "extended": len(state.sessions)},
            "interfaces": sides,
            "hits": self._counts["hits"],
            "misses": self._counts["misses"],
            "expired": 0,
            "mappings": [
                {
                    "kind": "inside source",
                    "access_list": rule.access_list,
                    "pool": rule.pool,
                    "interface": rule.interface,
                    "overload": rule.overload,
                    "in_use": len(state.sessions),
                }
                | self._pool(rule.pool)
                for rule in self.config.dynamic_sources
            ],
            "doors": {"open": len(state.doors)}
            | {name: self._counts[name] for name in ("opened", "closed", "promoted")},
            "queued": 0,
            "counters": {"Queue": {"received": 4, "lost": 0}, "TCP proxy": {"connections": 0}},
            "drops": dict(self.engine.drops),
            "notes": dict(state.notes),
        }

    def alg_statistics(self, alg: str) -> Json:
        """What the inspector counted."""
        return alg_counts(self.engine, alg, self.ladders.repeated)

    def sessions(self, alg: str) -> Iterator[Json]:
        """What the ALG follows."""
        return session_entries(self.engine, alg, self.now)

    def guard(self) -> Iterator[Json]:
        """Whom the guard watches."""
        return guard_entries(self.engine, self.now)

    def access_lists(self) -> Iterator[Json]:
        """Those of the configuration."""
        return access_entries(self.config.access_lists, matches_in(self.engine.access))

    def zone_pairs(self) -> Iterator[Json]:
        """Those of the configuration."""
        screen = self.engine.screen
        return zone_pair_entries(self.config.firewall, counts_in(screen), sessions_in(screen), self.now)

    def nat64_translations(self) -> Iterator[Json]:
        """Those of IPv6 hosts among the engine's."""
        return nat64_entries(self.translations(verbose=False), self.engine.state.stand_ins)

    def nat64_statistics(self) -> Json:
        """Of packets that nobody sent."""
        return nat64_counters(self.config, self.engine.state.stand_ins, self.nat64_counts, 2)

    def clear_nat64_statistics(self) -> None:
        """Count anew."""
        self.nat64_counts.clear()

    def call_details(self, call_id: str) -> Json:
        """What is known of a call; its first door had packets."""

        def doors(owner: Owner) -> list[Json]:
            return [self._counted(door) for door in self.engine.state.doors.of_owner(owner)]

        return call_report(self.engine, self.ladders, call_id, doors, BEGIN_NS / 1e9 - 1000, self.now)

    def traces(self) -> Iterator[Json]:
        """Those at work, and those that were."""
        return iter(self.tracing)

    def clear_guard(self, source: Address | None) -> int:
        """Hear them again."""
        return clear_guard(self.engine, source)

    def clear_access_lists(self, name: str | None) -> int:
        """Count anew."""
        return clear_access(self.engine, name)

    def clear_zone_counters(self, pair: str | None) -> None:
        """Count anew."""
        clear_counts(self.engine.screen, pair)

    def clear_zone_sessions(self, pair: str | None) -> int:
        """End them."""
        return clear_sessions(self.engine.screen, pair)

    def trace(self, topic: Topic, name: str, seconds: int) -> Path:
        """Write messages beside the configuration."""
        return self.tracing.begin(topic, name, seconds)

    def end_trace(self, name: str) -> None:
        """End it."""
        self.tracing.end(name)

    def apply(self, config: Config) -> list[str]:
        """Put a configuration to work."""
        if self.refusing:
            raise NotApplied(self.refusing)
        try:
            self.engine.reconfigure(with_stand_ins(in_force(config)[0]), self.now)
        except UnusableConfig as unusable:
            raise NotApplied(str(unusable)) from None
        before, self.config = self.config, config
        return [f"% {name}: no such device, its lines wait" for name in config.interfaces.keys() - before.interfaces]

    def reload(self) -> list[str]:
        """Read the file again."""
        try:
            return self.apply(read_config(self.config_path.read_text(), self.config_path.name))
        except ConfigErrors as errors:
            raise NotApplied(str(errors)) from None

    def write_memory(self) -> Path:
        """Write the file."""
        if self.refusing:
            raise NotApplied(self.refusing)
        self.config_path.write_text(render(self.config))
        return self.config_path

    def clear_translations(self, selection: Selection, *, forced: bool) -> int:
        """End sessions."""
        chosen = [
            session
            for session in self.engine.state.sessions
            if selection.covers(
                session.protocol,
                (session.inside_global, session.inside_local, session.outside_local, session.outside_global),
            )
        ]
        for session in chosen:
            self.engine.state.cut_session(session, self.now)
        if not forced:
            return len(chosen)
        return len(chosen) + self.engine.state.free_unused(
            lambda binding: selection.covers(binding.protocol, (binding.global_, binding.local, None, None))
        )

    def clear_statistics(self) -> None:
        """Begin all counters at zero."""
        self._counts.clear()
        self.engine.drops.clear()
        self.clear_alg_statistics("sip")

    def clear_alg_statistics(self, alg: str) -> None:
        """Begin its counters at zero."""
        clear_alg_counts(self.engine, alg)
        self.ladders.repeated.clear()

    def monitor(self, tell: Callable[[str], None]) -> Unsubscribe:
        """Have lines of the log told."""
        return self.log.listen(tell)

    def subscribe(self, topics: frozenset[Topic], tell: Callable[[str], None]) -> Unsubscribe:
        """Have debug lines told."""
        key = object()
        self.subscribers[key] = topics, tell

        def unsubscribe() -> None:
            del self.subscribers[key]

        return unsubscribe

    def _records(self, method: bytes) -> list[Call]:
        alg = self.engine.inspector.algs["sip"]
        assert isinstance(alg, SipAlg)
        return [call for call in alg.calls if call.method == method]

    def _counted(self, door: Door) -> Json:
        counters = ("packets_in", "packets_out", "bytes_in", "bytes_out")
        counted = (151, 149, 30_200, 29_800) if door.promoted else (None,) * 4
        state = {"state": "used" if door.promoted else "open"}
        return door_entry(door) | state | dict(zip(counters, counted, strict=True))

    def _left(self, at: float) -> float | None:
        return None if at == math.inf else at - self.now

    def _pool(self, name: str | None) -> Json:
        if name is None:
            return {}
        pool = self.config.pools[name]
        ranges = [[address_text(first), address_text(last)] for first, last in pool.ranges]
        size = {"ranges": ranges, "netmask": "255.255.255.0", "type": "generic"}
        return size | {"addresses": 5, "allocated": 1, "misses": 0}


@cache
def _one_of_many(number: int) -> bytes:
    """A datagram of a flow among many, which differ in their ends; most of the time of making them was scapy's."""
    return udp(f"10.0.0.{10 + number % 200}:{10_000 + number // 200}", "198.51.100.7:53")


def typed(session: ShellSession, line: str, *, as_json: bool = False) -> str:
    """All that a line gives."""
    return "".join(session.execute(line, as_json=as_json))


@contextmanager
def served(gateway: FakeGateway, path: Path) -> Iterator[Callable[[Callable[[], None]], None]]:
    """A gateway's control socket, served by another thread; gives what has something done there, and waits for it."""
    loop = asyncio.new_event_loop()
    server = ControlServer(path, lambda tell: ShellSession(gateway, tell))
    loop.run_until_complete(server.start())
    thread = Thread(target=loop.run_forever)
    thread.start()

    async def carry_out(what: Callable[[], None]) -> None:
        what()

    try:
        yield lambda what: asyncio.run_coroutine_threadsafe(carry_out(what), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
