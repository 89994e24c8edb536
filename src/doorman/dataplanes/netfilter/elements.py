"""Elements of nft sets and maps, added and deleted in transactions: all or nothing (linux/netfilter/nf_tables.h).

Each operation is a message of its own, so that a refusal says which one it was:

    nfgenmsg  TABLE(1) name  SET(2) name  ELEMENTS(3) { LIST_ELEM(1) {
        KEY(1) { VALUE(1) bytes }  DATA(2) { VALUE(1) bytes }  TIMEOUT(4) milliseconds:u64 } }

Keys and data are given as the kernel compares them: the fields one behind the other, each in network order and padded
with zeros to 4 bytes, so `ip daddr . meta l4proto . th dport` is 4 + (1 + 3) + (2 + 2) bytes.
"""

import errno
import struct
from functools import lru_cache
from typing import NamedTuple

from doorman.dataplanes.netfilter.errors import ElementError
from doorman.dataplanes.netfilter.messages import NLM_F_CREATE, NLM_F_EXCL, attribute, body, name, nested
from doorman.dataplanes.netfilter.netlink import Failure, Netlink, Request

NFNL_SUBSYS_NFTABLES = 10
NFPROTO_IPV4 = 2
_NEWSETELEM = NFNL_SUBSYS_NFTABLES << 8 | 12
_DELSETELEM = NFNL_SUBSYS_NFTABLES << 8 | 14
_DESTROYSETELEM = NFNL_SUBSYS_NFTABLES << 8 | 30
_TABLE, _SET, _ELEMENTS = 1, 2, 3
_LIST_ELEM, _VALUE = 1, 1
_KEY, _DATA, _TIMEOUT = 1, 2, 4

_TIMEOUT_VALUE = struct.Struct("!Q")

_VERBS = {_NEWSETELEM: "add to", _DELSETELEM: "delete from", _DESTROYSETELEM: "delete from"}
_REASONS = {
    (_NEWSETELEM, errno.ENFILE): "it is full",
    (_NEWSETELEM, errno.EEXIST): "the key is there already",
    (_DELSETELEM, errno.ENOENT): "no such set or element",
    (_NEWSETELEM, errno.ENOENT): "no such set",
}
"""What the kernel's error numbers mean here, where their usual text would mislead."""


class _Operation(NamedTuple):
    kind: int
    set_name: str
    key: bytes
    content: bytes
    flags: int

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
        operations = list(self._operations)
        while operations:
            plain = _DESTROYSETELEM in netlink.unknown_kinds
            failures = netlink.batch(NFNL_SUBSYS_NFTABLES, [_request(operation, plain) for operation in operations])
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
        length = None if data is None else len(data)
        shape = _shape(self._table, set_name, len(key), length, timed=timeout_ms is not None)
        content = shape.before + key + shape.between
        if data is not None:
            content += data + shape.after
        if timeout_ms is not None:
            content += _TIMEOUT_VALUE.pack(timeout_ms)
        self._operations.append(_Operation(kind, set_name, key, content, flags))


class _Shape(NamedTuple):
    """The bytes around key, data and timeout, which all elements of a set have alike if theirs are as long."""

    before: bytes
    between: bytes
    after: bytes


@lru_cache(maxsize=64)
def _shape(table: bytes, set_name: str, key_length: int, data_length: int | None, *, timed: bool) -> _Shape:
    element = nested(_KEY, attribute(_VALUE, bytes(key_length)))
    key_at = len(element) - _padded(key_length)
    data_at = data_end = len(element)
    if data_length is not None:
        element += nested(_DATA, attribute(_VALUE, bytes(data_length)))
        data_at = len(element) - _padded(data_length)
        data_end = data_at + data_length
    if timed:
        element += attribute(_TIMEOUT, bytes(_TIMEOUT_VALUE.size))
    content = body(NFPROTO_IPV4, table, name(_SET, set_name)) + nested(_ELEMENTS, nested(_LIST_ELEM, element))
    start, end = len(content) - len(element), len(content) - _TIMEOUT_VALUE.size * timed
    if data_length is None:
        data_at = data_end = end - start
    return _Shape(
        content[: start + key_at],
        content[start + key_at + key_length : start + data_at],
        content[start + data_end : end],
    )


def _padded(length: int) -> int:
    return length + 3 & ~3


def _request(operation: _Operation, plain: bool) -> Request:  # noqa: FBT001 - a fact about the kernel
    """The message of an operation; before Linux 6.3 `plain` deletion stands for one that may find nothing."""
    kind = _DELSETELEM if plain and operation.kind == _DESTROYSETELEM else operation.kind
    return Request(kind, operation.content, operation.flags)


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
