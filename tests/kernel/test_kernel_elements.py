"""Transactions of set elements, judged by nft."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from doorman.dataplanes.netfilter.elements import Transaction
from doorman.dataplanes.netfilter.errors import ElementError
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.socket_filter import RET, attach_filter
from kit.namespaces import Namespace

TABLE = """
table ip doorman {
  map doors {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
    flags timeout
    size 4
  }
  set names {
    type ipv4_addr . inet_proto . inet_service
  }
}
"""
DESTROYSETELEM = 10 << 8 | 30


def key(last: int) -> bytes:
    return bytes([198, 51, 100, last]) + b"\x11\0\0\0" + b"\x13\xc4\0\0"


def data(last: int) -> bytes:
    return bytes([10, 0, 0, last]) + b"\x13\xc4\0\0"


@pytest.fixture
def netlink(namespace: Namespace) -> Iterator[Netlink]:
    namespace.run("nft", "-f", "-", stdin=TABLE)
    with namespace.inside(), Netlink() as link:
        yield link


@pytest.fixture(params=["this kernel", "before 6.3"])
def either(netlink: Netlink, request: pytest.FixtureRequest) -> Netlink:
    """The socket, also as on a kernel that knows no deletion of what may be missing."""
    if request.param == "before 6.3":
        netlink.unknown_kinds.add(DESTROYSETELEM)
    return netlink


def listed(namespace: Namespace, kind: str, name: str) -> list[Any]:
    answer = json.loads(namespace.run("nft", "-j", "list", kind, "ip", "doorman", name))
    [found] = [entry[kind] for entry in answer["nftables"] if kind in entry]
    return list(found.get("elem", []))


def doors(namespace: Namespace) -> dict[str, str]:
    """What the map holds: the last octets of key and data."""
    found = {}
    for left, right in listed(namespace, "map", "doors"):
        concat = (left.get("elem", {}).get("val") or left)["concat"]
        assert concat[1:] == ["udp", 5060]
        assert right["concat"][1] == 5060
        found[concat[0]] = right["concat"][0]
    return found


def test_elements_are_there_as_nft_reads_them(namespace: Namespace, netlink: Netlink) -> None:
    transaction = Transaction("doorman")
    transaction.add("doors", key(1), data(1), timeout_ms=90_000)
    transaction.add("names", key(1))
    assert len(transaction) == 2
    transaction.commit(netlink)
    [[left, right]] = listed(namespace, "map", "doors")
    assert left["elem"]["val"] == {"concat": ["198.51.100.1", "udp", 5060]}
    assert left["elem"]["timeout"] == 90
    assert right == {"concat": ["10.0.0.1", 5060]}
    assert listed(namespace, "set", "names") == [{"concat": ["198.51.100.1", "udp", 5060]}]


def test_an_empty_transaction_is_done_already(netlink: Netlink) -> None:
    Transaction("no such table").commit(netlink)


def test_all_or_nothing_when_the_set_is_full(namespace: Namespace, netlink: Netlink) -> None:
    transaction = Transaction("doorman")
    transaction.add("names", key(1))
    for last in range(1, 7):
        transaction.add("doors", key(last), data(last))
    with pytest.raises(ElementError) as refusal:
        transaction.commit(netlink)
    assert refusal.value.errno == errno.ENFILE
    assert (refusal.value.set_name, refusal.value.key) == ("doors", key(5))
    assert str(refusal.value) == f"add to doors, key {key(5).hex()}: it is full"
    assert doors(namespace) == {}
    assert listed(namespace, "set", "names") == []


def test_the_same_again_is_fine_but_other_data_is_refused(namespace: Namespace, netlink: Netlink) -> None:
    for _ in range(2):
        transaction = Transaction("doorman")
        transaction.add("doors", key(1), data(1))
        transaction.commit(netlink)
    other = Transaction("doorman")
    other.add("doors", key(1), data(2))
    with pytest.raises(ElementError) as refusal:
        other.commit(netlink)
    assert refusal.value.errno == errno.EEXIST
    new = Transaction("doorman")
    new.add("doors", key(1), data(1), new=True)
    with pytest.raises(ElementError, match="the key is there already"):
        new.commit(netlink)
    assert doors(namespace) == {"198.51.100.1": "10.0.0.1"}


def test_one_transaction_replaces_an_element_and_its_timeout(namespace: Namespace, either: Netlink) -> None:
    for last, timeout in ((1, 60_000), (2, 120_000), (2, 180_000)):
        transaction = Transaction("doorman")
        transaction.destroy("doors", key(1))
        transaction.add("doors", key(1), data(last), timeout)
        transaction.commit(either)
        [[left, _]] = listed(namespace, "map", "doors")
        assert left["elem"]["timeout"] == timeout // 1000
        assert doors(namespace) == {"198.51.100.1": f"10.0.0.{last}"}


def test_destroying_what_is_missing_does_not_hinder_the_rest(namespace: Namespace, either: Netlink) -> None:
    transaction = Transaction("doorman")
    transaction.destroy("doors", key(1))
    transaction.add("doors", key(2), data(2))
    transaction.add("doors", key(3), data(3))
    transaction.destroy("doors", key(4))
    transaction.destroy("doors", key(3))
    transaction.destroy("doors", key(3))
    transaction.commit(either)
    assert doors(namespace) == {"198.51.100.2": "10.0.0.2"}


def test_a_kernel_that_does_not_know_destroying_is_found_by_trying(namespace: Namespace, netlink: Netlink) -> None:
    # A key of a wrong length is refused just as a kind of message that is not known.
    transaction = Transaction("doorman")
    transaction.destroy("doors", b"short")
    with pytest.raises(ElementError) as refusal:
        transaction.commit(netlink)
    assert refusal.value.errno == errno.EINVAL
    assert DESTROYSETELEM in netlink.unknown_kinds
    assert doors(namespace) == {}


def test_deleting_what_is_missing_is_refused(namespace: Namespace, netlink: Netlink) -> None:
    transaction = Transaction("doorman")
    transaction.add("doors", key(2), data(2))
    transaction.delete("doors", key(1))
    with pytest.raises(ElementError) as refusal:
        transaction.commit(netlink)
    assert refusal.value.errno == errno.ENOENT
    assert refusal.value.key == key(1)
    assert doors(namespace) == {}


@pytest.mark.parametrize(("table", "set_name"), [("nowhere", "doors"), ("doorman", "windows")])
def test_a_missing_table_or_set_is_named(netlink: Netlink, table: str, set_name: str) -> None:
    transaction = Transaction(table)
    transaction.add(set_name, key(1), data(1))
    with pytest.raises(ElementError, match=f"add to {set_name}") as refusal:
        transaction.commit(netlink)
    assert refusal.value.errno == errno.ENOENT


def test_thousands_of_changes_are_one_transaction(namespace: Namespace, netlink: Netlink) -> None:
    transaction = Transaction("doorman")
    for number in range(20_000):
        transaction.add("names", number.to_bytes(4) + key(0)[4:])
    transaction.commit(netlink)
    assert len(listed(namespace, "set", "names")) == 20_000


def test_thousands_of_refusals_are_one_error(namespace: Namespace, netlink: Netlink) -> None:
    transaction = Transaction("doorman")
    for number in range(20_000):
        transaction.delete("names", number.to_bytes(4) + key(0)[4:])
    with pytest.raises(ElementError) as refusal:
        transaction.commit(netlink)
    assert refusal.value.errno == errno.ENOENT
    transaction = Transaction("doorman")
    transaction.add("names", key(1))
    transaction.commit(netlink)
    assert len(listed(namespace, "set", "names")) == 1


def test_an_answer_that_is_lost_counts_as_a_refusal(netlink: Netlink) -> None:
    with socket.socket(fileno=os.dup(netlink.fileno())) as deaf:
        attach_filter(deaf, (RET, 0, 0, 0))
    transaction = Transaction("doorman")
    transaction.add("names", key(1))
    with pytest.raises(ElementError) as refused:
        transaction.commit(netlink)
    assert refused.value.errno == errno.ENOBUFS
