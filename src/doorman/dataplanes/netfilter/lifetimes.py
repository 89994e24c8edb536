"""How long the kernel keeps a silent flow: `ip nat translation …-timeout` as `ct timeout` objects of nft.

Objects cannot be changed, only made: so each is named after what it says, and a new value makes a new one. nft knows
those of TCP and UDP; for ICMP and GRE see `portless_timeouts`. A flow keeps what its first packet was given.
"""

from collections.abc import Iterator
from typing import NamedTuple

from doorman.algs.sip.settings import SipSettings
from doorman.config.model import Config, Timeouts
from doorman.config.zones import ParameterMap
from doorman.nat.sessions import DNS_PORT, PPTP_PORT

_MEDIA_SECONDS = 120
_LONGEST = 536_870
"""Seconds; what `never` becomes, and all that is longer, since the kernel has no such thing: six days."""


class FlowTimeout(NamedTuple):
    """A `ct timeout` object.

    Attributes:
        name: of the object.
        protocol: `tcp` or `udp`.
        match: the packets it is for.
        policy: what it says, in nft's words.
    """

    name: str
    protocol: str
    match: str
    policy: str


def timeouts_of(timeouts: Timeouts) -> Iterator[FlowTimeout]:
    """The objects for a configuration; of two that match, the later one counts."""
    tcp, syn, finrst = map(kernel_seconds, (timeouts.tcp, timeouts.syn, timeouts.finrst))
    yield FlowTimeout(f"tcp_{tcp}_{syn}_{finrst}", "tcp", "meta l4proto tcp", _tcp(tcp, syn, finrst))
    pptp = kernel_seconds(timeouts.pptp)
    if pptp != tcp:
        yield FlowTimeout(f"pptp_{pptp}_{syn}_{finrst}", "tcp", f"tcp dport {PPTP_PORT}", _tcp(pptp, syn, finrst))
    udp, dns = kernel_seconds(timeouts.udp), kernel_seconds(timeouts.dns)
    yield FlowTimeout(f"udp_{udp}", "udp", "meta l4proto udp", _udp(udp))
    if dns != udp:
        yield FlowTimeout(f"dns_{dns}", "udp", f"udp dport {DNS_PORT}", _udp(dns))
    for transport, port, said in timeouts.ports:
        seconds = kernel_seconds(said)
        policy = _udp(seconds) if transport == "udp" else _tcp(seconds, syn, finrst)
        yield FlowTimeout(
            f"{transport}_{port}_{seconds}_{syn}_{finrst}", transport, f"{transport} dport {port}", policy
        )


def spliced_timeouts(timeouts: Timeouts) -> Iterator[FlowTimeout]:
    """The objects for TCP connections whose numbers we change: to the kernel, what they carry never seems to arrive.

    It keeps such connections for five minutes only, unless told otherwise.
    """
    syn, finrst = kernel_seconds(timeouts.syn), kernel_seconds(timeouts.finrst)
    ports = [(f"tcp dport {port}", said) for transport, port, said in timeouts.ports if transport == "tcp"]
    for match, said in [("meta l4proto tcp", timeouts.tcp), *ports]:
        seconds = kernel_seconds(said)
        name = f"spliced_{match.rpartition(' ')[2]}_{seconds}_{syn}_{finrst}"
        yield FlowTimeout(name, "tcp", match, _tcp(seconds, syn, finrst, retrans=seconds, unack=seconds))


def session_timeouts(parameters: ParameterMap) -> Iterator[FlowTimeout]:
    """The objects for sessions of the firewall; of two that match, the later one counts."""
    idle, syn, finrst = map(kernel_seconds, (parameters.tcp_idle, parameters.tcp_synwait, parameters.tcp_finwait))
    yield FlowTimeout(f"tcp_{idle}_{syn}_{finrst}", "tcp", "meta l4proto tcp", _tcp(idle, syn, finrst))
    udp, dns = kernel_seconds(parameters.udp_idle), kernel_seconds(parameters.dns_timeout)
    yield FlowTimeout(f"udp_{udp}", "udp", "meta l4proto udp", _udp(udp))
    if dns != udp:
        yield FlowTimeout(f"dns_{dns}", "udp", f"udp dport {DNS_PORT}", _udp(dns))


def media_timeout(config: Config) -> FlowTimeout:
    """The object for the flows of doors: after as much silence they are over; with the last, a call's doors close."""
    settings = config.settings["sip"]
    seconds = settings.inactive_media_timeout if isinstance(settings, SipSettings) else _MEDIA_SECONDS
    return FlowTimeout(f"media_{seconds}", "udp", "meta l4proto udp", _udp(seconds))


def kernel_seconds(seconds: int | None) -> int:
    """A timeout as the kernel can have it."""
    return _LONGEST if seconds is None else min(seconds, _LONGEST)


def _udp(seconds: int) -> str:
    return f"policy = {{ unreplied : {seconds}, replied : {seconds} }};"


def _tcp(established: int, syn: int, finrst: int, **others: int) -> str:
    closing = dict.fromkeys(("fin_wait", "close_wait", "last_ack", "time_wait", "close"), finrst)
    states = {"syn_sent": syn, "syn_recv": syn, "established": established} | closing | others
    return f"policy = {{ {', '.join(f'{state} : {seconds}' for state, seconds in states.items())} }};"
