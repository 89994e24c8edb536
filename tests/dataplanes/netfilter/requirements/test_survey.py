"""Every check, seen both found and missing, on machines that are made up."""

from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from doorman.config.model import Config
from doorman.config.reader import Reader
from doorman.dataplanes.netfilter.requirements.features import FEATURES, Feature
from doorman.dataplanes.netfilter.requirements.finding import Finding
from doorman.dataplanes.netfilter.requirements.host import Host
from doorman.dataplanes.netfilter.requirements.survey import obstacles, requirements
from doorman.dataplanes.netfilter.requirements.trial import Trial
from doorman.dataplanes.netfilter.routing import Routing
from doorman.net.addresses import Address, address_of

BOTH = 1 << 12 | 1 << 13
CONFIG = """
interface eth0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface eth1
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
"""
INTERFACES: dict[str, tuple[tuple[Address, int], ...]] = {
    "lo": ((address_of("127.0.0.1"), 8),),
    "eth0": ((address_of("10.0.0.1"), 24),),
    "eth1": ((address_of("192.0.2.1"), 24),),
}
SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/netfilter/nf_conntrack_count": 7,
    "net/netfilter/nf_conntrack_max": 100,
    "net/netfilter/nf_conntrack_events": 2,
    "net/netfilter/nf_conntrack_acct": 1,
    "net/netfilter/nf_conntrack_helper": 0,
}
WORKED = Trial(place="namespace", worked={feature.name: "tried" for feature in FEATURES})


def config() -> Config:
    return Reader("test").read(CONFIG)


def fill(proc: Path, sysctls: dict[str, int], capabilities: int = BOTH) -> None:
    for name, value in sysctls.items():
        path = proc / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (proc / "self").mkdir(parents=True, exist_ok=True)
    (proc / "self" / "status").write_text(f"Name:\ttest\nCapEff:\t{capabilities:016x}\n")


def survey(  # noqa: PLR0913 - each a thing that a machine may lack
    proc: Path,
    *,
    trial: Trial = WORKED,
    sysctls: dict[str, int] | None = None,
    capabilities: int = BOTH,
    system: str = "Linux",
    release: str = "6.1.0",
    interfaces: dict[str, tuple[tuple[Address, int], ...]] = INTERFACES,
) -> list[Finding]:
    fill(proc, SYSCTLS | (sysctls or {}), capabilities)
    host = Host(system, release, proc, trial, interfaces)
    return requirements(config(), host=host)


def named(findings: list[Finding], name: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def test_a_machine_that_has_everything(tmp_path: Path) -> None:
    assert {finding.state for finding in survey(tmp_path)} == {"found"}


def test_another_system_has_one_line(tmp_path: Path) -> None:
    (finding,) = survey(tmp_path, system="Darwin")
    assert finding.blocks
    assert "doorman replay" in finding.mend


def test_an_old_kernel_is_a_warning(tmp_path: Path) -> None:
    assert named(survey(tmp_path, release="4.19.0-27-amd64"), "Linux kernel").state == "warning"
    assert named(survey(tmp_path, release="5.15"), "Linux kernel").state == "found"


@pytest.mark.parametrize(("capability", "bit"), [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13)])
def test_each_capability(tmp_path: Path, capability: str, bit: int) -> None:
    finding = named(survey(tmp_path, capabilities=BOTH & ~(1 << bit)), capability)
    assert finding.blocks
    assert "root" in finding.mend


def test_no_library(tmp_path: Path) -> None:
    findings = survey(tmp_path, trial=Trial(library="no such file", untried="no such file", place="namespace"))
    assert named(findings, "libnftables").blocks
    assert named(findings, "nft tables") == Finding(
        "nft tables", "warning", required=True, detail="not tried: no such file"
    )


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_each_feature(tmp_path: Path, feature: Feature) -> None:
    rest = {name: how for name, how in WORKED.worked.items() if name != feature.name}
    trial = Trial(place="namespace", worked=rest, failed={feature.name: "No such file or directory"})
    finding = named(survey(tmp_path, trial=trial), feature.name)
    assert finding.state == "missing"
    assert finding.blocks == feature.required
    assert feature.purpose in finding.detail
    assert "CONFIG_" in finding.mend


def test_what_may_not_be_tried_is_not_missing(tmp_path: Path) -> None:
    trial = Trial(place="host", failed={feature.name: "Operation not permitted" for feature in FEATURES})
    findings = survey(tmp_path, trial=trial, capabilities=0)
    assert {named(findings, feature.name).state for feature in FEATURES} == {"warning"}


def test_no_forwarding(tmp_path: Path) -> None:
    finding = named(survey(tmp_path, sysctls={"net/ipv4/ip_forward": 0}), "IPv4 forwarding")
    assert finding.blocks
    assert finding.mend.startswith("sysctl -w net.ipv4.ip_forward=1;")


def test_no_forwarding_by_one_interface(tmp_path: Path) -> None:
    finding = named(survey(tmp_path, sysctls={"net/ipv4/conf/eth1/forwarding": 0}), "IPv4 forwarding")
    assert finding.blocks
    assert "eth1" in finding.detail


@pytest.mark.parametrize("where", ["all", "eth0"])
def test_a_strict_reverse_path_filter(tmp_path: Path, where: str) -> None:
    finding = named(survey(tmp_path, sysctls={f"net/ipv4/conf/{where}/rp_filter": 1}), "reverse path filter")
    assert finding.state == "warning"
    assert "eth0" in finding.detail
    assert ("eth1" in finding.detail) == (where == "all")


