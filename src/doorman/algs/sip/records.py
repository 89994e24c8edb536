"""The memory of the SIP ALG as records: its calls and registrations, and how inside hosts wrote themselves.

call 192.168.1.10 7cb1@host          {"method": "INVITE", "state": "confirmed", "streams": [[end, end], ...], ...}
bare 192.168.1.10:5060 via           true

end         null, or [kind, where it receives or null, [flow, ...]]
flow        [role, protocol, entrance, leads to]
"""

from collections.abc import Mapping

from doorman.algs.api import Direction, Json, Owner
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
from doorman.algs.sip.calls import Call, SignalKey, State, Unsettled
from doorman.algs.sip.headers import Bare
from doorman.algs.sip.media import Announced, Flow
from doorman.net.addresses import Address, address_text

FORMAT = 1
"""Of a call's record; of another format none is read."""

_STATES = {state.value: state for state in State}
_DIRECTIONS = tuple(Direction)
_USES = {"via": True, "elsewhere": False}


def call_key(owner: Owner) -> str:
    """The key of a call."""
    return f"call {address_text(owner.party)} {owner.name.decode('latin-1')}"


def bare_key(bare: Bare) -> str:
    """The key of a spelling."""
    return f"bare {bare.endpoint} {'via' if bare.via else 'elsewhere'}"


def write_call(call: Call) -> Json:
    """All that is known of a call but its owner, who is its key."""
    return {
        "format": FORMAT,
        "method": _text(call.method),
        "begun": int(call.begun),
        "state": call.state.value,
        "tag": _text(call.tag),
        "dialogs": None if call.dialogs is None else {_text(tag): state.value for tag, state in call.dialogs.items()},
        "streams": [[_write_end(end) for end in ends] for ends in call.streams],
        "unsettled": [_write_unsettled(change) for change in call.unsettled],
        "invites": [_text(cseq) for cseq in call.invites],
        "asked": None if call.asked is None else [int(call.asked[0]), address_text(call.asked[1])],
        "expires": call.expires,
        "signals": [_write_signal(key) for key in call.signals],
        "aliases": None
        if call.aliases is None
        else {_text(user): address_text(host) for user, host in call.aliases.items()},
        "caller": _text(call.caller),
        "callee": _text(call.callee),
        "forget_at": call.forget_at,
    }


def read_call(owner: Owner, value: Json) -> Call:
    """The call that `write_call` wrote.

    Raises:
        DamagedRecord: it did not write this.
    """
    record = as_object(value)
    try:
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
    except KeyError as missing:
        raise DamagedRecord(str(missing)) from None
    return call


def read_key(key: str, alg: str) -> Owner | Bare:
    """Whose record this is.

    Raises:
        DamagedRecord: nobody's.
    """
    kind, _, name = key.partition(" ")
    if kind == "call":
        party, blank, call_id = name.partition(" ")
        if blank:
            return Owner(alg, as_bytes(call_id), as_address(party))
    elif kind == "bare":
        endpoint, _, use = name.rpartition(" ")
        if use in _USES:
            return Bare(as_endpoint(endpoint), _USES[use])
    raise DamagedRecord("a key")


def _read_progress(call: Call, record: Mapping[str, Json]) -> None:
    call.state = _state(record["state"])
    call.tag = as_bytes(record["tag"])
    if record["dialogs"] is not None:
        dialogs = as_object(record["dialogs"])
        call.dialogs = {as_bytes(tag): _state(state) for tag, state in dialogs.items()}
    call.invites = [as_bytes(cseq) for cseq in as_list(record["invites"], 2)]
    if record["asked"] is not None:
        direction, address = as_list(record["asked"], 2)
        call.asked = (_direction(direction), as_address(address))
    call.expires = None if record["expires"] is None else as_time(record["expires"])
    if record["forget_at"] is None:
        raise DamagedRecord("a time")
    call.forget_at = as_time(record["forget_at"])


def _read_media(call: Call, record: Mapping[str, Json]) -> None:
    call.streams = [[_read_end(end) for end in as_list(ends, 2)] for ends in as_list(record["streams"])]
    call.unsettled = [_read_unsettled(change, len(call.streams)) for change in as_list(record["unsettled"])]


def _write_end(end: Announced | None) -> Json:
    return None if end is None else _write_announced(end)


def _read_end(value: Json) -> Announced | None:
    return None if value is None else _read_announced(value)


def _write_announced(end: Announced) -> Json:
    kind, receives, flows = end
    written: Json = [[role, protocol, str(entrance), str(leads_to)] for role, protocol, entrance, leads_to in flows]
    return [kind, None if receives is None else str(receives), written]


def _read_announced(value: Json) -> Announced:
    kind, receives, flows = as_list(value, 3)
    read = tuple(_read_flow(flow) for flow in as_list(flows))
    return Announced(as_text(kind), None if receives is None else as_endpoint(receives), read)


def _read_flow(value: Json) -> Flow:
    role, protocol, entrance, leads_to = as_list(value, 4)
    return Flow(as_text(role), as_integer(protocol, most=255), as_endpoint(entrance), as_endpoint(leads_to))


def _write_unsettled(change: Unsettled) -> Json:
    cseq, method, direction = change.transaction
    return [
        change.line,
        change.end,
        _write_announced(change.before),
        address_text(change.source),
        [_text(cseq), _text(method), direction],
    ]


def _read_unsettled(value: Json, lines: int) -> Unsettled:
    line, end, before, source, transaction = as_list(value, 5)
    cseq, method, direction = as_list(transaction, 3)
    return Unsettled(
        as_integer(line, most=lines - 1),
        _direction(end),
        _read_announced(before),
        as_address(source),
        (as_bytes(cseq), as_bytes(method), _direction(direction)),
    )


def _write_signal(key: SignalKey) -> Json:
    protocol, endpoint, visitor = key
    return [protocol, str(endpoint), None if visitor is None else address_text(visitor)]


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
