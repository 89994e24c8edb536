"""Who calls whom in the lab."""

import re
from pathlib import Path
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, OUTSIDE_PHONE, PROXY, Network
from doorman.lab.phones import SCENARIOS, SIP_PORT, Line, Played, sipp

SET_UP_SECONDS = 10.0
"""How long a call, or a registration, may take to be set up."""

_LAST_PACKETS_SECONDS = 0.5
_CONTACT = re.compile(r"^contact (sip:[^@\s]*@([\d.]+)(?::(\d+))?\S*)$", re.MULTILINE)


class Plan(NamedTuple):
    """Who calls whom.

    Attributes:
        caller: sipp that calls and hangs up.
        callee: sipp that answers.
        dials: the address and port that the caller sends to.
        target: the URI that it asks for.
        played: over what, how many, how long.
    """

    caller: Line
    callee: Line
    dials: tuple[str, int]
    target: str
    played: Played

    @property
    def held(self) -> Played:
        """How sipp plays it: it holds the line until the last packets of the media have arrived."""
        played = self.played
        seconds = played.seconds + _LAST_PACKETS_SECONDS
        limit = round(seconds + played.calls / played.rate + 2 * SET_UP_SECONDS)
        return played._replace(seconds=seconds, limit=limit, options=(*played.options, "-key", "target", self.target))


def from_inside(network: Network, played: Played, phone: int = 0) -> Plan:
    """An inside phone calls the outside phone."""
    caller = Line(network.inside, network.phone(phone), "alice", 20000)
    callee = Line(network.outside, OUTSIDE_PHONE, "bob", 30000)
    return _plan(caller, callee, OUTSIDE_PHONE, played)


def from_outside(network: Network, played: Played, dials: str = EXCHANGE_GLOBAL) -> Plan:
    """The outside phone calls the exchange inside by the address that it has outside."""
    caller = Line(network.outside, OUTSIDE_PHONE, "bob", 30000)
    callee = Line(network.inside, INSIDE_EXCHANGE, "reception", 20000)
    return _plan(caller, callee, dials, played)


def to_registered(network: Network, directory: Path, played: Played, phone: int = 0) -> Plan:
    """An inside phone registers at the proxy outside; the proxy will call the contact that it was told.

    Raises:
        LabError: the registration fails.
    """
    telephone, proxy = registering(network, phone)
    once = played._replace(calls=1)
    with (
        sipp(SCENARIOS / "registrar.xml", proxy, directory, played=once) as registrar,
        sipp(SCENARIOS / "register.xml", telephone, directory, calls=(PROXY, SIP_PORT), played=once) as registers,
    ):
        registers.finish(SET_UP_SECONDS)
        registrar.finish(SET_UP_SECONDS)
    return to_contact(telephone, proxy, directory / "registrar.messages", played)


def registering(network: Network, phone: int = 0) -> tuple[Line, Line]:
    """The inside phone that registers, and the proxy at which it does."""
    return Line(network.inside, network.phone(phone), "alice", 20000), Line(network.outside, PROXY, "proxy", 30000)


def to_contact(telephone: Line, caller: Line, log: Path, played: Played) -> Plan:
    """Somebody calls the telephone by the contact that a scenario logged, `registrar` for one.

    Raises:
        LabError: it logged none.
    """
    contact = _CONTACT.search(log.read_text())
    if contact is None:
        raise LabError("the caller was told no contact")
    uri, host, port = contact.groups()
    return Plan(caller, telephone, (host, int(port or SIP_PORT)), uri, played)


def _plan(caller: Line, callee: Line, dials: str, played: Played) -> Plan:
    return Plan(caller, callee, (dials, SIP_PORT), f"sip:{callee.user}@{dials}:{SIP_PORT}", played)
