"""IPsec through a shared address: ESP by SPI, IKE with its port preserved; see docs/ipsec.md."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from doorman.config.command import Command, Refused
from doorman.config.commands.words import INSIDE_SOURCE, IP_NAT
from doorman.config.interface_names import natural_order
from doorman.config.model import Config
from doorman.config.validity import require_host
from doorman.net.addresses import Address, address_text

_Lists = Literal["spi_match", "preserve_port"]


def _enable(config: Config) -> None:
    """Tell ESP of hosts that share an address apart by SPI, as is the default."""
    config.ipsec = replace(config.ipsec, esp=True)


def _disable(config: Config) -> None:
    """Drop ESP of hosts that share an address: it has no ports."""
    config.ipsec = replace(config.ipsec, esp=False)


def _match_spis(config: Config, *, acl: str) -> tuple[str, str]:
    """Let the hosts that the access list permits wait for one server together: their SPIs tell whose an answer is."""
    return _add_list("spi_match", config, acl)


def _preserve_port(config: Config, *, acl: str) -> tuple[str, str]:
    """Keep port 500 of IKE for the hosts that the access list permits: cookies and SPIs tell them apart."""
    return _add_list("preserve_port", config, acl)


def _add_list(field: _Lists, config: Config, acl: str) -> tuple[str, str]:
    _set_lists(field, config, {*getattr(config.ipsec, field), acl})
    return field, acl


def _remove_list(field: _Lists, config: Config, *, acl: str) -> None:
    _set_lists(field, config, {*getattr(config.ipsec, field)} - {acl})


def _set_lists(field: _Lists, config: Config, names: set[str]) -> None:
    changed: dict[str, Any] = {field: tuple(sorted(names, key=natural_order))}
    config.ipsec = replace(config.ipsec, **changed)


def _no_list(field: _Lists) -> Callable[..., None]:
    function = partial(_remove_list, field)
    function.__doc__ = "Treat the hosts of the list as others."
    return function


def _add_inward(config: Config, *, local_ip: Address, interface: str) -> tuple[str, str]:
    """Lead ESP that comes to the address of an interface, and is nobody else's, to an inside host."""
    require_host(local_ip, "local_ip")
    inward = dict(config.ipsec.inward)
    if inward.get(interface, local_ip) != local_ip:
        other = f"esp {address_text(inward[interface])} -> {interface}"
        raise Refused(f"% similar static entry ({other}) already exists", "interface")
    if any(local == local_ip and name != interface for name, local in inward.items()):
        raise Refused(f"% similar static entry (esp {address_text(local_ip)}) already exists", "local_ip")
    _set_inward(config, inward | {interface: local_ip})
    return "esp", interface


def _remove_inward(config: Config, *, local_ip: Address, interface: str) -> None:
    """Remove the translation."""
    inward = dict(config.ipsec.inward)
    if inward.pop(interface, None) != local_ip:
        raise Refused("% Translation not found")
    _set_inward(config, inward)


def _set_inward(config: Config, inward: dict[str, Address]) -> None:
    ordered = sorted(inward.items(), key=lambda one: natural_order(one[0]))
    config.ipsec = replace(config.ipsec, inward=tuple(ordered))


def _match_ends(config: Config) -> None:
    """Of no effect here: it is for the ends of a tunnel, which then choose SPIs that tell whose they are."""
    config.ipsec = replace(config.ipsec, ends_match=True)


def _no_match_ends(config: Config) -> None:
    """Of no effect here."""
    config.ipsec = replace(config.ipsec, ends_match=False)


_SERVICE = IP_NAT | {
    "service": "Special translation for application using non-standard port",
    "ipsec-esp": "IPsec ESP of hosts that share an address",
    "enable": "Tell it apart by SPI",
    "list": "Specify access list describing inside hosts",
    "ACL": "Access list number or name",
    "esp": "IPsec ESP",
    "spi-match": "SPIs of both directions are related",
    "ike": "Internet Key Exchange",
    "preserve-port": "Preserve the UDP port in IKE packets",
}
_STATIC = INSIDE_SOURCE | {
    "static": "Specify static local->global mapping",
    "esp": "IPsec ESP (tunnel mode) support",
    "LOCAL-IP": "Inside local IP address",
    "interface": "Specify interface for global address",
    "INTERFACE": "Interface whose address is the global one",
}
_ENDS = {
    "crypto": "Encryption module",
    "ipsec": "Configure IPsec policy",
    "nat-transparency": "IPsec NAT transparency model",
    "spi-matching": "Match inbound SPI to outbound SPI, at the ends of a tunnel",
}

COMMANDS = (
    Command("ip nat service ipsec-esp enable", _SERVICE, _enable, _disable),
    Command("ip nat service list ACL:access-list esp spi-match", _SERVICE, _match_spis, _no_list("spi_match")),
    Command(
        "ip nat service list ACL:access-list ike preserve-port", _SERVICE, _preserve_port, _no_list("preserve_port")
    ),
    Command(
        "ip nat inside source static esp LOCAL-IP:ipv4 interface INTERFACE:interface",
        _STATIC,
        _add_inward,
        _remove_inward,
    ),
    Command("crypto ipsec nat-transparency spi-matching", _ENDS, _match_ends, _no_match_ends),
)
