"""sipp's own scenarios through the live gateway, in both directions, over UDP and TCP: all of them at the same time.

Each is played by hosts of its own. What sipp calls a failure, a retransmission or a message that it did not expect, is
a failure here.
"""

import csv
import itertools
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from doorman.lab.errors import LabError
from doorman.lab.namespaces import address
from doorman.lab.network import PHONE_LINK
from doorman.lab.phones import SIP_PORT, Line, Played, sipp
from doorman.lab.programs import Program
from kit.lab import LINGER, Lab, eventually

SERVERS = {"uac": "uas", "regexp": "uas", "branchc": "branchs", "uac_pcap": "uas"}
"""Who plays with whom; `3pcc` is four programs."""
CALLS = {"branchc": 25, "uac_pcap": 1}
"""How many there are, else `USUAL`. What branchc does depends on the number of the call, up to 25."""
USUAL = 10
RATE = 25
LIMIT = 40
"""Seconds; the longest of them takes 14."""
LAST_PAUSE = '<pause milliseconds="4000"/>'
WAIT, BEHIND_ALL = '<timewait milliseconds="4000"/>', "<ResponseTimeRepartition"
"""Who calls waits at the end, as who is called does, and in the way that sipp takes for an end: with the one program
its connections end, and what the other has not brought to this point then it counts as failed."""
PCAPS = Path("/usr/share/sip-tester")
PCAP_PACKETS = 236 + 10
"""Of the two captures that uac_pcap sends: eight seconds of G.711, and a digit."""
FIRST_TWIN_PORT = 7_000
"""Where the two controllers of 3pcc talk to each other, at whatever address."""
COUNTED = ("FailedCall", "Retransmissions", "DeadCallMsgs", "OutOfCallMsgs", "FatalErrors")


class Play(NamedTuple):
    """A scenario, who calls (`out`: inside hosts do), over what; by its number it gets its hosts."""

    scenario: str
    direction: str
    transport: str
    number: int

    def __str__(self) -> str:
        return f"{self.scenario}-{self.direction}-{self.transport}"

    @property
    def calls(self) -> int:
        return CALLS.get(self.scenario, USUAL)

    @property
    def twin_port(self) -> int:
        return FIRST_TWIN_PORT + self.number

    def inside(self, which: int = 0) -> int:
        """The last number of an inside host, and of the global address that is its own."""
        return 10 + self.number + 20 * which

    def outside(self, which: int = 0) -> str:
        return f"198.51.100.{100 + self.number + 20 * which}"


class Part(NamedTuple):
    """One of the programs: its scenario, where it is, whom it calls, and its options."""

    scenario: str
    line: Line
    dials: str | None = None
    options: tuple[str, ...] = ()


class Result(NamedTuple):
    """What went wrong with the programs, and what sipp counted for each scenario."""

    complaints: list[str]
    counts: dict[str, dict[str, int]]


_WAYS = [*itertools.product(SERVERS, ["out", "in"], ["udp", "tcp"]), ("3pcc", "out", "udp"), ("3pcc", "in", "udp")]
PLAYS = [Play(*way, number) for number, way in enumerate(_WAYS)]
"""Over TCP the four of 3pcc do not understand each other without a gateway either: they send a line end too much."""


def parts(play: Play, lab: Lab) -> list[Part]:
    """The programs in the order in which they are started."""
    net = lab.network
    inside = [Line(net.inside, f"192.168.1.{play.inside(which)}", "alice", 20_000) for which in range(2)]
    outside = [Line(net.outside, play.outside(which), "bob", 30_000) for which in range(3)]
    goal = f"203.0.113.{play.inside()}"
    if play.scenario == "3pcc":
        if play.direction == "out":
            controllers, phones, goals = inside, outside, [play.outside(), play.outside(1)]
        else:
            controllers, phones, goals = outside[1:], [inside[0], outside[0]], [goal, play.outside()]
        twin = ("-3pcc", f"{controllers[1].address}:{play.twin_port}")
        return [
            Part("3pcc-A", phones[0]),
            Part("3pcc-B", phones[1]),
            Part("3pcc-C-B", controllers[1], goals[1], twin),
            Part("3pcc-C-A", controllers[0], goals[0], twin),
        ]
    # Who is called sends back what media it hears.
    server, client = SERVERS[play.scenario], play.scenario
    if play.direction == "out":
        return [Part(server, outside[0], options=("-rtp_echo",)), Part(client, inside[0], play.outside())]
    return [Part(server, inside[0], options=("-rtp_echo",)), Part(client, outside[0], goal)]


