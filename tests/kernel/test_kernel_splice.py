"""The kernel's own TCP on both sides of a splice, with loss, repetition and reordering in between."""

import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP, parse_packet
from doorman.net.tcp import Segment, read_segment, write_segment
from doorman.stream.splice import Splice
from kit.changer import STREAM, TAILS, Changer, whole
from kit.namespaces import Namespace
from kit.tun import Device
from kit.waiting import until

Ends = tuple[socket.socket, socket.socket]

CLIENT, SERVER, PORT = "10.9.0.1", "10.9.0.2", 5060
PATIENCE = 60.0
"""Seconds until a connection must be through."""

COMPLAINTS = [
    *("InCsumErrors", "InErrs", "RetransSegs", "PAWSEstab", "TCPSACKDiscard", "TCPChallengeACK", "TCPSYNChallenge"),
    *("TCPOFODrop", "TCPRcvQDrop", "TCPAbortOnData", "OutOfWindowIcmps"),
]


class Between(threading.Thread):
    """Carries packets between two devices through a splice, and treats some of them badly."""

    def __init__(self, devices: tuple[Device, Device], chance: random.Random, evil: float) -> None:
        super().__init__()
        self.devices = devices
        self.chance = chance
        self.evil = evil
        self.splice = Splice(Changer())
        self.late: list[tuple[float, int, bytes]] = []
        self.failed: Exception | None = None
        self._addresses: dict[int, Endpoint] = {}
        self._reminded = time.monotonic()
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()
        self.join(PATIENCE)
        if self.failed is not None:
            raise self.failed

    def run(self) -> None:
        try:
            while not self._over.is_set():
                ready, _, _ = select.select([device.descriptor for device in self.devices], [], [], 0.005)
                for end, device in enumerate(self.devices):
                    while device.descriptor in ready and (packet := device.read()) is not None:
                        self._road(packet, end)
                self._let_late_ones_go()
                self._remind()
        except Exception as error:  # noqa: BLE001 - told by the thread of the test
            self.failed = error

    def _road(self, data: bytes, end: int) -> None:
        """One packet: lost, or through the splice, or a little later, or twice."""
        packet = parse_packet(data)
        if packet is None or packet.protocol != TCP or self.chance.random() < self.evil:
            return
        if self.chance.random() < self.evil:
            self.late.append((time.monotonic() + self.chance.random() * 0.03, end, data))
            if self.chance.random() < 0.5:
                return
        self._splice(data, end)

    def _let_late_ones_go(self) -> None:
        now = time.monotonic()
        for item in [item for item in self.late if item[0] <= now]:
            self.late.remove(item)
            self._splice(item[2], item[1])

    def _splice(self, data: bytes, end: int) -> None:
        packet = parse_packet(data)
        assert packet is not None
        segment = read_segment(packet)
        assert segment is not None
        if self.splice.over:
            self.devices[1 - end].write(data)
            return
        self._addresses[end] = packet.sender
        self._addresses[1 - end] = packet.receiver
        taken = self.splice.take(segment, end, time.monotonic())
        self._send(
            [one for one in taken.forward if self.chance.random() >= self.evil], end
        )  # or lost behind the gateway
        self._send(taken.back, 1 - end)

    def _remind(self) -> None:
        """What the daemon does each second."""
        now = time.monotonic()
        if self.splice.owes and now - self._reminded >= 1.0:
            self._reminded = now
            for end, segments in enumerate(self.splice.remind(now)):
                self._send(segments, end)

    def _send(self, segments: list[Segment], end: int) -> None:
        """Send segments in the name of an end."""
        for one in segments:
            self.devices[1 - end].write(write_segment(one, self._addresses[end], self._addresses[1 - end]))


class Talker:
    """An end that sends its stream in pieces, gets all that comes, and now and then leaves it waiting."""

    def __init__(self, sock: socket.socket, stream: bytes, got: bytearray, chance: random.Random) -> None:
        self.sock = sock
        self.rest = stream
        self.got = got
        self.chance = chance
        self.sends = self.hears = True
        self.busy_until = 0.0
        sock.settimeout(0)

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self) -> None:
        sent = self.sock.send(self.rest[: self.chance.randrange(1, 4_000)])
        self.rest = self.rest[sent:]
        if not self.rest:
            self.sock.shutdown(socket.SHUT_WR)
            self.sends = False

    def hear(self) -> None:
        data = self.sock.recv(self.chance.randrange(1, 5_000))
        self.got += data
        self.hears = bool(data)
        if self.chance.random() < 0.05:
            self.busy_until = time.monotonic() + 0.01  # what a busy application does


def leftovers(namespace: Namespace) -> list[str]:
    """Connections of the kernel that are not over: none, or only TIME-WAIT."""
    lines = namespace.run("cat", "/proc/net/tcp").splitlines()[1:]
    return [line.split()[3] for line in lines if line.split()[3] not in {"06", "0A"}]


def complaints(namespace: Namespace) -> dict[str, str]:
    """What the kernel found wrong with segments, or had to send again."""
    found = {}
    for file in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = [line.split() for line in namespace.run("cat", file).splitlines()]
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            found.update(dict(zip(names[1:], values[1:], strict=True)))
    return {name: found[name] for name in COMPLAINTS if found[name] != "0"}


