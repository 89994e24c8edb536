"""The lab that an operator builds, uses from several terminals and takes down.

A process in the background, the keeper, holds it. All that is known of it is below /run/NAME: `lab.json` (how it was
asked for), a record of every process that was started (`*.pid`, see `processes`) and their logs. So it can be taken
down whatever has crashed.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.gateway import SAMPLE_CONFIG, SOCKET
from doorman.lab.media import wait_until
from doorman.lab.namespaces import exists, remove
from doorman.lab.network import Network, named
from doorman.lab.processes import end, record, recorded
from doorman.lab.wire import Faults

DEFAULT_NAME = "doorman-lab"

_RUN = Path("/run")
_NAME = re.compile(r"doorman-[a-z0-9-]{1,32}")
_LAB = "lab.json"
KEEPER_LOG = "keeper.log"
READY = "ready\n"
"""The last line of the keeper's log when the lab is up."""
_UP_SECONDS = 30.0


class Setup(NamedTuple):
    """How a lab is asked for.

    Attributes:
        name: what its namespaces and its directory are called after.
        config: the gateway's configuration.
        phones: how many inside phones have an address.
        faults: what the outside link does to packets; None for a plain link.
        gateway: `doorman`, or `kernel` for its plain NAT.
    """

    name: str = DEFAULT_NAME
    config: Path = SAMPLE_CONFIG
    phones: int = 1
    faults: Faults | None = None
    gateway: str = "doorman"

    @property
    def directory(self) -> Path:
        """Where all that is known of the lab is.

        Raises:
            LabError: the name cannot be one.
        """
        if _NAME.fullmatch(self.name) is None:
            raise LabError(
                f"{self.name!r}: a lab's name is doorman- and up to 32 lower-case letters, digits and hyphens"
            )
        return _RUN / self.name

    @property
    def socket(self) -> Path:
        """Where `doorman shell` reaches the gateway."""
        return self.directory / SOCKET

    @property
    def network(self) -> Network:
        """The names of its namespaces."""
        return named(self.name, self.phones)


def up(setup: Setup) -> None:
    """Build a lab; when this returns the gateway serves.

    Raises:
        LabError: there is one of that name already, or something failed; what had been built is gone again.
    """
    directory = setup.directory
    try:
        directory.mkdir()
    except FileExistsError:
        raise LabError(f"the lab {setup.name} is up already, or was left by a crash: doorman lab down") from None
    try:
        _save(setup)
        _start_keeper(directory, setup.name)
    except BaseException:
        down(setup.name)
        raise


def standing(name: str) -> Setup:
    """The lab that is up.

    Raises:
        LabError: there is none of that name.
    """
    path = Setup(name).directory / _LAB
    try:
        said = json.loads(path.read_text())
        faults = None if said["faults"] is None else Faults(*said["faults"])
        return Setup(name, Path(said["config"]), int(said["phones"]), faults, str(said["gateway"]))
    except FileNotFoundError:
        raise LabError("no lab is up: doorman lab up") from None
    except (ValueError, KeyError, TypeError):
        raise LabError(f"{path} is damaged: doorman lab down") from None


def down(name: str) -> bool:
    """End every process that the lab started, remove its namespaces and its directory, after a crash too.

    Returns:
        Whether there was anything to take down.

    Raises:
        LabError: the directory of that name is not a lab's.
    """
    directory = Setup(name).directory
    if directory.exists() and not (directory / _LAB).exists() and any(directory.iterdir()):
        raise LabError(f"{directory} is not a lab's; it is left alone")
    # The keeper first: it takes down in order. What it could not is on record.
    records = sorted(directory.rglob("*.pid"), key=lambda path: path.stem != "keeper")
    found = directory.exists()
    for path in records:
        known = recorded(path)
        if known is not None:
            end(known)
    for each in named(name).namespaces:
        found = found or exists(each)
        remove(each)
    if directory.exists():
        shutil.rmtree(directory)
    return found


def _save(setup: Setup) -> None:
    saved = {**setup._asdict(), "config": str(setup.config.resolve())}
    (setup.directory / _LAB).write_text(json.dumps(saved))


def _start_keeper(directory: Path, name: str) -> None:
    log = directory / KEEPER_LOG
    with log.open("wb") as said:
        keeper = subprocess.Popen(  # noqa: S603 - our own words, no shell
            [sys.executable, "-m", "doorman.lab.keeper", name],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=directory,
            start_new_session=True,
        )
    record(directory / "keeper.pid", keeper.pid)
    wait_until(
        lambda: log.read_text().endswith(READY) or keeper.poll() is not None, "the lab is not up", seconds=_UP_SECONDS
    )
    if keeper.poll() is not None:
        raise LabError(log.read_text(errors="replace").strip() or f"the keeper ended with status {keeper.returncode}")
    # It outlives this process, which has no more to do with it.
    keeper.returncode = 0
