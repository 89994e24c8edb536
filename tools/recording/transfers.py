"""Which transfers of files and media, and commands, are recorded: as `calls`, a real server and a real client."""

from collections.abc import Callable, Mapping
from pathlib import Path

from doorman.lab.ftp import FTP_PORT, public, vsftpd
from doorman.lab.network import INSIDE_EXCHANGE, OUTSIDE_PHONE, Network
from doorman.lab.programs import UNPACKED, running
from doorman.lab.rcmd import RSH, RSH_PORT, RSHD, rcmd_server
from doorman.lab.rtsp import LIVE, RTSP_PORT, rtsp_server
from doorman.lab.tftp import TFTP_PORT, tftpd_hpa

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


def tftp_session(network: Network, directory: Path) -> None:
    """Tftp-hpa inside fetches a file outside, brings it back by another name, and asks for one that is not there."""
    files = directory / "files"
    files.mkdir()
    (files / "april.txt").write_bytes(_CONTENT * 20)
    client = [str(UNPACKED / "tftp-hpa/usr/bin/tftp"), "-m", "binary", OUTSIDE_PHONE, str(TFTP_PORT), "-c"]
    with tftpd_hpa(network.outside, OUTSIDE_PHONE, TFTP_PORT, directory, files):
        for name, words in (
            ("get", ["get", "april.txt", "one"]),
            ("put", ["put", "one", "may.txt"]),
            ("miss", ["get", "june.txt", "two"]),
        ):
            with running(f"tftp-{name}", network.inside, [*client, *words], directory) as program:
                program.finish(_SECONDS)


def rsh_session(network: Network, directory: Path) -> None:
    """A client of rsh-redone inside has a command run outside, which complains as well."""
    command = [str(RSH), "-l", "root", OUTSIDE_PHONE, "echo April; echo oops >&2"]
    with (
        rcmd_server(RSHD, network.outside, OUTSIDE_PHONE, RSH_PORT, directory),
        running("rsh", network.inside, command, directory) as client,
    ):
        client.finish(_SECONDS)


def rtsp_session(network: Network, directory: Path) -> None:
    """Ffmpeg inside plays two pictures of a server outside, over UDP and interleaved; one outside does the reverse."""
    with (
        rtsp_server(network.outside, OUTSIDE_PHONE, RTSP_PORT, directory),
        rtsp_server(network.inside, INSIDE_EXCHANGE, RTSP_PORT, directory),
    ):
        for namespace, server, transport in (
            (network.inside, OUTSIDE_PHONE, "udp"),
            (network.inside, OUTSIDE_PHONE, "tcp"),
            (network.outside, INSIDE_EXCHANGE, "udp"),
        ):
            source = ["-rtsp_transport", transport, "-analyzeduration", "1", "-i", f"rtsp://{server}/{LIVE}"]
            command = ["ffmpeg", "-nostdin", "-loglevel", "error", *source, "-map", "0:v", "-frames:v", "2"]
            with running("ffmpeg", namespace, [*command, "-f", "null", "-"], directory) as client:
                client.finish(_SECONDS)


TRANSFERS: Mapping[str, Callable[[Network, Path], None]] = {
    "ftp-session": ftp_session,
    "tftp-session": tftp_session,
    "rsh-session": rsh_session,
    "rtsp-session": rtsp_session,
}
"""The recordings by the name of the capture."""
