"""Static translations, of whichever side: what all commands about them check."""

from typing import Literal, TypedDict

from doorman.config.command import Refused
from doorman.config.statics import Side, Static, Statics
from doorman.config.validity import host_bits, prefix_length, require_host
from doorman.net.addresses import Address, address_text

SHORTEST_PREFIX = 20
"""Of a network: each of its hosts has an entry in the tables."""

Parameters = dict[Side, str]
"""How the parameters of a command begin that say where a host is (`local`), and what it is called (`global`)."""
OF_INSIDE: Parameters = {"local": "local", "global": "global"}
OF_OUTSIDE: Parameters = {"local": "global", "global": "local"}


class Words(TypedDict, total=False):
    """What may follow in each command about a static translation; what was not typed is not there."""

    vrf: str
    match: Literal["match-in-vrf"]
    route_map: str
    extendable: Literal["extendable"]
    add_route: Literal["add-route"]
    payload: Literal["no-payload"]


class Said(TypedDict):
    """The properties of a rule that these words are about."""

    extendable: bool
    vrf: str | None
    match_in_vrf: bool
    add_route: bool
    route_map: str | None
    no_payload: bool


def said_by(words: Words) -> Said:
    """What they say of a rule."""
    return {
        "extendable": "extendable" in words,
        "vrf": words.get("vrf"),
        "match_in_vrf": "match" in words,
        "add_route": "add_route" in words,
        "route_map": words.get("route_map"),
        "no_payload": "payload" in words,
    }


def network_length(mask: Address | None, length: int | None, **networks: Address) -> int:
    """The length of the prefix of networks by the names of their parameters, given as a mask or as a number.

    Raises:
        Refused: they are too large, or an address is not a network's.
    """
    blamed = "mask" if mask is not None else "length"
    prefix = prefix_length(mask, blamed) if mask is not None else length or 0
    if prefix < SHORTEST_PREFIX:
        most = 1 << (32 - SHORTEST_PREFIX)
        raise Refused(f"% A network of more than {most} addresses (/{SHORTEST_PREFIX}) is not supported", blamed)
    for parameter, address in networks.items():
        require_host(address, parameter)
        if host_bits(address, prefix):
            raise Refused(f"% {address_text(address)} is not the address of a network of /{prefix}", parameter)
    return prefix


def enter(statics: Statics, rule: Static, parameters: Parameters) -> None:
    """Add a translation.

    Raises:
        Refused: another stands in its way.
    """
    obstacle = statics.obstacle(rule)
    if obstacle is not None:
        end = "port" if obstacle.is_port else "ip"
        raise Refused(similar(obstacle.rule), f"{parameters[obstacle.side]}_{end}")
    statics.add(rule)


def remove(statics: Statics, rule: Static) -> None:
    """Take a translation out.

    Raises:
        Refused: there is none.
    """
    if not statics.remove(rule):
        raise Refused("% Translation not found")


def similar(rule: Static) -> str:
    """The message about a static that stands in the way of another."""
    return f"% similar static entry ({rule}) already exists"
