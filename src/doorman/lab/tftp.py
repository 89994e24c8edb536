"""TFTP servers in a namespace: tftpd-hpa and atftpd. Each serves one directory to anybody, who may write there, too.

Both would begin to serve where they are installed, and neither is installed beside the other: they are unpacked only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import UNPACKED, running

TFTP_PORT = 69
TFTPD_HPA = UNPACKED / "tftpd-hpa/usr/sbin/in.tftpd"
ATFTPD = UNPACKED / "atftpd/usr/sbin/atftpd"


@contextmanager
def tftpd_hpa(namespace: str, address: str, port: int, directory: Path, files: Path) -> Iterator[None]:
    """Run tftpd-hpa in a namespace.

    Raises:
        LabError: it does not listen.
    """
    command = [str(TFTPD_HPA), "-L", "-u", "root", "-c", "-a", f"{address}:{port}", "-s", str(files)]
    with running(f"tftpd-hpa-{address}", namespace, command, directory) as program:
        program.wait_for_udp(address, port)
        yield


@contextmanager
def atftpd(namespace: str, address: str, port: int, directory: Path, files: Path) -> Iterator[None]:
    """Run atftpd in a namespace.

    Raises:
        LabError: it does not listen.
    """
    command = [str(ATFTPD), "--daemon", "--no-fork", "--user", "root.root", "--logfile", "-"]
    command += ["--bind-address", address, "--port", str(port), str(files)]
    with running(f"atftpd-{address}", namespace, command, directory) as program:
        program.wait_for_udp(address, port)
        yield
