"""The kernel's own TCP on both sides of a splice, with loss, repetition and reordering in between."""

import random
import select
import socket
import threading
import time
from collections.abc import Callable

import pytest

from doorman.net.packet import TCP, parse_packet
from doorman.net.tcp import read_segment, write_segment
from doorman.stream.splice import Splice
from kit.changer import STREAM, TAILS, Changer, whole
from kit.namespaces import Namespace
from kit.tun import Device
from kit.waiting import until

CLIENT, SERVER, PORT = "10.9.0.1", "10.9.0.2", 5060
PATIENCE = 60.0
"""Seconds until a connection must be through; the kernel's timers double with each loss."""

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
        self.packets = self.built = 0
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
        except Exception as error:  # noqa: BLE001 - told by the thread of the test
            self.failed = error

    def _road(self, data: bytes, end: int) -> None:
        """One packet: lost, or through the splice, or a little later, or twice."""
        packet = parse_packet(data)
        if packet is None or packet.protocol != TCP or self.chance.random() < self.evil:
            return
        self.packets += 1
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
        taken = self.splice.take(segment, end, time.monotonic())
        self.built += len(taken.back)
        for one in taken.forward:
            if self.chance.random() >= self.evil:  # lost behind the gateway
                self.devices[1 - end].write(write_segment(one, packet.sender, packet.receiver))
        for one in taken.back:
            self.devices[end].write(write_segment(one, packet.receiver, packet.sender))


def talk(sock: socket.socket, stream: bytes, chance: random.Random, got: bytearray, slow: float) -> None:
    """Send all of a stream in pieces, and get all that comes."""
    sock.settimeout(PATIENCE)

    def send() -> None:
        rest = stream
        while rest:
            piece = rest[: chance.randrange(1, 4_000)]
            sock.sendall(piece)
            rest = rest[len(piece) :]
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    while data := sock.recv(chance.randrange(1, 5_000)):
        got += data
        if slow and chance.random() < slow:
            threading.Event().wait(0.01)  # what a busy application does
    sender.join(PATIENCE)
    sock.close()


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
    addresses = ((CLIENT, SERVER), (SERVER, CLIENT))
    devices = [Device(namespace, *pair) for namespace, pair in zip(namespaces, addresses, strict=True)]
    for namespace in namespaces:
        for name, value in settings.items():
            namespace.run("sysctl", "-qw", f"{name}={value}")
    if not evil:
        be_patient(namespaces)
    between = Between((devices[0], devices[1]), chance, evil)
    between.start()
    try:
        streams = [b"".join(chance.choice(STREAM) for _ in range(60 if evil else 300)) for _ in range(2)]
        got = (bytearray(), bytearray())
        exchange(connection(namespaces), streams, got, chance)
        assert bytes(got[1]) == whole(streams[0])
        assert bytes(got[0]) == whole(streams[1])
        until(lambda: not leftovers(namespaces[0]) and not leftovers(namespaces[1]), PATIENCE)
        if not evil and "net.ipv4.tcp_rmem" not in settings:  # a window that shuts has to be probed
            assert [complaints(namespace) for namespace in namespaces] == [{}, {}]
    finally:
        between.stop()
        for device in devices:
            device.close()


def test_numbers_stay_mapped_for_the_rest_of_a_long_stream(new_namespace: Callable[[], Namespace]) -> None:
    chance = random.Random(3)
    namespaces = (new_namespace(), new_namespace())
    devices = (Device(namespaces[0], CLIENT, SERVER), Device(namespaces[1], SERVER, CLIENT))
    between = Between(devices, chance, 0.01)
    between.start()
    try:
        messages = [b"".join(STREAM), b"".join(STREAM[:3])]
        tails = [TAILS[1] + bytes(400_000), bytes(range(256)) * 500]
        got = (bytearray(), bytearray())
        ends = connection(namespaces)
        # What is no message ends the look into both directions: it waits until all messages are through.
        for end, sock in enumerate(ends):
            sock.sendall(messages[end])
            hear(ends[1 - end], got[1 - end], len(whole(messages[end])))
        exchange(ends, tails, got, chance)
        assert bytes(got[1]) == whole(messages[0]) + tails[0]
        assert bytes(got[0]) == whole(messages[1]) + tails[1]
        assert between.splice.settled
    finally:
        between.stop()
        for device in devices:
            device.close()


def connection(namespaces: tuple[Namespace, Namespace]) -> tuple[socket.socket, socket.socket]:
    """Both ends of a new connection: the client's, the server's."""
    with namespaces[1].inside():
        listener = socket.create_server((SERVER, PORT))
    with namespaces[0].inside():
        client = socket.socket()
    client.settimeout(PATIENCE)
    client.connect((SERVER, PORT))
    server, _ = listener.accept()
    listener.close()
    server.settimeout(PATIENCE)
    return client, server


def hear(sock: socket.socket, got: bytearray, size: int) -> None:
    """Get so many bytes, not more."""
    while size:
        data = sock.recv(size)
        assert data, "the stream ended early"
        got += data
        size -= len(data)


def exchange(
    ends: tuple[socket.socket, socket.socket],
    streams: list[bytes],
    got: tuple[bytearray, bytearray],
    chance: random.Random,
) -> None:
    """Both ends send all of their stream, and close."""
    pairs = zip(ends, streams, got, strict=True)
    talkers = [
        threading.Thread(target=talk, args=(sock, stream, random.Random(chance.random()), heard, 0.05))
        for sock, stream, heard in pairs
    ]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join(PATIENCE)
        assert not talker.is_alive(), "the streams did not come through"
