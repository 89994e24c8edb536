"""All checks, in the order an operator mends in."""

from collections.abc import Iterator
from pathlib import Path

from doorman.config.model import Config
from doorman.dataplanes.netfilter.requirements import foreign, interfaces, nat64, places, sysctls, system, vrfs, zones
from doorman.dataplanes.netfilter.requirements.finding import Finding
from doorman.dataplanes.netfilter.requirements.host import Host, observe


def requirements(
    config: Config | None,
    *,
    table: str = "doorman",
    control_socket: Path | None = None,
    state_directory: Path | None = None,
    host: Host | None = None,
) -> list[Finding]:
    """Find out whether the gateway can run here, leaving nothing behind; in about a sixth of a second.

    Args:
        config: whose interfaces are looked at; None looks at the machine alone.
        table: the gateway's own table, whose rules are no others'.
        control_socket: checked if given.
        state_directory: checked if given.
        host: what to look at, if not this machine.
    """
    host = observe() if host is None else host
    if host.system != "Linux":
        return [system.kernel(host)]
    return list(_findings(config, table, control_socket, state_directory, host))


def obstacles(config: Config, *, table: str = "doorman", host: Host | None = None) -> list[Finding]:
    """What of this machine may hold packets of a gateway that runs back: settings of the kernel, rules of others.

    Args:
        config: whose interfaces are looked at.
        table: the gateway's own table, whose rules are no others'.
        host: what to look at, if not this machine.
    """
    host = observe() if host is None else host
    named = _named(config)
    findings = [sysctls.forwarding(host, named), sysctls.reverse_path(host, named)]
    findings += foreign.foreign_rules(host, table, named)
    return [finding for finding in findings if finding.state != "found"]


def _findings(
    config: Config | None, table: str, control_socket: Path | None, state_directory: Path | None, host: Host
) -> Iterator[Finding]:
    named = [] if config is None else _named(config)
    looked_at = named or [name for name in host.interfaces if name != "lo"]
    yield system.kernel(host)
    yield from system.capabilities(host)
    yield system.library(host)
    yield from system.features(host)
    yield sysctls.forwarding(host, named)
    yield sysctls.reverse_path(host, looked_at)
    yield from sysctls.conntrack(host)
    yield from foreign.foreign_rules(host, table, named)
    if config is not None:
        yield from interfaces.interfaces(host, config)
        yield from vrfs.vrfs(host, config)
        yield from zones.zones(host, config)
        yield from nat64.nat64(host, config)
    if control_socket is not None:
        yield places.control_socket(control_socket)
    if state_directory is not None:
        yield places.state_directory(state_directory)


def _named(config: Config) -> list[str]:
    return [name for name, each in config.interfaces.items() if each.nat and not each.shutdown]
