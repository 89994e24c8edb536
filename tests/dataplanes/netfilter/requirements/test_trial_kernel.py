"""The trial for real: what this kernel has, and that nothing is left of it."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorman.dataplanes.netfilter.requirements.features import FEATURES
from doorman.dataplanes.netfilter.requirements.survey import requirements
from doorman.dataplanes.netfilter.requirements.trial import Trial
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.net.addresses import address_of
from kit.namespaces import Namespace

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="the kernel is tried as root, in a namespace of the test's own"
)

TRIAL = (sys.executable, "-m", "doorman.dataplanes.netfilter.requirements.trial")
CHECKED_ONLY = """
echo 0 > /proc/sys/user/max_user_namespaces
nft add table ip others
setpriv --bounding-set -all,+net_admin,+net_raw,+setpcap --inh-caps -all "$@"
test "$(nft list tables)" = "table ip others"
"""
"""A world in which no namespace can be made: the limit is that of the user namespace it is written in."""

NO_NAMESPACE_IS_NAMED = """
mount -t tmpfs none /run/netns
"$@"
test -z "$(ls /run/netns)"
"""
"""`ip netns exec` gives a mount namespace, so only what is named here is seen: others may make namespaces meanwhile."""

AS_NOBODY = """
import json, os
import doorman.dataplanes.netfilter.requirements.survey as survey
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(json.dumps([finding._asdict() for finding in survey.requirements(None)]))
"""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace.make()
    yield made
    made.remove()


def everything(namespace: Namespace) -> list[str]:
    return [
        namespace.run("nft", "list", "ruleset"),
        namespace.run("ip", "rule"),
        namespace.run("ip", "route", "show", "table", "all"),
        namespace.run("ip", "-o", "link"),
    ]


def test_nothing_is_left(namespace: Namespace) -> None:
    namespace.run(
        "nft", "add table ip others; add chain ip others c { type filter hook forward priority 0; policy drop; }"
    )
    before = everything(namespace)
    trial = Trial(**json.loads(namespace.run("sh", "-e", "-c", NO_NAMESPACE_IS_NAMED, "sh", *TRIAL)))
    assert everything(namespace) == before
    assert trial.place == "namespace"
    assert {feature.name for feature in FEATURES if feature.required} <= trial.worked.keys()
    assert [item["chain"]["policy"] for item in trial.ruleset if "chain" in item] == ["drop"]


def test_with_the_capabilities_of_the_service_alone_nothing_is_made() -> None:
    command = ["unshare", "-U", "-r", "-n", "sh", "-e", "-c", CHECKED_ONLY, "sh", *TRIAL]
    done = subprocess.run(command, capture_output=True, check=True)
    trial = Trial(**json.loads(done.stdout))
    assert trial.place == "host"
    tried = {
        feature.name
        for feature in FEATURES
        if feature.required and any(attempt.where != "namespace" for attempt in feature.attempts)
    }
    assert tried <= trial.worked.keys()
    assert "VRF devices" not in trial.worked | trial.failed


def test_nobody_is_told_what_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, check=True)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["CAP_NET_ADMIN"]["state"] == findings["CAP_NET_RAW"]["state"] == "missing"
    # What the kernel has is seen in a user namespace, where one may be made and the interpreter be started; else it is
    # not tried. It is never said to be missing.
    assert {findings[feature.name]["state"] for feature in FEATURES if feature.required} <= {"found", "warning"}


def test_interfaces_and_their_addresses(namespace: Namespace) -> None:
    for address in ("192.0.2.8/24", "192.0.2.1/24"):
        namespace.run("ip", "address", "add", address, "dev", "lo")
    namespace.run("ip", "address", "add", "192.0.2.9", "peer", "198.51.100.1", "dev", "lo")
    with namespace.inside():
        addresses = interface_addresses()
    own = ("127.0.0.1", 8), ("192.0.2.8", 24), ("192.0.2.9", 32), ("192.0.2.1", 24)
    assert addresses["lo"] == tuple((address_of(text), length) for text, length in own)


def test_sysctls_are_those_of_the_namespace(namespace: Namespace) -> None:
    script = (
        "from doorman.dataplanes.netfilter.requirements.survey import requirements;"
        "print([finding.state for finding in requirements(None) if finding.name == 'IPv4 forwarding'])"
    )
    for value, state in (("0", "missing"), ("1", "found")):
        namespace.run("sysctl", "-qw", f"net.ipv4.ip_forward={value}")
        assert namespace.run(sys.executable, "-c", script).strip() == f"['{state}']"


def test_iptables_is_read_where_nft_shows_too_little(namespace: Namespace) -> None:
    namespace.run(
        "iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", "5060", "-j", "CT", "--helper", "sip"
    )
    script = (
        "from doorman.dataplanes.netfilter.requirements.survey import requirements;"
        "print([finding.mend for finding in requirements(None) if finding.name == 'kernel SIP helper'])"
    )
    (mend,) = ast.literal_eval(namespace.run(sys.executable, "-c", script))
    namespace.run(*mend.split())
    assert namespace.run(sys.executable, "-c", script).strip() == "[]"


def test_the_interpreter_may_not_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    findings = {finding.name: finding for finding in requirements(None)}
    assert "cannot be started" in findings["nft tables"].detail
    assert not findings["nft tables"].blocks
