"""Rights given up after start: all capabilities but two, for this process and whatever it starts.

What was started as root stays user 0 with CAP_NET_ADMIN and CAP_NET_RAW alone (capabilities(7)). It still owns root's
files and may read and write those by their mode, such as the state directory and the socket; it can no longer pass
over the mode of other users' files (no CAP_DAC_OVERRIDE), give files away, change user, load modules or trace
processes. So a state directory of another user must be made accessible before, and root's files can still be harmed:
the systemd unit therefore runs the daemon as a user of its own.

Capabilities belong to threads: given up are this one's, and those of threads it starts later. Call it before others
are started.

    struct header { u32 version 0x20080522; int pid (0: this thread); }
    struct data { u32 effective, permitted, inheritable; } [2]      the low 32 capabilities, then the high ones
"""

import ctypes
import os
import struct
from pathlib import Path

CAP_SETPCAP = 8
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13

KEPT = frozenset({CAP_NET_ADMIN, CAP_NET_RAW})

_VERSION = 0x20080522
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


class PrivilegesError(OSError):
    """The kernel did not let us give up a right, or says that we still have it."""


def drop_privileges() -> None:
    """Keep CAP_NET_ADMIN and CAP_NET_RAW, as far as this process has them, and give up all else for good.

    Ambient and inheritable capabilities go, and no_new_privs sees to it that a program that is started has no more than
    the two (as root), or none (as another user). The bounding set can be cut only with CAP_SETPCAP; without that it
    stays, and no_new_privs has the same effect.

    Raises:
        PrivilegesError: one of these cannot be done, or did not work.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    sets = capability_sets()
    if sets["CapEff"] >> CAP_SETPCAP & 1:
        _cut_bounding_set(libc)
    _prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _set_capabilities(libc, sets["CapPrm"] & _mask())
    _verify()


def capability_sets() -> dict[str, int]:
    """The capability sets of this thread as bit masks, by their names in proc_pid_status(5)."""
    status = Path("/proc/thread-self/status").read_text(encoding="utf-8", errors="replace")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(fields[name], 16) for name in _SETS}


def _mask() -> int:
    return sum(1 << capability for capability in KEPT)


def _cut_bounding_set(libc: ctypes.CDLL) -> None:
    capability = 0
    # Reading fails beyond the last capability this kernel knows.
    while libc.prctl(_PR_CAPBSET_READ, ctypes.c_ulong(capability), *_zeros(3)) >= 0:
        if capability not in KEPT:
            _prctl(libc, _PR_CAPBSET_DROP, capability)
        capability += 1


def _set_capabilities(libc: ctypes.CDLL, kept: int) -> None:
    """Make `kept` the effective and permitted set, and nothing inheritable; all of them are in the low 32."""
    header = struct.pack("=Ii", _VERSION, 0)
    data = struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    if libc.capset(header, data) != 0:
        _fail("capset")


def _prctl(libc: ctypes.CDLL, option: int, argument: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(argument), *_zeros(3)) != 0:
        _fail(f"prctl {option} {argument}")


def _zeros(count: int) -> list[ctypes.c_ulong]:
    """The kernel refuses anything else in arguments it does not use."""
    return [ctypes.c_ulong(0)] * count


def _fail(call: str) -> None:
    number = ctypes.get_errno()
    raise PrivilegesError(number, f"{call}: {os.strerror(number)}")


def _verify() -> None:
    for name, value in capability_sets().items():
        kept = 0 if name in {"CapInh", "CapAmb"} else _mask()
        if value & ~kept and name != "CapBnd":
            raise PrivilegesError(0, f"{name} is still {value:#x}")
