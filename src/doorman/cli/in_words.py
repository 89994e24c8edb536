"""How messages are shown that are no text, by their ALG: in words, for `--explain` and `debug`."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from doorman.cli import dns_text, ldap_text, netbios_text
from doorman.cli.message_line import Line


class Lines(Protocol):
    """Puts a message into words."""

    def __call__(self, data: bytes, *, streamed: bool) -> list[Line]:
        """Its lines; `streamed`: whether it came over TCP."""
        ...


class Edited(Protocol):
    """Puts what an edit replaces into words, or what by."""

    def __call__(self, rule: str, data: bytes) -> str:
        """What stands at an edit of a rule; empty where it tells nothing."""
        ...


class InWords(NamedTuple):
    """The words of a protocol."""

    lines: Lines
    edited: Edited


IN_WORDS: Final[Mapping[str, InWords]] = {
    "dns": InWords(dns_text.lines_of, dns_text.edit_text),
    "netbios-ns": InWords(netbios_text.name_lines, netbios_text.edit_text),
    "netbios-dgm": InWords(netbios_text.datagram_lines, netbios_text.edit_text),
    "netbios-ssn": InWords(netbios_text.session_lines, netbios_text.edit_text),
    "ldap": InWords(ldap_text.ldap_lines, ldap_text.edit_text),
}
