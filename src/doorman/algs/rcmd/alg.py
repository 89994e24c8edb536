r"""The RCMD ALG: the second connection of rsh and rexec, by which a server sends errors and hears of signals.

    client inside                gateway                        server outside
      | 1022 \0 ----------------->| translate, door for server ---->|
      |<================== to port 1022 ============================|       the server connects, from a port below 1024
      | user \0 … command \0 ---->|-------------------------------->|
      |<============================================= what it says |

A client outside announces itself, and a server inside connects by itself. 0, or no digits, stands for no second
connection: so all of rlogin's begin, which have none. There is no RFC but that of rlogin (RFC 1282); the rest is what
rcmd(3) and rexec(3) of 4.2BSD do.
"""

from doorman.algs.api import (
    VOID,
    Direction,
    Edit,
    Effect,
    Message,
    Nat,
    Note,
    Outcome,
    Owner,
    Refused,
    StopInspecting,
)
from doorman.algs.base import BaseAlg
from doorman.algs.flows import Flow, open_once
from doorman.algs.rcmd.settings import RcmdSettings
from doorman.algs.settings import lets_pass
from doorman.algs.statistics import rows
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP

ROWS = rows(("rexec", "rlogin", "rsh"), {})
"""Of its statistics: connections."""
_BY_PORT = {512: "rexec", 513: "rlogin"}
_NOBODY = b"0"
_FIRST_RESERVED, _RESERVED_END = 512, 1024
"""Ports from which programs of the superuser connect, see rresvport(3)."""
_LAST_PORT = 65_535


class RcmdAlg(BaseAlg[RcmdSettings]):
    """The application-level gateway of rsh, rexec and rlogin. See `BaseAlg`."""

    name = "rcmd"
    own = RcmdSettings

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate the port that begins a connection, and look into it no more. See `Alg.on_message`."""
        done: list[Effect] = [StopInspecting(agreed=True)]
        if not message.of_client:
            return Outcome([], done)
        name, digits = _name(message), message.data[:-1]
        port = int(digits or _NOBODY)
        if port == 0:
            return Outcome([], done, name)
        if port > _LAST_PORT:
            return self._unreadable("port-number", name, message, done)
        try:
            edits, effects = self._announce(port, name, message, nat)
        except Refused as refused:
            return _void(str(refused), name, message, done)
        return Outcome(edits, [*effects, *done], name)

    def _unreadable(self, reason: str, name: str, message: Message, done: list[Effect]) -> Outcome:
        if lets_pass(self.settings.malformed, translated=message.path.translated):
            return Outcome([], [Note("passed-as-it-came", reason.encode()), *done], name)
        return _void(reason, name, message, done)

    def _announce(self, port: int, name: str, message: Message, nat: Nat) -> tuple[list[Edit], list[Effect]]:
        """Translate a port, and open a door for the server if it needs one.

        Raises:
            Refused: it must not be announced.
        """
        own = Endpoint(message.path.sent_from.address, port)
        if not nat.shielded(own.address):
            return _edits(nat.translate(own, TCP).port, name, message), []
        reserved = _FIRST_RESERVED <= message.path.sent_from.port < _RESERVED_END
        entrance = nat.expose(own, TCP, reserved=reserved)
        if entrance.address != message.path.arrives_from.address:
            raise Refused("other-address")  # the server takes the one that it sees
        if own.port < _RESERVED_END <= entrance.port:
            raise Refused("ports-exhausted")  # it takes none that anybody may have
        owner = Owner(self.name, f"{message.path.sent_from} {message.path.arrives_to}".encode(), message.party)
        door = open_once(owner, Flow("stderr", TCP, entrance, own), message, self.settings.data_timeout)
        return _edits(entrance.port, name, message), [door]


def _name(message: Message) -> str:
    path = message.path
    server = path.sent_to if message.direction == Direction.OUTBOUND else path.arrives_to
    return _BY_PORT.get(server.port, "rsh")


def _edits(port: int, rule: str, message: Message) -> list[Edit]:
    digits = message.data[:-1]
    return [] if port == int(digits) else [Edit(0, len(digits), b"%d" % port, rule)]


def _void(reason: str, name: str, message: Message, done: list[Effect]) -> Outcome:
    """Let no port be announced: the client, who waits for a connection, hears the server at once, and gives up."""
    digits = message.data[:-1]
    return Outcome([Edit(0, len(digits), _NOBODY, VOID + reason)], [Note(reason, digits), *done], name)
