"""Whether the kernel has a routing table for each VRF of a configuration."""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.config.realms import realms
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, warning
from doorman.dataplanes.netfilter.requirements.host import Host


def vrfs(host: Host, config: Config) -> Iterator[Finding]:
    """Each VRF with an inside; one whose addresses are nobody else's does without."""
    for vrf in realms(config):
        if vrf is None:
            continue
        names = [interface.name for interface in config.interfaces.values() if interface.vrf == vrf]
        table = host.routing.table_of(vrf, names)
        if table is None:
            first = names[0]
            mend = f"ip rule add iif {first} lookup TABLE, with its routes there; or a VRF device {vrf}"
            yield warning(f"vrf {vrf}", "no routing table: its addresses must be nobody else's", mend)
        else:
            how = "VRF device" if vrf in host.routing.devices else "ip rule"
            yield found(f"vrf {vrf}", f"routing table {table}, by {how}", required=False)
