"""What a gateway saves, as another reads it."""

from collections.abc import Iterable

from msgspec import msgpack

from doorman.algs.api import Plain
from doorman.algs.records import encode
from doorman.engine.engine import Engine
from doorman.engine.snapshot import save_everything

Read = tuple[Plain, Plain]
"""A record, written and read: its name, in which sequences are tuples, and its value, in which they are lists."""


def everything(engine: Engine) -> list[Read]:
    """All there is to be saved of a gateway."""
    return read(save_everything(engine))


def read(records: Iterable[Read]) -> list[Read]:
    """Records, written and read."""
    return list(msgpack.decode(encode(dict(records))).items())
