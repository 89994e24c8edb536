"""What NAT64 asks of this machine besides: IPv6 that is forwarded, and a TUN device."""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.config.stand_ins import is_at_work
from doorman.dataplanes.netfilter.requirements import sysctls
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing
from doorman.dataplanes.netfilter.requirements.host import Host


def nat64(host: Host, config: Config) -> Iterator[Finding]:
    """Whether packets of IPv6 hosts come to the gateway, and can be had there."""
    if not is_at_work(config):
        return
    enabled = [name for name, one in config.interfaces.items() if one.nat64 and not one.shutdown]
    yield sysctls.ipv6_forwarding(host, enabled)
    if host.has_tun:
        yield found("TUN device", "/dev/net/tun")
    else:
        yield missing("TUN device", "there is no /dev/net/tun", "modprobe tun, or give the container the device")
