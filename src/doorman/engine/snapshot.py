"""What a gateway must know to go on after it was started again, as records, and back.

    kind       key                           value
    binding    [protocol, local, name]       true: an inside endpoint has this name outside; see `stands_alone`
    outside    [0, [198.51.100.7, 0], name]  true: an outside host is called so inside
    stand-in   an IPv6 address               the IPv4 address by which this inside host is known
    doors      an owner                      [[role, protocol, visitor, entrance, leads to, flows, inspect as, opened,
                                             closes, promoted], ...]: all doors of this owner
    tunnel     see `ipsec_records`           and `peering`
    sip        see `algs/sip/records.py`     so for each ALG: the kind is its name

Kind and key are what a record is known by, its name; `algs/records.py` says how both are written. Times are seconds of
a clock that goes on while the gateway does not run.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from msgspec import Raw

from doorman.algs.api import Alg, Door, Owner, Plain, Refused
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_endpoint,
    as_integer,
    as_list,
    as_owner,
    as_text,
    as_time,
    encode,
)
from doorman.config.stand_ins import NETWORK
from doorman.engine.engine import Engine
from doorman.engine.ipsec_records import PEERING, TUNNEL, adopt_peering, adopt_tunnel, ipsec_record
from doorman.engine.results import IpsecChange
from doorman.engine.state import State
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.net.addresses import Address
from doorman.net.packet import ICMP, TCP, UDP

BINDING: Final = "binding"
OUTSIDE: Final = "outside"
STAND_IN: Final = "stand-in"
DOORS: Final = "doors"
_PROTOCOLS = frozenset({WHOLE_HOST, ICMP, TCP, UDP})

MEANINGS = {
    "record-damaged": "it is not what a gateway saves",
    "no-translation": "no rule of today's configuration makes such a binding",
    "name-taken": "something else has its name outside, or its host another address",
    "alg-not-served": "its protocol is served on no port now",
    "door-without-binding": "its name outside is nobody's now, or another host's",
    "no-stand-in": "its IPv6 host has no stand-in any more",
    "no-nat64-rule": "no rule of today's configuration gives an IPv6 host this stand-in",
    "door-without-owner": "the call it was opened for is not known",
}
"""Why a record was not adopted."""


Name = tuple[str, Plain]
"""What a record is known by: its kind, and its key."""

Saved = tuple[Name, Plain | Raw]
"""The name of a record, and its value; None: there is none any more.

What has many parts is written as it is taken: they are in the processor's caches then, and gone before the next.
"""


class Contents(NamedTuple):
    """What a record says."""

    kind: str
    key: Plain
    value: Plain


class Restored(NamedTuple):
    """What became of saved records.

    Attributes:
        adopted: how many bindings, doors and records of each ALG are in use again, by kind.
        refused: how many are not, by reason.
        corrections: what has to be saved for the saved state to be that of the gateway.
    """

    adopted: Counter[str]
    refused: Counter[str]
    corrections: list[tuple[Plain, Plain]]

    def refuse(self, name: Plain, reason: str) -> None:
        """Leave a record, which is thrown away."""
        self.refused[reason] += 1
        self.corrections.append((name, None))


def contents_of(record: tuple[Plain, Plain]) -> Contents:
    """What a record says that has a value.

    Raises:
        DamagedRecord: it is none.
    """
    name, value = record
    kind, key = as_list(name, 2)
    if value is None:
        raise DamagedRecord("a value")
    return Contents(as_text(kind), key, value)


def save_binding(binding: Binding, *, freed: bool = False) -> Saved:
    """The record of a dynamic binding."""
    kind = OUTSIDE if binding.outside else BINDING
    return (kind, (binding.protocol, binding.local, binding.global_)), None if freed else True


def stands_alone(binding: Binding) -> bool:
    """Whether a binding has a record of its own: not if it is static, nor a port's that doors tell of."""
    return not (binding.static or (binding.is_port and binding.doors))


def save_doors(owner: Owner, doors: Iterable[Door]) -> Saved:
    """The record of all doors that an owner has now."""
    written = [_write_door(door) for door in doors]
    return (DOORS, owner), Raw(encode(written)) if written else None


def save_ipsec(change: IpsecChange) -> Saved | None:
    """The record that a change of a tunnel or peering makes, or takes away, if it does."""
    record = ipsec_record(change)
    if record is None:
        return None
    kind, key, value = record
    return (kind, key), value


def save_item(alg: Alg, item: Hashable) -> Saved:
    """The record of something that an ALG remembers, or did."""
    key, value = alg.record(item)
    return (alg.name, key), Raw(encode(value)) if value is not None else None


def save_stand_in(engine: Engine, host: Address) -> Saved:
    """The record of the stand-in that an IPv6 host was given, or had."""
    return (STAND_IN, host), engine.state.stand_ins.known(host)


def save_everything(engine: Engine) -> Iterator[Saved]:
    """The whole state of a gateway."""
    for host, _ in engine.state.stand_ins:
        yield save_stand_in(engine, host)
    for binding in chain(engine.state.bindings, engine.state.outside):
        if stands_alone(binding):
            yield save_binding(binding)
    doors = engine.state.doors
    for owner in {door.owner: None for door in doors.everyone()}:
        yield save_doors(owner, doors.of_owner(owner))
    yield from filter(None, map(save_ipsec, engine.state.ipsec()))
    for alg in engine.inspector.algs.values():
        for item in alg.remembered():
            yield save_item(alg, item)


