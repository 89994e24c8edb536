"""`ip nat translation max-entries`: how many dynamic translations there may be."""

from dataclasses import replace

from doorman.config.command import Command
from doorman.config.commands.vrf import require_vrf
from doorman.config.commands.words import IP_NAT
from doorman.config.interface_names import natural_order
from doorman.config.model import Config
from doorman.config.validity import require_host
from doorman.net.addresses import Address

_MOST = "1-2147483647"


def _all(config: Config, *, most: int) -> None:
    """Give out at most so many names, in each VRF: ports of shared addresses, addresses; without limit by default."""
    config.max_entries = replace(config.max_entries, all=most)


def _no_all(config: Config) -> None:
    """Go back to no limit."""
    config.max_entries = replace(config.max_entries, all=None)


def _all_host(config: Config, *, most: int) -> None:
    """Give each inside host at most so many names, where no limit of its own is set."""
    config.max_entries = replace(config.max_entries, all_host=most)


def _no_all_host(config: Config) -> None:
    """Go back to no limit."""
    config.max_entries = replace(config.max_entries, all_host=None)


def _host(config: Config, *, address: Address, most: int) -> None:
    """Give one inside host at most so many names, whatever others may have."""
    require_host(address, "address")
    hosts = dict(config.max_entries.hosts) | {address: most}
    config.max_entries = replace(config.max_entries, hosts=tuple(sorted(hosts.items())))


def _no_host(config: Config, *, address: Address) -> None:
    """Let the host have as many as others."""
    kept = tuple(one for one in config.max_entries.hosts if one[0] != address)
    config.max_entries = replace(config.max_entries, hosts=kept)


def _list(config: Config, *, acl: str, most: int) -> tuple[str, str]:
    """Give the inside hosts that the access list permits at most so many names, all together."""
    lists = dict(config.max_entries.lists) | {acl: most}
    ordered = sorted(lists.items(), key=lambda one: natural_order(one[0]))
    config.max_entries = replace(config.max_entries, lists=tuple(ordered))
    return "max-entries", acl


def _no_list(config: Config, *, acl: str) -> None:
    """Remove that limit."""
    kept = tuple(one for one in config.max_entries.lists if one[0] != acl)
    config.max_entries = replace(config.max_entries, lists=kept)


def _all_vrf(config: Config, *, most: int) -> None:
    """Give the inside hosts of each VRF at most so many names, where no limit of its own is set."""
    config.max_entries = replace(config.max_entries, all_vrf=most)


def _no_all_vrf(config: Config) -> None:
    """Go back to no limit."""
    config.max_entries = replace(config.max_entries, all_vrf=None)


def _vrf(config: Config, *, vrf: str, most: int) -> None:
    """Give the inside hosts of one VRF at most so many names, all together."""
    require_vrf(config, vrf)
    vrfs = dict(config.max_entries.vrfs) | {vrf: most}
    config.max_entries = replace(config.max_entries, vrfs=tuple(sorted(vrfs.items())))


def _no_vrf(config: Config, *, vrf: str) -> None:
    """Let the VRF have as many as others."""
    kept = tuple(one for one in config.max_entries.vrfs if one[0] != vrf)
    config.max_entries = replace(config.max_entries, vrfs=kept)


_HELP = IP_NAT | {
    "translation": "NAT translation entry configuration",
    "max-entries": "Specify maximum number of NAT entries",
    "all-host": "Specify maximum number of NAT entries for each host",
    "host": "Specify per-host NAT entry limit",
    "ADDRESS": "Inside local IP address",
    "list": "Specify access list based NAT entry limit",
    "ACL": "Access list number or name",
    "all-vrf": "Specify maximum number of NAT entries for each VRF",
    "vrf": "Specify per-VRF NAT entry limit",
    "VRF": "VPN routing/forwarding instance name",
    "MOST": "Number of entries",
}
_WORDS = "ip nat translation max-entries"

COMMANDS = (
    Command(f"{_WORDS} ~ MOST:{_MOST}", _HELP, _all, _no_all),
    Command(f"{_WORDS} all-host ~ MOST:{_MOST}", _HELP, _all_host, _no_all_host),
    Command(f"{_WORDS} host ADDRESS:ipv4 ~ MOST:{_MOST}", _HELP, _host, _no_host),
    Command(f"{_WORDS} list ACL:access-list ~ MOST:{_MOST}", _HELP, _list, _no_list),
    Command(f"{_WORDS} all-vrf ~ MOST:{_MOST}", _HELP, _all_vrf, _no_all_vrf),
    Command(f"{_WORDS} vrf VRF:word ~ MOST:{_MOST}", _HELP, _vrf, _no_vrf),
)
