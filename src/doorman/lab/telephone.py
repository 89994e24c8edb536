"""Calls of an inside telephone that is real: baresip. The far end is sipp with RTP of our own; each end counts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.audio import write_tones
from doorman.lab.calls import End, Leg, Report
from doorman.lab.errors import LabError
from doorman.lab.media import Station
from doorman.lab.network import PROXY, Network
from doorman.lab.phones import SCENARIOS, Played, baresip, baresip_counts, sipp
from doorman.lab.plans import SET_UP_SECONDS, Plan, registering, to_contact
from doorman.lab.programs import Program
from doorman.lab.stream import Counts


def place_from_telephone(
    plan: Plan, directory: Path, station: Station, during: Callable[[], None] | None = None
) -> Report:
    """The caller of a plan is baresip.

    Args:
        plan: who calls whom; one call.
        directory: where the programs run and leave their logs.
        station: sends and counts the callee's media.
        during: called when the call has been answered.

    Raises:
        LabError: the call was not set up or torn down as it should.
    """
    transport = plan.played.transport
    account = f"<sip:{plan.caller.user}@{plan.caller.address};transport={transport}>;regint=0"
    dials = f"{plan.target};transport={transport}"
    write_tones(directory)
    with (
        End(plan.callee, station, directory / "answer.messages", plan.played) as callee,
        sipp(SCENARIOS / "answer.xml", plan.callee, directory, played=plan.held) as answers,
        baresip(plan.caller, directory, account=account, dials=dials) as phone,
    ):
        phone.wait_until(lambda: callee.answered, "has not been answered")
        if during is not None:
            during()
        hang_up = time.monotonic() + plan.held.seconds
        phone.wait_until(lambda: time.monotonic() > hang_up, "still talks", plan.held.limit)
        phone.interrupt()
        answers.wait_until(lambda: callee.has_ended, "was not told that the call ended")
        station.settle()
        return Report([], [Leg(_counts(phone), callee.streams[1].counts())])


@contextmanager
def registered_telephone(network: Network, directory: Path, played: Played) -> Iterator[tuple[Plan, Program]]:
    """Baresip inside registers at the proxy outside, and answers calls during the block.

    Args:
        network: where.
        directory: where the programs run and leave their logs.
        played: how it will be called; once.

    Returns:
        How the proxy calls the contact that it was told, and the telephone.

    Raises:
        LabError: the phone does not register.
    """
    telephone, proxy = registering(network)
    account = f"<sip:{telephone.user}@{PROXY};transport={played.transport}>;regint=600;answermode=auto"
    write_tones(directory)
    with (
        sipp(SCENARIOS / "registrar.xml", proxy, directory, played=played) as registrar,
        baresip(telephone, directory, account=account) as phone,
    ):
        registrar.finish(SET_UP_SECONDS)
        yield to_contact(telephone, proxy, directory / "registrar.messages", played), phone


def place_to_telephone(
    plan: Plan, phone: Program, directory: Path, station: Station, during: Callable[[], None] | None = None
) -> Report:
    """The callee of a plan is the telephone that registered; otherwise as `place_from_telephone`."""
    with (
        End(plan.caller, station, directory / "call.messages", plan.played) as caller,
        sipp(SCENARIOS / "call.xml", plan.caller, directory, calls=plan.dials, played=plan.held) as calls,
    ):
        calls.wait_until(lambda: caller.answered, "has not been answered")
        if during is not None:
            during()
        calls.finish(plan.held.limit)
        phone.wait_until(lambda: baresip_counts(phone) is not None, "was not told that the call ended")
        station.settle()
        return Report(caller.answered_ms, [Leg(caller.streams[1].counts(), _counts(phone))])


def _counts(phone: Program) -> Counts:
    """What baresip says of its call; it does not tell from whom its packets came."""
    said = baresip_counts(phone)
    if said is None:
        raise LabError("baresip has not said what it counted")
    sent, received = said
    return Counts(sent, 0, received, 0, 0, 0, 0, {}, frozenset(), {})
