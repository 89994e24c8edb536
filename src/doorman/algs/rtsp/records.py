"""The memory of the RTSP ALG as records: its sessions. A connection ends with the gateway, a session need not.

192.168.1.10 SESSION CLIENT SERVER     {"client": endpoint, "streams": {url: stream, ...}, ...}

stream      [transport, where the client receives or null, where the server does or null, [entrance, ...]]
entrance    [flow, visitor], see `algs/flows.py`
"""

from doorman.algs.api import Json, Owner
from doorman.algs.flows import read_flow, write_flow
from doorman.algs.records import DamagedRecord, as_address, as_bytes, as_endpoint, as_list, as_object, as_text, as_time
from doorman.algs.rtsp.sessions import RtspSession, State
from doorman.algs.rtsp.streams import Entrance, Stream
from doorman.net.addresses import Endpoint, address_text, endpoint_text

_STATES = {state.value: state for state in State}


def session_key(owner: Owner) -> str:
    """The key of a session."""
    return f"{address_text(owner.party)} {owner.name.decode('latin-1')}"


def write_session(session: RtspSession) -> Json:
    """All that is known of a session but its owner, who is its key."""
    return {
        "id": session.id.decode("latin-1"),
        "client": endpoint_text(session.client),
        "server": endpoint_text(session.server),
        "url": session.url.decode("latin-1"),
        "begun": session.begun,
        "state": session.state.value,
        "timeout": session.timeout,
        "until": session.until,
        "streams": {url.decode("latin-1"): _write_stream(stream) for url, stream in session.streams.items()},
    }


def read_session(key: str, value: Json, alg: str) -> RtspSession:
    """The session that `write_session` wrote.

    Raises:
        DamagedRecord: it did not write this.
    """
    party, blank, name = key.partition(" ")
    record = as_object(value)
    if not blank:
        raise DamagedRecord("a session")
    try:
        session = RtspSession(Owner(alg, as_bytes(name), as_address(party)), as_bytes(record["id"]), 0.0)
        session.client, session.server = as_endpoint(record["client"]), as_endpoint(record["server"])
        session.url, session.begun = as_bytes(record["url"]), as_time(record["begun"])
        session.state = _STATES[as_text(record["state"])]
        session.timeout, session.until = as_time(record["timeout"]), as_time(record["until"])
        streams = as_object(record["streams"])
        session.streams = {as_bytes(url): _read_stream(stream) for url, stream in streams.items()}
    except KeyError as missing:
        raise DamagedRecord(str(missing)) from None
    return session


def _write_stream(stream: Stream) -> Json:
    ends = [None if end is None else endpoint_text(end) for end in (stream.client, stream.server)]
    entrances: list[Json] = [[write_flow(flow), address_text(visitor)] for flow, visitor in stream.entrances]
    return [stream.transport, *ends, entrances]


def _read_stream(value: Json) -> Stream:
    transport, client, server, entrances = as_list(value, 4)
    read = []
    for entrance in as_list(entrances):
        flow, visitor = as_list(entrance, 2)
        read.append(Entrance(read_flow(flow), as_address(visitor)))
    return Stream(as_text(transport), _read_end(client), _read_end(server), tuple(read))


def _read_end(value: Json) -> Endpoint | None:
    return None if value is None else as_endpoint(value)
