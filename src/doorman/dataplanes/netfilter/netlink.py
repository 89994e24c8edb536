"""Sockets of netfilter's netlink: requests, batches and lists.

The kernel works on what it is sent during the system call, so its answers can be read at once and nothing waits. A list
("dump") comes in many datagrams; reading one has the kernel write the next.
"""

import errno
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Self

from doorman.dataplanes.netfilter.errors import DumpInterrupted, NetlinkError
from doorman.dataplanes.netfilter.messages import (
    NFNL_MSG_BATCH_BEGIN,
    NFNL_MSG_BATCH_END,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    body,
    error_of,
    message,
    messages,
)

_NETLINK_NETFILTER, _SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 12, 270, 10, 11
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_READ: Final = 1 << 16
"""Bytes read at once: the kernel makes no datagram of answers larger than this."""
_LOST: Final = errno.ENOBUFS, "the answer was lost"


class Request(NamedTuple):
    """A message to be sent, without flags that say how it is answered; `body` as `body()` makes it."""

    kind: int
    body: bytes
    flags: int = 0


class Failure(NamedTuple):
    """The request at `position`, or the batch as a whole if -1, was refused; `explanation` comes from the kernel."""

    position: int
    errno: int
    explanation: str = ""


def open_socket(receive_buffer: int, send_buffer: int = 0) -> socket.socket:
    """A non-blocking netfilter socket in the network namespace of this thread; buffers in bytes.

    Raises:
        NetlinkError: the kernel has no nfnetlink, or this process no file left.
    """
    try:
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    except OSError as error:
        raise NetlinkError(error.errno or 0, "open a netlink socket") from error
    try:
        link.settimeout(0)
        for option, fallback, size in (
            (_SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_buffer),
            (_SO_SNDBUFFORCE, socket.SO_SNDBUF, send_buffer),
        ):
            if size:
                _set_buffer(link, option, fallback, size)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            link.setsockopt(_SOL_NETLINK, option, 1)
        link.bind((0, 0))
    except BaseException:
        link.close()
        raise
    return link


def _set_buffer(link: socket.socket, option: int, fallback: int, size: int) -> None:
    try:
        link.setsockopt(socket.SOL_SOCKET, option, size)
    except PermissionError:
        link.setsockopt(socket.SOL_SOCKET, fallback, size)


