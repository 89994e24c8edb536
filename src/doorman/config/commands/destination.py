"""`ip nat inside destination list`: TCP connections to a virtual host are shared out among real ones."""

from doorman.config.command import Command, Refused
from doorman.config.commands.words import IP_NAT
from doorman.config.model import Config, DynamicDestination


def _add(config: Config, *, acl: str, pool: str) -> DynamicDestination:
    """Lead each new TCP connection from outside to an address that the list permits to the pool's next host."""
    rule = DynamicDestination(acl, pool)
    for other in config.destinations:
        if other.access_list == acl and other != rule:
            raise Refused("% Dynamic mapping in use, cannot change", "acl")
    if rule not in config.destinations:
        config.destinations.append(rule)
    return rule


def _remove(config: Config, *, acl: str) -> None:
    """Remove the rule; connections that go by it end."""
    for rule in config.destinations:
        if rule.access_list == acl:
            config.destinations.remove(rule)
            return
    raise Refused("% Dynamic mapping not found")


COMMANDS = (
    Command(
        "ip nat inside destination list ACL:access-list ~ pool POOL:word",
        IP_NAT
        | {
            "inside": "Inside address translation",
            "destination": "Destination address translation",
            "list": "Specify access list describing global addresses",
            "ACL": "Access list number or name for the addresses of virtual hosts",
            "pool": "Name pool of local addresses",
            "POOL": "Pool name of the real hosts, of type rotary",
        },
        _add,
        _remove,
    ),
)
