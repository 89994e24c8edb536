"""Rights given up, in processes of their own: what is given up does not come back."""

import json
import os
import subprocess
import sys

import pytest

as_root = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="only root has capabilities to give up"
)

BOTH = 1 << 12 | 1 << 13
DROP = """
import json, os, subprocess, sys
from doorman.daemon.privileges import capability_sets, drop_privileges
{before}
drop_privileges()
own = capability_sets()
{after}
child = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
fields = dict(line.split(":", 1) for line in child.splitlines())
print(json.dumps([own, {{name: int(fields[name], 16) for name in own}}, int(fields["NoNewPrivs"])]))
"""
SETUID = "libc.prctl(8, 1, 0, 0, 0); os.setgroups([]); os.setgid(65534); os.setuid(65534)"
AMBIENT = f"""
import ctypes, struct
libc = ctypes.CDLL(None)
{SETUID}
libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", {BOTH}, {BOTH}, {BOTH}, 0, 0, 0))
assert libc.prctl(47, 2, 12, 0, 0) == libc.prctl(47, 2, 13, 0, 0) == 0
"""
"""As the systemd unit starts it: a user of its own with the two as ambient capabilities."""


def dropped(before: str = "", after: str = "") -> tuple[dict[str, int], dict[str, int], int]:
    script = DROP.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    own, child, no_new_privileges = json.loads(done.stdout)
    return own, child, no_new_privileges


@as_root
def test_root_keeps_the_two_alone() -> None:
    own, child, no_new_privileges = dropped()
    assert own == {"CapInh": 0, "CapPrm": BOTH, "CapEff": BOTH, "CapBnd": BOTH, "CapAmb": 0}
    assert child == own, "root's programs have what the bounding set leaves"
    assert no_new_privileges == 1


@as_root
def test_a_user_of_the_service_keeps_them_and_its_programs_have_none() -> None:
    own, child, no_new_privileges = dropped(AMBIENT)
    assert (own["CapEff"], own["CapPrm"], own["CapInh"], own["CapAmb"]) == (BOTH, BOTH, 0, 0)
    assert (child["CapEff"], child["CapPrm"], child["CapAmb"]) == (0, 0, 0)
    assert no_new_privileges == 1


@as_root
def test_rights_do_not_come_back_and_the_kept_ones_work() -> None:
    dropped(
        after="""
import socket
for attempt in (lambda: os.setuid(1), lambda: os.chown("/proc/self", 1, 1), lambda: os.chroot("/")):
    try:
        attempt()
    except PermissionError:
        continue
    raise SystemExit("a right came back")
with socket.socket() as transparent:
    transparent.setsockopt(socket.SOL_IP, 19, 1)
drop_privileges()
"""
    )


def test_without_any_capability_there_is_nothing_to_drop() -> None:
    before = "os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))"
    own, child, no_new_privileges = dropped(before)
    assert own["CapEff"] == own["CapPrm"] == child["CapEff"] == 0
    assert no_new_privileges == 1
