"""A TCP connection through a gateway, as the proxy has it: bytes in at one end, bytes out at the other.

client or server 10.0.0.10     gateway 203.0.113.1     the other one 198.51.100.20, or a stranger 192.0.2.66

dialogue.send(b"…")                                     what the server hears of the client's bytes
dialogue.comes("198.51.100.20:20", "203.0.113.1:40003")      -> "inside: tcp 198.51.100.20:20 > 10.0.0.10:40003"
"""

import random
from collections import defaultdict

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End, Relay
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import address_text
from kit.packets import endpoint, shown, tcp, udp
from kit.sip import GLOBAL, OVERLOAD

INSIDE, OUTSIDE = "10.0.0.10", "198.51.100.20"
STRANGER = "192.0.2.66"
SERVED = OVERLOAD + f"ip nat inside source static {INSIDE} 203.0.113.100\n"
"""The inside host is a server with an address of its own."""


class Dialogue:
    """A gateway with a connection through it.

    Args:
        config: of the gateway.
        port: of the server.
        server_inside: whether the client is outside and the server inside.
        engine: of another connection, for one beside it.
        client: who opens it.
        server: where to, as the client knows that.
    """

    def __init__(  # noqa: PLR0913 - a connection, and its gateway
        self,
        config: str,
        port: int,
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
            client = client or f"{OUTSIDE}:50000"
            server = server or f"{'203.0.113.100' if config.startswith(SERVED) else GLOBAL}:{port}"
        side = Side.OUTSIDE if server_inside else Side.INSIDE
        ends = endpoint(client or f"{INSIDE}:40000"), endpoint(server or f"{OUTSIDE}:{port}")
        self.connection: Connection = connect(self.engine, *ends, side, self.now)

    def send(self, data: bytes, end: End = End.CLIENT) -> bytes:
        """Bytes as they are."""
        self.relay = self.connection.receive(data, end, self.now)
        return self.relay.data

    def comes(self, sender: str, receiver: str, side: Side = Side.OUTSIDE, flags: str = "S") -> str:
        """A packet of a data connection, the first unless told otherwise; where it leaves, or why not."""
        return self._passes(tcp(sender, receiver, flags), side)

    def flows(self, sender: str, receiver: str, side: Side = Side.OUTSIDE) -> str:
        """A datagram; where it leaves, or why not."""
        return self._passes(udp(sender, receiver, b"\x80\0" + bytes(10)), side)

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
    def notes(self) -> defaultdict[str, int]:
        """What was noted."""
        return self.engine.state.notes

    def _passes(self, packet: bytes, side: Side) -> str:
        result = self.engine.receive(packet, side, self.now)
        if result.fate == Fate.DROPPED:
            return f"dropped: {result.reason}"
        return f"{result.leaves.name.lower()}: {shown(result.packet)}"
