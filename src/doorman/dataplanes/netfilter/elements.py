"""Elements of nft sets and maps, added and deleted in transactions: all or nothing (linux/netfilter/nf_tables.h).

A message carries one operation, or many of one kind on one set:

    nfgenmsg  TABLE(1) name  SET(2) name  ELEMENTS(3) { LIST_ELEM(1) {
        KEY(1) { VALUE(1) bytes }  DATA(2) { VALUE(1) bytes }  TIMEOUT(4) milliseconds:u64 } ... }

Together they are told in fewer messages, which the kernel takes in half the time. If it refuses, they are told again, a
message for each, so that the refusal says which one it was.

Keys and data are given as the kernel compares them: the fields one behind the other, each in network order and padded
with zeros to 4 bytes, so `ip daddr . meta l4proto . th dport` is 4 + (1 + 3) + (2 + 2) bytes.
"""

import errno
from functools import lru_cache
from typing import Final, NamedTuple

from doorman.dataplanes.netfilter.errors import ElementError
from doorman.dataplanes.netfilter.messages import NLM_F_CREATE, NLM_F_EXCL, attribute, body, name, nested
from doorman.dataplanes.netfilter.netlink import Failure, Netlink, Request

NFNL_SUBSYS_NFTABLES: Final = 10
NFPROTO_IPV4: Final = 2
NFPROTO_IPV6: Final = 10
_NEWSETELEM: Final = NFNL_SUBSYS_NFTABLES << 8 | 12
_DELSETELEM: Final = NFNL_SUBSYS_NFTABLES << 8 | 14
_DESTROYSETELEM: Final = NFNL_SUBSYS_NFTABLES << 8 | 30
_TABLE: Final = 1
_SET: Final = 2
_ELEMENTS: Final = 3
_LIST_ELEM: Final = 1
_VALUE: Final = 1
_KEY: Final = 1
_DATA: Final = 2
_TIMEOUT: Final = 4

_TIMEOUT_LENGTH: Final = 8
_MOST: Final = 500
"""Elements in a message: an attribute has up to 65,535 bytes, and one of these up to a hundred."""
_SETS: Final = 256
"""How many sets are remembered as messages name them: more than are in use at a time."""

_VERBS = {_NEWSETELEM: "add to", _DELSETELEM: "delete from", _DESTROYSETELEM: "delete from"}
_REASONS = {
    (_NEWSETELEM, errno.ENFILE): "it is full",
    (_NEWSETELEM, errno.EEXIST): "the key is there already",
    (_DELSETELEM, errno.ENOENT): "no such set or element",
    (_NEWSETELEM, errno.ENOENT): "no such set",
}
"""What the kernel's error numbers mean here, where their usual text would mislead."""


class Run:
    """Elements that are all added to one set, or all taken out: they are told together.

    Attributes:
        kind, flags: of the messages.
        set_name: of the set.
        keys: of each element.
        elements: each as it stands in messages.
    """

    __slots__ = ("_lives", "_shape", "_timeout", "elements", "flags", "keys", "kind", "set_name")

    def __init__(self, kind: int, set_name: str, flags: int = 0) -> None:
        self.kind = kind
        self.set_name = set_name
        self.flags = flags
        self.keys: list[bytes] = []
        self.elements: list[bytes] = []
        # What the last one had in common with others, as with the next one.
        self._shape = _NO_SHAPE
        self._lives = 0
        self._timeout = b""

    @property
    def adds(self) -> bool:
        """Whether elements are added."""
        return self.kind == _NEWSETELEM

    def append(self, key: bytes, data: bytes = b"", timeout: int = 0) -> None:
        """One more element: its data, b"" where the set has none, and its timeout in ms, 0 for the set's own."""
        if timeout != self._lives:
            self._lives, self._timeout = timeout, timeout.to_bytes(_TIMEOUT_LENGTH, "big") if timeout else b""
        shape = self._shape
        if shape.key_length != len(key) or shape.data_length != len(data) or shape.timed != (timeout > 0):
            shape = self._shape = _shape(len(key), len(data), timed=timeout > 0)
        self.keys.append(key)
        self.elements.append(b"%b%b%b%b%b%b" % (shape.before, key, shape.between, data, shape.after, self._timeout))

    def portions(self) -> list[list[bytes]]:
        """The elements, as many in each list as a message takes."""
        return [self.elements[start : start + _MOST] for start in range(0, len(self.elements), _MOST)]


