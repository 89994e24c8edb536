"""The modes of configuration, each with its command tree, which is built when it is first needed."""

from functools import cached_property

from doorman.config.command import Command
from doorman.config.commands import (
    access_list,
    class_map,
    destination,
    dynamic_source,
    hostname,
    interface,
    ipsec,
    ipv6_list,
    max_entries,
    message_policy,
    mode,
    nat64,
    object_group,
    outside_source,
    parameter_map,
    policy_map,
    pool,
    port_map,
    route_map,
    service,
    static_source,
    translation,
    vrf,
    zone,
)
from doorman.config.message_forms import FORMS
from doorman.config.tree import CommandTree

EXIT = Command("exit", {"exit": "Exit from the current mode"}, lambda: None)
END = Command("end", {"end": "Exit from configure mode"}, lambda: None)

LEAVING = (EXIT, *vrf.FAMILY_COMMANDS)
"""The commands that lead back to the mode around."""


class Mode:
    """A set of commands under a name, with what the prompt shows after the host's name."""

    def __init__(self, name: str, prompt: str, *commands: Command) -> None:
        self.name = name
        self.prompt = prompt
        self.commands = (*commands, EXIT, END)

    @cached_property
    def tree(self) -> CommandTree:
        """The command tree."""
        return CommandTree(self.commands)


CONFIGURE = Mode(
    "configure",
    "(config)#",
    *hostname.COMMANDS,
    *vrf.COMMANDS,
    *interface.COMMANDS,
    *service.COMMANDS,
    *translation.COMMANDS,
    *max_entries.COMMANDS,
    *pool.COMMANDS,
    *dynamic_source.COMMANDS,
    *static_source.COMMANDS,
    *ipsec.COMMANDS,
    *destination.COMMANDS,
    *route_map.COMMANDS,
    *outside_source.COMMANDS,
    *nat64.COMMANDS,
    *access_list.COMMANDS,
    *ipv6_list.COMMANDS,
    *object_group.COMMANDS,
    *port_map.COMMANDS,
    *parameter_map.COMMANDS,
    *class_map.COMMANDS,
    *message_policy.COMMANDS,
    *policy_map.COMMANDS,
    *zone.COMMANDS,
)

INTERFACE = Mode(
    "interface",
    "(config-if)#",
    *interface.INTERFACE_COMMANDS,
    *vrf.INTERFACE_COMMANDS,
    *mode.INTERFACE_COMMANDS,
    *zone.INTERFACE_COMMANDS,
    *nat64.INTERFACE_COMMANDS,
)

VRF = Mode("vrf", "(config-vrf)#", *vrf.VRF_COMMANDS)

VRF_FAMILY = Mode("vrf-family", "(config-vrf-af)#", *vrf.FAMILY_COMMANDS)

ROUTE_MAP = Mode("route-map", "(config-route-map)#", *route_map.ROUTE_MAP_COMMANDS)

POOL = Mode("pool", "(config-ipnat-pool)#", *pool.POOL_COMMANDS)

STANDARD_LIST = Mode("standard-list", "(config-std-nacl)#", *access_list.STANDARD_COMMANDS)

EXTENDED_LIST = Mode("extended-list", "(config-ext-nacl)#", *access_list.EXTENDED_COMMANDS)

IPV6_LIST = Mode("ipv6-list", "(config-ipv6-acl)#", *ipv6_list.IPV6_LIST_COMMANDS)

NETWORK_GROUP = Mode("network-group", "(config-network-group)#", *object_group.NETWORK_COMMANDS)

SERVICE_GROUP = Mode("service-group", "(config-service-group)#", *object_group.SERVICE_COMMANDS)

PARAMETER_MAP = Mode("parameter-map", "(config-profile)#", *parameter_map.PARAMETER_MAP_COMMANDS)

CLASS_MAP = Mode("class-map", "(config-cmap)#", *class_map.CLASS_MAP_COMMANDS)

POLICY_MAP = Mode("policy-map", "(config-pmap)#", *policy_map.POLICY_MAP_COMMANDS)

POLICY_CLASS = Mode("policy-class", "(config-pmap-c)#", *policy_map.POLICY_CLASS_COMMANDS)

ZONE = Mode("zone", "(config-sec-zone)#", *zone.ZONE_COMMANDS)

ZONE_PAIR = Mode("zone-pair", "(config-sec-zone-pair)#", *zone.ZONE_PAIR_COMMANDS)

REGEX = Mode("regex", "(config-profile)#", *message_policy.REGEX_COMMANDS)


def _of_messages(protocol: str) -> tuple[Mode, ...]:
    """The modes for messages of an application."""
    return (
        Mode(f"{protocol}-class-map", "(config-cmap)#", *message_policy.class_commands(protocol)),
        Mode(f"{protocol}-policy-map", "(config-pmap)#", *message_policy.policy_commands(protocol)),
        Mode(f"{protocol}-policy-class", "(config-pmap-c)#", *message_policy.rule_commands(protocol)),
    )


MESSAGES = {protocol: _of_messages(protocol) for protocol in FORMS}
"""For each application: the modes of a class of its messages, of a policy for them, and of a class in such a policy."""

_LISTS = (POOL, STANDARD_LIST, EXTENDED_LIST, NETWORK_GROUP, SERVICE_GROUP)
_FIREWALL = (
    *(PARAMETER_MAP, REGEX, CLASS_MAP, POLICY_MAP, POLICY_CLASS, ZONE, ZONE_PAIR),
    *(mode for modes in MESSAGES.values() for mode in modes),
)

WHOLE = frozenset({ROUTE_MAP, *_LISTS, *_FIREWALL})
"""Modes in which nothing is passed over: a list without one of its lines would let in whom it should not."""

SUBMODES = {mode.name: mode for mode in (VRF, VRF_FAMILY, INTERFACE, ROUTE_MAP, IPV6_LIST, *_LISTS, *_FIREWALL)}
"""The modes that commands enter, by name."""
