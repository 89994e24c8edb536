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
from typing import Final

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
_MOST: Final = 60_000
"""Bytes of elements in a message: an attribute has up to 65,535."""

_VERBS = {_NEWSETELEM: "add to", _DELSETELEM: "delete from", _DESTROYSETELEM: "delete from"}
_REASONS = {
    (_NEWSETELEM, errno.ENFILE): "it is full",
    (_NEWSETELEM, errno.EEXIST): "the key is there already",
    (_DELSETELEM, errno.ENOENT): "no such set or element",
    (_NEWSETELEM, errno.ENOENT): "no such set",
}
"""What the kernel's error numbers mean here, where their usual text would mislead."""


class _Operation:
    """A change: its kind, set and key; the element as an attribute, and the flags of its message."""

    __slots__ = ("content", "flags", "key", "kind", "set_name")

    def __init__(self, kind: int, set_name: str, key: bytes, content: bytes, flags: int) -> None:
        self.kind = kind
        self.set_name = set_name
        self.key = key
        self.content = content
        self.flags = flags

    def is_like(self, other: "_Operation") -> bool:
        """Whether it differs in its element alone."""
        return self.kind == other.kind and self.flags == other.flags and self.set_name == other.set_name

    def __str__(self) -> str:
        return f"{_VERBS[self.kind]} {self.set_name}, key {self.key.hex()}"


class Transaction:
    """Changes to the sets of one table of family ip, carried out in their order by `commit`."""

    def __init__(self, table: str) -> None:
        self._table = name(_TABLE, table)
        self._operations: list[_Operation] = []

    def __len__(self) -> int:
        return len(self._operations)

    def add(
        self, set_name: str, key: bytes, data: bytes | None = None, timeout_ms: int | None = None, *, new: bool = False
    ) -> None:
        """Add an element, to a map with its data; `timeout_ms` None takes the set's own timeout.

        A key that is there with the same data is no error, unless it must be `new`; before Linux 6.12 it keeps its old
        timeout: `destroy` it in the same transaction, just before.
        """
        flags = NLM_F_CREATE | NLM_F_EXCL if new else NLM_F_CREATE
        self._append(_NEWSETELEM, set_name, key, data, timeout_ms, flags=flags)

    def delete(self, set_name: str, key: bytes) -> None:
        """Delete an element that must be there."""
        self._append(_DELSETELEM, set_name, key)

    def destroy(self, set_name: str, key: bytes) -> None:
        """Delete an element if it is there."""
        self._append(_DESTROYSETELEM, set_name, key)

    def commit(self, netlink: Netlink) -> None:
        """Carry all out at once; an empty transaction is done already.

        Raises:
            ElementError: nothing was changed, for the reason it tells.
            NetlinkError: nothing was changed, since it did not fit one send (EMSGSIZE; some 100,000 changes do).
        """
        operations = self._operations
        if _DESTROYSETELEM not in netlink.unknown_kinds:
            failures = netlink.batch(NFNL_SUBSYS_NFTABLES, self._together(operations))
            if not failures:
                return
            if failures[0].position < 0:
                raise _error(operations, failures[0])
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

    def _append(  # noqa: PLR0913 - what, and the parts of an element
        self,
        kind: int,
        set_name: str,
        key: bytes,
        data: bytes | None = None,
        timeout_ms: int | None = None,
        *,
        flags: int = 0,
    ) -> None:
        shape = _shape(len(key), -1 if data is None else len(data), timed=timeout_ms is not None)
        content = shape.before + key + shape.between
        if data is not None:
            content += data + shape.after
        if timeout_ms is not None:
            content += timeout_ms.to_bytes(8, "big")
        self._operations.append(_Operation(kind, set_name, key, content, flags))

    def _together(self, operations: list[_Operation]) -> list[Request]:
        """The messages of operations, of which those that follow each other and are alike share one."""
        requests: list[Request] = []
        contents: list[bytes] = []
        room = _MOST
        for index, operation in enumerate(operations):
            contents.append(operation.content)
            room -= len(operation.content)
            following = operations[index + 1] if index + 1 < len(operations) else None
            if following is None or room < 0 or not operation.is_like(following):
                told = self._body(operation.set_name, b"".join(contents))
                requests.append(Request(operation.kind, told, operation.flags))
                contents = []
                room = _MOST
        return requests

    def _request(self, operation: _Operation, plain: bool) -> Request:  # noqa: FBT001 - a fact about the kernel
        """The message of an operation; before Linux 6.3 `plain` deletion stands for one that may find nothing."""
        kind = _DELSETELEM if plain and operation.kind == _DESTROYSETELEM else operation.kind
        return Request(kind, self._body(operation.set_name, operation.content), operation.flags)

    def _body(self, set_name: str, elements: bytes) -> bytes:
        return body(NFPROTO_IPV4, self._table, name(_SET, set_name), nested(_ELEMENTS, elements))


class _Shape:
    """The bytes around key, data and timeout, alike in elements where these are as long; no data has length -1."""

    __slots__ = ("after", "before", "between")

    def __init__(self, key_length: int, data_length: int, *, timed: bool) -> None:
        key = nested(_KEY, attribute(_VALUE, bytes(key_length)))
        data = nested(_DATA, attribute(_VALUE, bytes(data_length))) if data_length >= 0 else b""
        timeout = attribute(_TIMEOUT, bytes(_TIMEOUT_LENGTH)) if timed else b""
        element = nested(_LIST_ELEM, key, data, timeout)
        key_end = len(element) - len(timeout) - len(data) - _padding(key_length)
        data_end = len(element) - len(timeout) - _padding(data_length)
        end = len(element) - _TIMEOUT_LENGTH * timed
        self.before = element[: key_end - key_length]
        self.between = element[key_end : data_end - data_length if data_length >= 0 else end]
        self.after = element[data_end:end] if data_length >= 0 else b""


_SHAPES: Final[dict[int, _Shape]] = {}


def _shape(key_length: int, data_length: int, *, timed: bool) -> _Shape:
    number = (key_length << 32) + (data_length << 1) + timed
    shape = _SHAPES.get(number)
    if shape is None:
        shape = _SHAPES[number] = _Shape(key_length, data_length, timed=timed)
    return shape


def _padding(length: int) -> int:
    return -length & 3


def _is_forgiven(operations: list[_Operation], failure: Failure) -> bool:
    return (
        failure.position >= 0 and failure.errno == errno.ENOENT and operations[failure.position].kind == _DESTROYSETELEM
    )


def _is_unknown(operations: list[_Operation], failure: Failure) -> bool:
    unknown = failure.errno in (errno.EINVAL, errno.EOPNOTSUPP)
    return failure.position >= 0 and unknown and operations[failure.position].kind == _DESTROYSETELEM


def _error(operations: list[_Operation], failure: Failure) -> ElementError:
    if failure.position < 0:
        asked = f"commit {len(operations)} changes of sets"
        return ElementError(failure.errno, asked, failure.explanation, None, None)
    operation = operations[failure.position]
    explanation = failure.explanation or _REASONS.get((operation.kind, failure.errno), "")
    return ElementError(failure.errno, str(operation), explanation, operation.set_name, operation.key)
