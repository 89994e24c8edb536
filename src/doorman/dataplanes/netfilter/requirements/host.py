"""What the checks look at, gathered once and without changing anything; tests give their own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from doorman.dataplanes.netfilter.requirements.trial import Trial, run_trial
from doorman.dataplanes.netfilter.routing import Routing, observe_routing
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.dataplanes.netfilter.tun import DEVICE_FILE
from doorman.net.addresses import Address

_PATIENCE = 5.0
"""In seconds."""


@dataclass(frozen=True, slots=True)
class Host:
    """This machine, or one that a test made up."""

    system: str = "Linux"
    release: str = "6.1.0"
    proc: Path = Path("/proc")
    trial: Trial = field(default_factory=Trial)
    interfaces: Mapping[str, tuple[tuple[Address, int], ...]] = field(default_factory=dict)
    """The IPv4 addresses of each interface, with the lengths of their networks."""
    routing: Routing = field(default_factory=Routing)
    """The routing tables of VRFs."""
    has_tun: bool = True
    """Whether there can be TUN devices."""
    iptables: str = ""
    """The rules in the language of iptables-save, of tables that nft does not show in full."""

    def read(self, path: str) -> str | None:
        """A file under /proc, or None if there is none or it may not be read."""
        try:
            return (self.proc / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def sysctl(self, path: str) -> int | None:
        """A number of /proc/sys, or None if the kernel has no such."""
        text = self.read(f"sys/{path}")
        return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def observe() -> Host:
    """Look at this machine."""
    kernel = os.uname()
    if kernel.sysname != "Linux":
        return Host(kernel.sysname, kernel.release, trial=Trial(untried="this is not Linux"))
    trial = run_trial()
    try:
        interfaces, routing = interface_addresses(), observe_routing()
    except OSError:
        interfaces, routing = {}, Routing()
    tun = DEVICE_FILE.exists()
    host = Host(kernel.sysname, kernel.release, trial=trial, interfaces=interfaces, routing=routing, has_tun=tun)
    return replace(host, iptables=_iptables(host))


def _iptables(host: Host) -> str:
    """Rules of the old iptables, if it is in use, and of the new one where nft shows only the name of a target."""
    text = ""
    if host.read("net/ip_tables_names"):
        text += _saved("iptables-legacy-save")
    if any("CT" in _targets(item) for item in host.trial.ruleset):
        text += _saved("iptables-nft-save", "-t", "raw")
    return text


def _targets(item: Mapping[str, object]) -> set[str]:
    rule = item.get("rule")
    expressions = rule.get("expr", []) if isinstance(rule, dict) else []
    return {expression["xt"]["name"] for expression in expressions if "xt" in expression}


def _saved(program: str, *arguments: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is None:
        return ""
    try:
        return subprocess.run(  # noqa: S603 - a program of the system that only reads
            [path, *arguments], capture_output=True, check=False, timeout=_PATIENCE, text=True, errors="replace"
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
