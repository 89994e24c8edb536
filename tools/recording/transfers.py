"""Which transfers of files are recorded: as `calls`, a real server and a real client."""

from collections.abc import Callable, Mapping
from pathlib import Path

from doorman.lab.ftp import FTP_PORT, public, vsftpd
from doorman.lab.network import OUTSIDE_PHONE, Network
from doorman.lab.programs import running

_SECONDS = 20.0
_CONTENT = b"It was a bright cold day in April.\n"
_ACTIVE, _PASSIVE = "set ftp:passive-mode off", "set ftp:passive-mode on"


def ftp_session(network: Network, directory: Path) -> None:
    """Lftp inside lists a directory outside, fetches a file actively and passively, and brings it back."""
    files = public(directory / "files")
    (files / "april.txt").write_bytes(_CONTENT)
    script = [
        *("set net:max-retries 1", "set ftp:use-feat on", "set ftp:prefer-epsv off", _ACTIVE),
        *(f"open -p {FTP_PORT} {OUTSIDE_PHONE}", "get april.txt -o one", _PASSIVE, "get april.txt -o two"),
        *("set ftp:prefer-epsv on", "get april.txt -o three", "put one -o incoming/april.txt", "bye"),
    ]
    with (
        vsftpd(network.outside, OUTSIDE_PHONE, FTP_PORT, directory, files),
        running("lftp", network.inside, ["lftp", "-c", "; ".join(script)], directory) as client,
    ):
        client.finish(_SECONDS)


TRANSFERS: Mapping[str, Callable[[Network, Path], None]] = {"ftp-session": ftp_session}
"""The recordings by the name of the capture."""
