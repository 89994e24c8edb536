"""Settings of the kernel that are the operator's to make: forwarding, reverse path filter, conntrack."""

from collections.abc import Iterator, Sequence

from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing, warning
from doorman.dataplanes.netfilter.requirements.host import Host

_NEARLY_FULL = 0.8
_STRICT = 1


def forwarding(host: Host, interfaces: Sequence[str]) -> Finding:
    """Whether packets are forwarded, by the machine and by each interface."""
    name = "IPv4 forwarding"
    if not host.sysctl("net/ipv4/ip_forward"):
        return missing(name, "net.ipv4.ip_forward is 0", _set("net.ipv4.ip_forward", 1))
    for interface in interfaces:
        if host.sysctl(f"net/ipv4/conf/{interface}/forwarding") == 0:
            return missing(name, f"{interface} does not forward", _set(f"{_conf(interface)}.forwarding", 1))
    return found(name, "net.ipv4.ip_forward is 1")


def ipv6_forwarding(host: Host, interfaces: Sequence[str]) -> Finding:
    """Whether IPv6 is forwarded, and there on these interfaces."""
    name, setting = "IPv6 forwarding", "net.ipv6.conf.all.forwarding"
    if not host.sysctl("net/ipv6/conf/all/forwarding"):
        return missing(name, f"{setting} is 0", _set(setting, 1))
    for interface in ("default", *interfaces):
        if host.sysctl(f"net/ipv6/conf/{interface}/disable_ipv6"):
            off = f"net.ipv6.conf.{interface.replace('.', '/')}.disable_ipv6"
            return missing(name, f"{off} is 1", _set(off, 0))
    return found(name, f"{setting} is 1")


def reverse_path(host: Host, interfaces: Sequence[str]) -> Finding:
    """Where the reverse path filter may take packets from the gateway.

    The larger of `all` and the interface's own value is in force (ip-sysctl.rst). A strict filter drops what comes from
    an address whose route leads elsewhere, before anything of ours sees it.
    """
    name = "reverse path filter"
    general = host.sysctl("net/ipv4/conf/all/rp_filter") or 0
    strict = [each for each in interfaces if max(general, _of(host, each, "rp_filter")) == _STRICT]
    if not strict:
        return found(name, "not strict", required=False)
    return warning(
        name,
        f"strict on {', '.join(strict)}: drops packets whose answer would leave by another interface, "
        "as with two uplinks, before the gateway sees them",
        f"if there is more than one way: {_set('net.ipv4.conf.all.rp_filter', 2)}",
    )


def conntrack(host: Host) -> Iterator[Finding]:
    """Room in conntrack's table, its counters, and whether it gives flows to its own helpers unasked."""
    count = host.sysctl("net/netfilter/nf_conntrack_count")
    most = host.sysctl("net/netfilter/nf_conntrack_max")
    if count is None or most is None:
        yield missing(
            "conntrack", "not loaded", "modprobe nf_conntrack (loading the rules does it too)", required=False
        )
        return
    yield _room(count, most)
    yield _events(host)
    if host.sysctl("net/netfilter/nf_conntrack_acct"):
        yield found("conntrack counters", "net.netfilter.nf_conntrack_acct is 1", required=False)
    else:
        off = "net.netfilter.nf_conntrack_acct is 0: shows no packets and bytes of translations"
        yield missing("conntrack counters", off, _set("net.netfilter.nf_conntrack_acct", 1), required=False)
    if host.sysctl("net/netfilter/nf_conntrack_helper"):
        yield warning(
            "kernel helpers",
            "nf_conntrack_helper is 1: where nf_conntrack_sip is loaded, the kernel edits SIP too",
            _set("net.netfilter.nf_conntrack_helper", 0),
        )


def _room(count: int, most: int) -> Finding:
    detail = f"{count} of {most} entries"
    if most and count >= _NEARLY_FULL * most:
        more = _set("net.netfilter.nf_conntrack_max", 2 * most)
        return warning("conntrack", f"{detail}: nearly full, then new flows are dropped", more)
    return found("conntrack", detail, required=False)


def _events(host: Host) -> Finding:
    name = "conntrack events"
    setting = host.sysctl("net/netfilter/nf_conntrack_events")
    if setting is None:
        return missing(name, "the kernel tells of no flow's end", "a kernel with CONFIG_NF_CONNTRACK_EVENTS")
    if not setting:
        return missing(name, "net.netfilter.nf_conntrack_events is 0", _set("net.netfilter.nf_conntrack_events", 1))
    return found(name, f"net.netfilter.nf_conntrack_events is {setting}")


def _of(host: Host, interface: str, name: str) -> int:
    return host.sysctl(f"net/ipv4/conf/{interface}/{name}") or 0


def _conf(interface: str) -> str:
    """The name as sysctl(8) wants it: a dot of the interface's name is a slash."""
    return f"net.ipv4.conf.{interface.replace('.', '/')}"


def _set(name: str, value: int) -> str:
    return f"sysctl -w {name}={value}; to keep it: echo '{name} = {value}' >> /etc/sysctl.d/90-doorman.conf"
