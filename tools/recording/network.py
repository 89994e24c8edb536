"""Two networks and, between them, a router that translates nothing.

    inside                          router                          outside
    192.168.1.10  phone    ---  192.168.1.1 | 203.0.113.1  ---  203.0.113.2    next hop of the others
    192.168.1.5   exchange                                      198.51.100.10  proxy and registrar
                                                                198.51.100.20  phone

The outside addresses are those set aside for documentation (RFC 5737).
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

INSIDE_PHONE = "192.168.1.10"
INSIDE_EXCHANGE = "192.168.1.5"
PROXY = "198.51.100.10"
OUTSIDE_PHONE = "198.51.100.20"

INSIDE_LINK = "phone0"
"""The inside host's interface, on which recordings are made."""

_COMMAND_SECONDS = 10


class Network(NamedTuple):
    """The names of the two network namespaces in which programs run."""

    inside: str
    outside: str


@contextmanager
def network() -> Iterator[Network]:
    """Set the networks up, and take them down whatever happens.

    The namespaces are named after this process, so that two recordings do not meet.

    Raises:
        subprocess.CalledProcessError: `ip` or `ethtool` refused.
    """
    with ExitStack() as stack:
        inside, router, outside = (
            stack.enter_context(_namespace(f"doorman-{side}-{os.getpid()}")) for side in ("inside", "router", "outside")
        )
        _link((inside, INSIDE_LINK), (router, "in0"))
        _link((router, "out0"), (outside, "phone0"))
        _address(inside, INSIDE_LINK, f"{INSIDE_PHONE}/24", f"{INSIDE_EXCHANGE}/24")
        _address(router, "in0", "192.168.1.1/24")
        _address(router, "out0", "203.0.113.1/24")
        _address(outside, "phone0", f"{OUTSIDE_PHONE}/32", f"{PROXY}/32", "203.0.113.2/24")
        _ip("-n", inside, "route", "add", "default", "via", "192.168.1.1")
        _ip("-n", router, "route", "add", "198.51.100.0/24", "via", "203.0.113.2")
        _ip("-n", outside, "route", "add", "default", "via", "203.0.113.1", "src", OUTSIDE_PHONE)
        _kernel_setting(router, "net/ipv4/ip_forward", 1)
        yield Network(inside, outside)


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    try:
        _ip("netns", "add", name)
        _kernel_setting(name, "net/ipv6/conf/default/disable_ipv6", 1)
        _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        if Path("/run/netns", name).exists():
            _ip("netns", "delete", name)


def _link(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Join two namespaces, each named with its end of the link, and leave no checksum to hardware that is not there."""
    _ip("link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name", other[1], "netns", other[0])
    for namespace, end in (one, other):
        _run("ip", "netns", "exec", namespace, "ethtool", "-K", end, "tx", "off", "gso", "off", "gro", "off")
        _ip("-n", namespace, "link", "set", end, "up")


def _address(namespace: str, interface: str, *addresses: str) -> None:
    for address in addresses:
        _ip("-n", namespace, "address", "add", address, "dev", interface)


def _kernel_setting(namespace: str, path: str, value: int) -> None:
    """Write a setting below /proc/sys, which shows the settings of the namespace one is in."""
    _run("ip", "netns", "exec", namespace, "sh", "-c", f"test ! -e /proc/sys/{path} || echo {value} > /proc/sys/{path}")


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    """Run a short command out of reach of the terminal's interrupt, so that taking down is never cut short."""
    subprocess.run(command, check=True, timeout=_COMMAND_SECONDS, stdout=subprocess.DEVNULL, process_group=0)
