"""Real TFTP clients in the lab: tftp-hpa, atftp, curl.

run(net.inside, CLIENTS["curl"], OUTSIDE_PHONE, 69, "file", tmp_path / "got")
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from doorman.lab.namespaces import run_in
from doorman.lab.programs import UNPACKED
from doorman.lab.tftp import ATFTPD, TFTPD_HPA
from kit.captures import missing

TFTP, ATFTP = UNPACKED / "tftp-hpa/usr/bin/tftp", UNPACKED / "atftp/usr/bin/atftp"
CLIENTS: Mapping[str, tuple[str, ...]] = {
    "tftp-hpa": (str(TFTP), "-m", "binary", "{host}", "{port}", "-c", "get", "{file}", "{here}"),
    "atftp": (str(ATFTP), "--get", "-l", "{here}", "-r", "{file}", "{host}", "{port}"),
    "curl": ("curl", "-sS", "--max-time", "15", "-o", "{here}", "tftp://{host}:{port}/{file}"),
}
"""How a program is told to get a file."""
PUT = (str(TFTP), "-m", "binary", "{host}", "{port}", "-c", "put", "{here}", "{file}")


def need_tftp() -> None:
    """Skip where the programs are not there."""
    lacking = [path.name for path in (TFTP, ATFTP, TFTPD_HPA, ATFTPD) if not path.exists()]
    if lacking or shutil.which("curl") is None:
        missing(f"{', '.join(lacking) or 'curl'} (`sh tools/system-packages.sh`)")


def run(namespace: str, client: tuple[str, ...], host: str, port: int, file: str, here: Path) -> None:  # noqa: PLR0913, PLR0917
    """Get or put a file."""
    said = {"host": host, "port": str(port), "file": file, "here": str(here)}
    run_in(namespace, *(word.format(**said) for word in client))
