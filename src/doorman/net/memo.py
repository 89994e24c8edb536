"""Memos: dictionaries of what was found out once and is asked for time and again, in each message perhaps.

They are looked into as any dictionary is: `functools.lru_cache` takes twice as long.
"""

from typing import Final, TypeVar

Asked = TypeVar("Asked")
Found = TypeVar("Found")

MOST: Final = 65_536
"""What a memo remembers, where nothing else is said."""


def remember(memo: dict[Asked, Found], asked: Asked, found: Found, most: int = MOST) -> Found:
    """Put something into a memo; gives it back. One that is full begins again: a peer chooses what is asked."""
    if len(memo) >= most:
        memo.clear()
    memo[asked] = found
    return found
