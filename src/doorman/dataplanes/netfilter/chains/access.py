"""Access lists on interfaces: `ip access-group NAME in|out`.

    prerouting  -160  access_in    packets as they came, those to the gateway itself, too -> acl_N
    postrouting  110  access_out   packets as they leave: what is forwarded, and what the proxy or a splice sends in
                                   the name of others; not the gateway's own
    acl_N                          the lines of a list, as few look-ups (see `classify`) -> acl_line_…
    acl_line_…                     one line: counted by the counter of the same name, logged, and decided

The counter of a line is named after what the line says, so that it goes on when the lists are changed, and a table that
is made anew begins with the counts that the kernel has.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from doorman.config.access_lists import AccessList, Entry
from doorman.config.model import Config, Interface
from doorman.config.render_lists import entry_text
from doorman.dataplanes.netfilter.chains.classify import Line, classified
from doorman.dataplanes.netfilter.chains.expressions import Chain, Setting, lead
from doorman.dataplanes.netfilter.chains.matching import matches_of
from doorman.dataplanes.netfilter.marks import INSPECTED, PROXIED

_LINE = "acl_line_"
_NAME_SHOWN = 90
"""Characters of a list's name that go with a logged packet: the kernel takes 127 for all."""
_SNAPLEN = 128
LOG_RATE = "limit rate 100/second burst 100 packets"
"""How many packets of a line are logged; the others are counted all the same."""


class AccessChains:
    """The chains of the access lists of a configuration."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._lists = applied_lists(config)
        self._numbers = {name: number for number, name in enumerate(self._lists)}
        self._counters = {
            name: {entry: counter_of(name, entry) for entry in (*listed.entries, None)}
            for name, listed in self._lists.items()
        }
        self._interfaces = [one for one in config.interfaces.values() if not one.shutdown]
        self._setting = setting

    def counters(self) -> Iterator[str]:
        """The names of the counters that the chains count with."""
        for counters in self._counters.values():
            yield from counters.values()

    def chains(self) -> Iterator[Chain]:
        """All of them; there are none where no interface has a list: even an empty one would cost each packet."""
        come, leave = self._leading("iifname", "access_in"), self._leading("oifname", "access_out")
        if come:
            yield Chain("access_in", [come], "type filter hook prerouting priority mangle - 10;")
        if leave:
            rules = ["iif 0 goto access_out_own", leave]
            yield Chain("access_out", rules, "type filter hook postrouting priority 110;")
            for_others = f"meta mark and {INSPECTED:#x} != 0", f"ct mark and {PROXIED:#x} != 0"
            yield Chain("access_out_own", [f"{sent} {leave}" for sent in for_others])
        for name, counters in self._counters.items():
            lines = [Line(list(matches_of(entry)), f"goto {counter}") for entry, counter in counters.items() if entry]
            yield Chain(f"acl_{self._numbers[name]}", [*classified(lines), f"goto {counters[None]}"])
            for entry, counter in counters.items():
                yield Chain(counter, list(self._line(name, entry, counter)))

    def _leading(self, field: str, chain: str) -> str:
        """What leads an interface's packets to the list that is asked about them."""
        found = {one.name: _list_of(one, chain) for one in self._interfaces}
        numbers = {name: self._numbers[listed] for name, listed in found.items() if listed in self._numbers}
        return lead(field, {f'"{name}"': f"acl_{number}" for name, number in numbers.items()})

    def _line(self, name: str, entry: Entry | None, counter: str) -> Iterator[str]:
        verdict = "accept" if entry is not None and entry.permit else "drop"
        counted = f'counter name "{counter}"'
        if entry is None or not entry.log:
            yield f"{counted} {verdict}"
            return
        yield counted
        prefix = str(LoggedLine(name, entry.permit, entry.log == "log-input"))
        yield f'{LOG_RATE} log prefix "{prefix}" snaplen {_SNAPLEN} group {self._setting.queue}'
        yield verdict


class LoggedLine(NamedTuple):
    """What the kernel tells of the line that a logged packet matched; its text goes with the packet.

    Attributes:
        name: of the list.
        permit: whether it permits.
        with_interface: `log-input`.
    """

    name: str
    permit: bool
    with_interface: bool

    def __str__(self) -> str:
        """As a prefix; the name without characters that nft has a use for, and no longer than may be."""
        action = "permitted" if self.permit else "denied"
        name = quote(self.name, safe="")[:_NAME_SHOWN]
        return f"acl {action}{'-input' if self.with_interface else ''} {name}"

    @classmethod
    def read(cls, prefix: str) -> "LoggedLine | None":
        """What a prefix says; None for one that is of no access list."""
        words = prefix.split(" ")
        if len(words) != 3 or words[0] != "acl":  # noqa: PLR2004 - as it is written
            return None
        action, dash, _ = words[1].partition("-")
        return cls(unquote(words[2]), action == "permitted", bool(dash))


def counter_of(name: str, entry: Entry | None) -> str:
    """The counter of a line of the list of this name; None is the implicit deny at its end."""
    said = entry_text(entry) if entry is not None else ""
    digest = hashlib.blake2s(f"{name}\0{said}".encode(), digest_size=10).hexdigest()
    return f"{_LINE}{digest}"


def is_of_line(name: str) -> bool:
    """Whether a chain or counter of this name is that of a line."""
    return name.startswith(_LINE)


def applied_lists(config: Config) -> Mapping[str, AccessList]:
    """The lists that interfaces apply and that have lines; others let all pass."""
    lists = config.lists
    used = (one for one in config.interfaces.values() if not one.shutdown)
    names = dict.fromkeys(name for one in used for name in (one.access_in, one.access_out) if name)
    return {name: lists[name] for name in names if name in lists and lists[name].entries}


def _list_of(interface: Interface, chain: str) -> str | None:
    return interface.access_in if chain == "access_in" else interface.access_out
