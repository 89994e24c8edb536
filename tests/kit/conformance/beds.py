"""The gateways that are measured: replay anywhere, live ones and the kernel's own NAT where this is root."""

from contextlib import ExitStack
from pathlib import Path

from kit.conformance.gate import POOL
from kit.namespaces import Namespace
from kit.subjects.kernel import MASQUERADE, SNAT, PlainKernel
from kit.subjects.live import Live
from kit.subjects.replay import Replay
from kit.subjects.subject import Subject
from kit.wires import Wires

NAMES = ("replay", "live", "kernel NAT")


def subject(name: str, stack: ExitStack, directory: Path) -> Subject:
    """A gateway by its name; what it needs is gone when the stack is closed."""
    if name == "replay":
        return Replay()
    gateway, far = Namespace.make(), Namespace.make()
    stack.callback(far.remove)
    stack.callback(gateway.remove)
    wires = Wires(gateway, far, stack)
    if name == "live":
        return Live(wires, stack, directory)
    return PlainKernel(wires, lambda config: SNAT if config == POOL else MASQUERADE)
