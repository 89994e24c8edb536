"""What a gateway must know of IPsec to go on after it was started again, see `snapshot`.

    kind       key                                    value
    tunnel     HOST SERVER 00001001 0000a001          ["203.0.113.1", shared]: the SPIs of packets out and in
    peering    HOST SERVER 203.0.113.1                ["0102030405060708", …]: the initiators' SPIs

Only whole tunnels are kept: a host that waits for an answer waits anew.
"""

from doorman.algs.api import Json
from doorman.algs.records import DamagedRecord, as_address, as_list, as_text
from doorman.engine.results import IpsecChange
from doorman.engine.state import State
from doorman.nat.peerings import MOST_ASSOCIATIONS, Peering, PeeringEnded
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelLearnt, TunnelMade
from doorman.net.addresses import address_text

TUNNEL, PEERING = "tunnel", "peering"
_SPI_DIGITS, _IKE_SPI_DIGITS = 8, 16

Record = tuple[str, str, Json]
"""Kind, key and value; None for what is no more."""


def ipsec_record(change: IpsecChange) -> Record | None:
    """The record that a change makes, or takes away; None where there is nothing to be kept."""
    if not isinstance(change, TunnelMade | TunnelLearnt | TunnelEnded):
        peering = change.peering
        key = " ".join(map(address_text, (peering.host, peering.server, peering.name)))
        initiators: Json = [initiator.hex() for initiator in peering.initiators]
        return PEERING, key, None if isinstance(change, PeeringEnded) else initiators
    tunnel = change.tunnel
    if tunnel.outbound is None or tunnel.inbound is None:
        return None
    key = f"{address_text(tunnel.host)} {address_text(tunnel.server)} {tunnel.outbound:08x} {tunnel.inbound:08x}"
    value: Json = [address_text(tunnel.name), tunnel.shared]
    return TUNNEL, key, None if isinstance(change, TunnelEnded) else value


def adopt_tunnel(state: State, key: str, value: Json, now: float) -> None:
    """Enter a tunnel again.

    Raises:
        DamagedRecord: it is not what was written.
        Refused: today's configuration makes no such tunnel.
    """
    host, server, outbound, inbound = as_list(key.split(" "), 4)
    name, shared = as_list(value, 2)
    tunnel = Tunnel(as_address(host), as_address(name), as_address(server), now, shared=shared is True)
    tunnel.outbound, tunnel.inbound = (int.from_bytes(_spi(text, _SPI_DIGITS), "big") for text in (outbound, inbound))
    state.tunnels.adopt(tunnel)


def adopt_peering(state: State, key: str, value: Json, now: float) -> None:
    """Enter a peering again; raises as `adopt_tunnel` does."""
    host, server, name = as_list(key.split(" "), 3)
    peering = Peering(as_address(host), as_address(name), as_address(server), now)
    initiators = as_list(value)
    if len(initiators) > MOST_ASSOCIATIONS:
        raise DamagedRecord("a peering")
    peering.initiators = dict.fromkeys(_spi(initiator, _IKE_SPI_DIGITS) for initiator in initiators)
    state.peerings.adopt(peering)


def _spi(value: Json, digits: int) -> bytes:
    text = as_text(value)
    try:
        spi = bytes.fromhex(text) if len(text) == digits else b""
    except ValueError:
        spi = b""
    if len(spi) * 2 != digits or not any(spi):
        raise DamagedRecord("an SPI")
    return spi
