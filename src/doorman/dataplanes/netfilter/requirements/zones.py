"""What the zone-based firewall means for this machine besides."""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.requirements.finding import Finding, warning
from doorman.dataplanes.netfilter.requirements.host import Host


def zones(host: Host, config: Config) -> Iterator[Finding]:
    """Whether the machine forwards IPv6, which no policy is about."""
    if config.firewall.zones and host.sysctl("net/ipv6/conf/all/forwarding"):
        yield warning(
            "IPv6 and zones",
            "net.ipv6.conf.all.forwarding is 1, and policies are about IPv4: between zones no IPv6 passes",
            "let IPv6 go by interfaces that the configuration does not name, or see docs/zone-firewall.md",
        )
