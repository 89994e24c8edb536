"""Which addresses of a pool many hosts share, and which of them a kernel lets a host have.

Where a kernel carries the flows it picks the address of an ordinary flow by itself. All names of a host shall have one
address (RFC 4787, REQ-2), so the engine gives those that it makes, of signalling and media, the same one: what the
kernel picks of a range, where it is told to be `persistent`, depends on the host's address alone (find_best_ips_proto
in net/netfilter/nf_nat_core.c).
"""

import sys
from collections.abc import Iterable
from itertools import pairwise

from doorman.config.model import Config, Pool
from doorman.net.addresses import Address

Run = tuple[Address, Address]
"""Addresses from the first to the last, both included."""

_32_BITS = 0xFFFFFFFF
_INITIAL = 0xDEADBEEF + (4 << 2)
"""Of a hash of four words (include/linux/jhash.h): an address, and the room that one of IPv6 would need."""


def is_divided(config: Config, pool: str) -> bool:
    """Whether some rules share a pool and others lease of it: then one address is shared, and all others are leased."""
    uses = {source.overload for source in config.dynamic_sources if source.pool == pool}
    return len(uses) > 1


def shared_run(config: Config, pool: Pool) -> Run | None:
    """The addresses of a pool that a kernel shares: the longest run without one that is a static host's, if any.

    Of a divided pool it is the last of those.
    """
    taken = {_number(host.global_) for statics in (config.statics, config.others) for host in statics.hosts}
    runs = (longest_run(_number(first), _number(last), taken) for first, last in pool.ranges)
    run = max(filter(None, runs), key=lambda run: run[1] - run[0], default=None)
    if run is None:
        return None
    first, last = run
    return _address(last if is_divided(config, pool.name) else first), _address(last)


def kernels_choice(host: Address, run: Run) -> Address:
    """The address of a run that a kernel lets a host have."""
    first, last = map(_number, run)
    return _address(first + (_hash(int.from_bytes(host, sys.byteorder)) * (last - first + 1) >> 32))


def longest_run(first: int, last: int, taken: Iterable[int]) -> tuple[int, int] | None:
    """The longest part of a range with nothing in it that is taken: nft knows no ranges with holes."""
    edges = [first - 1, *sorted(number for number in set(taken) if first <= number <= last), last + 1]
    before, behind = max(pairwise(edges), key=lambda run: run[1] - run[0])
    return (before + 1, behind - 1) if behind - before > 1 else None


def _hash(word: int) -> int:
    """Bob Jenkins's hash of a word and three that are zero, as the kernel computes it."""
    a, b, c = (_INITIAL + word) & _32_BITS, _INITIAL, _INITIAL
    a = ((a - c) & _32_BITS) ^ _rotated(c, 4)
    c = (c + b) & _32_BITS
    b = ((b - a) & _32_BITS) ^ _rotated(a, 6)
    a = (a + c) & _32_BITS
    c = ((c - b) & _32_BITS) ^ _rotated(b, 8)
    b = (b + a) & _32_BITS
    a = ((a - c) & _32_BITS) ^ _rotated(c, 16)
    c = (c + b) & _32_BITS
    b = ((b - a) & _32_BITS) ^ _rotated(a, 19)
    a = (a + c) & _32_BITS
    c = ((c - b) & _32_BITS) ^ _rotated(b, 4)
    b = (b + a) & _32_BITS
    c = ((c ^ b) - _rotated(b, 14)) & _32_BITS
    a = ((a ^ c) - _rotated(c, 11)) & _32_BITS
    b = ((b ^ a) - _rotated(a, 25)) & _32_BITS
    c = ((c ^ b) - _rotated(b, 16)) & _32_BITS
    a = ((a ^ c) - _rotated(c, 4)) & _32_BITS
    b = ((b ^ a) - _rotated(a, 14)) & _32_BITS
    return ((c ^ b) - _rotated(b, 24)) & _32_BITS


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _32_BITS


def _number(address: Address) -> int:
    return int.from_bytes(address, "big")


def _address(number: int) -> Address:
    return Address(number.to_bytes(4, "big"))
