"""Servers of rsh and rlogin in a namespace: those of rsh-redone, started for each connection as by inetd.

They believe whoever comes from a port of the superuser, so that nobody wants them installed: they are unpacked only.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import UNPACKED, running

RSH_PORT, RLOGIN_PORT = 514, 513
RSHD = UNPACKED / "rsh-redone-server/usr/sbin/in.rshd"
RLOGIND = UNPACKED / "rsh-redone-server/usr/sbin/in.rlogind"
RSH = UNPACKED / "rsh-redone-client/usr/bin/rsh-redone-rsh"
RLOGIN = UNPACKED / "rsh-redone-client/usr/bin/rsh-redone-rlogin"

_INETD = """
import socket, subprocess, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    connection, _ = listener.accept()
    subprocess.Popen(sys.argv[3:], stdin=connection, stdout=connection, stderr=connection)
    connection.close()
"""
_BELIEVE = "".join(f"{what} required pam_permit.so\n" for what in ("auth", "account", "session"))


@contextmanager
def rcmd_server(server: Path, namespace: str, address: str, port: int, directory: Path) -> Iterator[None]:
    """Run one of the servers in a namespace, which has a mount namespace of its own, too (ip-netns(8)).

    Raises:
        LabError: it does not listen.
    """
    here = directory / f"{server.name}-{address}-etc"
    (here / "pam.d").mkdir(parents=True, exist_ok=True)
    for service in ("rsh", "rlogin", "login", "other"):
        (here / "pam.d" / service).write_text(_BELIEVE)
    (here / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    # What the superuser's own shell does first is nobody's business here, and may not work four times at once.
    (here / "passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    mounts = " && ".join(f"mount --bind {here}/{name} /etc/{name}" for name in ("pam.d", "nsswitch.conf", "passwd"))
    command = [
        "sh",
        "-c",
        f'{mounts} && exec "$@"',
        "sh",
        sys.executable,
        "-c",
        _INETD,
        address,
        str(port),
        str(server),
    ]
    with running(f"{server.name}-{address}", namespace, command, directory) as program:
        program.wait_for_tcp(address, port)
        yield