class NetlinkSocket:
    """A socket that is open until `close`; a context manager. It belongs to the network namespace it was made in."""

    def __init__(self, link: socket.socket) -> None:
        self._socket = link

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor to wait on until it is readable."""
        return self._socket.fileno()


class Listener(NetlinkSocket):
    """A socket that hears what the kernel tells of itself.

    Attributes:
        overruns: how often the kernel told that our socket was full, and something did not come.
    """

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self.overruns = 0

    def hear(self, limit: int, size: int = _READ) -> Iterator[Message]:
        """The messages that wait, of up to `limit` datagrams, none of more than `size` bytes. Never blocks."""
        for _ in range(limit):
            try:
                datagram = self._socket.recv(size)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.overruns += 1
                continue
            yield from messages(datagram)


class Netlink(NetlinkSocket):
    """A socket for requests, used by one thread: one of its own, or the one that it is given.

    `unknown_kinds` are kinds of message that this kernel has turned out not to know, for those that have another way.
    """

    def __init__(self, link: socket.socket | None = None) -> None:
        super().__init__(link or open_socket(4 << 20, 16 << 20))
        self._sequence = 0
        self.unknown_kinds: set[int] = set()

    def request(self, request: Request, asked: str) -> None:
        """Have one change made; `asked` says which, for people.

        Raises:
            NetlinkError: the kernel refused.
        """
        for failure in self.each([request]):
            raise NetlinkError(failure.errno, asked, failure.explanation)

    def ask(self, request: Request, asked: str) -> bytes | None:
        """Have one question answered: the answer's body, or None if what it is about is not there (ENOENT).

        Raises:
            NetlinkError: the kernel refused.
        """
        number = self._numbers(1)
        self._send([message(request.kind, request.flags | NLM_F_REQUEST, number, request.body)])
        for datagram in _datagrams(self._socket):
            for answer in messages(datagram):
                if answer.sequence != number:
                    continue
                if answer.kind != NLMSG_ERROR:
                    return answer.body
                refused, explanation = error_of(answer)
                if refused == errno.ENOENT:
                    return None
                raise NetlinkError(refused, asked, explanation)
        raise NetlinkError(errno.ENOBUFS, asked, "the answer was lost")

    def each(self, requests: Sequence[Request]) -> list[Failure]:
        """Have changes made that do not depend on each other, in one send; which were refused, in order."""
        first = self._numbers(len(requests))
        self._send(
            message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, number, content)
            for number, (kind, content, flags) in enumerate(requests, first)
        )
        answers = self._answers(first, first + len(requests) - 1)
        outcomes = [answers.get(index, _LOST) for index in range(len(requests))]
        return [Failure(index, *outcome) for index, outcome in enumerate(outcomes) if outcome[0]]

    def batch(self, subsystem: int, requests: Sequence[Request]) -> list[Failure]:
        """Have all changes made or none, in order; why none was made, or an empty list if they are in force."""
        if not requests:
            return []
        first = self._numbers(len(requests) + 2) + 1
        last = first + len(requests) - 1
        bound = body(0, resource=subsystem)
        content = [message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, first - 1, bound)]
        for number, (kind, data, flags) in enumerate(requests, first):
            acknowledge = NLM_F_ACK if number == last else 0
            content.append(message(kind, flags | NLM_F_REQUEST | acknowledge, number, data))
        content.append(message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, last + 1, bound))
        self._send(content)
        answers = self._answers(first, last)
        failures = [Failure(index, *answer) for index, answer in sorted(answers.items()) if answer[0]]
        if not failures and last - first not in answers:
            return [Failure(-1, *_LOST)]
        return failures

    def _numbers(self, count: int) -> int:
        """The first of so many sequence numbers."""
        if self._sequence + count >= 1 << 32:
            self._sequence = 0
        first = self._sequence + 1
        self._sequence += count
        return first

    def _send(self, content: Iterable[bytes]) -> None:
        data = b"".join(content)
        try:
            self._socket.send(data)
        except OSError as error:
            raise NetlinkError(error.errno or 0, f"send requests of {len(data)} bytes") from error

    def _answers(self, first: int, last: int) -> dict[int, tuple[int, str]]:
        """What the kernel said of the requests from number `first` on: errno and explanation, by index.

        It answers in their order, and what is wrong with them as a whole (-1) before it answers the last.
        """
        answers: dict[int, tuple[int, str]] = {}
        while last - first not in answers:
            datagram = _datagram(self._socket)
            if datagram is None:
                break
            for answer in messages(datagram):
                if answer.kind == NLMSG_ERROR and answer.sequence >= first - 1:
                    answers[answer.sequence - first] = error_of(answer)
        return answers


def _datagram(link: socket.socket) -> bytes | None:
    """A datagram that waits, passing over the news that some were lost; None: there is none."""
    while True:
        try:
            return link.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise


def _datagrams(link: socket.socket) -> Iterator[bytes]:
    """All datagrams that wait."""
    while (datagram := _datagram(link)) is not None:
        yield datagram


def dump(kind: int, content: bytes, asked: str) -> Iterator[bytes]:
    """List what the kernel has: the body of each answer, nfgenmsg first. Has a socket of its own while it lasts.

    Raises:
        DumpInterrupted: after the last answer, if the list may be wrong.
        NetlinkError: the kernel refused, or its list broke off.
    """
    interrupted = 0
    with open_socket(1 << 20) as link:
        link.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, 1, content))
        for datagram in _datagrams(link):
            for answer in messages(datagram):
                interrupted |= answer.flags & NLM_F_DUMP_INTR
                if answer.kind not in (NLMSG_ERROR, NLMSG_DONE):
                    yield answer.body
                    continue
                number, explanation = error_of(answer)
                if number:
                    raise NetlinkError(number, asked, explanation)
                if interrupted:
                    raise DumpInterrupted(asked)
                return
    raise NetlinkError(errno.EPROTO, asked, "the list broke off")
