"""What is recorded: each function makes real programs talk, and returns when they have all ended well."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from doorman.lab.network import INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY, Network
from doorman.lab.phones import SIP_PORT, Line, Played, baresip, sipp

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"
"""These send their media themselves."""

_CALL_SECONDS = 20.0
_TALK_SECONDS = 3.0


def sipp_call(network: Network, directory: Path) -> None:
    """Sipp inside calls sipp outside, and hangs up."""
    _between_sipps("call", "answer", network, directory)


def fragmented_invite(network: Network, directory: Path) -> None:
    """The same with an INVITE, and a 200 to it, that are longer than the MTU."""
    _between_sipps("call-ice", "answer-ice", network, directory)


def baresip_call(network: Network, directory: Path) -> None:
    """Baresip inside calls sipp outside, and hangs up."""
    _from_baresip(_alice(network), _bob(network), directory)


def incoming_call(network: Network, directory: Path) -> None:
    """Baresip outside calls the exchange inside, which is sipp, and hangs up."""
    exchange = Line(network.inside, INSIDE_EXCHANGE, "reception", 18000)
    _from_baresip(_bob(network), exchange, directory)


def registration(network: Network, directory: Path) -> None:
    """Baresip inside registers outside, is called through its registrar, and removes its registration."""
    account = f'"Alice" <sip:1001@{PROXY}>;auth_user=1001;auth_pass=example;regint=600;answermode=auto'
    proxy = Line(network.outside, PROXY, "bob", 16384)
    seen_from = Played(options=("-key", "phone", INSIDE_PHONE, "-key", "phone_port", str(SIP_PORT)))
    with (
        sipp(SCENARIOS / "register.xml", proxy, directory, played=seen_from) as registrar,
        baresip(_alice(network), directory, account=account) as phone,
    ):
        registrar.finish(_CALL_SECONDS)
        contact = (directory / "register.messages").read_text().strip()
        called = Played(options=("-mi", OUTSIDE_PHONE, "-key", "contact", contact))
        scenario = SCENARIOS / "proxied-call.xml"
        with sipp(scenario, proxy, directory, calls=(INSIDE_PHONE, SIP_PORT), played=called) as caller:
            caller.finish(_CALL_SECONDS)
        with sipp(SCENARIOS / "unregister.xml", proxy, directory, played=seen_from) as registrar_again:
            phone.interrupt()
            registrar_again.finish(_CALL_SECONDS)


CALLS: Mapping[str, Callable[[Network, Path], None]] = {
    "sipp-call": sipp_call,
    "baresip-call": baresip_call,
    "registration": registration,
    "fragmented-invite": fragmented_invite,
    "incoming-call": incoming_call,
}
"""The recordings by the name of the capture."""


def _alice(network: Network) -> Line:
    return Line(network.inside, INSIDE_PHONE, "alice", 20000)


def _bob(network: Network) -> Line:
    return Line(network.outside, OUTSIDE_PHONE, "bob", 16384)


def _between_sipps(calls: str, answers: str, network: Network, directory: Path) -> None:
    """Alice calls Bob, each by a scenario; Alice's hangs up."""
    with (
        sipp(SCENARIOS / f"{answers}.xml", _bob(network), directory) as callee,
        sipp(SCENARIOS / f"{calls}.xml", _alice(network), directory, calls=(OUTSIDE_PHONE, SIP_PORT)) as caller,
    ):
        caller.finish(_CALL_SECONDS)
        callee.finish(_CALL_SECONDS)


def _from_baresip(caller: Line, callee: Line, directory: Path) -> None:
    """Baresip calls sipp, talks and hangs up."""
    account = f'"{caller.user.capitalize()}" <sip:{caller.user}@{caller.address}>;regint=0'
    dials = f"sip:{callee.user}@{callee.address}"
    with (
        sipp(SCENARIOS / "answer.xml", callee, directory) as answers,
        baresip(caller, directory, account=account, dials=dials) as calls,
    ):
        calls.wait_for_text("Call established")
        time.sleep(_TALK_SECONDS)
        calls.interrupt()
        answers.finish(_CALL_SECONDS)
