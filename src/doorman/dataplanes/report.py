"""What a replay found, as one JSON object."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from doorman.algs.api import Door, Owner, Shown
from doorman.algs.registry import ENTRIES
from doorman.algs.sip.calls import Call
from doorman.dataplanes.access_report import applied_entries
from doorman.dataplanes.alg_counts import counted_rows
from doorman.dataplanes.replay import Asymmetry, DoorRecord, Replay
from doorman.dataplanes.zone_report import counts_in, zone_pair_entries
from doorman.engine.engine import Engine
from doorman.nat.bindings import Binding
from doorman.nat.peerings import Peering
from doorman.nat.rules import Rules
from doorman.nat.sessions import Session
from doorman.nat.tunnels import Tunnel
from doorman.net.addresses import Endpoint, address_text
from doorman.net.packet import PROTOCOL_NAMES, UDP, parse_packet
from doorman.wire.ike import PORT as IKE_PORT

Json = dict[str, Any]


def report(replay: Replay) -> Json:
    """The whole report; its keys are part of the interface and listed in docs/replay.md."""
    engine, counts = replay.engine, replay.counts
    state = engine.state
    return {
        "packets": {
            "read": counts.read,
            "from_inside": counts.from_inside,
            "from_outside": counts.from_outside,
            "written": counts.written,
            "passed": counts.passed,
            "dropped": counts.dropped,
        },
        "messages": {alg: dict(sorted(counter.items())) for alg, counter in engine.inspector.messages.items()},
        "statistics": {alg: counted_rows(alg, seen) for alg, seen in engine.inspector.seen.items()},
        "rewritten": replay.rewritten.total(),
        "rewritten_by": dict(sorted((+replay.rewritten).items())),
        "asymmetries": [_asymmetry(asymmetry) for asymmetry in replay.asymmetries],
        "drops": [{"packet": drop.packet, "reason": drop.reason} for drop in replay.drops],
        "notes": dict(sorted((Counter(state.notes) + replay.notes).items())),
        "translations": [
            *(binding_entry(one) for one in (*state.bindings, *state.outside) if not one.sessions or one.static),
            *inward_entries(state.rules),
            *(session_entry(session) for session in state.sessions if not session.is_level),
            *(entry for tunnel in state.tunnels for entry in tunnel_entries(tunnel)),
            *(peering_entry(peering) for peering in state.peerings),
        ],
        "doors": [door_record_entry(record) for record in replay.doors],
        "calls": [call_entry(call) for call in replay.touched if isinstance(call, Call) and call.method == b"INVITE"],
        "sessions": {
            alg: list(session_entries(engine, alg, replay.now)) for alg in engine.inspector.algs if has_sessions(alg)
        },
        "access_lists": list(applied_entries(engine.access)),
        "zone_pairs": list(_zone_pairs(engine)),
        "firewall_log": [told.line for told in engine.screen.firewall.told] if engine.screen is not None else [],
    }


def _zone_pairs(engine: Engine) -> Iterator[Json]:
    """The zone pairs at the end of the capture."""
    screen = engine.screen
    if screen is not None:
        firewall = screen.firewall
        yield from zone_pair_entries(firewall.config, counts_in(screen), firewall.sessions, firewall.now)


def protocol_name(number: int) -> str:
    """The name of an IP protocol, or its number."""
    return PROTOCOL_NAMES.get(number, str(number))


def has_sessions(alg: str) -> bool:
    """Whether an ALG has a table of sessions."""
    return bool(ENTRIES[alg].sessions)


def session_entries(engine: Engine, alg: str, now: float) -> Iterator[Json]:
    """The sessions that an ALG follows, see `Alg.sessions`, as far as they can be shown: bytes are escaped."""
    known = engine.inspector.algs.get(alg)
    for session in known.sessions(now) if known is not None else ():
        yield {key: _shown(session[key]) for key in ENTRIES[alg].sessions}


def _shown(value: Shown) -> str | float | None:
    if isinstance(value, bytes):
        return shown(value)
    return str(value) if isinstance(value, Endpoint) else value


def label(owner: Owner) -> str:
    """Whose a door is, such as `sip 7cb1@host`; bytes that are not printable ASCII are escaped."""
    return f"{owner.alg} {shown(owner.name)}"


def shown(data: bytes) -> str:
    """Bytes of a message as text for a terminal or a report: printable ASCII as it is, all else escaped."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in data)  # noqa: PLR2004 - printable


def flow(data: bytes) -> str:
    """Protocol and ends of a packet, such as `udp 192.168.1.10:5060 -> 198.51.100.20:5060`."""
    packet = parse_packet(data)
    if packet is None:
        return f"not a whole packet: {len(data)} bytes"
    ends = (
        str(end) if packet.has_ports and not packet.is_query else address_text(end.address)
        for end in (packet.sender, packet.receiver)
    )
    return f"{protocol_name(packet.protocol)} {' -> '.join(ends)}"


