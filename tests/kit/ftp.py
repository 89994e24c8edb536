"""A playbook for FTP: this line in at one end of a control connection, that line out at the other.

client or server 10.0.0.10     gateway 203.0.113.1     the other one 198.51.100.20, or a stranger 192.0.2.66

ftp = Ftp(OVERLOAD)                         the client is inside
ftp.says("PORT 10,0,0,10,156,67")           -> "PORT 203,0,113,1,156,67"
ftp.answers("200 ok")                       -> "200 ok"
ftp.comes("198.51.100.20:20", "203.0.113.1:40003")      -> "inside: tcp 198.51.100.20:20 > 10.0.0.10:40003"
"""

import random
from collections import Counter

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End, Relay
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import address_text
from kit.packets import endpoint, shown, tcp
from kit.sip import GLOBAL, INTERFACES, OVERLOAD

CLIENT, SERVER = "10.0.0.10:40000", "198.51.100.20:21"
STRANGER = "192.0.2.66"
SERVED = OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n"
"""The inside host is a server with an address of its own."""
FORWARDED = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 21 interface out0 21\n"
"""It is one by a port of the shared address."""

__all__ = ["CLIENT", "FORWARDED", "GLOBAL", "INTERFACES", "OVERLOAD", "SERVED", "SERVER", "STRANGER", "Ftp"]


class Ftp:
    """A gateway with a control connection, as the proxy has it.

    Args:
        config: of the gateway.
        server_inside: whether the client is outside and the server inside.
        engine: of another connection, for one beside it.
        client: who opens it.
        server: where to, as the client knows that.
    """

    def __init__(
        self,
        config: str = OVERLOAD,
        *,
        server_inside: bool = False,
        engine: Engine | None = None,
        client: str = "",
        server: str = "",
    ) -> None:
        self.engine = engine or Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.now = 1000.0
        self.relay = Relay(b"", b"")
        if server_inside:
            client = client or "198.51.100.20:50000"
            server = server or f"{'203.0.113.100' if config == SERVED else GLOBAL}:21"
        sides = Side.OUTSIDE if server_inside else Side.INSIDE
        ends = endpoint(client or CLIENT), endpoint(server or SERVER)
        self.connection: Connection = connect(self.engine, *ends, sides, self.now)

    def says(self, line: str | bytes) -> str:
        """A line of the client, as the server gets it; CRLF is added and taken off."""
        return self._line(line, End.CLIENT)

    def answers(self, line: str | bytes) -> str:
        """A line of the server, as the client gets it."""
        return self._line(line, End.SERVER)

    def send(self, data: bytes, end: End = End.CLIENT) -> bytes:
        """Bytes as they are."""
        self.relay = self.connection.receive(data, end, self.now)
        return self.relay.data

    def passive(self, line: str) -> str:
        """PASV or EPSV, and the reply to it."""
        self.says("EPSV" if line.startswith("229") else "PASV")
        return self.answers(line)

    def comes(self, sender: str, receiver: str, side: Side = Side.OUTSIDE, flags: str = "S") -> str:
        """A packet of a data connection, the first unless told otherwise; where it leaves, or why not."""
        result = self.engine.receive(tcp(sender, receiver, flags), side, self.now)
        if result.fate == Fate.DROPPED:
            return f"dropped: {result.reason}"
        return f"{result.leaves.name.lower()}: {shown(result.packet)}"

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.expire(self.now)

    @property
    def doors(self) -> list[str]:
        """The open doors: who may come in where, and where that leads."""
        return [
            f"{address_text(door.visitor) if door.visitor is not None else 'any'} > {door.entrance} > {door.leads_to}"
            for door in self.engine.state.doors
        ]

    @property
    def notes(self) -> Counter[str]:
        """What was noted."""
        return self.engine.state.notes

    def _line(self, line: str | bytes, end: End) -> str:
        data = line.encode() if isinstance(line, str) else line
        passed = self.send(data + b"\r\n", end)
        assert passed.endswith(b"\r\n")
        return passed[:-2].decode("latin-1")
