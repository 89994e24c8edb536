"""The kernel, its features as the trial found them, and the rights of this process."""

from collections.abc import Iterator

from doorman.dataplanes.netfilter.requirements.features import FEATURES, Feature
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing, warning
from doorman.dataplanes.netfilter.requirements.host import Host

_OLDEST = (5, 15)
"""The oldest long-term kernel with all that is needed; what an older one lacks, the trial finds."""

_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""Bits of linux/capability.h."""


def kernel(host: Host) -> Finding:
    """Linux, and its version."""
    name = "Linux kernel"
    if host.system != "Linux":
        return missing(name, f"this is {host.system}", "run the gateway on Linux; 'doorman replay' works here too")
    version = tuple(int(part) for part in host.release.split("-")[0].split(".")[:2] if part.isdecimal())
    if version < _OLDEST:
        return warning(name, f"{host.release} is older than 5.15, which was never tried", "upgrade the kernel")
    return found(name, host.release)


def capabilities(host: Host) -> Iterator[Finding]:
    """What this process may do."""
    mend = "run as root, or by the systemd unit contrib/systemd/doorman.service, which gives both capabilities"
    effective = _effective(host)
    for name, bit in _CAPABILITIES.items():
        if effective >> bit & 1:
            yield found(name, "effective")
        else:
            yield missing(name, "this process does not have it", mend)


def library(host: Host) -> Finding:
    """The library that speaks nft."""
    name, trial = "libnftables", host.trial
    if trial.library:
        return missing(name, trial.library, "apt-get install libnftables1, or the nftables package of the system")
    if not trial.worked and not trial.failed:
        return warning(name, f"not tried: {trial.untried}", required=True)
    return found(name, "loaded")


def features(host: Host) -> Iterator[Finding]:
    """Each feature of the kernel that the gateway uses."""
    permitted = host.trial.place != "host" or bool(_effective(host) >> _CAPABILITIES["CAP_NET_ADMIN"] & 1)
    for feature in FEATURES:
        yield _feature(feature, host, permitted=permitted)


def _feature(feature: Feature, host: Host, *, permitted: bool) -> Finding:
    trial = host.trial
    if feature.name in trial.worked:
        return found(feature.name, trial.worked[feature.name], required=feature.required)
    if feature.name in trial.failed and permitted:
        detail = f"{trial.failed[feature.name]} (for {feature.purpose})"
        return missing(feature.name, detail, feature.mend, required=feature.required)
    why = trial.untried if permitted else "without CAP_NET_ADMIN it takes a namespace, which may not be made here"
    return warning(feature.name, f"not tried: {why}", required=feature.required)


def _effective(host: Host) -> int:
    """The effective capabilities of this process, as a bit mask (proc_pid_status(5))."""
    for line in (host.read("self/status") or "").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
