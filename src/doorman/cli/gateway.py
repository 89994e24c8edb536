"""What the shell may ask of a running gateway: the one seam between operators and the daemon.

The shell knows nothing of packets, kernels and sockets; the daemon knows nothing of commands and tables. What comes
back is JSON; its strings that stem from messages are escaped already (`dataplanes.report.shown`). Iterators are lazy:
the shell takes some entries at a time and lets the gateway work in between, so they must bear that tables change
meanwhile. Times are seconds; a time that never comes is None. Entries that are of a VRF have its name under `vrf`.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from doorman.cli.debug.topic import Topic
from doorman.config.model import Config
from doorman.dataplanes.report import Json
from doorman.net.addresses import Address, Endpoint

Unsubscribe = Callable[[], None]


class NotApplied(Exception):  # noqa: N818 - an answer of the gateway
    """The gateway refuses a request and all is as it was; the text says why, in a line or several."""


class Selection(NamedTuple):
    """Which translations `clear` is about: those that agree with every part given. No part: all.

    Attributes:
        protocol: 6 or 17.
        inside_global, inside_local, outside_local, outside_global: port 0 stands for every port.
        vrf: whose inside hosts are meant; None: all.
    """

    protocol: int | None = None
    inside_global: Endpoint | None = None
    inside_local: Endpoint | None = None
    outside_local: Endpoint | None = None
    outside_global: Endpoint | None = None
    vrf: str | None = None

    def covers(self, protocol: int, ends: Iterable[Endpoint | None]) -> bool:
        """Whether a translation is meant; `ends` are its four in the order above, None for one it does not have."""
        if self.protocol not in {None, protocol}:
            return False
        return all(wanted is None or _agrees(wanted, end) for wanted, end in zip(self[1:5], ends, strict=True))


def _agrees(wanted: Endpoint, end: Endpoint | None) -> bool:
    return end is not None and wanted.address == end.address and wanted.port in {0, end.port}


class Gateway(Protocol):
    """A running gateway. No method blocks for longer than a packet may wait."""

    @property
    def config(self) -> Config:
        """The running configuration, as typed. Not to be changed in place: see `apply`."""
        ...

    @property
    def config_path(self) -> Path:
        """The file it was read from, where `write_memory` writes: the startup configuration."""
        ...

    @property
    def version(self) -> str:
        """Of the program, such as `0.1.0`."""
        ...

    @property
    def uptime(self) -> float:
        """Seconds since it serves."""
        ...

    # What there is

    def translations(self, *, verbose: bool) -> Iterator[Json]:
        """Our translations and the kernel's, each once.

        Always: protocol, inside_global, inside_local, outside_local, outside_global, as in a replay's report. With
        `verbose` also: `created` and `used` (seconds ago), `left` (seconds), each None where not known or not bounded;
        `flags` (a list of static, extended, timing-out …), `alg`, `packets`, `bytes` (None where not counted) and `by`
        (`doorman` or `kernel`).
        """
        ...

    def doors(self) -> Iterator[Json]:
        """The open doors: label, role, transport, visitor, entrance, leads_to, as in a replay's report.

        Also: `opened` (seconds ago), `left` (seconds), `flows` (how many may still come, None for as many as come).
        """
        ...

    def calls(self) -> Iterator[Json]:
        """The calls of the SIP ALG, as in a replay's report, and `left` (seconds until the record is given up)."""
        ...

    def registrations(self) -> Iterator[Json]:
        """Its registrations: call_id, inside_party, user, state, and `left` (seconds)."""
        ...

    def statistics(self) -> Json:
        """The counters of `show ip nat statistics`, see `cli.show.statistics` for the keys."""
        ...

    def alg_statistics(self, alg: str) -> Json:
        """An ALG's counters.

        `messages`, `drops` and `notes` (counts by name), and `totals` (what exists now: calls …). `rows`:
        the messages by method and class of response, see `dataplanes.alg_counts`; `accepted`: how many of each method
        were answered with 200; `repeated`: messages that were sent again, by name.
        """
        ...

    def sessions(self, alg: str) -> Iterator[Json]:
        """The sessions that an ALG follows, with the keys that its entry in the registry lists."""
        ...

    def guard(self) -> Iterator[Json]:
        """The sources whose INVITEs fail: source, server, `state` (`denied` or `watched`), failures.

        Also: `left` (seconds for which it is denied, else None), `refused` (INVITEs dropped since it was denied).
        """
        ...

    def access_lists(self) -> Iterator[Json]:
        """All access lists, see `dataplanes.access_report`."""
        ...

    def zone_pairs(self) -> Iterator[Json]:
        """The zone pairs with what their policies did, see `dataplanes.zone_report`."""
        ...

    def nat64_translations(self) -> Iterator[Json]:
        """The translations of IPv6 hosts, see `dataplanes.nat64_report`."""
        ...

    def nat64_statistics(self) -> Json:
        """What there is of NAT64, and what packets of it there were, see `dataplanes.nat64_report`."""
        ...

    def call_details(self, call_id: str) -> Json:
        """All about the call whose Call-ID this is or begins with, see `dataplanes.call_report`.

        Its `doors`: label, role, transport, visitor, entrance, leads_to, and `state` (`open`, or `used` by a flow);
        `packets_in`, `packets_out`, `bytes_in`, `bytes_out`, in from the outside, None where not counted.
        """
        ...

    def traces(self) -> Iterator[Json]:
        """The traces of this run: `file`, `of`, `messages`, `bytes`, `left` (seconds, None when over), `state`."""
        ...

    # What can be done

    def apply(self, config: Config) -> list[str]:
        """Put a configuration to work at once, only what differs; give warnings.

        Rules that name what does not exist yet have no effect until it does (`config.in_force`); they are no reason to
        refuse, and no warnings: the shell tells of them.

        Raises:
            NotApplied: it cannot be put to work.
        """
        ...

    def reload(self) -> list[str]:
        """Read the startup configuration again and apply the difference; give warnings.

        Raises:
            NotApplied: the file cannot be read or has errors, or cannot be put to work.
        """
        ...

    def write_memory(self) -> Path:
        """Write the running configuration over the startup configuration, whole or not at all; say where.

        Raises:
            NotApplied: the file cannot be written.
        """
        ...

    def clear_translations(self, selection: Selection, *, forced: bool) -> int:
        """End dynamic translations, ours and the kernel's, and say how many; calls keep their records and doors.

        With `forced` also names that nobody uses: those leased from a pool, or given out in a message, for a while.

        Raises:
            NotApplied: the kernel refuses.
        """
        ...

    def clear_statistics(self) -> None:
        """Begin all counters at zero."""
        ...

    def clear_nat64_statistics(self) -> None:
        """Let the counters of NAT64's packets begin at zero."""
        ...

    def clear_alg_statistics(self, alg: str) -> None:
        """Begin an ALG's counters at zero, and those of all notes."""
        ...

    def clear_guard(self, source: Address | None) -> int:
        """Hear a denied source again, or all, and count its failures anew; say how many entries there were."""
        ...

    def clear_access_lists(self, name: str | None) -> int:
        """Begin the counters of an access list at zero, or of all; say of how many."""
        ...

    def clear_zone_counters(self, pair: str | None) -> None:
        """Begin the counters of a zone pair at zero, or of all."""
        ...

    def clear_zone_sessions(self, pair: str | None) -> int:
        """End the sessions that a zone pair let begin, or all; say how many."""
        ...

    def trace(self, topic: Topic, name: str, seconds: int) -> Path:
        """Write the messages of a topic to a new capture, for so long; say where.

        Raises:
            NotApplied: it is no name for a file, there is one already, or there are too many.
        """
        ...

    def end_trace(self, name: str) -> None:
        """End a trace before its time.

        Raises:
            NotApplied: there is none of this name at work.
        """
        ...

    def monitor(self, tell: Callable[[str], None]) -> Unsubscribe:
        """Have each line of the gateway's log told as it is written, until the function returned is called.

        `tell` never blocks.
        """
        ...

    def subscribe(self, topics: frozenset[Topic], tell: Callable[[str], None]) -> Unsubscribe:
        """Have each debug line told as it arises, until the function returned is called.

        `tell` never blocks, and is called in the thread of the event loop.
        """
        ...