def restore(engine: Engine, records: Iterable[tuple[Plain, Plain]], now: float) -> Restored:
    """Let a new engine go on where another ended. What cannot be adopted is told of by its reason, and left.

    Doors that nobody owns any more close; what was over meanwhile ends as soon as the engine is told the time.
    """
    restored = Restored(Counter(), Counter(), [])
    of_kind = _by_kind(records, restored)
    for record in of_kind.pop(STAND_IN, ()):
        _try(restored, record, partial(_adopt_stand_in, engine, now))
    for kind, table in ((BINDING, engine.state.bindings), (OUTSIDE, engine.state.outside)):
        for record in of_kind.pop(kind, ()):
            _try(restored, record, partial(_adopt_binding, engine, table, now))
    for record in of_kind.pop(DOORS, ()):
        _try(restored, record, lambda record: _adopt_doors(engine, record, restored))
    for kind, adopt in ((TUNNEL, adopt_tunnel), (PEERING, adopt_peering)):
        for record in of_kind.pop(kind, ()):
            _try(restored, record, partial(_adopt_ipsec, engine, adopt, now))
    unclaimed = {door.owner: None for door in engine.state.doors.everyone()}
    owners = frozenset(unclaimed)
    for record in chain.from_iterable(of_kind.values()):
        _try(restored, record, lambda record: _remember(engine, record, owners, unclaimed))
    for owner in unclaimed:
        restored.refused["door-without-owner"] += len(engine.state.doors.of_owner(owner))
        engine.state.doors.close(owner, now)
    return restored


class _Left(Exception):  # noqa: N818 - an outcome
    """A record cannot be adopted; the text is the reason's name."""


def _by_kind(records: Iterable[tuple[Plain, Plain]], restored: Restored) -> dict[str, list[Contents]]:
    """What records say; those that say nothing are refused."""
    of_kind: dict[str, list[Contents]] = {}
    for record in records:
        try:
            contents = contents_of(record)
        except DamagedRecord:
            restored.refuse(record[0], "record-damaged")
        else:
            of_kind.setdefault(contents.kind, []).append(contents)
    return of_kind


def _try(restored: Restored, record: Contents, adopt: Callable[[Contents], int]) -> None:
    """Adopt a record, and count it as one or the other."""
    try:
        restored.adopted[record.kind] += adopt(record)
    except ValueError:
        reason = "record-damaged"
    except (Refused, _Left) as left:
        reason = str(left)
    else:
        return
    restored.refuse((record.kind, record.key), reason)


def _adopt_stand_in(engine: Engine, now: float, record: Contents) -> int:
    engine.state.stand_ins.adopt(as_address(record.key), as_address(record.value), now)
    return 1


def _adopt_binding(engine: Engine, table: Bindings, now: float, record: Contents) -> int:
    number, local, name = as_list(record.key, 3)
    protocol = as_integer(number)
    if protocol not in _PROTOCOLS:
        raise DamagedRecord("a protocol")
    if record.value is not True:
        raise DamagedRecord("true")
    inside = as_endpoint(local)
    _require_host(engine, inside.address)
    binding = table.adopt(protocol, inside, as_endpoint(name))
    engine.state.keep([binding], now)
    return 1


def _require_host(engine: Engine, inside: Address) -> None:
    """See that an address stands for a host, if it is one that stands for others."""
    if inside in NETWORK and engine.state.stand_ins.host(inside) is None:
        raise _Left("no-stand-in")


def _adopt_ipsec(
    engine: Engine, adopt: Callable[[State, Plain, Plain, float], None], now: float, record: Contents
) -> int:
    adopt(engine.state, record.key, record.value, now)
    return 1


def _adopt_doors(engine: Engine, record: Contents, restored: Restored) -> int:
    """Enter the doors of an owner, with their names; those whose name outside is not what it was stay shut."""
    owner = as_owner(record.key)
    doors = [_read_door(owner, door) for door in as_list(record.value)]
    if any(door.inspect_as is not None and door.inspect_as not in engine.inspector.algs for door in doors):
        raise _Left("alg-not-served")
    shut, names = 0, len(engine.state.bindings)
    for door in doors:
        try:
            _require_host(engine, door.leads_to.address)
            engine.state.adopt_door(door)
        except (Refused, _Left) as left:
            restored.refused[str(left)] += 1
            shut += 1
    if len(engine.state.bindings) > names:
        restored.adopted[BINDING] += len(engine.state.bindings) - names
    if shut:
        restored.corrections.append(save_doors(owner, engine.state.doors.of_owner(owner)))
    return len(doors) - shut


def _remember(engine: Engine, record: Contents, owners: frozenset[Owner], unclaimed: dict[Owner, None]) -> int:
    """Let an ALG remember again, and claim its doors."""
    alg = engine.inspector.algs.get(record.kind)
    if alg is None:
        raise _Left("alg-not-served")
    for owner in alg.restore(record.key, record.value, owners):
        unclaimed.pop(owner, None)
    return 1


def _write_door(door: Door) -> Plain:
    return [
        door.role,
        door.protocol,
        door.visitor,
        door.entrance,
        door.leads_to,
        door.flows,
        door.inspect_as,
        door.opened,
        door.closes,
        door.promoted,
    ]


def _read_door(owner: Owner, value: Plain) -> Door:
    role, protocol, visitor, entrance, leads_to, flows, inspect_as, opened, closes, promoted = as_list(value, 10)
    door = Door(
        owner,
        as_text(role),
        as_integer(protocol, most=255),
        visitor=as_address(visitor) if visitor is not None else None,
        entrance=as_endpoint(entrance),
        leads_to=as_endpoint(leads_to),
        closes=as_time(closes),
        flows=as_integer(flows) if flows is not None else None,
        inspect_as=as_text(inspect_as) if inspect_as is not None else None,
    )
    door.opened = as_time(opened)
    door.promoted = promoted is True
    return door
