"""The memory of the SIP ALG as records: its calls and registrations, and how inside hosts wrote themselves.

call 192.168.1.10 7cb1@host          [format, method, ...], see `_PROPERTIES`
bare 192.168.1.10:5060 via           true
public 192.168.1.10:5060 elsewhere   true

streams     [[end, end], ...]
end         null, or [kind, where it receives or null, [flow, ...], direction, mux]
flow        see `algs/flows.py`
"""

from collections.abc import Mapping
from typing import Final

from doorman.algs.api import Direction, Json, Owner
from doorman.algs.flows import read_flow, write_flow
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_bytes,
    as_endpoint,
    as_integer,
    as_list,
    as_object,
    as_text,
    as_time,
)
from doorman.algs.sip.calls import Call, Fork, SignalKey, Speaker, State, Transaction, Unsettled
from doorman.algs.sip.media import Announced
from doorman.algs.sip.spelling import BARE, PUBLIC, Form, Written
from doorman.net.addresses import Address, address_text, endpoint_text

FORMAT: Final = 3
"""Of a call's record; of another format none is read."""
_PROPERTIES: Final = (
    "format", "method", "begun", "state", "tag", "dialogs", "streams", "unsettled", "chosen", "forks", "offer",
    "established", "since", "session", "invites", "asked", "expires", "signals",
    "aliases", "caller", "callee", "forget_at",
)  # fmt: skip
"""What stands in it, in this order."""

_STATES: Final = {state.value: state for state in State}
_DIRECTIONS: Final = tuple(Direction)
_FORMS: dict[str, Form] = {BARE: BARE, PUBLIC: PUBLIC}
_USES: Final = {"via": True, "elsewhere": False}


def call_key(owner: Owner) -> str:
    """The key of a call."""
    return f"call {address_text(owner.party)} {owner.name.decode('latin-1')}"


def spelling_key(written: Written) -> str:
    """The key of a spelling."""
    return f"{written.form} {written.endpoint} {'via' if written.via else 'elsewhere'}"


def write_call(call: Call) -> Json:
    """All that is known of a call but its owner, who is its key."""
    return [
        FORMAT,
        _text(call.method),
        int(call.begun),
        call.state.value,
        _text(call.tag),
        None if call.dialogs is None else {_text(tag): state.value for tag, state in call.dialogs.items()},
        [[_write_end(end) for end in ends] for ends in call.streams],
        [_write_unsettled(change) for change in call.unsettled],
        _text(call.chosen),
        None if call.forks is None else {_text(tag): _write_fork(fork) for tag, fork in call.forks.items()},
        None if call.offer is None else _write_transaction(call.offer),
        call.established,
        call.since,
        call.session,
        [_text(cseq) for cseq in call.invites],
        None if call.asked is None else [int(call.asked[0]), address_text(call.asked[1])],
        call.expires,
        [_write_signal(key) for key in call.signals],
        None if call.aliases is None else {_text(user): address_text(host) for user, host in call.aliases.items()},
        _text(call.caller),
        _text(call.callee),
        call.forget_at,
    ]


def read_call(owner: Owner, value: Json) -> Call:
    """The call that `write_call` wrote.

    Raises:
        DamagedRecord: it did not write this.
    """
    record = dict(zip(_PROPERTIES, as_list(value, len(_PROPERTIES)), strict=True))
    if record["format"] != FORMAT:
        raise DamagedRecord("another format")
    call = Call(owner, as_bytes(record["method"]), _direction(record["begun"]))
    _read_progress(call, record)
    _read_media(call, record)
    call.signals = [_read_signal(key) for key in as_list(record["signals"])]
    call.caller, call.callee = as_bytes(record["caller"]), as_bytes(record["callee"])
    if record["aliases"] is not None:
        aliases = as_object(record["aliases"])
        call.aliases = {as_bytes(user): as_address(host) for user, host in aliases.items()}
    return call


def read_key(key: str, alg: str) -> Owner | Written:
    """Whose record this is.

    Raises:
        DamagedRecord: nobody's.
    """
    kind, _, name = key.partition(" ")
    if kind == "call":
        party, blank, call_id = name.partition(" ")
        if blank:
            return Owner(alg, as_bytes(call_id), as_address(party))
    elif kind in _FORMS:
        endpoint, _, use = name.rpartition(" ")
        if use in _USES:
            return Written(_FORMS[kind], as_endpoint(endpoint), _USES[use])
    raise DamagedRecord("a key")