def waiting(scenario: str) -> str:
    """A scenario that waits when all is said, unless it does so already."""
    return scenario if WAIT in scenario else scenario.replace(LAST_PAUSE, "").replace(BEHIND_ALL, WAIT + BEHIND_ALL, 1)


def begun(play: Play, lab: Lab, stack: ExitStack) -> list[Program]:
    """Start a scenario's programs."""
    directory = lab.directory / str(play)
    directory.mkdir()
    programs = []
    for part in parts(play, lab):
        scenario = lab.directory / f"{part.scenario}.xml"
        if not scenario.exists():
            # It says what it plays, and ends with a status of its own.
            said = subprocess.run(["sipp", "-sd", part.scenario], capture_output=True, text=True, check=False)
            scenario.write_text(waiting(said.stdout))
        options = (*part.options, "-trace_stat", "-stf", f"{part.scenario}.csv")
        played = Played(play.transport, play.calls, RATE, 1.0, LIMIT, options)
        dials = (part.dials, SIP_PORT) if part.dials else None
        programs.append(stack.enter_context(sipp(scenario, part.line, directory, calls=dials, played=played)))
        if part.scenario == "3pcc-C-B":
            programs[-1].wait_for_tcp("0.0.0.0", play.twin_port)
    return programs


def counts(statistics: Path) -> dict[str, int]:
    """What sipp counted from its start to its end."""
    with statistics.open(newline="") as rows:
        [*_, last] = csv.DictReader(rows, delimiter=";")
    return {name.removesuffix("(C)"): int(value) for name, value in last.items() if value.isdecimal()}


def ended(play: Play, programs: list[Program], directory: Path) -> Result:
    """What became of a scenario, when all its programs have ended."""
    complaints = []
    for program in programs:
        try:
            program.wait_until(program.has_ended, "goes on", LIMIT)
        except LabError as error:
            complaints.append(str(error))
    return Result(complaints, {path.stem: counts(path) for path in (directory / str(play)).glob("*.csv")})


class Told(NamedTuple):
    """The results, the packets of media that came in and went out in each call of uac_pcap, and what was dropped."""

    results: dict[Play, Result]
    media: list[tuple[int, int]]
    drops: dict[str, int]


def is_pcap(call: dict[str, Any]) -> bool:
    hosts = [f"192.168.1.{play.inside()}" for play in PLAYS if play.scenario == "uac_pcap"]
    return call["inside_party"] in hosts


def traffic(lab: Lab, call_id: str) -> tuple[int, int]:
    [call] = lab.ask(f"show alg sip call {call_id}")["calls"]
    [media] = [door for door in call["doors"] if door["role"] == "rtp"]
    return media["packets_in"], media["packets_out"]


@pytest.fixture(scope="module")
def told(shared_lab: Lab) -> Told:
    lab = shared_lab
    (lab.directory / "pcap").symlink_to(PCAPS)
    hosts = [play.inside(which) for play in PLAYS for which in range(2)]
    lab.configure(*(f"ip nat inside source static 192.168.1.{host} 203.0.113.{host}" for host in hosts))
    for play, which in itertools.product(PLAYS, range(3)):
        address(lab.network.outside, PHONE_LINK, f"{play.outside(which)}/32")
    lab.in_gateway("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
    with lab.serving(), ExitStack() as stack:
        playing = {play: begun(play, lab, stack) for play in PLAYS}
        results = {play: ended(play, programs, lab.directory) for play, programs in playing.items()}
        media = [traffic(lab, call["call_id"]) for call in lab.ask("show alg sip calls") if is_pcap(call)]
        eventually(lambda: not lab.doors(), "doors outlive their calls", LINGER + 3.0)
        eventually(lambda: not lab.media_flows(), "media flows outlive their calls", LINGER + 3.0)
        return Told(results, media, lab.ask("show alg sip statistics")["drops"])


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_a_scenario_of_sipp(told: Told, play: Play) -> None:
    complaints, counted = told.results[play]
    assert complaints == []
    assert len(counted) == (4 if play.scenario == "3pcc" else 2)
    for scenario, numbers in counted.items():
        assert numbers["SuccessfulCall"] == play.calls, scenario
        assert {name: numbers[name] for name in COUNTED} == dict.fromkeys(COUNTED, 0), scenario


def test_nothing_is_dropped(told: Told) -> None:
    assert told.drops == {}


def test_captures_are_heard_and_sent_back(told: Told) -> None:
    assert told.media == [(PCAP_PACKETS, PCAP_PACKETS)] * 4
