"""What NAT64 asks of a machine, seen both found and missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.requirements.host import Host
from doorman.dataplanes.netfilter.requirements.nat64 import nat64
from kit.nat64 import CONFIG

FORWARDING = "net/ipv6/conf/all/forwarding"


def host(proc: Path, **sysctls: int) -> Host:
    for name, value in ({FORWARDING: 1} | sysctls).items():
        path = proc / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return Host(proc=proc)


def test_a_machine_that_has_everything(tmp_path: Path) -> None:
    findings = list(nat64(host(tmp_path), read_config(CONFIG, "t")))
    assert [(finding.name, finding.state) for finding in findings] == [
        ("IPv6 forwarding", "found"),
        ("TUN device", "found"),
    ]


def test_without_nat64_nothing_is_asked(tmp_path: Path) -> None:
    config = read_config(CONFIG.replace(" nat64 enable\n", ""), "t")
    assert list(nat64(host(tmp_path, **{FORWARDING: 0}), config)) == []


@pytest.mark.parametrize("name", ["default", "lan0"])
def test_ipv6_that_is_off(tmp_path: Path, name: str) -> None:
    finding = next(iter(nat64(host(tmp_path, **{f"net/ipv6/conf/{name}/disable_ipv6": 1}), read_config(CONFIG, "t"))))
    assert finding.blocks
    assert f"sysctl -w net.ipv6.conf.{name}.disable_ipv6=0" in finding.mend


def test_ipv6_that_is_not_forwarded(tmp_path: Path) -> None:
    finding = next(iter(nat64(host(tmp_path, **{FORWARDING: 0}), read_config(CONFIG, "t"))))
    assert finding.blocks
    assert "sysctl -w net.ipv6.conf.all.forwarding=1" in finding.mend


def test_no_tun_device(tmp_path: Path) -> None:
    *_, finding = nat64(replace(host(tmp_path), has_tun=False), read_config(CONFIG, "t"))
    assert finding.blocks
    assert "modprobe tun" in finding.mend
