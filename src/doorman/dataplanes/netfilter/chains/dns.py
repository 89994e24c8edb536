"""Which messages of DNS the ALG sees, over UDP: those in which an address may be translated, on their way.

dns_new        the first packet of a flow from or to a port of DNS, between the two translations: all of it is marked

Messages are looked at between the two translations, in the road of all that is forwarded, behind the firewall:

dns_forward    from or to a port of DNS
  -> dns_way   between the sides of the NAT
dns_question   a question: about a name that may be an address in reverse, or one that carries records

Where inside hosts share addresses and no more, nothing that comes from outside can be about one of them; an inside
server may say what they are called all the same. So only what hosts inside send is looked at. Unless a firewall judges
it, that is done before it is translated, and costs no other packet anything:

dns_out        from `inspect`: what leaves by the outside, but no questions

The kernel translates the ends of all of them, looked at or not.
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
    marked,
)
from doorman.dataplanes.netfilter.chains.sources import leases
from doorman.dataplanes.netfilter.marks import CARRIED, INSPECTED, PLAIN

# Of the header, behind that of UDP (RFC 1035, section 4.1.1): bits from the beginning of that.
_QR_AND_OPCODE = "@th,80,5"
_ANSWERS_AND_AUTHORITIES = "@th,112,32"
_MORE = "@th,144,16"
_FIRST_LABEL = "@th,160,8"
_FIRST_CHARACTER = "@th,168,8"
_IS_QUESTION = f"{_QR_AND_OPCODE} 0"


class DnsChains:
    """The chains of a configuration that lead to its DNS ALG.

    Attributes:
        mark: what flows have in their mark whose messages `inspect` leads here by `known`; 0 for none.
    """

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._setting = setting
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._ports = braces_of(config.carried_ports)
        self._named = _has_names(config)
        self._between = self._named or bool(config.firewall.zones)
        self.mark = CARRIED if self._ports and not self._between else 0

    def chains(self) -> Iterator[Chain]:
        """All of them; none where it is not served."""
        if not self._ports:
            return
        yield Chain("dns_new", list(self._new()), "type nat hook postrouting priority srcnat - 2;")
        if self._between:
            forwarded = [f"{match} goto dns_way" for match in self._matches()]
            yield Chain("dns_forward", forwarded, "type filter hook forward priority filter + 10;")
            yield Chain("dns_way", list(self._way()))
            yield Chain("dns_question", list(_question()))
        else:
            yield Chain("dns_out", list(self._out()))

    def begin(self) -> Iterator[str]:
        """The rules that lead the first packets of flows here, as they came."""
        if self.mark:
            yield from (f"meta l4proto udp {match} jump dns_out" for match in self._matches())

    def known(self) -> Iterator[str]:
        """The rule that leads other packets here, of flows with `mark`."""
        if self.mark:
            yield f"ct mark and {INSPECTED:#x} == 0 goto dns_out"

    def _matches(self) -> Iterator[str]:
        yield from (f"th {end} {self._ports}" for end in ("dport", "sport"))

    def _new(self) -> Iterator[str]:
        yield from elsewhere(self._config, self._setting)
        yield from (f"meta l4proto udp {match} ct mark set ct mark or {CARRIED:#x}" for match in self._matches())

    def _out(self) -> Iterator[str]:
        yield f"ct mark and {PLAIN:#x} != 0 return"
        yield LEAVE_PLAIN
        yield f"iifname != {self._inside} return"
        yield f"{_IS_QUESTION} return"
        if self._setting.zone is not None:
            yield marked(self._setting.zone)  # the routes of the VRF are asked
        yield f"fib daddr . mark oifname {self._outside} meta mark set meta mark or {CARRIED:#x} goto {TO_ALG}"

    def _way(self) -> Iterator[str]:
        yield "meta l4proto != udp return"
        yield from elsewhere(self._config, self._setting)
        yield f"ct mark and {PLAIN:#x} != 0 return"
        yield LEAVE_PLAIN
        ways = [(self._inside, self._outside), (self._outside, self._inside)]
        for come, leave in ways if self._named else ways[:1]:
            yield f"iifname {come} oifname {leave} {_IS_QUESTION} {'goto dns_question' if self._named else 'return'}"
            yield f"iifname {come} oifname {leave} goto {TO_ALG}"


def _has_names(config: Config) -> bool:
    """Whether a host of either side may have a name for itself on the other."""
    of_inside = any(True for _ in config.statics.hosts) or any(map(leases, config.dynamic_sources))
    return of_inside or bool(len(config.outside_statics)) or bool(config.outside_sources)


def _question() -> Iterator[str]:
    """The octets of an address in reverse are labels of one to three digits."""
    yield f"{_ANSWERS_AND_AUTHORITIES} != 0 goto {TO_ALG}"
    yield f"{_MORE} > 1 goto {TO_ALG}"
    yield f"{_FIRST_LABEL} > 3 return"
    yield f"{_FIRST_CHARACTER} < 0x30 return"
    yield f"{_FIRST_CHARACTER} > 0x39 return"
    yield f"goto {TO_ALG}"
