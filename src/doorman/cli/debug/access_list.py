"""What `log` at the end of a line of an access list tells, in the words of IOS.

%SEC-6-IPACCESSLOGP: list WORLD denied udp 198.51.100.7(4000) -> 203.0.113.1(9999), 1 packet
"""

from doorman.config.access_lists import Traffic
from doorman.config.protocol_names import protocol_text
from doorman.net.addresses import address_text
from doorman.net.packet import ICMP, TCP, UDP


def access_line(name: str, action: str, traffic: Traffic, packets: int, interface: str = "") -> str:
    """The line about packets of one kind that a list denied or permitted; `interface` where `log-input` asks for it."""
    source, destination = address_text(traffic.source), address_text(traffic.destination)
    said = f"list {name} {action} {protocol_text(traffic.protocol)}"
    via = f" ({interface})" if interface else ""
    counted = f"{packets} packet{'' if packets == 1 else 's'}"
    if traffic.protocol in {TCP, UDP}:
        ends = f"{source}({_port(traffic.source_port)}){via} -> {destination}({_port(traffic.destination_port)})"
        return f"%SEC-6-IPACCESSLOGP: {said} {ends}, {counted}"
    if traffic.protocol == ICMP and traffic.icmp_type >= 0:
        message = f"({traffic.icmp_type}/{traffic.icmp_code})"
        return f"%SEC-6-IPACCESSLOGDP: {said} {source}{via} -> {destination} {message}, {counted}"
    return f"%SEC-6-IPACCESSLOGNP: {said} {source}{via} -> {destination}, {counted}"


def _port(port: int) -> int:
    """A port; 0 where the packet was too short to have one, as IOS has it."""
    return max(port, 0)
