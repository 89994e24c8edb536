"""What of a gateway's table is there, perhaps from a gateway before this one."""

from collections.abc import Mapping
from socket import if_nameindex

from doorman.dataplanes.netfilter.chains.expressions import Chain
from doorman.dataplanes.netfilter.counters import chains_of, counts_of, rule_counts, set_names_of
from doorman.dataplanes.netfilter.elements import NFPROTO_IPV6
from doorman.dataplanes.netfilter.ruleset import Present
from doorman.dataplanes.plane import PlaneRefused


def presence(table: str, made: Mapping[str, Chain], *, tunnels: bool) -> Present:
    """Ask the kernel what there is.

    Args:
        table: the name of the table.
        made: its chains as we have made them; those whose rules somebody has removed or added to are not known.
        tunnels: whether hosts have tunnels of IPsec.

    Raises:
        NetlinkError: the kernel refused.
        PlaneRefused: it does not tell which interfaces there are.
    """
    try:
        indexes = {name: index for index, name in if_nameindex()}
    except OSError as error:
        raise PlaneRefused(f"list the interfaces: {error.strerror}") from None
    chains, rules = chains_of(table), rule_counts(table)
    return Present(
        chains=chains,
        counters=counts_of(table),
        sets=set_names_of(table),
        hooked={name for name, hooked in chains.items() if hooked},
        known={name: chain for name, chain in made.items() if name in chains and rules[name] == len(chain.rules)},
        ipv6=chains_of(table, NFPROTO_IPV6),
        indexes=indexes,
        tunnels=tunnels,
    )
