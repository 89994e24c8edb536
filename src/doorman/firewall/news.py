"""Lines for the operator about packets that the firewall dropped, or let pass without keeping anything."""

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
