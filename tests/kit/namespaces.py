"""Network namespaces for tests of the kernel: made by a test, entered by its thread, gone with it.

with namespace.inside():                sockets made here are in the namespace
    Netlink()
namespace.run("nft", "-f", "-", stdin=RULES)
connect(one, "10.0.0.1/24", two, "10.0.0.2/24")     a veth pair; each end is named after the other's namespace
"""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_numbers = itertools.count()
_CLONE_NEWNET = 0x40000000


class Namespace(NamedTuple):
    """A network namespace, by the name that `ip netns` knows it by."""

    name: str

    @classmethod
    def make(cls) -> "Namespace":
        """A new one, named doorman-test-PID-N, with its loopback interface up."""
        made = cls(f"doorman-test-{os.getpid()}-{next(_numbers)}")
        subprocess.run(["ip", "netns", "add", made.name], check=True)
        made.run("ip", "link", "set", "lo", "up")
        return made

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in the namespace meanwhile."""
        with Path("/proc/thread-self/ns/net").open("rb") as before:
            with Path("/run/netns", self.name).open("rb") as here:
                _enter(here.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a program in the namespace; what it wrote to its standard output."""
        line = ["ip", "netns", "exec", self.name, *command]
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


def connect(one: Namespace, one_address: str, two: Namespace, two_address: str) -> tuple[str, str]:
    """Put a veth pair between two namespaces, ADDRESS/LENGTH on each end; the names of the two ends."""
    number = next(_numbers)
    names = f"v{number}a", f"v{number}b"
    one.run("ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1], "netns", two.name)
    for namespace, link, address in ((one, names[0], one_address), (two, names[1], two_address)):
        namespace.run("ip", "address", "add", address, "dev", link)
        namespace.run("ip", "link", "set", link, "up")
    return names


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
