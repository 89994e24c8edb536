"""The memory of the SIP ALG as records: its calls and registrations, and how inside hosts wrote themselves.

key                                     value
OWNER                                   [format, method, ...] of a call, see `_PROPERTIES`; each as it is in `Call`
["bare", ENDPOINT, in a Via header]     true
["public", ENDPOINT, in a Via header]   true
"""

from collections.abc import Mapping
from typing import Final

from doorman.algs.api import Direction, Owner, Plain
from doorman.algs.flows import read_flow, write_flow
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_bytes,
    as_endpoint,
    as_integer,
    as_list,
    as_mapping,
    as_moment,
    as_owner,
    as_text,
)
from doorman.algs.sip.calls import (
    NO_TRANSACTION,
    NOT_ASKED,
    Call,
    Dialog,
    Fork,
    Speaker,
    State,
    Transaction,
    Unsettled,
)
from doorman.algs.sip.media import Announced
from doorman.algs.sip.signal_doors import SignalDoor
from doorman.algs.sip.spelling import BARE, PUBLIC, Form, Written
from doorman.net.addresses import Address

FORMAT: Final = 4
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


def write_call(call: Call) -> Plain:
    """All that is known of a call but its owner, who is its key; to be encoded before anything of it changes."""
    return (
        FORMAT,
        call.method,
        call.begun,
        call.state,
        call.tag,
        {dialog.tag: dialog.state for dialog in call.dialogs} or None,
        [[_write_end(end) for end in ends] for ends in call.streams],
        [_write_unsettled(change) for change in call.unsettled],
        call.chosen,
        {tag: _write_fork(fork) for tag, fork in call.forks.items()} if call.forks is not None else None,
        call.offer if call.offer != NO_TRANSACTION else None,
        call.established,
        call.since,
        call.session,
        call.invites,
        call.asked if call.asked != NOT_ASKED else None,
        call.expires,
        [door.key for door in call.signals],
        call.aliases,
        call.caller,
        call.callee,
        call.forget_at,
    )


def read_call(owner: Owner, value: Plain) -> Call:
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
    call.signals = tuple([_read_signal(key) for key in as_list(record["signals"])])
    call.caller, call.callee = as_bytes(record["caller"]), as_bytes(record["callee"])
    if record["aliases"] is not None:
        call.aliases = {user: as_address(host) for user, host in as_mapping(record["aliases"]).items()}
    return call


def read_key(key: Plain, alg: str) -> Owner | Written:
    """Whose record this is.

    Raises:
        DamagedRecord: nobody's.
    """
    kind, whose, via = as_list(key, 3)
    if kind == alg:
        return as_owner(key)
    form = _FORMS.get(as_text(kind))
    if form is None or not isinstance(via, bool):
        raise DamagedRecord("a key")
    return Written(form, as_endpoint(whose), via)


def _read_progress(call: Call, record: Mapping[str, Plain]) -> None:
    call.state = _state(record["state"])
    call.tag = as_bytes(record["tag"])
    if record["dialogs"] is not None:
        dialogs = as_mapping(record["dialogs"]).items()
        call.dialogs = tuple([Dialog(tag, _state(state)) for tag, state in dialogs])
    call.chosen = as_bytes(record["chosen"])
    call.established, call.since = as_moment(record["established"]), as_moment(record["since"])
    call.session = None if record["session"] is None else as_moment(record["session"])
    outbound, inbound = as_list(record["invites"], 2)
    call.invites = as_bytes(outbound), as_bytes(inbound)
    if record["asked"] is not None:
        direction, address = as_list(record["asked"], 2)
        call.asked = (_direction(direction), as_address(address))
    call.expires = None if record["expires"] is None else as_moment(record["expires"])
    call.forget_at = as_moment(record["forget_at"])


def _read_media(call: Call, record: Mapping[str, Plain]) -> None:
    call.streams = tuple([[_read_end(end) for end in as_list(ends, 2)] for ends in as_list(record["streams"])])
    call.unsettled = tuple([_read_unsettled(change, len(call.streams)) for change in as_list(record["unsettled"])])
    call.offer = NO_TRANSACTION if record["offer"] is None else _read_transaction(record["offer"])
    if record["forks"] is not None:
        call.forks = {tag: _read_fork(fork) for tag, fork in as_mapping(record["forks"]).items()}


def _write_end(end: Announced | None) -> Plain:
    return None if end is None else _write_announced(end)


def _write_announced(end: Announced) -> Plain:
    return end.kind, end.receives, [write_flow(flow) for flow in end.flows], end.direction, end.mux


def _write_unsettled(change: Unsettled) -> Plain:
    return change.line, change.end, _write_announced(change.before), change.source, change.transaction


def _write_fork(fork: Fork) -> Plain:
    speaker = fork.speaker
    return [_write_announced(line) for line in fork.announced], (speaker.end, speaker.source, speaker.peer)


def _read_end(value: Plain) -> Announced | None:
    return None if value is None else _read_announced(value)


def _read_announced(value: Plain) -> Announced:
    kind, receives, flows, direction, mux = as_list(value, 5)
    read = tuple(read_flow(flow) for flow in as_list(flows))
    where = None if receives is None else as_endpoint(receives)
    return Announced(as_text(kind), where, read, as_bytes(direction), mux=mux is True)


def _read_unsettled(value: Plain, lines: int) -> Unsettled:
    line, end, before, source, transaction = as_list(value, 5)
    return Unsettled(
        as_integer(line, most=lines - 1),
        _direction(end),
        _read_announced(before),
        as_address(source),
        _read_transaction(transaction),
    )


def _read_transaction(value: Plain) -> Transaction:
    cseq, method, direction = as_list(value, 3)
    return as_bytes(cseq), as_bytes(method), _direction(direction)


def _read_fork(value: Plain) -> Fork:
    announced, speaker = as_list(value, 2)
    end, source, peer = as_list(speaker, 3)
    lines = tuple(_read_announced(line) for line in as_list(announced))
    return Fork(lines, Speaker(_direction(end), as_address(source), as_address(peer)))


def _read_signal(value: Plain) -> SignalDoor:
    protocol, endpoint, visitor = as_list(value, 3)
    who: Address | None = None if visitor is None else as_address(visitor)
    return SignalDoor(as_integer(protocol, most=255), as_endpoint(endpoint), who)


def _state(value: Plain) -> State:
    state = _STATES.get(as_text(value))
    if state is None:
        raise DamagedRecord("a state")
    return state


def _direction(value: Plain) -> Direction:
    return _DIRECTIONS[as_integer(value, most=1)]
