"""NetBIOS hosts in a namespace, by Samba: its name service and datagram service (nmbd), and its server (smbd)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import running

NAME_PORT, DATAGRAM_PORT, SESSION_PORT = 137, 138, 139
_CONFIG = """
[global]
netbios name = {name}
workgroup = LAB
interfaces = {address}/24
bind interfaces only = yes
nmbd bind explicit broadcast = no
smb ports = 139
local master = no
domain master = no
dns proxy = no
preferred master = no
load printers = no
disable spoolss = yes
map to guest = bad user
client min protocol = NT1
server min protocol = NT1
{more}

[files]
path = {directory}
guest ok = yes
force user = root
read only = yes
"""


def configured(name: str, address: str, directory: Path, more: str) -> Path:
    """Write the configuration of a host, with all that it keeps in a folder of its own; give the file."""
    own = directory / name
    for folder in ("lock", "state", "cache", "pid", "private", "ncalrpc"):
        (own / folder).mkdir(parents=True, exist_ok=True)
    kept = [f"{folder} {word} = {own}/{folder}" for folder, word in (("lock", "directory"), ("state", "directory"))]
    kept += [f"cache directory = {own}/cache", f"pid directory = {own}/pid", f"private dir = {own}/private"]
    kept += [f"ncalrpc dir = {own}/ncalrpc", f"log file = {own}/log"]
    path = own / "smb.conf"
    path.write_text(_CONFIG.format(name=name, address=address, directory=own, more="\n".join([*kept, more])))
    return path


@contextmanager
def nmbd(namespace: str, name: str, address: str, directory: Path, more: str = "") -> Iterator[None]:
    """Run a host's name and datagram service in a namespace; `more`: lines of its configuration.

    Raises:
        LabError: it does not listen.
    """
    config = configured(name, address, directory, more)
    command = ["nmbd", "-F", "--no-process-group", "--debug-stdout", "-s", str(config)]
    with running(f"nmbd-{name}", namespace, command, directory) as program:
        program.wait_for_udp(address, NAME_PORT)
        yield


@contextmanager
def smbd(namespace: str, name: str, address: str, directory: Path, more: str = "") -> Iterator[None]:
    """Run a host's server in a namespace, reached by sessions of NetBIOS alone.

    Raises:
        LabError: it does not listen.
    """
    config = configured(name, address, directory, more)
    command = ["smbd", "-F", "--no-process-group", "--debug-stdout", "-s", str(config)]
    with running(f"smbd-{name}", namespace, command, directory) as program:
        program.wait_for_tcp(address, SESSION_PORT)
        yield
