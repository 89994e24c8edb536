"""Whether the control socket and the state directory can be had; nothing is made to find out."""

import os
import socket
from pathlib import Path

from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing

_LONGEST_PATH = 107
"""Bytes; struct sockaddr_un has one more, for the zero behind it (unix(7))."""


def control_socket(path: Path) -> Finding:
    """The place of the control socket: nobody serves it, and it can be made. A left-over socket is taken over."""
    name = "control socket"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        return missing(name, f"{path} is longer than {_LONGEST_PATH} bytes", "give a shorter path by --socket")
    if path.is_socket() and _served(path):
        return missing(name, f"a gateway serves {path} already", "stop it first, or give this one another --socket")
    if os.path.lexists(path) and not path.is_socket():
        return missing(name, f"{path} is there and is no socket", "remove it, or give another path by --socket")
    return _writable(name, path.parent, f"{path} can be made", "--socket")


def state_directory(path: Path) -> Finding:
    """The state directory: it can be written to, or made."""
    return _writable("state directory", path, f"{path} can be written to", "--state-dir")


def _writable(name: str, directory: Path, good: str, option: str) -> Finding:
    nearest = next(place for place in (directory.absolute(), *directory.absolute().parents) if place.exists())
    if not nearest.is_dir():
        return missing(name, f"{nearest} is no directory", f"remove it, or give another path by {option}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        return missing(name, f"{nearest} may not be written to", f"run as root, or give another path by {option}")
    return found(name, good)


def _served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(str(path))
        except PermissionError:
            return True
        except OSError:
            return False
    return True
