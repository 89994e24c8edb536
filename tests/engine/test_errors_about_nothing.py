"""ICMP errors about packets that nothing translates: they go on as they came, if one can tell that."""

from doorman.engine.results import Side
from kit.gateway import INTERFACES, OVERLOAD, gateway
from kit.packets import icmp_error, tcp, udp

HOST, PEER = "192.168.1.7", "198.51.100.7"
PORT = INTERFACES + f"ip nat inside source static tcp {HOST} 80 203.0.113.7 80\n"
FIREWALL = INTERFACES + (
    "zone security LAN\nzone security WAN\nclass-map type inspect match-any C\n match protocol udp\n"
    "policy-map type inspect OUT\n class type inspect C\n  inspect\n"
    "policy-map type inspect IN\n class class-default\n  pass\n"
    "zone-pair security OUT source LAN destination WAN\n service-policy type inspect OUT\n"
    "zone-pair security IN source WAN destination LAN\n service-policy type inspect IN\n"
    "interface in0\n zone-member security LAN\ninterface out0\n zone-member security WAN\n"
)


def test_of_a_host_with_single_names_a_quote_must_tell_the_port() -> None:
    """It would show the address of the host, if it were about the port that has a name."""
    gate = gateway(PORT)
    asked = tcp(f"{PEER}:9", f"{HOST}:81")
    assert gate.inside(icmp_error(HOST, PEER, asked)).startswith("passed outside: ")
    assert gate.inside(icmp_error(HOST, PEER, asked[:20])) == "dropped: icmp-error-without-session"
    assert gate.inside(icmp_error(HOST, PEER, tcp(f"{PEER}:9", f"{HOST}:80"))).startswith("dropped: ")


def test_a_damaged_one_about_a_flow_without_names_is_judged_as_any_packet() -> None:
    gate = gateway(FIREWALL)
    assert gate.inside(udp(f"{HOST}:9", f"{PEER}:9")).startswith("outside: ")
    error = icmp_error(PEER, HOST, udp(f"{HOST}:9", f"{PEER}:9"))
    damaged = error[:22] + bytes([error[22] ^ 0x10]) + error[23:]
    gate.engine.receive(damaged, Side.OUTSIDE, gate.now)
    assert not gate.engine.drops
    other = gateway(FIREWALL.replace("  pass\n", "  drop\n"))
    other.inside(udp(f"{HOST}:9", f"{PEER}:9"))
    other.engine.receive(damaged, Side.OUTSIDE, other.now)
    assert sum(other.engine.drops.values()) == 1


def test_of_a_host_with_single_names_a_damaged_one_tells_nothing() -> None:
    gate = gateway(PORT)
    error = icmp_error(HOST, PEER, tcp(f"{PEER}:9", f"{HOST}:81"))
    assert gate.inside(error).startswith("passed outside: ")
    gate.engine.receive(error[:22] + bytes([error[22] ^ 0x10]) + error[23:], Side.INSIDE, gate.now)
    assert gate.engine.drops["icmp-error-without-session"] == 1


def test_ports_tell_the_flow_where_nothing_is_translated() -> None:
    """An error must quote 8 bytes behind the header (RFC 792); to translate fewer is no use, the checksum is behind."""
    drops = FIREWALL.replace("  pass\n", "  drop\n")
    for cut, verdict in ((24, "inside: "), (23, "dropped: ")):
        gate = gateway(drops)
        asked = udp(f"{HOST}:9", f"{PEER}:9")
        assert gate.inside(asked).startswith("outside: ")
        assert gate.outside(icmp_error(PEER, HOST, asked[:cut])).startswith(verdict)
    gate = gateway(OVERLOAD)
    gate.inside(udp(f"{HOST}:9", f"{PEER}:9"))
    told = icmp_error(PEER, "203.0.113.1", udp("203.0.113.1:9", f"{PEER}:9")[:27])
    assert gate.outside(told) == "dropped: icmp-error-without-quote"
