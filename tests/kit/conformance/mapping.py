"""What is the same for all protocols: mapping, filtering, ports, hairpins."""

from collections.abc import Iterable

from kit.conformance.gate import MAKERS, OTHER, PEER, PEERS, PHONE, POOL, Cell, Gate, ends_of, judged

_CROWD = [f"192.168.1.{number}" for number in range(20, 60)]


def independent_mapping(gate: Gate, protocol: str) -> Cell:
    """One name for all peers, also where another host had the port there first."""
    make = MAKERS[protocol]
    kinds = set()
    for peers in (PEERS, PEERS[::-1]):
        gate.begin()
        first = gate.name(make, PHONE, peers[0])
        gate.name(make, OTHER, peers[1])
        names = [first, *(gate.name(make, PHONE, peer) for peer in peers[1:])]
        kinds.add(len(set(names)) == 1 and bool(first))
    return judged(kinds == {True}, "endpoint-independent", "another name where the first is taken at a peer")


def paired(gate: Gate) -> Cell:
    """A host keeps one address of a pool."""
    gate.begin(POOL)
    addresses = [
        {gate.name(make, f"{host}:{port}", peer).partition(":")[0] for make in MAKERS.values() for port, peer in _SOME}
        for host in _CROWD[:8]
    ]
    return judged(all(len(found) == 1 for found in addresses), "paired", "arbitrary")


_SOME = ((5000, PEERS[0]), (80, PEERS[1]), (5001, PEERS[2]))


def overloading(gate: Gate, protocol: str) -> Cell:
    """No name stands for two inside endpoints, whoever they talk to."""
    make = MAKERS[protocol]
    ends = [(f"{host}:{port}", f"198.51.100.{number}:9") for number, host in enumerate(_CROWD, 1) for port in _MANY]
    names = [gate.name(make, *pair) for pair in ends]
    return judged(len(set(names)) == len(names), "none", "two hosts may have one port, for different peers")


_MANY = range(5000, 5025)


def _moved(gate: Gate, protocol: str, port: int) -> Iterable[int]:
    """The ports that hosts get who all want the same one at one peer."""
    make = MAKERS[protocol]
    return [int(gate.name(make, f"{host}:{port}", PEER).rpartition(":")[2] or -1) for host in _CROWD]


def port_range(gate: Gate, protocol: str) -> Cell:
    """Ports below 1024 stay there, others above."""
    low, high = _moved(gate, protocol, 80), _moved(gate, protocol, 5000)
    stays = [all(0 <= port < 1024 for port in low), all(port >= 1024 for port in high)]
    return judged(all(stays), "kept", "ports below 1024 become others" if stays[1] else "not kept")


def parity(gate: Gate, protocol: str) -> Cell:
    """Even ports stay even, odd ones odd."""
    kept = all(port % 2 == wanted % 2 for wanted in (5000, 5001) for port in _moved(gate, protocol, wanted))
    return judged(kept, "kept", "not kept")


def filtering(gate: Gate, protocol: str) -> Cell:
    """Who may send to a name that was used towards one peer."""
    make = MAKERS[protocol]
    name = gate.name(make, PHONE, PEER)
    if gate.comes(make(PEERS[2], name)):
        return Cell("pass", "endpoint-independent")
    return judged(gate.comes(make(PEERS[1], name)), "address-dependent", "address- and port-dependent")


def hairpin(gate: Gate, protocol: str) -> Cell:
    """An inside host reaches a server under its name."""
    left = gate.out(MAKERS[protocol](PHONE, "203.0.113.1:8080"))
    reached = left is not None and ends_of(left.packet)[1] == "192.168.1.6:80"
    return judged(reached, "to static names", "does not arrive")


def hairpin_of_flows(gate: Gate, protocol: str) -> Cell:
    """Two hosts that know each other's name, and send to it both."""
    make = MAKERS[protocol]
    names = [gate.name(make, host, PEER) for host in (PHONE, OTHER)]
    gate.out(make(PHONE, names[1]))
    left = gate.out(make(OTHER, names[0]))
    reached = left is not None and ends_of(left.packet)[1] == PHONE
    return judged(reached, "to names of flows", "not to names of flows")


def hairpin_source(gate: Gate, protocol: str) -> Cell:
    """The server sees the host's name, not its address inside."""
    left = gate.out(MAKERS[protocol](PHONE, "203.0.113.1:8080"))
    source = ends_of(left.packet)[0] if left is not None else "nothing"
    return judged(source.startswith("203.0.113.1:"), "external source", "internal source")
