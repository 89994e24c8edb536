"""Gateways between networks alike: plain NAT of the kernel, that with its own SIP helper, and Doorman.

    inside phones 192.168.1.10 …  ---  in0  gateway  out0  ---  198.51.100.20
                                  CPU 1     Doorman: CPU 0      CPU 1

Each stands between networks of its own (`doorman.lab.network`), so that rounds can take turns. The bench, which sends
and receives, runs on one CPU; what the kernel does with its packets, until they wait for somebody, runs there too.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.gateway import running_gateway
from doorman.lab.namespaces import entered, run, run_in
from doorman.lab.network import INSIDE_LINK, OUTSIDE_LINK, PHONE_LINK, Network, network
from live.wire import Injector, Sink

PHONES = 40
GATEWAY_CPU, BENCH_CPU = 0, 1
POOL = "203.0.113.16", "203.0.113.31"
SIP_PORT = 5060

_QUOTA = 100_000
"""Calls of one phone: in a bench it stands for many, and what has ended counts as long as it is remembered."""

CONFIG = f"""
interface in0
 ip address 192.168.1.1 255.255.255.0
 ip nat inside
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
access-list 1 permit 192.168.1.0 0.0.0.255
ip nat pool shared {POOL[0]} {POOL[1]} prefix-length 24
ip nat inside source list 1 pool shared overload
ip nat service sip quota calls {_QUOTA}
"""
PLAIN = f"""
table ip bench {{
  chain outgoing {{
    type nat hook postrouting priority srcnat
    oifname {OUTSIDE_LINK} snat to {POOL[0]}-{POOL[1]} persistent
  }}
}}
"""
_HELPER = f"""
{PLAIN}
table ip bench {{
  ct helper sip {{ type "sip" protocol udp; }}
  chain incoming {{
    type filter hook prerouting priority filter
    udp dport {SIP_PORT} ct helper set "sip"
  }}
}}
"""


class Setup(NamedTuple):
    """What stands between networks: a script of nft, or Doorman's configuration."""

    name: str
    nft: str = ""
    config: str = ""


_SETUPS = {one.name: one for one in (Setup("plain", PLAIN), Setup("helper", _HELPER), Setup("doorman", config=CONFIG))}


class Bed(NamedTuple):
    """A gateway and the networks on its sides.

    Attributes:
        name: that of its set-up: `plain`, `helper`, `doorman`, or another.
        network: its namespaces.
        inside_link, outside_link: the Ethernet headers of what the inside, and the outside, sends to the gateway.
        gateway_pid: Doorman's process, 0 where there is none.
    """

    name: str
    network: Network
    inside_link: bytes
    outside_link: bytes
    gateway_pid: int

    def injector(self, *, inside: bool) -> Injector:
        """What puts frames on the wire of the inside phones, or of the outside one."""
        with entered(self.network.inside if inside else self.network.outside):
            return Injector(PHONE_LINK)

    def sink(self, address: str, port: int, *, inside: bool = False) -> Sink:
        """A socket of the inside phones, or of the outside one."""
        with entered(self.network.inside if inside else self.network.outside):
            return Sink(address, port)

    def cpu_seconds(self) -> float:
        """The processor time that the gateway's process has taken."""
        tasks = Path(f"/proc/{self.gateway_pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def queued(self) -> int:
        """How many packets ever were in the gateway's queues; 0 where it has none."""
        with entered(self.network.gateway):
            lines = Path("/proc/thread-self/net/netfilter/nfnetlink_queue").read_text().splitlines()
        return sum(int(line.split()[7]) for line in lines)


@contextmanager
def beds(*setups: str | Setup) -> Iterator[list[Bed]]:
    """Set up some, the usual ones by their names; all is gone after the block."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doorman-bench-")))
        chosen = (_SETUPS[one] if isinstance(one, str) else one for one in setups)
        yield [stack.enter_context(_bed(setup, directory)) for setup in chosen]


@contextmanager
def _bed(setup: Setup, directory: Path) -> Iterator[Bed]:
    name = setup.name
    with ExitStack() as stack:
        net = stack.enter_context(network(f"doorman-bench-{os.getpid()}-{name}", phones=PHONES))
        inner, outer = _End(net.gateway, INSIDE_LINK, "192.168.1.1"), _End(net.gateway, OUTSIDE_LINK, "203.0.113.1")
        inside = _acquaint(_End(net.inside, PHONE_LINK, "192.168.1.10"), inner)
        outside = _acquaint(_End(net.outside, PHONE_LINK, "203.0.113.2"), outer)
        bed = Bed(name, net, inside, outside, 0)
        if not setup.config:
            run_in(net.gateway, "nft", "-f", "-", given=setup.nft)
            yield bed
            return
        config = directory / f"{name}.cfg"
        config.write_text(setup.config)
        state = directory / name
        state.mkdir()
        gateway = stack.enter_context(running_gateway(net, config, state))
        for task in Path(f"/proc/{gateway.pid}/task").iterdir():
            have_cpu(int(task.name), GATEWAY_CPU)
        yield bed._replace(gateway_pid=gateway.pid)


def have_cpu(task: int, cpu: int) -> None:
    """Let a thread run on one CPU alone, and before whatever else the machine does; 0 is this one."""
    os.sched_setaffinity(task, {cpu})
    os.setpriority(os.PRIO_PROCESS, task, -20)


class _End(NamedTuple):
    """One end of a link."""

    namespace: str
    interface: str
    address: str


def _acquaint(here: _End, there: _End) -> bytes:
    """Tell both ends of a link the other's address, so that nobody has to ask.

    Returns:
        The Ethernet header of what is sent from here to there.
    """
    here_mac, there_mac = _mac(here), _mac(there)
    _neighbour(here, there.address, there_mac)
    _neighbour(there, here.address, here_mac)
    return bytes.fromhex(there_mac.replace(":", "") + here_mac.replace(":", "")) + b"\x08\x00"


def _neighbour(end: _End, address: str, mac: str) -> None:
    where = "-n", end.namespace, "neigh", "replace", address
    run("ip", *where, "lladdr", mac, "dev", end.interface, "nud", "permanent")


def _mac(end: _End) -> str:
    words = run("ip", "-n", end.namespace, "-o", "link", "show", end.interface).split()
    return words[words.index("link/ether") + 1]
