"""Real FTP clients in the lab, for those who have them: curl, lftp, tnftp.

run(net.inside, CLIENTS["curl PORT"], OUTSIDE_PHONE, 21, "file", tmp_path / "got")      -> what the file holds
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from doorman.lab.ftp import PYTHON
from kit.captures import missing

PROGRAMS = ("vsftpd", "curl", "lftp", "tnftp")
SECONDS = 20
"""For one transfer."""


class Client(NamedTuple):
    """How a program is told to get a file, with `{url}`, `{host}`, `{port}`, `{file}` and `{out}` for what they say."""

    words: tuple[str, ...]


_CURL = ("curl", "-sS", "--max-time", "15", "-o", "{out}")
_LFTP = (
    "set net:max-retries 1; set net:timeout 10; set ftp:passive-mode {}; "
    "open -p {{port}} {{host}}; get {{file}} -o {{out}}"
)
CLIENTS: Mapping[str, Client] = {
    "curl EPRT": Client((*_CURL, "-P", "-", "{url}")),
    "curl PORT": Client((*_CURL, "-P", "-", "--disable-eprt", "{url}")),
    "curl EPSV": Client((*_CURL, "{url}")),
    "curl PASV": Client((*_CURL, "--disable-epsv", "--no-ftp-skip-pasv-ip", "{url}")),
    "lftp active": Client(("lftp", "-c", _LFTP.format("off"))),
    "lftp passive": Client(("lftp", "-c", _LFTP.format("on"))),
    "lftp, many commands at once": Client(("lftp", "-c", f"set ftp:sync-mode off; {_LFTP.format('on')}")),
    "tnftp active": Client(("tnftp", "-A", "-o", "{out}", "{url}")),
    "tnftp passive": Client(("tnftp", "-p", "-o", "{out}", "{url}")),
}
UPLOAD = Client(("curl", "-sS", "--max-time", "15", "-P", "-", "-T", "{out}", "{url}"))


def need_ftp() -> None:
    """Skip where the programs are not installed."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if subprocess.run([PYTHON, "-c", "import pyftpdlib"], capture_output=True, check=False).returncode:
        lacking.append("pyftpdlib")
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")


def words_of(client: Client, host: str, port: int, file: str, out: Path) -> list[str]:
    """A client's command for a file of a server."""
    at = f"[{host}]" if ":" in host else host
    said = {"url": f"ftp://{at}:{port}/{file}", "host": host, "port": str(port), "file": file, "out": str(out)}
    return [word.format(**said) for word in client.words]


def run(namespace: str, client: Client, host: str, port: int, file: str, out: Path) -> bytes:  # noqa: PLR0913, PLR0917
    """Get a file; what it says."""
    done = begin(namespace, words_of(client, host, port, file, out))
    said = done.communicate(timeout=SECONDS)[0]
    assert done.returncode == 0, said.decode(errors="replace")
    return out.read_bytes()


def begin(namespace: str, words: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a client."""
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "HOME": "/nonexistent"},
    )
