"""What stands in the gateway's namespace: Doorman or, to compare with, the plain NAT of the kernel."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.namespaces import run_in
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_LINK, OUTSIDE_LINK, Network
from doorman.lab.programs import Program, running

SAMPLE_CONFIG = Path(__file__).with_name("lab.cfg")
SOCKET = "doorman.sock"

_READY = "ready"

# Names of the sample configuration only, so that the two can be compared.
_KERNEL_NAT = f"""
table ip lab {{
  chain incoming {{
    type nat hook prerouting priority dstnat
    ip daddr {EXCHANGE_GLOBAL} dnat to {INSIDE_EXCHANGE}
  }}
  chain outgoing {{
    type nat hook postrouting priority srcnat
    oifname {OUTSIDE_LINK} ip saddr {INSIDE_EXCHANGE} snat to {EXCHANGE_GLOBAL}
    oifname {OUTSIDE_LINK} masquerade
  }}
  chain forwarded {{
    type filter hook forward priority filter; policy drop
    iifname {INSIDE_LINK} accept
    ct state established,related accept
    ip daddr {INSIDE_EXCHANGE} accept
  }}
}}
"""


class Gateway(NamedTuple):
    """A gateway that serves.

    Attributes:
        program: its process.
        socket: where `doorman shell` reaches it.
        state: its state directory.
    """

    program: Program
    socket: Path
    state: Path

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.program.pid

    @property
    def log(self) -> Path:
        """What it says on standard error."""
        return self.program.log


def doorman(*arguments: str) -> list[str]:
    """The command that runs this Doorman."""
    return [sys.executable, "-m", "doorman", *arguments]


@contextmanager
def running_gateway(network: Network, config: Path, directory: Path, *options: str) -> Iterator[Gateway]:
    """Run `doorman run` in the gateway's namespace; in the block it serves.

    It can be run again in the same directory, and finds there what it saved.

    Args:
        network: where.
        config: its configuration.
        directory: where its socket, its state directory and its log are.
        options: further options of `doorman run`.

    Raises:
        LabError: there is no such configuration, or the gateway does not serve within ten seconds; with its log.
    """
    if not config.is_file():
        raise LabError(f"{config}: no such file")
    socket, state = directory / SOCKET, directory / "state"
    state.mkdir(exist_ok=True)
    command = doorman("run", str(config.resolve()), "--socket", str(socket), "--state-dir", str(state), *options)
    log = directory / "gateway.log"
    # One that was ready before wrote into the same log.
    before = log.stat().st_size if log.exists() else 0
    with running("gateway", network.gateway, command, directory) as program:
        program.wait_until(lambda: _READY in _said_since(log, before), "is not ready")
        yield Gateway(program, socket, state)
        # It is asked to end, and takes its table with it; `running` would kill it.
        program.terminate_if_running()


def kernel_nat(network: Network) -> None:
    """Have the kernel do what the sample configuration says, without any ALG; it ends with the namespace.

    Raises:
        LabError: `nft` refuses.
    """
    run_in(network.gateway, "nft", "-f", "-", given=_KERNEL_NAT)


def _said_since(log: Path, offset: int) -> list[str]:
    with log.open("rb") as said:
        said.seek(offset, os.SEEK_SET)
        return said.read().decode(errors="replace").splitlines()
