"""What a gateway must know of IPsec to go on after it was started again, see `snapshot`.

    kind       key                                    value
    tunnel     [host, server, SPI out, SPI in]        [name, shared]
    peering    [host, server, name]                   [initiator's SPI, ...]: 8 bytes each

Only whole tunnels are kept: a host that waits for an answer waits anew.
"""

from doorman.algs.api import Plain
from doorman.algs.records import DamagedRecord, as_address, as_bytes, as_integer, as_list
from doorman.engine.results import IpsecChange
from doorman.engine.state import State
from doorman.nat.peerings import MOST_ASSOCIATIONS, Peering, PeeringEnded
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade

TUNNEL, PEERING = "tunnel", "peering"
_LAST_SPI, _IKE_SPI_LENGTH = 0xFFFF_FFFF, 8

Record = tuple[str, Plain, Plain]
"""Kind, key and value; None for what is no more."""


def ipsec_record(change: IpsecChange) -> Record | None:
    """The record that a change makes, or takes away; None where there is nothing to be kept."""
    if not isinstance(change, TunnelMade | TunnelLearnt | TunnelEnded):
        peering = change.peering
        key = peering.host, peering.server, peering.name
        return PEERING, key, None if isinstance(change, PeeringEnded) else list(peering.initiators)
    tunnel = change.tunnel
    if tunnel.outbound is None or tunnel.inbound is None:
        return None
    ends = tunnel.host, tunnel.server, tunnel.outbound, tunnel.inbound
    return TUNNEL, ends, None if isinstance(change, TunnelEnded) else (tunnel.name, tunnel.shared)


def adopt_tunnel(state: State, key: Plain, value: Plain, now: float) -> None:
    """Enter a tunnel again.

    Raises:
        DamagedRecord: it is not what was written.
        Refused: today's configuration makes no such tunnel.
    """
    host, server, outbound, inbound = as_list(key, 4)
    name, shared = as_list(value, 2)
    tunnel = Tunnel(as_address(host), as_address(name), as_address(server), now, shared=shared is True)
    tunnel.outbound, tunnel.inbound = (as_integer(spi, least=1, most=_LAST_SPI) for spi in (outbound, inbound))
    state.tunnels.adopt(tunnel)


def adopt_peering(state: State, key: Plain, value: Plain, now: float) -> None:
    """Enter a peering again; raises as `adopt_tunnel` does."""
    host, server, name = as_list(key, 3)
    peering = Peering(as_address(host), as_address(name), as_address(server), now)
    initiators = as_list(value)
    if len(initiators) > MOST_ASSOCIATIONS:
        raise DamagedRecord("a peering")
    peering.initiators = dict.fromkeys(_initiator(spi) for spi in initiators)
    state.peerings.adopt(peering)


def _initiator(value: Plain) -> bytes:
    spi = as_bytes(value)
    if len(spi) != _IKE_SPI_LENGTH or not any(spi):
        raise DamagedRecord("an SPI")
    return spi
