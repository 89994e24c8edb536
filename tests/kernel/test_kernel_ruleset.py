"""What the table does in a kernel beside the contract of a data plane: to others, in time, and with odd rules."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings

from doorman.config.in_force import in_force
from doorman.config.model import Config, Interface, NatSide
from doorman.config.reader import read_config
from doorman.config.statics import StaticHost, Statics
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.results import Side
from doorman.nat.bindings import Bindings
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules, UnusableConfig
from doorman.net.addresses import Address
from doorman.net.packet import TCP, UDP
from kit.configurations import configs
from kit.gateway import INTERFACES, OVERLOAD, SHARED_POOL
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import gre, icmp_error, ping, tcp, udp
from kit.plane_contract import CONFIG, GLOBAL, NOW, OTHER_RTP, PEER, PEER_RTP, PHONE, PHONE_RTP, STRANGER, Gate
from kit.sip import request, sdp
from kit.waiting import runs_down
from kit.wires import Places, Wires, ends_of

INSIDE, OUTSIDE = Side
FOREIGN = """
table ip others {
  map doors {
    type ipv4_addr : ipv4_addr
    elements = { 192.0.2.1 : 192.0.2.2 }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat - 10; policy accept;
    tcp dport 2222 dnat to 192.168.1.77:22
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    udp dport 6666 drop
  }
}
table inet fw {
  chain input {
    type filter hook input priority filter; policy accept;
    ct mark & 0x0000000f == 0x00000001 accept
  }
}
"""


class Kernel:
    """A plane and its wires. `named`: packets by the ends they have in the end."""

    def __init__(self, wires: Wires, stack: ExitStack, table: str = "doorman") -> None:
        self.wires = wires
        self.run = wires.gateway.run
        self.table = table
        with wires.gateway.inside():
            self.plane = NetfilterPlane(Setting(table, 5060, 0, timeouts=True))
        stack.callback(self.plane.close, remove=True)

    def arrives(self, protocol: int, sender: str, receiver: str, side: Side) -> tuple[str, str] | None:
        packet = tcp(sender, receiver, data=b"contents") if protocol == TCP else udp(sender, receiver, b"contents")
        out = self.wires.through(packet, side)
        return ends_of(out) if out is not None else None

    def spoil(self, entrance: str) -> None: ...

    def mend(self, entrance: str) -> None: ...

    def conntrack(self, text: str) -> list[str]:
        """The entries with this text in them, each as its protocol, seconds and what follows."""
        return [line for line in self.run("conntrack", "-L").splitlines() if text in line]

    def seconds(self, text: str) -> int:
        """How long the one entry with this text lives if it is silent."""
        [line] = self.conntrack(text)
        return int(line.split()[2])

    def elements(self, name: str) -> list[Any]:
        answer = json.loads(self.run("nft", "-j", "list", "map", "ip", self.table, name))
        [found] = [entry["map"] for entry in answer["nftables"] if "map" in entry]
        return list(found.get("elem", []))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def kernel(new_namespace: Callable[[], Namespace], stack: ExitStack) -> Iterator[Kernel]:
    made = Kernel(Wires(new_namespace(), new_namespace(), stack), stack)
    with made.wires.gateway.inside():
        yield made


def read(text: str) -> Config:
    return read_config(text, "test.cfg")


def test_a_packet_to_a_name_without_a_door_leaves_no_trace(kernel: Kernel) -> None:
    gate = Gate(kernel)
    name = gate.name(PHONE_RTP)
    gate.commit()
    for protocol in (UDP, TCP):
        assert gate.from_outside(PEER_RTP, name, protocol) is None
    assert kernel.conntrack("tcp") == []
    assert [line for line in kernel.conntrack("udp ") if "dport=9 " not in line] == []


def test_doors_end_by_themselves_an_hour_after_an_engine_that_is_gone(kernel: Kernel) -> None:
    gate = Gate(kernel)
    gate.open(PHONE_RTP, PEER, closes=NOW + 100)
    gate.open(OTHER_RTP, None, owner=b"other", closes=float("inf"))
    gate.commit()
    for _ in range(2):
        [[left, _]] = kernel.elements("doors")
        assert left["elem"]["timeout"] in (3700, 3701)
        [[left, _]] = kernel.elements("doors_any")
        assert "elem" not in left
        gate.synchronise()


def test_what_lives_how_long(kernel: Kernel) -> None:
    text = CONFIG + "ip nat translation udp-timeout 77\nip nat translation dns-timeout 11\n"
    text += "ip nat translation icmp-timeout 21\nip nat translation pptp-timeout 31\n"
    gate = Gate(kernel, text + "ip nat translation port-timeout udp 1234 never\nip nat translation syn-timeout 9\n")
    name = gate.open(PHONE_RTP, PEER)
    gate.commit()
    since = time.monotonic()
    gate.from_outside(PEER_RTP, name)
    for number, port in enumerate((53, 54, 1234)):
        gate.from_inside(f"{PHONE}:{2000 + number}", f"{STRANGER}:{port}")
    gate.from_inside(f"{PHONE}:2100", f"{STRANGER}:80", TCP)
    for packet in (ping(PHONE, STRANGER, 9), gre(PHONE, STRANGER)):
        kernel.wires.send(packet, INSIDE)
    kernel.wires.sync(INSIDE)
    expected = {
        "icmp": 21,
        "gre": 31,
        "dport=4000": 120,
        "dport=53 ": 11,
        "dport=54 ": 77,
        "dport=1234": 536_870,
        "dport=80 ": 9,
    }
    assert all(runs_down(kernel.seconds(text), wanted, since) for text, wanted in expected.items())


def test_flows_on_other_interfaces_are_left_alone(
    kernel: Kernel, new_namespace: Callable[[], Namespace], stack: ExitStack
) -> None:
    gate = Gate(kernel)
    gate.name(PHONE_RTP)
    gate.commit()
    other = Wires(kernel.wires.gateway, new_namespace(), stack, Places(1, "10.1.0.1", "10.2.0.1", "192.0.2"))
    packet = udp("10.1.0.10:5060", "192.0.2.1:5060", b"other")
    since = time.monotonic()
    assert other.through(packet, INSIDE) is not None
    assert runs_down(kernel.seconds("src=10.1.0.10"), 30, since), "the kernel's own time-out"
    assert "mark=0 " in kernel.conntrack("src=10.1.0.10")[0]
    left = other.through(udp("192.0.2.1:9999", f"{GLOBAL}:4000", b"to a name, from elsewhere"), OUTSIDE)
    assert left is None


def test_tables_of_others_are_not_touched(kernel: Kernel) -> None:
    kernel.run("nft", "-f", "-", stdin=FOREIGN)

    def others() -> str:
        return kernel.run("nft", "list", "table", "ip", "others") + kernel.run("nft", "list", "table", "inet", "fw")

    before = others()
    gate = Gate(kernel)
    name = gate.open(PHONE_RTP, PEER)
    gate.commit()
    assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
    gate.reconfigure(OVERLOAD)
    assert others() == before
    with pytest.raises(PlaneRefused):
        kernel.plane.synchronise(read(INTERFACES.replace(" ip nat outside\n", "")), [], [], NOW)
    kernel.plane.close(remove=True)
    assert others() == before
    assert kernel.run("nft", "list", "tables").splitlines() == ["table ip others", "table inet fw"]


def test_marks_of_others_are_not_touched(kernel: Kernel) -> None:
    kernel.run("nft", "add table ip a; add chain ip a p { type filter hook prerouting priority -160; }; "
               "add rule ip a p ct mark set 0xff07ffff")  # fmt: skip
    gate = Gate(kernel)
    name = gate.open(PHONE_RTP, PEER)
    gate.name(OTHER_RTP)
    gate.commit()
    gate.from_outside(PEER_RTP, name)
    gate.from_inside(OTHER_RTP, f"{STRANGER}:1")
    gate.from_inside(f"{PHONE}:1", f"{STRANGER}:2")
    marks = {int(mark) for mark in re.findall(r"mark=(\d+)", kernel.run("conntrack", "-L")) if int(mark)}
    assert {mark & 0xFF07FFFF for mark in marks} == {0xFF07FFFF}
    assert 0xFF17FFFF in marks


def test_checking_a_configuration_changes_nothing(kernel: Kernel) -> None:
    kernel.plane.check(read(CONFIG))
    assert kernel.run("nft", "list", "ruleset") == ""
    gate = Gate(kernel)
    before = kernel.run("nft", "list", "ruleset")
    kernel.plane.check(read(SHARED_POOL))
    for bad in (INTERFACES.replace(" ip nat outside\n", ""), OVERLOAD.replace("in0", "GigabitEthernet0/0/0")):
        with pytest.raises(PlaneRefused):
            kernel.plane.check(read(bad))
    assert kernel.run("nft", "list", "ruleset") == before
    gate.synchronise()
    assert kernel.run("nft", "list", "ruleset") == before


def test_a_gateway_that_starts_again_finds_its_table_and_flows(kernel: Kernel) -> None:
    gate = Gate(kernel)
    name = gate.open(PHONE_RTP, PEER)
    gate.commit()
    gate.from_outside(PEER_RTP, name)
    kernel.plane.close(remove=False)
    assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
    kernel.plane.__init__(Setting("doorman", 5061, 0, timeouts=True))  # type: ignore[misc]  # the next process
    gate.synchronise()
    assert gate.from_outside(PEER_RTP, name) == (PEER_RTP, PHONE_RTP)
    assert len(gate.flows()) == 1


def test_an_access_list_that_denies_some(kernel: Kernel) -> None:
    lists = "access-list 7 deny host 192.168.1.10\naccess-list 7 permit 192.168.0.9 0.0.255.0\naccess-list 7 deny any\n"
    gate = Gate(kernel, INTERFACES + lists + "ip nat inside source list 7 interface out0 overload\n")
    assert gate.from_inside(PHONE_RTP, PEER_RTP) == (PHONE_RTP, PEER_RTP)
    assert gate.from_inside(OTHER_RTP, PEER_RTP) == (OTHER_RTP, PEER_RTP)
    found = gate.from_inside("192.168.1.9:4000", PEER_RTP)
    assert found is not None
    assert found[0].startswith(f"{GLOBAL}:")


@given(configs())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_nft_takes_whatever_a_configuration_says(kernel: Kernel, config: Config) -> None:
    for name, side in (("in0", "inside"), ("out0", "outside")):
        address = Address(bytes([10, 200, len(name), 1]))
        config.interfaces[name] = Interface(name, address, 24, cast("NatSide", side), "", shutdown=False)
    config.interfaces = {name: interface for name, interface in config.interfaces.items() if len(name) < 16}
    inside = config.networks("inside")
    hosts = [rule for rule in config.outside_statics if isinstance(rule, StaticHost)]
    config.outside_statics = Statics(rule for rule in hosts if not any(rule.local in network for network in inside))
    for interface, listed in zip(list(config.interfaces.values()), config.access_lists, strict=False):
        config.interfaces[interface.name] = replace(interface, access_in=listed, access_out=listed)
    try:
        holdings = Holdings(in_force(config)[0], random.Random(1).random, ports_end=32_768)
        rules = Rules(in_force(config)[0], holdings)
    except UnusableConfig:
        return
    bindings = Bindings(rules, holdings)
    kernel.plane.check(in_force(config)[0])
    kernel.plane.synchronise(in_force(config)[0], bindings, [], NOW)


def test_several_rules_each_have_their_addresses(kernel: Kernel) -> None:
    text = (
        INTERFACES
        + "access-list 2 permit host 192.168.1.10\nip nat pool P 203.0.113.20 203.0.113.20 prefix-length 24\n"
        + "ip nat inside source list 2 pool P overload\nip nat inside source list 1 interface out0 overload\n"
    )
    gate = Gate(kernel, text)
    addresses = []
    for sender in (PHONE_RTP, OTHER_RTP):
        found = gate.from_inside(sender, PEER_RTP)
        assert found is not None
        addresses.append(found[0].partition(":")[0])
    assert addresses == ["203.0.113.20", GLOBAL]
    gate.reconfigure(OVERLOAD)
    found = gate.from_inside(f"{PHONE}:4001", PEER_RTP)
    assert found is not None
    assert found[0].startswith(f"{GLOBAL}:")


def test_ordinary_flows_never_take_a_static_hosts_address(kernel: Kernel) -> None:
    gate = Gate(kernel, SHARED_POOL + "ip nat inside source static 192.168.1.5 203.0.113.20\n")
    for number in range(8):
        found = gate.from_inside(f"192.168.1.{10 + number}:4000", PEER_RTP)
        assert found is not None
        assert found[0].startswith("203.0.113.21:")


SIP = """
interface in{0}
 ip nat inside
 ip address 10.0.{0}.1 255.255.255.0
