"""FTP servers in a namespace: vsftpd, and pyftpdlib as the system has it. Each serves one directory to anybody.

What lies in the folder `incoming` of that directory may be written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import running

FTP_PORT = 21
PYTHON = "/usr/bin/python3"
"""The system's, which has Debian's pyftpdlib."""
_PYFTPDLIB = ("-m", "pyftpdlib")
_SEARCHABLE = 0o005
_JAIL = Path("/var/run/vsftpd/empty")
"""Where vsftpd locks itself in; Debian's start script would make it."""


@contextmanager
def vsftpd(  # noqa: PLR0913 - a server is what it runs, and where
    namespace: str, address: str, port: int, directory: Path, files: Path, *, certificate: Path | None = None
) -> Iterator[None]:
    """Run vsftpd in a namespace; it connects from port 20, or the one below its own.

    `certificate`: a file with its key, too, for those who ask for TLS.

    Raises:
        LabError: it does not listen.
    """
    config = directory / f"vsftpd-{address}-{port}.conf"
    secured = f"ssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={certificate}\nrequire_ssl_reuse=NO\n"
    config.write_text(
        f"listen=YES\nlisten_ipv6=NO\nlisten_address={address}\nlisten_port={port}\nbackground=NO\n"
        f"anonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\nanon_root={files}\nmax_per_ip=100\n"
        "write_enable=YES\nanon_upload_enable=YES\nanon_umask=022\nconnect_from_port_20=YES\n"
        f"seccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\nsecure_chroot_dir={_JAIL}\n"
        f"{secured if certificate is not None else ''}"
    )
    _JAIL.mkdir(parents=True, exist_ok=True)
    with running(f"vsftpd-{address}-{port}", namespace, ["vsftpd", str(config)], directory) as program:
        program.wait_for_tcp(address, port)
        yield


@contextmanager
def pyftpdlib(  # noqa: PLR0913 - a server is what it runs, and where
    namespace: str, address: str, port: int, directory: Path, files: Path, *, program: Sequence[str] = _PYFTPDLIB
) -> Iterator[None]:
    """Run pyftpdlib in a namespace, of either family; it connects from any port.

    `program`: what Python runs in its stead, with the same options.

    Raises:
        LabError: it does not start.
    """
    command = [PYTHON, *program, "-i", address, "-p", str(port), "-w", "-d", str(files)]
    with running(f"pyftpdlib-{address}-{port}", namespace, command, directory) as server:
        server.wait_for_text("starting FTP server")
        yield


def public(directory: Path) -> Path:
    """A directory that servers may serve, with its folder `incoming`: made, and open to their users."""
    (directory / "incoming").mkdir(parents=True)
    for folder in (directory, *directory.parents):
        mode = folder.stat().st_mode
        if mode | _SEARCHABLE != mode:
            folder.chmod(mode | _SEARCHABLE)
    (directory / "incoming").chmod(0o777)
    return directory
