"""The memory of the RTSP ALG as records: its sessions. A connection ends with the gateway, a session need not.

key         an owner, whose name is "SESSION CLIENT SERVER"
value       [id, client, server, url, begun, state, timeout, until, {url: stream, ...}]

stream      [transport, where the client receives or null, where the server does or null, [entrance, ...]]
entrance    [flow, visitor], see `algs/flows.py`
"""

from doorman.algs.api import Plain
from doorman.algs.flows import read_flow, write_flow
from doorman.algs.records import (
    DamagedRecord,
    as_address,
    as_bytes,
    as_endpoint,
    as_list,
    as_mapping,
    as_owner,
    as_text,
    as_time,
)
from doorman.algs.rtsp.sessions import RtspSession, State
from doorman.algs.rtsp.streams import Entrance, Stream
from doorman.net.addresses import Endpoint

_STATES = {state.value: state for state in State}


def write_session(session: RtspSession) -> Plain:
    """All that is known of a session but its owner, who is its key; to be encoded before anything of it changes."""
    return (
        session.id,
        session.client,
        session.server,
        session.url,
        session.begun,
        session.state,
        session.timeout,
        session.until,
        {name: _write_stream(stream) for name, stream in session.streams.items()},
    )


def read_session(key: Plain, value: Plain, alg: str) -> RtspSession:
    """The session that `write_session` wrote.

    Raises:
        DamagedRecord: it did not write this.
    """
    owner = as_owner(key)
    if owner.alg != alg:
        raise DamagedRecord("an owner of this protocol")
    identity, client, server, url, begun, state, timeout, until, streams = as_list(value, 9)
    session = RtspSession(owner, as_bytes(identity), 0.0)
    session.client, session.server = as_endpoint(client), as_endpoint(server)
    session.url, session.begun = as_bytes(url), as_time(begun)
    session.timeout, session.until = as_time(timeout), as_time(until)
    session.streams = {name: _read_stream(stream) for name, stream in as_mapping(streams).items()}
    known = _STATES.get(as_text(state))
    if known is None:
        raise DamagedRecord("a state")
    session.state = known
    return session


def _write_stream(stream: Stream) -> Plain:
    entrances = [(write_flow(flow), visitor) for flow, visitor in stream.entrances]
    return stream.transport, stream.client, stream.server, entrances


def _read_stream(value: Plain) -> Stream:
    transport, client, server, entrances = as_list(value, 4)
    read = []
    for entrance in as_list(entrances):
        flow, visitor = as_list(entrance, 2)
        read.append(Entrance(read_flow(flow), as_address(visitor)))
    return Stream(as_text(transport), _read_end(client), _read_end(server), tuple(read))


def _read_end(value: Plain) -> Endpoint | None:
    return None if value is None else as_endpoint(value)
