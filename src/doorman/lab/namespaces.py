"""Network namespaces and the links between them, by `ip` and `ethtool`.

A namespace is a network stack of its own. Its name is a file in /run/netns; it lives as long as that file, or a process
in it. A veth pair is a cable between two of them.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doorman.lab.errors import LabError

_NAMES = Path("/run/netns")
_COMMAND_SECONDS = 10
_CLONE_NEWNET = 0x40000000


@contextmanager
def namespace(name: str) -> Iterator[str]:
    """Make a namespace with only a loopback interface and no IPv6; it is gone after the block.

    Raises:
        LabError: it exists, or this user may not.
    """
    run("ip", "netns", "add", name)
    try:
        setting(name, "net/ipv6/conf/all/disable_ipv6", 1)
        setting(name, "net/ipv6/conf/default/disable_ipv6", 1)
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        remove(name)


def exists(name: str) -> bool:
    """Whether there is a namespace of that name."""
    return (_NAMES / name).exists()


def remove(name: str) -> None:
    """Remove a namespace where there is one."""
    if exists(name):
        run("ip", "netns", "delete", name)


def link(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Join two namespaces, each named with its end of the link, and leave no checksum to hardware that is not there."""
    run("ip", "link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name", other[1], "netns", other[0])
    for name, end in (one, other):
        run_in(name, "ethtool", "-K", end, "tx", "off", "gso", "off", "gro", "off")
        run("ip", "-n", name, "link", "set", end, "up")


def address(name: str, interface: str, *addresses: str) -> None:
    """Give an interface addresses, each with its prefix length; the first is the one that packets carry by default."""
    for each in addresses:
        run("ip", "-n", name, "address", "add", each, "dev", interface)


def route(name: str, *words: str) -> None:
    """Add a route, said as `ip route add` wants it."""
    run("ip", "-n", name, "route", "add", *words)


def setting(name: str, path: str, value: int) -> None:
    """Write a setting below /proc/sys where this kernel has it."""
    # The file is the namespace's in which it is opened.
    with entered(name), suppress(FileNotFoundError):
        Path("/proc/sys", path).write_text(f"{value}\n")


@contextmanager
def entered(name: str) -> Iterator[None]:
    """This thread is in the namespace during the block; a socket made there stays there.

    Raises:
        LabError: there is no such namespace.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(_NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise LabError(f"there is no network namespace {name}") from None
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def run_in(name: str, *command: str, given: str = "") -> str:
    """Run a short command in a namespace, as `run` does."""
    return run("ip", "netns", "exec", name, *command, given=given)


def run(*command: str, given: str = "") -> str:
    """Run a short command out of reach of the terminal's interrupt, so that taking down is never cut short.

    Args:
        command: the program and its arguments.
        given: its standard input.

    Returns:
        Its standard output.

    Raises:
        LabError: it is missing, fails, or takes longer than 10 seconds; with what it said.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell
            command, input=given, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False, process_group=0
        )
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(command)}: no end after {_COMMAND_SECONDS} seconds") from None
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


def _enter(descriptor: int) -> None:
    """setns(2); Python has it as `os.setns` from 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise LabError(f"cannot enter a network namespace: {os.strerror(error)}")