def adding(set_name: str) -> Run:
    """Elements to be added, see `Transaction.add`; there are none yet."""
    return Run(_NEWSETELEM, set_name, NLM_F_CREATE)


def destroying(set_name: str) -> Run:
    """Elements to be deleted if they are there; there are none yet."""
    return Run(_DESTROYSETELEM, set_name)


class _Operation(NamedTuple):
    """A change by itself: its key, and the element as an attribute, in the run that it belongs to."""

    run: Run
    key: bytes
    element: bytes

    def __str__(self) -> str:
        return f"{_VERBS[self.run.kind]} {self.run.set_name}, key {self.key.hex()}"


class Transaction:
    """Changes to the sets of one table of family ip, carried out in their order by `commit`: first `runs`, if any."""

    def __init__(self, table: str, runs: list[Run] | None = None) -> None:
        self._table = table
        self._runs: list[Run] = runs if runs is not None else []

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self._runs)

    def add(self, set_name: str, key: bytes, data: bytes = b"", timeout_ms: int = 0, *, new: bool = False) -> None:
        """Add an element, to a map with its data; without `timeout_ms` it has the set's own timeout.

        A key that is there with the same data is no error, unless it must be `new`; before Linux 6.12 it keeps its old
        timeout: `destroy` it in the same transaction, just before.
        """
        flags = NLM_F_CREATE | NLM_F_EXCL if new else NLM_F_CREATE
        self._run(_NEWSETELEM, set_name, flags).append(key, data, timeout_ms)

    def delete(self, set_name: str, key: bytes) -> None:
        """Delete an element that must be there."""
        self._run(_DELSETELEM, set_name).append(key)

    def destroy(self, set_name: str, key: bytes) -> None:
        """Delete an element if it is there."""
        self._run(_DESTROYSETELEM, set_name).append(key)

    def commit(self, netlink: Netlink) -> None:
        """Carry all out at once; an empty transaction is done already.

        Raises:
            ElementError: nothing was changed, for the reason it tells.
            NetlinkError: nothing was changed, since it did not fit one send (EMSGSIZE; some 100,000 changes do).
        """
        if _DESTROYSETELEM not in netlink.unknown_kinds:
            failures = netlink.batch(NFNL_SUBSYS_NFTABLES, self._together())
            if not failures:
                return
            if failures[0].position < 0:
                raise _error(self._operations(), failures[0])
        self._commit_singly(netlink)

    def _together(self) -> list[Request]:
        """The messages of all changes, as few as can be."""
        return [
            Request(run.kind, self._body(run.set_name, elements), run.flags)
            for run in self._runs
            for elements in run.portions()
        ]

    def _commit_singly(self, netlink: Netlink) -> None:
        """The same with a message for each change: to find what is refused, or with what the kernel knows instead."""
        operations = self._operations()
        while operations:
            plain = _DESTROYSETELEM in netlink.unknown_kinds
            requests = [self._request(operation, plain) for operation in operations]
            failures = netlink.batch(NFNL_SUBSYS_NFTABLES, requests)
            if not failures:
                return
            missing = {failure.position for failure in failures if plain and _is_forgiven(operations, failure)}
            if missing:
                operations = [operation for index, operation in enumerate(operations) if index not in missing]
            elif not plain and any(_is_unknown(operations, failure) for failure in failures):
                netlink.unknown_kinds.add(_DESTROYSETELEM)
            else:
                raise _error(operations, failures[0])

    def _operations(self) -> list[_Operation]:
        return [
            _Operation(run, key, element)
            for run in self._runs
            for key, element in zip(run.keys, run.elements, strict=True)
        ]

    def _run(self, kind: int, set_name: str, flags: int = 0) -> Run:
        """The run that a change of this kind belongs to: the last one, if that is alike."""
        if self._runs:
            last = self._runs[-1]
            if last.kind == kind and last.flags == flags and last.set_name == set_name:
                return last
        self._runs.append(Run(kind, set_name, flags))
        return self._runs[-1]

    def _request(self, operation: _Operation, plain: bool) -> Request:  # noqa: FBT001 - a fact about the kernel
        """The message of an operation; before Linux 6.3 `plain` deletion stands for one that may find nothing."""
        run = operation.run
        kind = _DELSETELEM if plain and run.kind == _DESTROYSETELEM else run.kind
        return Request(kind, self._body(run.set_name, [operation.element]), run.flags)

    def _body(self, set_name: str, elements: list[bytes]) -> bytes:
        return _set(self._table, set_name) + nested(_ELEMENTS, *elements)