def binding_entry(binding: Binding) -> Json:
    """A binding as a line of `show ip nat translations`."""
    whole = binding.protocol == 0
    local, name = (_host(end) if whole else str(end) for end in (binding.local, binding.global_))
    inside, outside = ((None, None), (name, local)) if binding.outside else ((name, local), (None, None))
    return {
        "protocol": None if whole else protocol_name(binding.protocol),
        "inside_global": inside[0],
        "inside_local": inside[1],
        "outside_local": outside[0],
        "outside_global": outside[1],
    }


def session_entry(session: Session) -> Json:
    """A session as a line of `show ip nat translations`."""
    ends = session.inside_global, session.inside_local, session.outside_local, session.outside_global
    return translation_entry(session.protocol, ends)


def translation_entry(protocol: int, ends: tuple[Endpoint, Endpoint, Endpoint, Endpoint]) -> Json:
    """A flow by its four ends, in the order of the columns, as a line of `show ip nat translations`."""
    names = "inside_global", "inside_local", "outside_local", "outside_global"
    return {"protocol": protocol_name(protocol)} | dict(zip(names, map(str, ends), strict=True))


def tunnel_entries(tunnel: Tunnel) -> Iterator[Json]:
    """A tunnel as lines of `show ip nat translations`, one for each SPI, in hexadecimal at the end that sends it."""
    server, name, host = map(address_text, (tunnel.server, tunnel.name, tunnel.host))
    whom = {"protocol": "esp", "inside_global": f"{name}:0", "outside_local": f"{server}:0"}
    if tunnel.outbound is not None:
        yield whom | {"inside_local": f"{host}:0", "outside_global": f"{server}:{tunnel.outbound:X}"}
    if tunnel.inbound is not None:
        yield whom | {"inside_local": f"{host}:{tunnel.inbound:X}", "outside_global": f"{server}:0"}


def peering_entry(peering: Peering) -> Json:
    """IKE that keeps its port as a line of `show ip nat translations`."""
    server = Endpoint(peering.server, IKE_PORT)
    return translation_entry(UDP, (Endpoint(peering.name, IKE_PORT), Endpoint(peering.host, IKE_PORT), server, server))


def inward_entries(rules: Rules) -> Iterator[Json]:
    """Static translations of ESP as lines of `show ip nat translations`."""
    for name, local in rules.ipsec.inward.items():
        ends = {"inside_global": f"{address_text(name)}:0", "inside_local": f"{address_text(local)}:0"}
        yield {"protocol": "esp"} | ends | {"outside_local": None, "outside_global": None}


def door_entry(door: Door) -> Json:
    """A door: whose it is, whom it lets in, and where to."""
    return {
        "label": label(door.owner),
        "role": door.role,
        "transport": protocol_name(door.protocol),
        "visitor": address_text(door.visitor) if door.visitor is not None else None,
        "entrance": str(door.entrance),
        "leads_to": str(door.leads_to),
    }


def call_entry(call: Call) -> Json:
    """A call of the SIP ALG with its dialogs and streams."""
    return {
        "call_id": shown(call.owner.name),
        "inside_party": address_text(call.owner.party),
        "from": shown(call.caller),
        "to": shown(call.callee),
        "state": call.state.value,
        "dialogs": {shown(dialog.tag): dialog.state.value for dialog in call.dialogs},
        "streams": [
            {
                "kind": next(end.kind for end in ends if end is not None),
                "inside": _end(ends[0]),
                "outside": _end(ends[1]),
            }
            for ends in call.streams
        ],
    }


def registration_entry(call: Call) -> Json:
    """A registration that the SIP ALG keeps; its user is who is registered, by whomever (RFC 3261, section 10.2)."""
    return {
        "call_id": shown(call.owner.name),
        "inside_party": address_text(call.owner.party),
        "user": shown(call.callee),
        "state": call.state.value,
    }


def _asymmetry(asymmetry: Asymmetry) -> Json:
    return {
        "packet": asymmetry.packet,
        "captured": _packet_text(asymmetry.captured),
        "delivered": _packet_text(asymmetry.delivered),
    }


def _packet_text(data: bytes) -> str:
    """The endpoints and the payload of a packet, with everything unprintable but line ends escaped."""
    packet = parse_packet(data)
    if packet is None:
        return shown(data)
    lines = packet.payload.split(b"\n")
    return f"{packet.sender} -> {packet.receiver}\n" + "\n".join(shown(line.removesuffix(b"\r")) for line in lines)


def _host(endpoint: Endpoint) -> str:
    return address_text(endpoint.address)


def door_record_entry(record: DoorRecord) -> Json:
    """A door of a replay, with its life in packet numbers."""
    return door_entry(record.door) | {
        "opened_at_packet": record.opened_at,
        "promoted_at_packet": record.promoted_at or None,
        "closed_at_packet": record.closed_at or None,
    }


def _end(end: Any) -> str | None:  # noqa: ANN401 - see the module's Json
    return str(end.receives) if end is not None and end.receives is not None else None
