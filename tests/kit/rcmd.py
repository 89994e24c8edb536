"""A playbook for rsh and rexec: what a client sends first, and who connects to the port that it names.

client or server 10.0.0.10     gateway 203.0.113.1     the other one 198.51.100.20, or a stranger 192.0.2.66

rsh = Rcmd()                                                         the client is inside
rsh.says(b"1022\\0root\\0")                                            -> b"1022\\0root\\0"
rsh.comes("198.51.100.20:1021", "203.0.113.1:1022")                  -> "inside: tcp … > 10.0.0.10:1022"
"""

from kit.ftp import Ftp
from kit.sip import GLOBAL, OVERLOAD

CLIENT, SERVER = "10.0.0.10:1023", "198.51.100.20:514"
STRANGER = "192.0.2.66"
SERVED = OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n"
"""The inside host is a server with an address of its own."""
NAMES = b"root\0root\0uname -a\0"


class Rcmd(Ftp):
    """A gateway with such a connection, as the proxy has it; see `Ftp` for what else it does."""

    def __init__(
        self, config: str = OVERLOAD, *, server_inside: bool = False, client: str = "", server: str = ""
    ) -> None:
        if server_inside:
            client = client or "198.51.100.20:1023"
            server = server or f"{'203.0.113.100' if config == SERVED else GLOBAL}:514"
        super().__init__(config, server_inside=server_inside, client=client or CLIENT, server=server or SERVER)

    def begins(self, port: bytes) -> bytes:
        """What the server hears of a beginning with this port, and of the names behind it."""
        heard = self.send(port + b"\0" + NAMES)
        assert heard.endswith(b"\0" + NAMES)
        return heard[: -len(NAMES) - 1]