def _read_progress(call: Call, record: Mapping[str, Json]) -> None:
    call.state = _state(record["state"])
    call.tag = as_bytes(record["tag"])
    if record["dialogs"] is not None:
        dialogs = as_object(record["dialogs"])
        call.dialogs = {as_bytes(tag): _state(state) for tag, state in dialogs.items()}
    call.chosen = as_bytes(record["chosen"])
    call.established, call.since = _moment(record["established"]), _moment(record["since"])
    call.session = None if record["session"] is None else as_time(record["session"])
    call.invites = [as_bytes(cseq) for cseq in as_list(record["invites"], 2)]
    if record["asked"] is not None:
        direction, address = as_list(record["asked"], 2)
        call.asked = (_direction(direction), as_address(address))
    call.expires = None if record["expires"] is None else as_time(record["expires"])
    call.forget_at = _moment(record["forget_at"])


def _read_media(call: Call, record: Mapping[str, Json]) -> None:
    call.streams = [[_read_end(end) for end in as_list(ends, 2)] for ends in as_list(record["streams"])]
    call.unsettled = [_read_unsettled(change, len(call.streams)) for change in as_list(record["unsettled"])]
    call.offer = None if record["offer"] is None else _read_transaction(record["offer"])
    if record["forks"] is not None:
        call.forks = {as_bytes(tag): _read_fork(fork) for tag, fork in as_object(record["forks"]).items()}


def _write_end(end: Announced | None) -> Json:
    return None if end is None else _write_announced(end)


def _read_end(value: Json) -> Announced | None:
    return None if value is None else _read_announced(value)


def _write_announced(end: Announced) -> Json:
    kind, receives, flows, direction, mux = end
    written: Json = [write_flow(flow) for flow in flows]
    return [kind, None if receives is None else endpoint_text(receives), written, _text(direction), mux]


def _read_announced(value: Json) -> Announced:
    kind, receives, flows, direction, mux = as_list(value, 5)
    read = tuple(read_flow(flow) for flow in as_list(flows))
    where = None if receives is None else as_endpoint(receives)
    return Announced(as_text(kind), where, read, as_bytes(direction), mux is True)


def _write_unsettled(change: Unsettled) -> Json:
    return [
        change.line,
        change.end,
        _write_announced(change.before),
        address_text(change.source),
        _write_transaction(change.transaction),
    ]


def _read_unsettled(value: Json, lines: int) -> Unsettled:
    line, end, before, source, transaction = as_list(value, 5)
    return Unsettled(
        as_integer(line, most=lines - 1),
        _direction(end),
        _read_announced(before),
        as_address(source),
        _read_transaction(transaction),
    )


def _write_transaction(transaction: Transaction) -> Json:
    cseq, method, direction = transaction
    return [_text(cseq), _text(method), direction]


def _read_transaction(value: Json) -> Transaction:
    cseq, method, direction = as_list(value, 3)
    return as_bytes(cseq), as_bytes(method), _direction(direction)


def _write_fork(fork: Fork) -> Json:
    end, source, peer = fork.speaker
    return [int(end), address_text(source), address_text(peer), [_write_announced(line) for line in fork.announced]]


def _read_fork(value: Json) -> Fork:
    end, source, peer, announced = as_list(value, 4)
    speaker = Speaker(_direction(end), as_address(source), as_address(peer))
    return Fork(tuple(_read_announced(line) for line in as_list(announced)), speaker)


def _moment(value: Json) -> float:
    if value is None:
        raise DamagedRecord("a time")
    return as_time(value)


def _write_signal(key: SignalKey) -> Json:
    protocol, endpoint, visitor = key
    return [protocol, endpoint_text(endpoint), None if visitor is None else address_text(visitor)]


def _read_signal(value: Json) -> SignalKey:
    protocol, endpoint, visitor = as_list(value, 3)
    who: Address | None = None if visitor is None else as_address(visitor)
    return as_integer(protocol, most=255), as_endpoint(endpoint), who


def _state(value: Json) -> State:
    state = _STATES.get(as_text(value))
    if state is None:
        raise DamagedRecord("a state")
    return state


def _direction(value: Json) -> Direction:
    return _DIRECTIONS[as_integer(value, most=1)]


def _text(data: bytes) -> str:
    return data.decode("latin-1")
