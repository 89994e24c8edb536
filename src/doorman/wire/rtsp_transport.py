r"""Reading the Transport header of RTSP (RFC 2326, section 12.39; RFC 7826, section 18.54).

    RTP/AVP;unicast;client_port=4588-4589, RTP/AVP/TCP;unicast;interleaved=0-1          a choice, the best first
    RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;source=198.51.100.21    what was chosen
    RTP/AVP;unicast;dest_addr=":4588"/":4589";src_addr="198.51.100.21:6256"/":6257"     the same, as RTSP 2.0 says it
    RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=16                       a group, which all may join

Ports are those of RTP and RTCP. A port alone stands for RTP, with RTCP at the next one, unless it is no RTP.
"""

import re
from typing import Final, NamedTuple

from doorman.net.addresses import parse_address
from doorman.net.packet import TCP, UDP
from doorman.wire.malformed import Excessive
from doorman.wire.places import Host, Place, Port

MAX_TRANSPORTS: Final = 16
"""Transports of a message to choose from; more is an attack."""

_TRANSPORT: Final = re.compile(rb"(?:[^,\"]++|\"[^\"]*+\"|\")+")
_PARAMETER: Final = re.compile(rb";\s*+([A-Za-z_-]++)\s*+(?:=\s*+((?:\"[^\"]*+\"|[^;\"]++)*))?")
_PORTS: Final = re.compile(rb"([0-9]{1,5})(?:\s*+-\s*+([0-9]{1,5}))?\s*+")
_ADDRESS: Final = re.compile(rb"\"?(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s:/;,\"\[\]]{1,255}))\"?\s*+")
_SOCKET: Final = re.compile(
    rb"\s*+\"(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s:/;,\"\[\]]{1,255}))?:([0-9]{1,5})\"\s*+(?:/|\Z)"
)
_NAMED: Final = frozenset({b"client_port", b"server_port", b"destination", b"source", b"dest_addr", b"src_addr"})
"""The parameters that say who receives and sends, and where."""
_MENTIONED: Final = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:" + b"|".join(sorted(_NAMED)) + rb")(?![A-Za-z0-9_-])", re.IGNORECASE
)
_LAST_PORT: Final = 65_535


class Ports(NamedTuple):
    """A port, or two with those between them."""

    first: Port
    last: Port | None

    @property
    def size(self) -> int:
        """How many ports that is."""
        return self.last.number - self.first.number + 1 if self.last is not None else 1


class Socket(NamedTuple):
    """An address and a port; `host` is None for that of who says so."""

    host: Host | None
    port: Port


class Transport:
    """One way to send media.

    Attributes:
        start, end: where it stands.
        is_rtp: whether RTP is sent, and so RTCP beside it.
        protocol: that of its flows: 6 or 17.
        interleaved: whether media go by the connection of the messages.
        multicast: whether they go to a group.
        readable: False: a port or an address in it is none.
        client_port, server_port: where those two receive.
        destination, source: where media go, and come from.
        dest_addr, src_addr: the same, of RTP and RTCP, as RTSP 2.0 says it.
    """

    __slots__ = (
        "client_port", "dest_addr", "destination", "end", "interleaved", "is_rtp", "multicast", "protocol", "readable",
        "server_port", "source", "src_addr", "start",
    )  # fmt: skip

    def __init__(self, start: int, end: int, name: bytes) -> None:
        words = name.upper().split(b"/")
        self.start = start
        self.end = end
        self.is_rtp = words[0] == b"RTP"
        self.protocol = TCP if words[-1] == b"TCP" else UDP
        self.interleaved = self.multicast = False
        self.readable = True
        self.client_port: Ports | None = None
        self.server_port: Ports | None = None
        self.destination: Host | None = None
        self.source: Host | None = None
        self.dest_addr: list[Socket] = []
        self.src_addr: list[Socket] = []


def read_transports(data: bytes, start: int, end: int) -> list[Transport]:
    """The transports of a header whose value is `data[start:end]`, in order.

    Raises:
        Excessive: there are too many.
    """
    found: list[Transport] = []
    for one in _TRANSPORT.finditer(data, start, end):
        if one[0].strip():
            if len(found) >= MAX_TRANSPORTS:
                raise Excessive("too-many-transports")
            found.append(_read_transport(data, *one.span()))
    return found


def _read_transport(data: bytes, start: int, end: int) -> Transport:
    text = data[start:end]
    name = text.partition(b";")[0].strip()
    transport = Transport(start + len(text) - len(text.lstrip()), start + len(text.rstrip()), name)
    seen = set()
    for parameter in _PARAMETER.finditer(data, start, end):
        word = parameter[1].lower()
        seen.add(word)
        transport.readable = _read_parameter(transport, word, data, parameter.span(2)) and transport.readable
    # One that comes twice, or stands within quotes, perhaps without an end: not all servers would see the same.
    hides = len(_MENTIONED.findall(text)) != len(seen & _NAMED) or text.count(b'"') % 2 == 1
    transport.readable = transport.readable and not hides
    return transport


def _read_parameter(transport: Transport, name: bytes, data: bytes, value: Place) -> bool:
    """Take note of a parameter; False: it should be a port or an address, and is none."""
    start, end = value
    if name == b"multicast":
        transport.multicast = True
    elif name == b"interleaved":
        transport.interleaved = True
    elif name == b"client_port":
        transport.client_port = _read_ports(data, start, end)
        return transport.client_port is not None
    elif name == b"server_port":
        transport.server_port = _read_ports(data, start, end)
        return transport.server_port is not None
    elif name == b"destination":
        transport.destination = _read_host(data, start, end)
    elif name == b"source":
        transport.source = _read_host(data, start, end)
    elif name == b"dest_addr":
        transport.dest_addr = _read_sockets(data, start, end)
        return bool(transport.dest_addr)
    elif name == b"src_addr":
        transport.src_addr = _read_sockets(data, start, end)
        return bool(transport.src_addr)
    return True


def _read_ports(data: bytes, start: int, end: int) -> Ports | None:
    found = _PORTS.fullmatch(data, start, end) if start >= 0 else None
    if found is None:
        return None
    first = Port(*found.span(1), int(found[1]))
    last = Port(*found.span(2), int(found[2])) if found[2] is not None else None
    highest = last.number if last is not None else first.number
    return Ports(first, last) if first.number <= highest <= _LAST_PORT else None


def _read_host(data: bytes, start: int, end: int) -> Host | None:
    """An address or a name; None where nothing is written (`destination` alone means the sender's own)."""
    if start < 0 or not data[start:end].strip(b' \t\r\n"'):
        return None
    found = _ADDRESS.fullmatch(data, start, end)
    if found is None:
        return Host(start, end, None)
    group = 1 if found[1] is not None else 2
    return Host(*found.span(group), parse_address(found[group]))


def _read_sockets(data: bytes, start: int, end: int) -> list[Socket]:
    """Addresses with their ports, each in quotes and slashes between them; none where anything else stands there."""
    found = []
    at = start
    while 0 <= at < end:
        one = _SOCKET.match(data, at, end)
        if one is None or int(one[3]) > _LAST_PORT:
            return []
        group = 1 if one[1] is not None else 2
        host = Host(*one.span(group), parse_address(one[group])) if one[group] is not None else None
        found.append(Socket(host, Port(*one.span(3), int(one[3]))))
        at = one.end()
    return found
