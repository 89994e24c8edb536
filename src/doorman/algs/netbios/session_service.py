"""The ALG of NetBIOS's session service: a server that answers a call by naming another place where to go.

    client outside                 gateway                          server inside
      | session request ------------>|-------------------------------->|
      |<- 203.0.113.10:5000 ---------|<- retarget: 192.168.1.10:5000 --|     a door for the client, once, for a minute
      |======================== new connection =======================>|

Address and port of a retarget response become those outside. Once a session is established no packet has addresses,
and nothing is looked into any more: files pass as in any other connection. RFC 1002, section 4.3.
"""

from doorman.algs.api import (
    VOID,
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
from doorman.algs.flows import Flow, open_once
from doorman.algs.mentions import named_endpoint
from doorman.algs.stateless import Stateless
from doorman.net.addresses import UNSPECIFIED_V4, Endpoint
from doorman.net.packet import TCP
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import SESSION, SESSION_HEADER, read_target, written

_POSITIVE, _RETARGET = 0x82, 0x84
_DOOR_SECONDS = 60.0
_NOWHERE = Endpoint(UNSPECIFIED_V4, 0)


class SessionService(Stateless):
    """NetBIOS's session service. Its settings are those of all ALGs."""

    name = "netbios-ssn"

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate a retarget response. See `Alg.on_message`."""
        kind = message.data[0]
        name = SESSION[kind]
        if message.of_client:
            return Outcome([], [], name)
        if kind == _POSITIVE:
            return Outcome([], [StopInspecting(agreed=True)], name)
        if kind != _RETARGET:
            return Outcome([], [], name)
        try:
            target = read_target(message.data)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, name, message)
        try:
            edits, effects = self._retarget(target, message, nat)
        except Refused as refused:
            return Outcome([_edit(_NOWHERE, VOID + str(refused))], [Note(str(refused), str(target).encode())], name)
        return Outcome(edits, effects, name)

    def _retarget(self, target: Endpoint, message: Message, nat: Nat) -> tuple[list[Edit], list[Effect]]:
        """Where the client shall go, and the door for it.

        Raises:
            Refused: it must not be led there.
        """
        effects: list[Effect] = []
        path = message.path
        if target.address == path.sent_from.address and target != path.sent_from and nat.shielded(target.address):
            name = nat.expose(target, TCP)
            owner = Owner(self.name, f"{path.arrives_to} {target}".encode(), message.party)
            effects.append(open_once(owner, Flow("session", TCP, name, target), message, _DOOR_SECONDS))
        else:
            name = named_endpoint(target, message, nat, TCP)
            if name == target and message.path.translated and nat.owns(target.address):
                raise Refused("third-party-address")
        return [_edit(name, "retarget")] if name != target else [], effects

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name the other place as the server did. See `Alg.as_sent`."""
        if message.data[0] != _RETARGET:
            return []
        try:
            target = read_target(message.data)
            name = named_endpoint(target, message, nat, TCP)
        except (Malformed, Refused):
            return []
        return [_edit(name, "retarget")] if name != target else []


def _edit(endpoint: Endpoint, rule: str) -> Edit:
    return Edit(SESSION_HEADER, SESSION_HEADER + 6, written(endpoint), rule)
