"""Who a new TCP connection is between: the NAT's part of it, as `Engine` has it for the first packet of a flow.

from inside:  binding (made if a rule says so) -> outside; or, to a global name of ours, back in (hairpin)
from outside: session? -> static name? virtual host (whose turn is it)? -> else door (promoted) -> inside
"""

from doorman.algs.api import Direction, Path, Refused
from doorman.engine.clearance import Clearance
from doorman.engine.connections import Connection, Limits, Passage
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.engine.screen import level_session
from doorman.engine.streams import passage_of
from doorman.nat.bindings import WHOLE_HOST, Binding, untranslated
from doorman.nat.selection import Towards
from doorman.nat.sessions import Session, flow_key
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP

_OUTBOUND, _INBOUND = Direction
_ACK = 16


def connect(  # noqa: PLR0913 - what a packet says of itself, and how it is treated
    engine: Engine, sender: Endpoint, receiver: Endpoint, side: Side, now: float, *, limits: Limits | None = None
) -> Connection:
    """Let a connection through, or refuse it: its flows are entered, and the door it came by has been used.

    Args:
        engine: whose gateway it goes through.
        sender: the client, as its first packet has it on arrival.
        receiver: where that packet wants to go.
        side: where it came from.
        now: the time in seconds.
        limits: how the streams are cut, if not as the settings of the ALG say.

    Raises:
        Refused: it may not pass (`no-translation`, `no-session-or-door`, `spoofed-source`), or there is no name left
            for it; that is counted in the engine's drops.
    """
    try:
        if side == Side.INSIDE:
            return _from_inside(engine, sender, receiver, now, limits)
        return _from_outside(engine, sender, receiver, now, limits)
    except Refused as refused:
        engine.drops[str(refused)] += 1
        raise


def _from_inside(engine: Engine, sender: Endpoint, receiver: Endpoint, now: float, limits: Limits | None) -> Connection:
    state, alg = engine.state, engine.inspector.alg_for(TCP, sender.port, receiver.port)
    if not state.rules.is_inside(sender.address) or state.rules.is_inside(receiver.address):
        return _untouched(engine, sender, receiver, Side.INSIDE, now, limits)
    outside = state.outside.by_global(TCP, receiver)
    towards = Towards(TCP, sender.port, outside.inward(receiver) if outside is not None else receiver)
    binding = state.binding_of(TCP, sender, towards)
    made = [] if binding is not None else state.bindings.bind(TCP, sender, towards)
    if binding is None and not made and outside is None:  # without a translation; its doors may matter all the same
        return _plain(engine, sender, receiver, Side.INSIDE, now, limits, alg)
    binding = binding or (made[0] if made else untranslated(sender.address))
    session = Session(TCP, binding, sender, towards.remote, outside)
    session.alg = alg
    session.hairpin = state.rules.owns(receiver.address)
    if not session.hairpin:
        _judge(engine, session, made, now, outward=True)
    state.sessions.add(session, now)
    if not session.hairpin:
        return _connection(engine, [(session, _OUTBOUND)], limits, now)
    try:
        binding = state.bindings.by_global(TCP, receiver)
        inward = _inward(engine, session.inside_global, receiver, binding, now)
    except Refused:
        state.end_session(session, now)
        raise
    return _connection(engine, [(session, _OUTBOUND), (inward, _INBOUND)], limits, now)


def _from_outside(
    engine: Engine, sender: Endpoint, receiver: Endpoint, now: float, limits: Limits | None
) -> Connection:
    state = engine.state
    if state.rules.is_spoofed(sender.address):
        raise Refused("spoofed-source")
    renamed = state.rules.outside.gives_name(sender.address) and state.rules.is_inside(receiver.address)
    binding = state.bindings.by_global(TCP, receiver) or state.share_out(receiver)
    if binding is None and not renamed:
        return _untouched(engine, sender, receiver, Side.OUTSIDE, now, limits)
    return _connection(engine, [(_inward(engine, sender, receiver, binding, now), _INBOUND)], limits, now)


