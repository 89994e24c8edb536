r"""FTP's control connection, line by line (RFC 959, section 5.3; RFC 2428; RFC 1123, section 4.1.2).

    PORT 192,168,1,10,156,67\r\n                     command: verb, blank, argument; any case
    227 Entering Passive Mode (198,51,100,20,82,11)\r\n     reply: code, blank, text
    211-Features\r\n … 211 End\r\n                   a reply of several lines ends with its code and a blank

What an end announces stands in numbers: h1,h2,h3,h4,p1,p2, where a port is p1 * 256 + p2; or, of either family,
`|1|192.168.1.10|40003|`, whose delimiter is any printable character; or `(|||40003|)`, a port alone.

A line may begin with commands of Telnet (RFC 854): ABOR comes behind IAC IP IAC DM. Elsewhere in a line IAC is part of
a name, which may be in any character set.
"""

import re
from enum import Enum
from typing import NamedTuple

from doorman.net.addresses import Address, Endpoint, address_ascii, parse_address
from doorman.wire.malformed import Malformed

VERBS = frozenset({
    b"ABOR", b"ACCT", b"ADAT", b"ALGS", b"ALLO", b"APPE", b"AUTH", b"CCC", b"CDUP", b"CLNT", b"CONF", b"CWD", b"DELE",
    b"ENC", b"EPRT", b"EPSV", b"FEAT", b"HASH", b"HELP", b"HOST", b"LANG", b"LIST", b"LPRT", b"LPSV", b"MDTM", b"MFMT",
    b"MIC", b"MKD", b"MLSD", b"MLST", b"MODE", b"NLST", b"NOOP", b"OPTS", b"P@SW", b"PASS", b"PASV", b"PBSZ", b"PORT",
    b"PROT", b"PWD", b"QUIT", b"RANG", b"REIN", b"REST", b"RETR", b"RMD", b"RNFR", b"RNTO", b"SITE", b"SIZE", b"SMNT",
    b"STAT", b"STOR", b"STOU", b"STRU", b"SYST", b"TYPE", b"USER", b"XCRC", b"XCUP", b"XCWD", b"XMD5", b"XMKD", b"XPWD",
    b"XRMD",
})  # fmt: skip
"""The commands of RFC 5797 and a few that are in use without: what a client begins with is one of them."""

LONGEST_VERB = 4
ANNOUNCING = frozenset({b"PORT", b"EPRT", b"LPRT"})
"""The commands that say where the client waits for data."""
_IAC = 0xFF
_TELNET = rb"(?:\xff[\xfb-\xfe].|\xff[\xf0-\xfa]){0,16}"
_IN_BETWEEN = re.compile(rb"\xff[\xfb-\xfe].|\xff[\xf0-\xfa]", re.DOTALL)
_COMMAND = re.compile(_TELNET + rb"[ \t]*+([^\s\xff]*+)[ \t]*+", re.DOTALL)
_REPLY = re.compile(_TELNET + rb"([1-6][0-9][0-9])([ -]?)", re.DOTALL)
_BYTE = rb"([0-9]{1,3})"
_SIX = re.compile(rb"(?<![0-9,])" + rb",".join([_BYTE] * 6) + rb"(?![0-9,])")
_EXTENDED = re.compile(rb"([!-~])([12])\1([0-9A-Fa-f.:]{2,45})\1([0-9]{1,5})\1")
_PORT_ALONE = re.compile(rb"\(([!-~])\1\1([0-9]{1,5})\1\)")
_FAMILIES = {b"1": 4, b"2": 16}
_LARGEST_BYTE, _LARGEST_PORT = 255, 65_535


class Command(NamedTuple):
    """A line of the client.

    Attributes:
        verb: in capitals; empty where there is none.
        at: where it stands.
        start, end: where its argument is, without the end of the line.
    """

    verb: bytes
    at: int
    start: int
    end: int


class Reply(NamedTuple):
    """A line of the server that begins with a code.

    Attributes:
        code: three digits.
        last: whether the reply ends with this line.
        at: where the code stands.
        start, end: where its text is, without the end of the line.
    """

    code: bytes
    last: bool
    at: int
    start: int
    end: int


class Form(Enum):
    """How an announcement is written."""

    SIX_NUMBERS = "h1,h2,h3,h4,p1,p2"
    EXTENDED = "|family|address|port|"
    PORT_ALONE = "(|||port|)"


