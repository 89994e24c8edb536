"""The trial: a short process of its own that tries the features of the kernel, and what it tells.

Run as a module it lists the host's ruleset, then moves into a network namespace that ends with it, tries each feature
there and prints one line of JSON. Without the right to make a namespace it takes a user namespace, where anybody may;
where that is forbidden too, it lets the kernel check nft's transactions without carrying them out, and does not try
what would leave something behind. A crash of the library is the child's own.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.nft import NftError
from doorman.dataplanes.netfilter.requirements.attempts import Attempt, Place
from doorman.dataplanes.netfilter.requirements.features import FEATURES, Feature
from doorman.dataplanes.netfilter.requirements.library import TrialNft, reason_of

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PATIENCE = 20.0
"""In seconds; a trial takes a fraction of one, unless modules are loaded from a slow disk."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the trial found. A feature that is in neither dictionary was not tried; `untried` says why."""

    library: str = ""
    """Why libnftables cannot be used; empty if it can."""
    place: Literal["namespace", "user namespace", "host"] = "host"
    worked: dict[str, str] = field(default_factory=dict)
    """By feature: the attempt that succeeded."""
    failed: dict[str, str] = field(default_factory=dict)
    """By feature: what the kernel said."""
    untried: str = ""
    ruleset: list[dict[str, Any]] = field(default_factory=list)
    ruleset_unread: str = ""
    """Why the ruleset could not be listed; empty if it could."""


def run_trial() -> Trial:
    """Run the trial in a process of its own; it changes nothing in this one's namespaces."""
    command = [sys.executable, "-P", "-m", __name__]
    try:
        child = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE)  # noqa: S603 - ourselves
        return Trial(**json.loads(child.stdout))
    except OSError as error:
        why = f"{sys.executable} cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        why = f"the trial did not end within {_PATIENCE:.0f} seconds"
    except ValueError:
        last = child.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        why = f"the trial ended with {child.returncode}{f': {last}' if last else ''}"
    return Trial(untried=why, ruleset_unread=why)


def try_features() -> Trial:
    """Try everything. This process is in another namespace afterwards."""
    worked: dict[str, str] = {}
    failed: dict[str, str] = {}
    ruleset, unread = _list()
    place = _leave()
    # Only now: the socket of a context stays in the namespace where the context was made.
    nftables, library = _load()
    if nftables is not None and place == "host":
        nftables.examine_only()
    for feature in FEATURES:
        _try(feature, "host" if place == "host" else "namespace", nftables, worked, failed)
    untried = "" if place != "host" else "to try it takes a network namespace, which may not be made here"
    return Trial(library, place, worked, failed, untried or library, ruleset, unread)


def _try(
    feature: Feature, place: Place, nftables: TrialNft | None, worked: dict[str, str], failed: dict[str, str]
) -> None:
    reasons = []
    for attempt in feature.attempts:
        if attempt.where not in (None, place) or (attempt.make is None and nftables is None):
            continue
        try:
            _make(attempt, nftables)
        except NetlinkError as error:
            reasons.append(f"{attempt.label}: {error.explanation or error.strerror}")
        except OSError as error:
            reasons.append(f"{attempt.label}: {error.strerror}")
        except NftError as error:
            reasons.append(f"{attempt.label}: {reason_of(str(error))}")
        else:
            worked[feature.name] = attempt.label
            return
    if reasons:
        failed[feature.name] = "; ".join(reasons)


def _make(attempt: Attempt, nftables: TrialNft | None) -> None:
    if attempt.make is not None:
        attempt.make()
    elif nftables is not None:
        nftables.run("\n".join(attempt.commands))


def _load() -> tuple[TrialNft | None, str]:
    try:
        return TrialNft(), ""
    except NftError as error:
        return None, str(error)


def _list() -> tuple[list[dict[str, Any]], str]:
    try:
        return TrialNft().ruleset(), ""
    except NftError as error:
        return [], str(error)


def _leave() -> Literal["namespace", "user namespace", "host"]:
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(_CLONE_NEWNET) == 0:
        return "namespace"
    if unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return "user namespace"
    return "host"


if __name__ == "__main__":
    json.dump(asdict(try_features()), sys.stdout)
    sys.stdout.flush()
    # Nothing is left to tidy up but the context of the library, which would wait for the kernel.
    os._exit(0)