def be_patient(namespaces: tuple[Namespace, Namespace]) -> None:
    """Have kernels send nothing again because we are slow: what they do is because something is wrong."""
    for namespace, own, other in zip(namespaces, (CLIENT, SERVER), (SERVER, CLIENT), strict=True):
        namespace.run("sysctl", "-qw", "net.ipv4.tcp_early_retrans=0")  # no probes of the tail either
        route = other, "dev", "tun0", "proto", "kernel", "scope", "link", "src", own
        namespace.run("ip", "route", "change", *route, "rto_min", f"{PATIENCE:.0f}s")


def be_prompt(namespaces: tuple[Namespace, Namespace]) -> None:
    """Have kernels send again within a second, however often something was lost; those before Linux 6.15 cannot."""
    for namespace in namespaces:
        namespace.run("sysctl", "-qwe", "net.ipv4.tcp_rto_max_ms=1000")


@pytest.mark.parametrize("evil", [0.0, 0.03, 0.1])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"net.ipv4.tcp_sack": "0", "net.ipv4.tcp_timestamps": "0"},
        {"net.ipv4.tcp_window_scaling": "0"},
        {"net.ipv4.tcp_rmem": "4096 4608 6144"},
    ],
    ids=["usual", "bare", "unscaled", "narrow"],
)
def test_real_ends_get_whole_streams_and_close(
    new_namespace: Callable[[], Namespace], settings: dict[str, str], evil: float
) -> None:
    chance = random.Random(f"{settings}{evil}")
    namespaces = (new_namespace(), new_namespace())
    for namespace in namespaces:
        for name, value in settings.items():
            namespace.run("sysctl", "-qw", f"{name}={value}")
    # Where little room is, windows shut and must be probed, and the kernel drops what it finds no memory for.
    patient = not evil and "net.ipv4.tcp_rmem" not in settings
    with through_a_splice(namespaces, chance, evil, patient=patient) as (_, ends):
        streams = [b"".join(chance.choice(STREAM) for _ in range(60 if evil else 300)) for _ in range(2)]
        got = (bytearray(), bytearray())
        exchange(ends, streams, got, chance)
        assert bytes(got[1]) == whole(streams[0])
        assert bytes(got[0]) == whole(streams[1])
        until(lambda: not leftovers(namespaces[0]) and not leftovers(namespaces[1]), PATIENCE)
        if patient:
            assert [complaints(namespace) for namespace in namespaces] == [{}, {}]


def test_numbers_stay_mapped_for_the_rest_of_a_long_stream(new_namespace: Callable[[], Namespace]) -> None:
    chance = random.Random(3)
    namespaces = (new_namespace(), new_namespace())
    with through_a_splice(namespaces, chance, 0.01) as (splice, ends):
        messages = [b"".join(STREAM), b"".join(STREAM[:3])]
        tails = [TAILS[1] + bytes(400_000), bytes(range(256)) * 500]
        got = (bytearray(), bytearray())
        # What is no message ends the look into both directions: it waits until all messages are through.
        for end, sock in enumerate(ends):
            sock.sendall(messages[end])
            hear(ends[1 - end], got[1 - end], len(whole(messages[end])))
        exchange(ends, tails, got, chance)
        assert bytes(got[1]) == whole(messages[0]) + tails[0]
        assert bytes(got[0]) == whole(messages[1]) + tails[1]
        assert splice.settled


@contextmanager
def through_a_splice(
    namespaces: tuple[Namespace, Namespace], chance: random.Random, evil: float, *, patient: bool = False
) -> Iterator[tuple[Splice[Changer], Ends]]:
    """A connection between two namespaces, and the splice in it; all of it is closed afterwards."""
    with ExitStack() as stack:
        devices = (Device(namespaces[0], CLIENT, SERVER), Device(namespaces[1], SERVER, CLIENT))
        for device in devices:
            stack.callback(device.close)
        (be_patient if patient else be_prompt)(namespaces)
        between = Between(devices, chance, evil)
        between.start()
        stack.callback(between.stop)
        yield between.splice, connection(namespaces, stack)


def connection(namespaces: tuple[Namespace, Namespace], stack: ExitStack) -> Ends:
    """Both ends of a new connection: the client's, the server's."""
    with namespaces[1].inside():
        listener = stack.enter_context(socket.create_server((SERVER, PORT)))
    listener.settimeout(PATIENCE)
    with namespaces[0].inside():
        client = stack.enter_context(socket.socket())
    client.settimeout(PATIENCE)
    client.connect((SERVER, PORT))
    server = stack.enter_context(listener.accept()[0])
    server.settimeout(PATIENCE)
    return client, server


def hear(sock: socket.socket, got: bytearray, size: int) -> None:
    """Get so many bytes, not more."""
    while size:
        data = sock.recv(size)
        assert data, "the stream ended early"
        got += data
        size -= len(data)


def exchange(ends: Ends, streams: list[bytes], got: tuple[bytearray, bytearray], chance: random.Random) -> None:
    """Both ends send all of their stream, and close."""
    talkers = [
        Talker(sock, stream, heard, random.Random(chance.random()))
        for sock, stream, heard in zip(ends, streams, got, strict=True)
    ]
    deadline = time.monotonic() + PATIENCE
    while hearing := [talker for talker in talkers if talker.hears]:
        now = time.monotonic()
        assert now < deadline, "the streams did not come through"
        idle = [talker for talker in hearing if now >= talker.busy_until]
        sending = [talker for talker in talkers if talker.sends]
        readable, writable, _ = select.select(idle, sending, [], 0.01)
        for talker in readable:
            talker.hear()
        for talker in writable:
            talker.send()
    for sock in ends:
        sock.close()  # not before: kernels soon give up what nobody waits for
