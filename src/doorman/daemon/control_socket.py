"""The file of a Unix socket: made with its permissions, and taken over from a gateway that was killed."""

import os
import socket
import stat
from pathlib import Path
from typing import NamedTuple


class SocketInUse(OSError):  # noqa: N818 - says what it is
    """Another gateway listens there, or something that is no socket has the name."""


class Access(NamedTuple):
    """Who may open the socket: its permissions, its owner and its group (-1: as the daemon's)."""

    mode: int = 0o660
    owner: int = -1
    group: int = -1


def bind(path: Path, access: Access) -> socket.socket:
    """A listening socket at a path, which nobody can open before it has its permissions.

    The folder is made if it is missing.

    Raises:
        SocketInUse: see there.
        OSError: the system does not let us.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(str(path))
        # Before `listen` every attempt to connect is refused.
        os.chown(path, access.owner, access.group)
        path.chmod(access.mode)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """Remove what a gateway that was killed left behind.

    Raises:
        SocketInUse: somebody listens there, or it is no socket.
    """
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise SocketInUse(f"{path} is there and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody listens, and has much to do
    raise SocketInUse(f"another gateway listens at {path}")
