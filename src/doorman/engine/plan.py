"""What a configuration comes to, before anything goes on by it: what it has to give, its rules, its static names."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from doorman.config.model import Config
from doorman.nat.bindings import Bindings
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules
from doorman.nat.sessions import Session
from doorman.net.packet import UDP
from doorman.wire.ike import PORT as IKE_PORT

DELEGATED_PORTS_END = 32_768
"""Where a kernel translates ordinary flows, it takes the ports from here on; the gateway's own names are below."""

DELEGATED_RESERVED = range(512, 768)
"""What it takes for flows from ports below 1024, which servers of rsh or NFS ask for; none of ours is among them."""


def hold(
    config: Config, chance: Callable[[], float], *, delegated: bool, reserved: Collection[tuple[int, int]] = ()
) -> Holdings:
    """What an outside has to give, with all rules about it; see `Engine` for the other arguments."""
    if config.ipsec.preserve_port:  # one host's it cannot be, where several have it
        reserved = {*reserved, (UDP, IKE_PORT)}
    if not delegated:
        return Holdings(config, chance, reserved=reserved)
    return Holdings(config, chance, ports_end=DELEGATED_PORTS_END, kept=DELEGATED_RESERVED, reserved=reserved)


class Plan(NamedTuple):
    """Another configuration, with its rules and their static names: ready to be gone on by."""

    config: Config
    rules: Rules
    bindings: Bindings
    outside: Bindings


def allows(rules: Rules, session: Session) -> bool:
    """Whether a flow whose binding is in no table may go on by these rules."""
    binding = session.binding
    if binding.local == binding.global_:
        return not rules.translates(session.inside_local.address)
    if session.outside_binding is not None:  # the kernel gave it a name
        return rules.owns(session.inside_global.address)
    return rules.virtual.allows(binding.global_, binding.local)
