"""How `doorman run` begins: what it refuses, the addresses it goes by, and the rights it keeps."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from doorman.daemon.journal import Journal
from doorman.daemon.privileges import CAP_NET_ADMIN, CAP_NET_RAW
from doorman.lab.gateway import doorman
from doorman.lab.namespaces import address, setting
from doorman.lab.network import GATEWAY_GLOBAL, OUTSIDE_LINK
from doorman.lab.plans import from_inside
from kit.lab import SHORT, Lab, eventually

WITHOUT_ADDRESS = " ip address 203.0.113.1 255.255.255.0"
RENUMBERED = "203.0.113.77"


def state_of_machine(lab: Lab) -> list[str]:
    """All that a gateway may leave behind in the kernel and in its directory."""
    shown = [
        lab.in_gateway(*command)
        for command in (
            ["nft", "list", "ruleset"],
            ["ip", "rule"],
            ["ip", "route", "show", "table", "all"],
            ["ip", "address", "show", "up"],
            ["sysctl", "-a", "--pattern", "net.ipv4.(ip_forward|conf)"],
        )
    ]
    return [*shown, str(sorted(lab.directory.rglob("*")))]


def without_forwarding(lab: Lab) -> None:
    setting(lab.network.gateway, "net/ipv4/ip_forward", 0)


def without_an_interface(lab: Lab) -> None:
    lab.in_gateway("ip", "link", "set", OUTSIDE_LINK, "name", "other0")


def with_an_unusable_socket(lab: Lab) -> None:
    (lab.directory / "doorman.sock").write_text("not a socket")


def with_a_wrong_configuration(lab: Lab) -> None:
    lab.configure("ip nat inside source list 7 interface out0 overload extra")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_forwarding, ["!!  IPv4 forwarding", "mend: sysctl -w net.ipv4.ip_forward=1"]),
        (without_an_interface, ["!!  interface out0"]),
        (with_an_unusable_socket, ["!!  control socket"]),
        (with_a_wrong_configuration, ["gateway.cfg", "^"]),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_left(lab: Lab, spoil: object, said: list[str]) -> None:
    assert callable(spoil)
    lab.configure()
    spoil(lab)
    before = state_of_machine(lab)
    run = doorman("run", str(lab.config), "--socket", str(lab.directory / "doorman.sock"))
    run += ["--state-dir", str(lab.directory / "state")]
    command = ["ip", "netns", "exec", lab.network.gateway, *run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for text in said:
        assert text in done.stderr
    assert state_of_machine(lab) == before


def test_the_machine_is_asked_for_its_addresses(lab: Lab) -> None:
    lab.configure(without=[WITHOUT_ADDRESS])
    lab.config.write_text(
        lab.config.read_text().replace("interface out0", "interface out0\n ip address 203.0.113.9 255.255.255.0", 1)
    )
    with lab.serving() as gateway:
        assert f"`ip address 203.0.113.9` is not what it has, {GATEWAY_GLOBAL}/24" in gateway.log.read_text()
        [leg] = lab.place(from_inside(lab.network, SHORT)).legs
        assert {host for host, _ in leg.callee.sources} == {GATEWAY_GLOBAL}


def test_addresses_can_be_applied(lab: Lab) -> None:
    lab.configure()
    lab.in_gateway("ip", "address", "del", f"{GATEWAY_GLOBAL}/24", "dev", OUTSIDE_LINK)
    with lab.serving("--apply-addresses") as gateway:
        assert f"interface {OUTSIDE_LINK} was given {GATEWAY_GLOBAL}/24" in gateway.log.read_text()
        lab.in_gateway("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.2")
        assert lab.place(from_inside(lab.network, SHORT)).has_two_way_media


def test_an_address_that_changes_is_followed(lab: Lab) -> None:
    lab.configure(without=[WITHOUT_ADDRESS])
    with lab.serving() as gateway:
        assert lab.place(from_inside(lab.network, SHORT)).has_two_way_media
        address(lab.network.gateway, OUTSIDE_LINK, f"{RENUMBERED}/24")
        lab.in_gateway("ip", "address", "del", f"{GATEWAY_GLOBAL}/24", "dev", OUTSIDE_LINK)
        lab.in_gateway("ip", "address", "add", f"{RENUMBERED}/24", "dev", OUTSIDE_LINK)
        lab.in_gateway("ip", "route", "replace", "198.51.100.0/24", "via", "203.0.113.2")
        eventually(lambda: RENUMBERED in lab.in_gateway("nft", "list", "table", "ip", "doorman"), "not followed")
        [leg] = lab.place(from_inside(lab.network, SHORT)).legs
        assert {host for host, _ in leg.callee.sources} == {RENUMBERED}
        assert leg.caller.received == leg.caller.sent
        assert "Traceback" not in gateway.log.read_text()


def test_two_capabilities_are_kept(lab: Lab) -> None:
    with lab.serving() as gateway:
        for task in Path(f"/proc/{gateway.pid}/task").iterdir():
            status = dict(line.split(":\t") for line in (task / "status").read_text().splitlines() if ":\t" in line)
            both = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW
            assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")] == [both] * 3
            assert [int(status[name], 16) for name in ("CapInh", "CapAmb")] == [0, 0]
            assert status["NoNewPrivs"] == "1"


def test_addresses_are_taken_back_if_it_cannot_begin(lab: Lab) -> None:
    lab.configure()
    lab.in_gateway("ip", "address", "del", f"{GATEWAY_GLOBAL}/24", "dev", OUTSIDE_LINK)
    state = lab.directory / "state"
    with contextlib.closing(Journal(state, "locked by somebody")):
        before = state_of_machine(lab)
        run = doorman("run", str(lab.config), "--socket", str(lab.directory / "doorman.sock"), "--apply-addresses")
        command = ["ip", "netns", "exec", lab.network.gateway, *run, "--state-dir", str(state)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2
        assert f"interface {OUTSIDE_LINK} was given {GATEWAY_GLOBAL}/24" in done.stderr
        assert "another process has it" in done.stderr
        assert state_of_machine(lab) == before
