"""Every ALG there is, with the ports it serves and its settings unless the configuration says otherwise."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from doorman.algs.api import Alg
from doorman.algs.settings import Settings
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.settings import SipSettings
from doorman.stream.framing import MakeFramer
from doorman.stream.sip import SipFramer


class Service(NamedTuple):
    """One switch of `ip nat service`: an ALG on a transport."""

    alg: str
    transport: Literal["tcp", "udp"]


class Entry(NamedTuple):
    """An ALG.

    Attributes:
        name: its name.
        make: makes it for a set of ports and settings.
        udp, tcp: the ports it serves by default.
        framer: makes its framer for streams.
        settings: its settings by default; what they are there is their class.
        profiles: other ones to start from, by the name of the profile.
    """

    name: str
    make: Callable[[frozenset[int], Settings], Alg]
    udp: frozenset[int]
    tcp: frozenset[int]
    framer: MakeFramer
    settings: Settings
    profiles: Mapping[str, Settings]


REGISTRY = (
    Entry(
        "sip",
        SipAlg,
        udp=frozenset({5060}),
        tcp=frozenset({5060}),
        framer=SipFramer,
        settings=SipSettings(),
        profiles={"ios": SipSettings(max_streams=5)},
    ),
)

DEFAULT_SETTINGS: Mapping[str, Settings] = {entry.name: entry.settings for entry in REGISTRY}

FRAMERS = {entry.name: entry.framer for entry in REGISTRY}

DEFAULT_PORTS: dict[Service, frozenset[int]] = {
    service: ports
    for entry in REGISTRY
    for service, ports in ((Service(entry.name, "tcp"), entry.tcp), (Service(entry.name, "udp"), entry.udp))
}