@lru_cache(_SETS)
def _set(table: str, set_name: str) -> bytes:
    """What a message about a set begins with."""
    return body(NFPROTO_IPV4, name(_TABLE, table), name(_SET, set_name))


class _Shape:
    """The bytes around key, data and timeout, alike in elements where these are as long."""

    __slots__ = ("after", "before", "between", "data_length", "key_length", "timed")

    def __init__(self, key_length: int, data_length: int, *, timed: bool) -> None:
        self.key_length = key_length
        self.data_length = data_length
        self.timed = timed
        key = nested(_KEY, attribute(_VALUE, bytes(key_length)))
        data = nested(_DATA, attribute(_VALUE, bytes(data_length))) if data_length else b""
        timeout = attribute(_TIMEOUT, bytes(_TIMEOUT_LENGTH)) if timed else b""
        element = nested(_LIST_ELEM, key, data, timeout)
        key_end = len(element) - len(timeout) - len(data) - _padding(key_length)
        data_end = len(element) - len(timeout) - _padding(data_length)
        end = len(element) - _TIMEOUT_LENGTH * timed
        self.before = element[: key_end - key_length]
        self.between = element[key_end : data_end - data_length if data_length else end]
        self.after = element[data_end:end] if data_length else b""


def _padding(length: int) -> int:
    return -length & 3


_NO_SHAPE: Final = _Shape(0, 0, timed=False)
_SHAPES: Final[dict[int, _Shape]] = {}


def _shape(key_length: int, data_length: int, *, timed: bool) -> _Shape:
    number = (key_length << 32) + (data_length << 1) + timed
    shape = _SHAPES.get(number)
    if shape is None:
        shape = _SHAPES[number] = _Shape(key_length, data_length, timed=timed)
    return shape


def _is_forgiven(operations: list[_Operation], failure: Failure) -> bool:
    return failure.errno == errno.ENOENT and _destroys(operations, failure.position)


def _is_unknown(operations: list[_Operation], failure: Failure) -> bool:
    return failure.errno in (errno.EINVAL, errno.EOPNOTSUPP) and _destroys(operations, failure.position)


def _destroys(operations: list[_Operation], position: int) -> bool:
    return position >= 0 and operations[position].run.kind == _DESTROYSETELEM


def _error(operations: list[_Operation], failure: Failure) -> ElementError:
    if failure.position < 0:
        asked = f"commit {len(operations)} changes of sets"
        return ElementError(failure.errno, asked, failure.explanation, None, None)
    operation = operations[failure.position]
    explanation = failure.explanation or _REASONS.get((operation.run.kind, failure.errno), "")
    return ElementError(failure.errno, str(operation), explanation, operation.run.set_name, operation.key)
