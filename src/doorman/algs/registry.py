"""Every ALG there is, with the ports it serves unless the configuration says otherwise."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from doorman.algs.api import Alg
from doorman.algs.sip.alg import SipAlg
from doorman.stream.framing import MakeFramer
from doorman.stream.sip import SipFramer


class Service(NamedTuple):
    """One switch of `ip nat service`: an ALG on a transport."""

    alg: str
    transport: Literal["tcp", "udp"]


class Entry(NamedTuple):
    """An ALG: its name, how it is made for a set of ports, where it is served by default, its framer for streams."""

    name: str
    make: Callable[[frozenset[int]], Alg]
    udp: frozenset[int]
    tcp: frozenset[int]
    framer: MakeFramer


REGISTRY = (Entry("sip", SipAlg, udp=frozenset({5060}), tcp=frozenset({5060}), framer=SipFramer),)

FRAMERS = {entry.name: entry.framer for entry in REGISTRY}

DEFAULT_PORTS: dict[Service, frozenset[int]] = {
    service: ports
    for entry in REGISTRY
    for service, ports in ((Service(entry.name, "tcp"), entry.tcp), (Service(entry.name, "udp"), entry.udp))
}
