"""The process that holds a lab until it is ended (SIGTERM), and then takes it down in order. Started by `bed.up`."""

import signal
import sys
from contextlib import ExitStack
from types import FrameType

from doorman.lab.bed import READY, Setup, standing
from doorman.lab.errors import LabError
from doorman.lab.gateway import kernel_nat, running_gateway
from doorman.lab.network import network


def main(name: str) -> int:
    """Hold the lab of that name; exit status 1 if it cannot be built, with the reason on standard error."""
    signal.signal(signal.SIGTERM, _end)
    try:
        hold(standing(name))
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def hold(setup: Setup) -> None:
    """Build a lab, say so, and wait for the signal.

    Raises:
        LabError: something failed; what had been built is gone again.
    """
    directory = setup.directory
    with ExitStack() as stack:
        built = stack.enter_context(network(setup.name, phones=setup.phones, faults=setup.faults, directory=directory))
        if setup.gateway == "kernel":
            kernel_nat(built)
        else:
            stack.enter_context(running_gateway(built, setup.config, directory))
        sys.stderr.write(READY)
        sys.stderr.flush()
        while True:
            signal.pause()


def _end(_number: int, _frame: FrameType | None) -> None:
    """Leave every block in order; a second signal does not disturb what is being taken down."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
