"""`doorman selftest` on a gateway that serves: what it says of those that work and do not; what stays."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from doorman.lab.gateway import SOCKET, doorman
from kit.lab import Lab, eventually

NOT_SERVED = ("no ip nat service sip udp port 5060",)
GOOD = "NAT and ALG work: 192.168.1.254 is 203.0.113.1 outside, in packets and messages, and media reach it at"
LEFT = "left with the private address 192.168.1.254"
TRANSACTION = 32
"""Seconds for which a call that has ended is remembered, with the names of its signalling: 64 * T1 (RFC 3261)."""
QUICK = ("--timeout", "0.3")


def command(lab: Lab, *options: str) -> list[str]:
    inside = doorman("selftest", "--socket", str(lab.directory / SOCKET), *options)
    return ["ip", "netns", "exec", lab.network.gateway, *inside]


def selftest(lab: Lab, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(lab, *options), capture_output=True, text=True, timeout=60, check=False)


def verdict(lab: Lab, *options: str) -> str:
    """The last line of a test that failed."""
    done = selftest(lab, *options)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    return done.stdout.splitlines()[-1]


def machine(lab: Lab) -> list[str]:
    """What a test might leave in the gateway's network namespace."""
    return [lab.in_gateway("ip", *words) for words in (("-br", "link"), ("route",), ("neigh",))] + lab.flows()


def states(lab: Lab) -> list[str]:
    """How it is with each call."""
    return [call["state"] for call in lab.ask("show alg sip calls")]


@contextmanager
def drops(lab: Lab, rule: str) -> Iterator[None]:
    """Another firewall has a rule in this block."""
    chain = "type filter hook forward priority 0; policy accept;"
    lab.in_gateway("nft", f"table inet other {{ chain forward {{ {chain} {rule} drop; }}; }}")
    yield
    lab.in_gateway("nft", "delete table inet other")


def test_a_gateway_that_works(lab: Lab) -> None:
    with lab.serving():
        before = machine(lab)
        done = selftest(lab)
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert lines[-1] == f"{GOOD} 203.0.113.1:32000"
        for text in ("  - c=IN IP4 192.168.1.254", "  + c=IN IP4 203.0.113.1", "    m=audio 32000 RTP/AVP 0"):
            assert text in lines
        assert "media in   to 203.0.113.1:32000 came to 192.168.1.254:32000" in lines
        assert machine(lab) == before
        # The ALG lets go of a call that was ended as of any other.
        [call] = lab.ask("show alg sip calls")
        assert call["state"] == "ended"
        assert call["left"] <= TRANSACTION
        eventually(lambda: not lab.doors(), "doors are still open")


def test_another_phone_as_json(lab: Lab) -> None:
    with lab.serving():
        done = selftest(lab, "--json", "--from", "192.168.1.77", "--to", "192.0.2.99")
        found = json.loads(done.stdout)
        assert (done.returncode, found["works"], found["door"], found["ended"]) == (0, True, True, True)
        assert found["inside"]["phone"] == "192.168.1.77:32060"
        assert found["outside"]["mirror"] == "192.0.2.99:5060"
        assert (found["invite"]["seen_from"], found["media_out_from"]) == ("203.0.113.1:32060", "203.0.113.1:32000")
        assert "c=IN IP4 192.168.1.77" in found["invite"]["sent"]
        assert "c=IN IP4 203.0.113.1" in found["invite"]["seen"]


def test_what_the_configuration_leaves_undone(lab: Lab) -> None:
    """One gateway, configured anew each time; at the end it works again: no flow was left to go by."""
    with lab.serving():

        def configured(*lines: str) -> str:
            lab.order("configure terminal", *lines, "end")
            return verdict(lab, *QUICK)

        assert configured("ip nat service sip mode off") == f"ALG does not work: SDP {LEFT}: its mode is off"
        assert configured("ip nat service sip mode observe") == f"ALG does not work: SDP {LEFT}: its mode is observe"
        missing = "it is not served: `ip nat service sip udp port 5060` is missing"
        assert configured("no ip nat service sip mode", *NOT_SERVED) == f"ALG does not work: SDP {LEFT}: {missing}"
        said = configured("ip nat service sip udp port 5060", "ip nat service sip quota calls 1")
        assert said.startswith("ALG does not work: it dropped INVITE: too-many-calls, this inside host has as many")
        lab.order("configure terminal", "no ip nat service sip quota calls", "end")
        said = configured("no ip nat inside source list 1 interface out0 overload")
        assert said == f"NAT does not work: the packet {LEFT}: does a rule name it?"
        lab.order("configure terminal", "ip nat inside source list 1 interface out0 overload", "end")
        assert selftest(lab).returncode == 0


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("udp dport 5060", "the INVITE did not leave: the ALG let it pass"),
        ("udp sport 5060", "the answer to 203.0.113.1:32060 did not come to the phone"),
        ("udp sport 30000", "media did not come in by the door at 203.0.113.1:32000"),
        ("udp dport 30000", "media did not leave"),
    ],
)
def test_another_firewall_drops_something(lab: Lab, rule: str, said: str) -> None:
    with lab.serving():
        before = machine(lab)
        with drops(lab, rule):
            assert verdict(lab, *QUICK).startswith(f"NAT does not work: {said}")
        eventually(lambda: states(lab) == ["ended"], "the call goes on")
        assert machine(lab) == before


def test_the_kernel_does_not_forward(lab: Lab) -> None:
    with lab.serving():
        lab.in_gateway("sysctl", "-qw", "net.ipv4.ip_forward=0")
        done = selftest(lab, *QUICK)
    assert done.returncode == 1
    assert "mend: sysctl -w net.ipv4.ip_forward=1" in done.stdout


def test_what_cannot_be_tested(lab: Lab) -> None:
    def refusal(*options: str) -> str:
        done = selftest(lab, *options)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    assert "is the gateway running? start it with: doorman run CONFIG" in refusal()
    with lab.serving():
        assert "192.168.1.10 is somebody's on in0: give --from another" in refusal("--from", "192.168.1.10")
        assert "interface out0 has no `ip nat inside`" in refusal("--inside", "out0")
        elsewhere = doorman("selftest", "--socket", str(lab.directory / SOCKET))
        done = subprocess.run(elsewhere, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "run this on the gateway's machine, in its network namespace" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_leaves_nothing(lab: Lab, how: signal.Signals) -> None:
    with lab.serving(), drops(lab, "udp dport 5060"):
        before = machine(lab)
        with subprocess.Popen(command(lab, "--timeout", "5"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as test:
            eventually(lambda: lab.ask("show alg sip calls"), "there is no call")
            assert machine(lab) != before
            test.send_signal(how)
            assert test.communicate(timeout=20) == (b"", b"")
        assert test.returncode == 128 + signal.SIGINT
        assert machine(lab) == before
        eventually(lambda: states(lab) == ["ended"], "the call goes on")


def test_one_that_is_killed_leaves_a_route_until_the_next(lab: Lab) -> None:
    with lab.serving():
        before = machine(lab)
        with drops(lab, "udp dport 5060"):
            with subprocess.Popen(command(lab, "--timeout", "5"), stdout=subprocess.DEVNULL) as test:
                eventually(lambda: lab.ask("show alg sip calls"), "there is no call")
                test.kill()
            links, routes, *_ = machine(lab)
            assert (links == before[0], "192.0.2.53 dev out0" in routes) == (True, True)
        assert selftest(lab).returncode == 0
        assert machine(lab) == before
