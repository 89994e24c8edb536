"""The wire: what it does to packets is decided by its seed, in the arithmetic and on real interfaces alike."""

import socket
import struct
import time
from pathlib import Path

import pytest

from doorman.lab.namespaces import entered
from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE, network
from doorman.lab.wire import Direction, Faults
from kit.waiting import DEADLINE

PACKET = struct.Struct("!Id")
NUMBERS = range(600)
SO_RCVBUFFORCE = 33


def frame(number: int) -> bytes:
    return bytes(12) + b"\x08\x00" + number.to_bytes(4, "big")


def number_of(data: bytes) -> int:
    return int.from_bytes(data[14:18], "big")


def through(direction: Direction, numbers: range = NUMBERS) -> list[int]:
    """The numbers of the frames that come out, in order, when one goes in each millisecond."""
    arrived = []
    for number in numbers:
        direction.take(frame(number), number / 1000)
        arrived += direction.due(number / 1000)
    end = numbers[-1] / 1000
    while (due := direction.next_due()) is not None:
        end = max(end, due)
        arrived += direction.due(end)
    return [number_of(data) for data in arrived]


def test_a_wire_without_faults_changes_nothing() -> None:
    assert through(Direction(Faults(), "there")) == list(NUMBERS)


def test_loss_is_near_its_share_and_the_same_each_time() -> None:
    wires = [Direction(Faults(loss=10), "there") for _ in range(2)]
    arrived = through(wires[0])
    assert arrived == sorted(arrived)
    assert len(arrived) == len(NUMBERS) - wires[0].lost
    assert 40 <= wires[0].lost <= 80
    assert through(wires[1]) == arrived


def test_another_seed_or_the_other_direction_loses_others() -> None:
    arrived = {
        tuple(through(Direction(Faults(loss=10, seed=seed), name))) for seed in (1, 2) for name in ("there", "back")
    }
    assert len(arrived) == 4


def test_reordered_packets_come_after_the_next_one() -> None:
    wire = Direction(Faults(reorder=10), "there")
    arrived = through(wire)
    late = {here for here, after in zip(arrived[1:], arrived, strict=False) if here < after}
    assert sorted(arrived) == list(NUMBERS)
    assert 40 <= wire.reordered <= 80
    assert late


def test_a_packet_is_not_held_for_ever() -> None:
    wire = Direction(Faults(reorder=100), "there")
    wire.take(frame(7), 50.0)
    due = wire.next_due()
    assert due is not None
    assert due == pytest.approx(50.1)
    assert wire.due(50.05) == []
    assert wire.due(due) == [frame(7)]
    assert wire.next_due() is None


def test_delay_is_what_was_asked_for() -> None:
    wire = Direction(Faults(delay=30), "there")
    wire.take(frame(1), 5.0)
    assert wire.due(5.029) == []
    assert wire.due(5.031) == [frame(1)]


def test_other_frames_are_spared() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    wire = Direction(Faults(loss=100), "there")
    wire.take(arp, 0.0)
    assert wire.due(0.0) == [arp]


def test_memory_is_bounded() -> None:
    wire = Direction(Faults(delay=1000), "there")
    long = frame(1) + bytes(65_000)
    for _ in range(300):
        wire.take(long, 0.0)
    assert wire.overflowed > 0
    assert len(wire.due(1.0)) * len(long) <= 16 << 20


def test_a_real_wire_does_just_that(lab_name: str, tmp_path: Path) -> None:
    faults = Faults(loss=5, delay=20, reorder=5, seed=3)
    with network(lab_name, faults=faults, directory=tmp_path, reachable_inside=True) as net:
        with entered(net.outside):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with entered(net.inside):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender, receiver:
            receiver.bind((INSIDE_PHONE, 4000))
            receiver.settimeout(DEADLINE)
            receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
            sender.bind((OUTSIDE_PHONE, 4000))
            delays, arrived = exchange(sender, receiver)
    # From the outside to the gateway is the way back.
    assert arrived == through(Direction(faults, "back"))
    assert min(delays) >= 0.02
    assert f"{len(NUMBERS) - len(arrived)} lost" in (tmp_path / "wire.log").read_text()


def exchange(sender: socket.socket, receiver: socket.socket) -> tuple[list[float], list[int]]:
    """How long each packet took, and in which order they came."""
    expected = len(through(Direction(Faults(loss=5, delay=20, reorder=5, seed=3), "back")))
    delays: list[float] = []
    arrived: list[int] = []
    for number in NUMBERS:
        sender.sendto(PACKET.pack(number, time.monotonic()), (INSIDE_PHONE, 4000))
        # The first one waits for ARP; only few packets can.
        while number == 0 and not arrived:
            arrived.append(PACKET.unpack(receiver.recv(100))[0])
    while len(arrived) < expected:
        number, sent = PACKET.unpack(receiver.recv(100))
        delays.append(time.monotonic() - sent)
        arrived.append(number)
    return delays, arrived
