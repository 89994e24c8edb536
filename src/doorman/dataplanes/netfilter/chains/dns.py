"""Which messages of DNS the ALG sees, over UDP: those in which an address may be translated, on their way.

dns_way        what is forwarded from or to a port of DNS, see `strays`, between the sides of the NAT:
  -> dns_out   from inside: all but questions; where hosts have names for themselves, see below
  -> dns_in    from outside, where they have
dns_question   a question: about a name that may be an address in reverse, or one that carries records

The kernel translates the ends of all of them, looked at or not. Where inside hosts share addresses and no more, nothing
that comes from outside can be about one of them; an inside server may say what they are called all the same.
"""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import (
    LEAVE_PLAIN,
    TO_ALG,
    Chain,
    Setting,
    braces_of,
    elsewhere,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.sources import leases
from doorman.dataplanes.netfilter.marks import PLAIN

# Of the header, behind that of UDP (RFC 1035, section 4.1.1): bits from the beginning of that.
_QR_AND_OPCODE = "@th,80,5"
_ANSWERS_AND_AUTHORITIES = "@th,112,32"
_MORE = "@th,144,16"
_FIRST_LABEL = "@th,160,8"
_FIRST_CHARACTER = "@th,168,8"
_IS_QUESTION = f"{_QR_AND_OPCODE} 0"


class DnsChains:
    """The chains of a configuration that lead to its DNS ALG."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._setting = setting
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._ports = braces_of(config.carried_ports)

    def chains(self) -> Iterator[Chain]:
        """All of them; none where it is not served."""
        if not self._ports:
            return
        named = self._has_names()
        yield Chain("dns_way", list(self._way(named=named)))
        question = "goto dns_question" if named else "return"
        yield Chain("dns_out", [f"{_IS_QUESTION} {question}", f"goto {TO_ALG}"])
        if named:
            yield Chain("dns_in", [f"{_IS_QUESTION} {question}", f"goto {TO_ALG}"])
            yield Chain("dns_question", list(_question()))

    def lead(self) -> Iterator[str]:
        """The rules that lead what is forwarded to these chains."""
        if self._ports:
            yield from (f"th {end} {self._ports} goto dns_way" for end in ("dport", "sport"))

    def _way(self, *, named: bool) -> Iterator[str]:
        yield "meta l4proto != udp return"
        yield from elsewhere(self._config, self._setting)
        yield f"ct mark and {PLAIN:#x} != 0 return"
        yield LEAVE_PLAIN
        yield f"iifname {self._inside} oifname {self._outside} goto dns_out"
        if named:
            yield f"iifname {self._outside} oifname {self._inside} goto dns_in"

    def _has_names(self) -> bool:
        """Whether a host of either side may have a name for itself on the other."""
        config = self._config
        of_inside = any(True for _ in config.statics.hosts) or any(map(leases, config.dynamic_sources))
        return of_inside or any(True for _ in config.outside_statics.hosts) or bool(config.outside_sources)


def _question() -> Iterator[str]:
    """The octets of an address in reverse are labels of one to three digits."""
    yield f"{_ANSWERS_AND_AUTHORITIES} != 0 goto {TO_ALG}"
    yield f"{_MORE} > 1 goto {TO_ALG}"
    yield f"{_FIRST_LABEL} > 3 return"
    yield f"{_FIRST_CHARACTER} < 0x30 return"
    yield f"{_FIRST_CHARACTER} > 0x39 return"
    yield f"goto {TO_ALG}"
