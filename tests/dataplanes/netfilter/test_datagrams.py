"""Datagrams taken many at a time, of a pair of sockets."""

import errno
import socket
from collections.abc import Iterator

import pytest

from doorman.dataplanes.netfilter.datagrams import Datagrams


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        yield here, there


def test_they_come_in_order_and_as_many_as_there_is_memory_for(ends: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = ends
    datagrams = Datagrams(3, 100)
    sent = [b"one", b"", b"3" * 100, b"four", b"five"]
    for data in sent:
        sender.send(data)
    assert datagrams.take(receiver.fileno()) == sent[:3]
    assert datagrams.take(receiver.fileno()) == sent[3:]
    assert datagrams.take(receiver.fileno()) == []


def test_what_was_taken_stays_when_more_is(ends: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = ends
    datagrams = Datagrams(2, 100)
    sender.send(b"first")
    taken = datagrams.take(receiver.fileno())
    sender.send(b"second")
    datagrams.take(receiver.fileno())
    assert taken == [b"first"]


def test_one_that_is_too_long_is_cut_short_and_leaves_its_neighbours_whole(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = ends
    for data in (b"x" * 9_000, b"whole", b"y" * 4_097):
        sender.send(data)
    assert Datagrams(3, 4_096).take(receiver.fileno()) == [b"x" * 4_096, b"whole", b"y" * 4_096]


def test_what_the_socket_has_to_tell_is_raised(ends: tuple[socket.socket, socket.socket]) -> None:
    _, receiver = ends
    descriptor = receiver.fileno()
    receiver.close()
    with pytest.raises(OSError, match="Bad file descriptor") as told:
        Datagrams(1, 100).take(descriptor)
    assert told.value.errno == errno.EBADF
