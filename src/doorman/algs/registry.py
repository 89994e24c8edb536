"""Every ALG there is, with the ports it serves unless the configuration says otherwise."""

from typing import Literal, NamedTuple


class Service(NamedTuple):
    """One switch of `ip nat service`: an ALG on a transport."""

    alg: str
    transport: Literal["tcp", "udp"]


DEFAULT_PORTS: dict[Service, frozenset[int]] = {
    Service("sip", "tcp"): frozenset({5060}),
    Service("sip", "udp"): frozenset({5060}),
}
