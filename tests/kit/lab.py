"""The lab with a gateway in it, for tests of `doorman run`: what serves, what is asked of it, and what the kernel has.

with lab.serving():
    report = lab.place(from_inside(lab.network, SHORT))
    lab.ask("show ip nat doors")
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from doorman.cli.shell.connection import Connection
from doorman.lab.calls import Calls, Report, calling, place
from doorman.lab.gateway import SAMPLE_CONFIG, SOCKET, Gateway, running_gateway
from doorman.lab.media import Station
from doorman.lab.namespaces import entered, run_in
from doorman.lab.network import Network
from doorman.lab.phones import Played
from doorman.lab.plans import Plan
from kit.waiting import DEADLINE

PROGRAMS = {
    "ip": "iproute2",
    "ethtool": "ethtool",
    "nft": "nftables",
    "conntrack": "conntrack",
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
}
CALL_ID = ("-cid_str", "%u-%p-call")
"""Options of sipp: a Call-ID without an address, which no gateway would translate."""
VTCP = "ip nat service sip tcp mode vtcp"
"""The line for a gateway that has no proxy for TCP."""
SHORT = Played(seconds=0.4, options=CALL_ID)
PACKETS = 20
"""What each end of a short call sends."""
LINGER = 5.0
"""Seconds for which the doors of a call stay after its end."""
_FIRST_MEDIA_PORT = 20_000
_POLL_SECONDS = 0.05


class Queued(NamedTuple):
    """A queue as /proc/net/netfilter/nfnetlink_queue has it: packets that wait, those dropped, and all there were."""

    number: int
    waiting: int
    dropped: int
    unread: int
    packets: int


class Lab(NamedTuple):
    """Two networks, a gateway between them, and a station for media.

    Attributes:
        network: the namespaces.
        directory: where programs run and leave their logs; the gateway's socket, state and configuration are there.
        media: sends and counts RTP.
    """

    network: Network
    directory: Path
    media: Station

    @property
    def config(self) -> Path:
        """The gateway's configuration."""
        return self.directory / "gateway.cfg"

    def configure(self, *lines: str, without: Sequence[str] = ()) -> None:
        """Write the configuration: that of the lab, without some of its lines, and then others."""
        sample = SAMPLE_CONFIG.read_text().splitlines()
        assert set(without) <= set(sample)
        self.config.write_text("\n".join([*(line for line in sample if line not in without), *lines]) + "\n")

    def over(self, transport: str, played: Played = SHORT) -> Played:
        """What is played, over `udp`, `tcp`, or `vtcp`: TCP without a proxy, for which the gateway is configured."""
        if transport == "vtcp":
            self.configure(VTCP)
        return played._replace(transport=transport.removeprefix("v"))

    @contextmanager
    def serving(self, *options: str) -> Iterator[Gateway]:
        """The gateway serves in this block, by the configuration that was written, else by that of the lab."""
        if not self.config.exists():
            self.configure()
        with running_gateway(self.network, self.config, self.directory, *options) as gateway:
            yield gateway

    def place(self, plan: Plan, during: Callable[[], None] | None = None) -> Report:
        """Make the calls of a plan."""
        return place(plan, self.directory, self.media, during)

    @contextmanager
    def calling(self, plan: Plan, name: str = "calls") -> Iterator[Calls]:
        """The calls of a plan, under way; of two plans at a time each has a name."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        with calling(plan, directory, self.media) as calls:
            yield calls

    def ask(self, command: str) -> Any:  # noqa: ANN401 - JSON
        """What a show command shows."""
        shown, failed = self._execute(command, as_json=True)
        assert not failed, failed
        return json.loads(shown)["data"]

    def order(self, *lines: str) -> str:
        """Carry commands out, in one session; what they show."""
        shown, failed = self._execute(*lines)
        assert not failed, failed
        return shown

    def refusal(self, *lines: str) -> str:
        """Why one of the commands is refused."""
        _, failed = self._execute(*lines)
        assert failed
        return failed

    def doors(self, *roles: str) -> list[dict[str, Any]]:
        """The doors of these roles; without any, those of media."""
        return [door for door in self.ask("show ip nat doors") if door["role"] in (roles or ("rtp", "rtcp"))]

    def flows(self, *options: str) -> list[str]:
        """The lines of conntrack's list in the gateway, of UDP unless said otherwise."""
        return run_in(self.network.gateway, "conntrack", "-L", *(options or ("-p", "udp"))).splitlines()

    def media_flows(self) -> list[str]:
        """Those of them that are media."""
        return [line for line in self.flows() if _ports(line)[0] >= _FIRST_MEDIA_PORT]

    def in_gateway(self, *command: str) -> str:
        """What a program says in the gateway's namespace."""
        return run_in(self.network.gateway, *command)

    def udp(self, namespace: str, address: str, port: int) -> socket.socket:
        """A bound UDP socket that waits no longer than it must."""
        with entered(namespace):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.settimeout(DEADLINE)
        return made

    def tcp(self, namespace: str, address: str, port: int = 0, *, listens: bool = False) -> socket.socket:
        """A bound TCP socket, which connects or listens."""
        with entered(namespace):
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.settimeout(DEADLINE)
        if listens:
            made.listen()
        return made

    def _execute(self, *lines: str, as_json: bool = False) -> tuple[str, str]:
        connection = Connection(self.directory / SOCKET)
        shown = ""
        try:
            for line in ("enable", *lines):
                for reply in connection.ask({"execute": line, "json": as_json and line != "enable"}):
                    shown += reply.get("text", "")
                    if reply.get("ok") is False:
                        return shown, f"{line}: {reply['error']}"
        finally:
            connection.close()
        return shown, ""


def eventually(condition: Callable[[], object], complaint: str, seconds: float = DEADLINE) -> None:
    """Return soon after the condition holds; fail with the complaint if it does not within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{complaint} after {seconds:g} seconds"
        time.sleep(_POLL_SECONDS)


def queues(gateway: Gateway) -> list[Queued]:
    """The queues of a gateway's namespace."""
    rows = Path(f"/proc/{gateway.pid}/net/netfilter/nfnetlink_queue").read_text().splitlines()
    numbers = ([int(word) for word in row.split()] for row in rows)
    return [Queued(row[0], row[2], row[5], row[6], row[7]) for row in numbers]


def missing(what: str) -> NoReturn:
    """Skip for want of something; where CI runs, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} must be there")


def need_lab() -> None:
    """Skip the test unless it runs as root with the lab's programs; in CI a missing program fails it."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    lacking = [f"{program} (package {package})" for program, package in PROGRAMS.items() if not shutil.which(program)]
    if lacking:
        missing(", ".join(lacking))


def _ports(line: str) -> list[int]:
    return [int(word.partition("=")[2]) for word in line.split() if word.startswith(("sport=", "dport="))] or [0]
