"""Lines for the operator: of packets that were dropped, or that passed without leaving anything, and of sessions."""

from doorman.net.addresses import Endpoint
from doorman.net.packet import PROTOCOL_NAMES


def packet_line(  # noqa: PLR0913, PLR0917 - what was judged, by whom, and how
    protocol: int, sender: Endpoint, receiver: Endpoint, pair: str, class_map: str, reason: str
) -> str:
    """The line about a packet that was dropped for a reason; with none it passed."""
    packet = f"{PROTOCOL_NAMES.get(protocol, protocol)} packet {sender} => {receiver}"
    where = f"on zone-pair {pair or '(none)'} class {class_map or '(none)'}"
    if not reason:
        return f"%FW-6-PASS_PKT: Passing {packet} {where}"
    return f"%FW-6-DROP_PKT: Dropping {packet} {where} due to {reason}"


def target(pair: str, class_map: str) -> str:
    """Where something happened: at a zone pair, to a class of its policy."""
    return f"(target:class)-({pair}:{class_map})"


def began_line(where: str, protocol: int, ends: tuple[Endpoint, Endpoint]) -> str:
    """The line about a session that began, between its initiator and its responder."""
    return f"%FW-6-SESS_AUDIT_TRAIL_START: {where}:Start {_session(protocol, ends, ('', ''))}"


def ended_line(where: str, protocol: int, ends: tuple[Endpoint, Endpoint], sent: tuple[int, int] | None) -> str:
    """The line about a session that ended; `sent`: how many bytes each of them sent, if they were counted."""
    counted = ("", "") if sent is None else (f" sent {sent[0]} bytes", f" sent {sent[1]} bytes")
    return f"%FW-6-SESS_AUDIT_TRAIL: {where}:Stop {_session(protocol, ends, counted)}"


def _session(protocol: int, ends: tuple[Endpoint, Endpoint], counted: tuple[str, str]) -> str:
    name = PROTOCOL_NAMES.get(protocol, protocol)
    return f"{name} session: initiator ({ends[0]}){counted[0]} -- responder ({ends[1]}){counted[1]}"