def _untouched(  # noqa: PLR0913, PLR0917 - see `connect`
    engine: Engine, sender: Endpoint, receiver: Endpoint, side: Side, now: float, limits: Limits | None
) -> Connection:
    """A connection that no rule is about; those to the gateway itself go nowhere."""
    if engine.state.rules.owns(receiver.address):
        raise Refused("no-translation")
    alg = engine.inspector.alg_for(TCP, sender.port, receiver.port) if engine.screen is not None else None
    return _plain(engine, sender, receiver, side, now, limits, alg)


def _plain(  # noqa: PLR0913, PLR0917 - see `connect`
    engine: Engine,
    sender: Endpoint,
    receiver: Endpoint,
    side: Side,
    now: float,
    limits: Limits | None,
    alg: str | None,
) -> Connection:
    """A connection without a translation, whose messages may open doors all the same: behind a firewall, both ends'."""
    outward = side == Side.INSIDE
    session = level_session(TCP, *((sender, receiver) if outward else (receiver, sender)))
    door = engine.screen.connect(session, now, outward=outward) if engine.screen is not None else None
    if door is not None and door.inspect_as is not None:
        alg = door.inspect_as
    there, back = Path(sender, receiver, sender, receiver), Path(receiver, sender, receiver, sender)
    client, server = (_OUTBOUND, _INBOUND) if outward else (_INBOUND, _OUTBOUND)
    looks: tuple[list[Passage], list[Passage]] = ([], [])
    if alg is not None:
        looks[0].append(Passage(alg, None, client, there, of_client=True))
        looks[1].append(Passage(alg, None, server, back))
    return Connection(engine, Clearance(engine, session, outward=outward), (), looks, (sender, receiver), limits)


def _inward(engine: Engine, sender: Endpoint, receiver: Endpoint, binding: Binding | None, now: float) -> Session:
    """The session of a flow that comes in, by a name if it has one."""
    state = engine.state
    if binding is None and not state.rules.is_inside(receiver.address):
        raise Refused("no-translation")
    binding = binding or untranslated(receiver.address)
    known = state.sessions.inward.get(flow_key(TCP, sender, receiver))
    door = state.doors.find(TCP, receiver, sender.address, now)
    if known is None and door is None and not binding.static and binding.protocol != WHOLE_HOST:
        raise Refused("no-session-or-door")
    outside, made = state.name_outside(TCP, sender)
    session = Session(TCP, binding, binding.inward(receiver), sender, outside)
    session.alg = door.inspect_as if door is not None else None
    session.alg = session.alg or engine.inspector.alg_for(TCP, sender.port, session.inside_local.port)
    session.hairpin = state.rules.owns(sender.address)
    session.by_door = door
    _judge(engine, session, made, now, outward=False)
    state.sessions.add(session, now)
    state.keep(made, now)
    if door is not None:
        state.promote(door)
    return session


def _judge(engine: Engine, session: Session, made: list[Binding], now: float, *, outward: bool) -> None:
    """Ask the firewall about a flow; where it refuses, nobody has the names that were made for it."""
    if engine.screen is None:
        return
    try:
        engine.screen.connect(session, now, outward=outward)
    except Refused:
        for one in made:
            (engine.state.outside if one.outside else engine.state.bindings).free(one)
        raise


def _connection(
    engine: Engine, chain: list[tuple[Session, Direction]], limits: Limits | None, now: float
) -> Connection:
    """A connection by the flows it passes, from the client on."""
    for session, _ in chain:
        engine.state.sessions.see_flags(session, _ACK)  # open: it lives as long as it is used
    client = [passage_of(session, direction, of_client=True) for session, direction in chain]
    server = [passage_of(session, Direction(1 - direction)) for session, direction in reversed(chain)]
    last = client[-1].path
    sessions = tuple(session for session, _ in chain)
    looks = [look for look in client if look.alg], [look for look in server if look.alg]
    judged, way = chain[-1]
    clearance = Clearance(engine, judged, outward=way == _OUTBOUND)
    connection = Connection(engine, clearance, sessions, looks, (last.arrives_from, last.arrives_to), limits)
    connection.begin(now)
    return connection