class Announcement(NamedTuple):
    """An endpoint for data.

    Attributes:
        start, end: where it stands.
        form: how it is written.
        address: None where it says none.
        port: 0 to 65535.
        delimiter: of the forms that have one.
    """

    start: int
    end: int
    form: Form
    address: Address | None
    port: int
    delimiter: bytes = b""

    def written(self, endpoint: Endpoint) -> bytes:
        """Another endpoint in the same form; its address is IPv4 in the form of six numbers."""
        if self.form == Form.SIX_NUMBERS:
            return b",".join(b"%d" % number for number in (*endpoint.address, *divmod(endpoint.port, 256)))
        mark, port = self.delimiter, b"%d" % endpoint.port
        if self.form == Form.PORT_ALONE:
            return b"(" + mark * 3 + port + mark + b")"
        family = b"1" if len(endpoint.address) == _FAMILIES[b"1"] else b"2"
        return mark + mark.join((family, address_ascii(endpoint.address), port)) + mark

    def as_six_numbers(self) -> "Announcement":
        """What would stand here in the form of PORT and 227, whose parentheses are not of it."""
        inner = int(self.form == Form.PORT_ALONE)
        return Announcement(self.start + inner, self.end - inner, Form.SIX_NUMBERS, self.address, self.port)

    def as_extended(self) -> "Announcement":
        """What would stand here in the form of EPRT."""
        return self._replace(form=Form.EXTENDED, delimiter=b"|")

    def as_port_alone(self, data: bytes) -> "Announcement":
        """What would stand here in the form of 229, whose parentheses are (RFC 2428, section 3)."""
        start, end = self.start, self.end
        if start and data[start - 1 : start] == b"(" and data[end : end + 1] == b")":
            start, end = start - 1, end + 1
        return Announcement(start, end, Form.PORT_ALONE, None, self.port, b"|")


def read_command(data: bytes) -> Command:
    """Read a line of a client.

    Raises:
        Malformed: commands of Telnet stand within one that announces something: not all servers see the same there.
    """
    found = _COMMAND.match(data)
    end = _end_of(data)
    if found is None:
        return Command(b"", end, end, end)
    at = found.end(1)
    if at < end and data[at] == _IAC:
        words = _IN_BETWEEN.sub(b"", data).split(None, 1)
        if words and words[0].upper() in ANNOUNCING:
            raise Malformed("telnet-in-command")
    return Command(found[1].upper(), found.start(1), min(found.end(), end), end)


def read_reply(data: bytes) -> Reply | None:
    """Read a line of a server; None where it begins with no code, as the inner lines of a reply may."""
    found = _REPLY.match(data)
    if found is None:
        return None
    end = _end_of(data)
    return Reply(found[1], found[2] != b"-", found.start(1), min(found.end(), end), end)


def read_port(data: bytes, start: int, end: int) -> Announcement:
    """Read the argument of PORT.

    Raises:
        Malformed: it is not six numbers; so do the others here, each for its own form.
    """
    found = _SIX.match(data, start, end)
    if found is None or data[found.end() : end].strip(b" \t"):
        raise Malformed("host-port")
    return _six_numbers(found)


def read_extended_port(data: bytes, start: int, end: int) -> Announcement:
    """Read the argument of EPRT (RFC 2428, section 2)."""
    found = _EXTENDED.match(data, start, end)
    if found is None or data[found.end() : end].strip(b" \t"):
        raise Malformed("extended-host-port")
    address = parse_address(found[3])
    if address is None or len(address) != _FAMILIES[found[2]]:
        raise Malformed("extended-host-port")
    return Announcement(found.start(), found.end(), Form.EXTENDED, address, _port(found[4]), found[1])


def find_passive(data: bytes, start: int, end: int) -> Announcement | None:
    """Find the endpoint in the text of a 227, wherever it stands (RFC 1123, section 4.1.2.6); None: none is there."""
    found = _SIX.search(data, start, end)
    return _six_numbers(found) if found is not None else None


def find_extended_passive(data: bytes, start: int, end: int) -> Announcement | None:
    """Find the port in the text of a 229 (RFC 2428, section 3)."""
    found = _PORT_ALONE.search(data, start, end)
    if found is None:
        return None
    return Announcement(found.start(), found.end(), Form.PORT_ALONE, None, _port(found[2]), found[1])


def _six_numbers(found: re.Match[bytes]) -> Announcement:
    numbers = [int(digits) for digits in found.groups()]
    if max(numbers) > _LARGEST_BYTE:
        raise Malformed("host-port")
    address, port = Address(bytes(numbers[:4])), numbers[4] * 256 + numbers[5]
    return Announcement(found.start(), found.end(), Form.SIX_NUMBERS, address, port)


def _port(digits: bytes) -> int:
    port = int(digits)
    if port > _LARGEST_PORT:
        raise Malformed("port-number")
    return port


def _end_of(data: bytes) -> int:
    """Where the end of the line begins."""
    end = len(data)
    if data.endswith(b"\n"):
        end -= 1 + data.endswith(b"\r\n")
    return end