def test_a_loose_reverse_path_filter_of_all_overrules_strict_ones(tmp_path: Path) -> None:
    sysctls = {"net/ipv4/conf/all/rp_filter": 2, "net/ipv4/conf/eth0/rp_filter": 1}
    assert named(survey(tmp_path, sysctls=sysctls), "reverse path filter").state == "found"


def test_what_holds_packets_back(tmp_path: Path) -> None:
    """Of a gateway that runs: not what it needs to begin."""

    def named_obstacles(sysctls: dict[str, int], trial: Trial = WORKED) -> list[str]:
        fill(tmp_path, SYSCTLS | {"net/ipv4/conf/all/rp_filter": 0} | sysctls, capabilities=0)
        host = Host(proc=tmp_path, trial=trial, interfaces=INTERFACES)
        return [finding.name for finding in obstacles(config(), host=host)]

    assert named_obstacles({}) == []
    assert named_obstacles({"net/netfilter/nf_conntrack_events": 0}) == []
    assert named_obstacles({"net/ipv4/ip_forward": 0}) == ["IPv4 forwarding"]
    assert named_obstacles({"net/ipv4/conf/all/rp_filter": 1}) == ["reverse path filter"]
    policy = {"chain": {"family": "ip", "table": "t", "name": "f", "hook": "forward", "policy": "drop"}}
    assert named_obstacles({}, Trial(ruleset=[policy])) == ["policy drop"]


@pytest.mark.parametrize(
    ("sysctl", "value", "name", "state"),
    [
        ("conntrack_count", 80, "conntrack", "warning"),
        ("conntrack_events", 0, "conntrack events", "missing"),
        ("conntrack_acct", 0, "conntrack counters", "missing"),
        ("conntrack_helper", 1, "kernel helpers", "warning"),
    ],
)
def test_conntrack(tmp_path: Path, sysctl: str, value: int, name: str, state: str) -> None:
    finding = named(survey(tmp_path, sysctls={f"net/netfilter/nf_{sysctl}": value}), name)
    assert finding.state == state
    assert "sysctl -w net.netfilter.nf_" in finding.mend


def test_conntrack_not_loaded_and_without_events(tmp_path: Path) -> None:
    fill(tmp_path, {"net/ipv4/ip_forward": 1})
    host = Host(proc=tmp_path, trial=WORKED, interfaces=INTERFACES)
    assert "modprobe" in named(requirements(None, host=host), "conntrack").mend
    fill(tmp_path, {"net/netfilter/nf_conntrack_count": 0, "net/netfilter/nf_conntrack_max": 9})
    assert named(requirements(None, host=host), "conntrack events").blocks


def test_an_interface_that_is_not_there(tmp_path: Path) -> None:
    finding = named(survey(tmp_path, interfaces={"lo": (), "eth0": INTERFACES["eth0"]}), "interface eth1")
    assert finding.blocks
    assert finding.mend.endswith("eth0, lo")


def test_an_address_that_disagrees(tmp_path: Path) -> None:
    other = INTERFACES | {"eth1": ((address_of("192.0.2.9"), 24),)}
    finding = named(survey(tmp_path, interfaces=other), "interface eth1")
    assert finding.state == "warning"
    assert "ip address add 192.0.2.1/24 dev eth1" in finding.mend


def test_the_state_directory(tmp_path: Path) -> None:
    host = Host(proc=tmp_path, trial=WORKED)
    fine = requirements(None, host=host, state_directory=tmp_path / "new" / "state")
    assert named(fine, "state directory").state == "found"
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    bad = requirements(None, host=host, state_directory=tmp_path / "file")
    assert named(bad, "state directory").blocks


def test_the_control_socket(tmp_path: Path) -> None:
    host, path = Host(proc=tmp_path, trial=WORKED), tmp_path / "doorman.sock"

    def finding() -> Finding:
        return named(requirements(None, host=host, control_socket=path), "control socket")

    assert finding().state == "found"
    with socket(AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert finding().blocks
    assert finding().state == "found", "left over by a gateway that is gone"
    path.unlink()
    path.touch()
    assert finding().blocks
    assert "is no socket" in finding().detail


def test_a_control_socket_with_a_path_that_is_too_long(tmp_path: Path) -> None:
    host, path = Host(proc=tmp_path, trial=WORKED), tmp_path / ("x" * 108)
    assert named(requirements(None, host=host, control_socket=path), "control socket").blocks


def test_each_vrf_should_have_a_routing_table(tmp_path: Path) -> None:
    text = "vrf definition red\nvrf definition blue\n" + CONFIG.replace("eth0\n", "eth0\n vrf forwarding red\n")
    text += "interface eth2\n vrf forwarding blue\n ip nat inside\n"
    fill(tmp_path, SYSCTLS)
    host = Host(proc=tmp_path, trial=WORKED, interfaces=INTERFACES, routing=Routing({}, {"eth0": 101}))
    found = {finding.name: finding for finding in requirements(Reader("test").read(text), host=host)}
    assert (found["vrf red"].state, found["vrf red"].detail) == ("found", "routing table 101, by ip rule")
    assert found["vrf blue"].state == "warning"
    assert found["vrf blue"].mend.startswith("ip rule add iif eth2 lookup TABLE")
