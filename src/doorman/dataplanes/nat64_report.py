"""What an operator sees of NAT64: flows by the addresses of both families, and counters; as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from doorman.config.model import Config
from doorman.config.stand_ins import is_at_work
from doorman.dataplanes.report import Json
from doorman.nat.stand_ins import StandIns
from doorman.net.addresses import Address, Endpoint, address_text, parse_address
from doorman.net.embedding import embed

WAYS: Final = ("to-ipv4", "to-ipv6")
"""Counters of packets that were translated; all others are of those dropped, by reason."""


def nat64_entries(translations: Iterable[Json], stand_ins: StandIns) -> Iterator[Json]:
    """The translations of IPv6 hosts, of all that there are (`inside_global`, … as in `show ip nat translations`).

    Each with `protocol` (None for a host's own name), `inside_ipv6`, `stand_in`, `inside_ipv4`, and of the server
    `outside_ipv6` and `outside_ipv4` (None for both where a name waits for anybody).
    """
    for entry in translations:
        local = _read(entry["inside_local"])
        host = stand_ins.host(local.address) if local is not None else None
        if local is None or host is None:
            continue
        server = _read(entry["outside_global"])
        yield {
            "protocol": entry["protocol"],
            "inside_ipv6": _text(Endpoint(host, local.port)),
            "stand_in": address_text(local.address),
            "inside_ipv4": entry["inside_global"],
            "outside_ipv6": _embedded(server, stand_ins) if server is not None else None,
            "outside_ipv4": entry["outside_global"],
        }


def nat64_counters(config: Config, stand_ins: StandIns, counts: Mapping[str, int], not_enabled: int) -> Json:
    """The counters: `counts` of packets by way or reason, `not_enabled` of those by interfaces without NAT64."""
    prefix, dynamic = config.nat64.prefix, sum(1 for _ in stand_ins)
    drops = Counter({name: count for name, count in counts.items() if name not in WAYS})
    return {
        "prefix": str(prefix) if prefix is not None else None,
        "interfaces": [one.name for one in config.interfaces.values() if one.nat64] if is_at_work(config) else [],
        "hosts": {"static": len(stand_ins) - dynamic, "dynamic": dynamic},
        "to_ipv4": counts.get("to-ipv4", 0),
        "to_ipv6": counts.get("to-ipv6", 0),
        "not_enabled": not_enabled,
        "drops": dict(drops),
    }


def _read(text: str | None) -> Endpoint | None:
    """`A.B.C.D` or `A.B.C.D:PORT`; port -1 where none is told."""
    host, colon, port = (text or "").partition(":")
    address = parse_address(host.encode())
    return Endpoint(address, int(port) if colon else -1) if address is not None else None


def _text(end: Endpoint) -> str:
    return str(end) if end.port >= 0 else address_text(end.address)


def _embedded(server: Endpoint, stand_ins: StandIns) -> str | None:
    if stand_ins.prefix is None:
        return None
    return _text(Endpoint(Address(embed(stand_ins.prefix, server.address)), server.port))