interface out{0}
 ip nat outside
 ip address 203.0.{1}.1 255.255.255.0
access-list 1 permit 10.0.{0}.0 0.0.0.255
ip nat inside source list 1 interface out{0} overload
ip nat service sip fail-closed
"""


def test_two_gateways_of_one_kernel_do_not_meet(
    new_namespace: Callable[[], Namespace], stack: ExitStack, tmp_path: Path
) -> None:
    """In one namespace, each with its own interfaces, table, queue and names."""
    there = new_namespace()
    places = Places(0, "10.0.0.1"), Places(1, "10.0.1.1", "203.0.114.1", "192.0.2")
    first, second = (
        Live(
            Wires(there, new_namespace(), stack, places[number]),
            stack,
            tmp_path / str(number),
            SIP.format(number, 113 + number),
            table=f"doorman{number}",
            number=5060 + number,
        )
        for number in (0, 1)
    )
    ends = ("10.0.0.10:5060", "198.51.100.20:5060"), ("10.0.1.10:5060", "192.0.2.20:5060")
    for live, (phone, peer), name in zip((first, second), ends, ("203.0.113.1", "203.0.114.1"), strict=True):
        for number in range(3):
            host = phone.partition(":")[0]
            message = request(host=host, body=sdp(host), call_id=str(number))
            [sent] = live.out(message, phone, peer)
            assert sent[:2] == (f"{name}:5060", peer)
            assert f"c=IN IP4 {name}".encode() in sent.data
        assert len(live.out(b"media", f"{host}:4000", peer.replace("5060", "7000"))) == 1
        assert name in live.elements("doors")
    assert (first.traffic.received, second.traffic.received) == (3, 3)
    with there.inside():
        first.traffic.compare_flows()
        second.traffic.compare_flows()
    first.packets(INSIDE)
    second.packets(INSIDE)
    assert first.traffic.counters["flows-forgotten"] == second.traffic.counters["flows-forgotten"] == 0
    assert "203.0.114.1" not in first.elements("doors")
    assert "203.0.113.1" not in second.elements("doors")
    listed = table_of(second)
    second.queue.close()
    [sent] = first.out(request(host="10.0.0.10", call_id="last"), *ends[0])
    assert b"10.0.0.10" not in sent.data, "the other one's queue is closed, and ours does not care"
    first.plane.close(remove=True)
    assert table_of(second) == listed


def table_of(live: Live) -> str:
    """The table, but for how long each door has still to live."""
    text = live.run("nft", "list", "table", "ip", live.plane.setting.table)
    return re.sub(r"expires \S+", "", text)


def test_two_namespaces_do_not_meet(new_namespace: Callable[[], Namespace], stack: ExitStack) -> None:
    """With the same table, the same addresses and the same names."""
    gates = []
    for _ in range(2):
        made = Kernel(Wires(new_namespace(), new_namespace(), stack), stack)
        gates.append(Gate(made))
    for gate in gates:
        name = gate.open(PHONE_RTP, PEER)
        assert name == f"{GLOBAL}:4000"
    gates[0].commit()
    assert gates[1].from_outside(f"{PEER}:1", f"{GLOBAL}:4000") is None
    assert gates[0].from_outside(PEER_RTP, f"{GLOBAL}:4000") == (PEER_RTP, PHONE_RTP)
    with gates[1].world.wires.gateway.inside():  # type: ignore[attr-defined]  # they are kernels
        assert gates[1].flows() == []


STRAYS = (
    OVERLOAD
    + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    + "ip nat inside source static tcp 192.168.1.6 80 203.0.113.7 80\n"
)


@pytest.mark.parametrize("numbered", ["as they are", "as they were before", "not at all"])
def test_nobody_outside_speaks_in_a_flow_as_its_inside_end(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, numbered: str
) -> None:
    """Whatever number the interface inside had when the rules were made."""
    if numbered != "as they are":
        before = [] if numbered == "not at all" else [(97, "in0"), (98, "out0")]
        monkeypatch.setattr("doorman.dataplanes.netfilter.presence.if_nameindex", lambda: before)
    gate = Gate(kernel, OVERLOAD)
    for _ in range(2):
        sender, _ = gate.from_inside(PHONE_RTP, PEER_RTP) or ("", "")
        assert gate.from_outside(PHONE_RTP, PEER_RTP) is None
        assert gate.from_outside(PEER_RTP, sender) == (PEER_RTP, PHONE_RTP)
        assert gate.from_outside(PHONE_RTP, PEER_RTP) is None


def test_nothing_strays(kernel: Kernel) -> None:
    gate = Gate(kernel, STRAYS)
    assert gate.from_outside(PHONE_RTP, "192.168.1.99:1") is None, "a sender from outside who says he is inside"
    assert gate.from_outside(PEER_RTP, "203.0.113.7:81", TCP) is None, "a name of ours that is nobody's"
    assert gate.from_inside(PHONE_RTP, "203.0.113.7:81") is None
    truncated = icmp_error("198.51.100.20", "203.0.113.5", udp("203.0.113.5:1", PEER_RTP)[:20])
    assert kernel.wires.through(truncated, OUTSIDE) is None, "to a host with a name, but about nothing"
    for host, leaves in (("192.168.1.10", False), ("192.168.1.6", False), ("10.9.9.9", True)):
        reset = tcp(f"{host}:5000", PEER_RTP, "R", b"of no connection")
        assert (kernel.wires.through(reset, INSIDE) is not None) == leaves
