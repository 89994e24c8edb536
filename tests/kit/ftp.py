"""A playbook for FTP: this line in at one end of a control connection, that line out at the other. See `Dialogue`.

ftp = Ftp(OVERLOAD)                         the client is inside
ftp.says("PORT 10,0,0,10,156,67")           -> "PORT 203,0,113,1,156,67"
ftp.answers("200 ok")                       -> "200 ok"
"""

from doorman.engine.connections import End
from doorman.engine.engine import Engine
from kit.dialogue import SERVED, STRANGER, Dialogue
from kit.sip import GLOBAL, INTERFACES, OVERLOAD

CLIENT, SERVER = "10.0.0.10:40000", "198.51.100.20:21"
FORWARDED = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 21 interface out0 21\n"
"""The inside host is a server by a port of the shared address."""

__all__ = ["CLIENT", "FORWARDED", "GLOBAL", "INTERFACES", "OVERLOAD", "SERVED", "SERVER", "STRANGER", "Ftp"]


class Ftp(Dialogue):
    """A gateway with a control connection. See `Dialogue`."""

    def __init__(
        self,
        config: str = OVERLOAD,
        *,
        server_inside: bool = False,
        engine: Engine | None = None,
        client: str = "",
        server: str = "",
    ) -> None:
        super().__init__(config, 21, server_inside=server_inside, engine=engine, client=client, server=server)

    def says(self, line: str | bytes) -> str:
        """A line of the client, as the server gets it; CRLF is added and taken off."""
        return self._line(line, End.CLIENT)

    def answers(self, line: str | bytes) -> str:
        """A line of the server, as the client gets it."""
        return self._line(line, End.SERVER)

    def passive(self, line: str) -> str:
        """PASV or EPSV, and the reply to it."""
        self.says("EPSV" if line.startswith("229") else "PASV")
        return self.answers(line)

    def _line(self, line: str | bytes, end: End) -> str:
        data = line.encode() if isinstance(line, str) else line
        passed = self.send(data + b"\r\n", end)
        assert passed.endswith(b"\r\n")
        return passed[:-2].decode("latin-1")
