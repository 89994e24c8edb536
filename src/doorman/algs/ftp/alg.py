"""The FTP ALG: what is said on a control connection, and the data connections that are announced there.

    client inside                gateway                        server outside
      | PORT 192,168,1,10,4,1 -->| translate, door for server ---->|       active: the server connects, from its port 20
      |<====================== data ==============================>|
      | PASV ------------------->|-------------------------------->|
      |<-------------------- 227 |<-------------- 227 h1,…,p2      |       passive: the client connects
      |<====================== data ==============================>|
      | AUTH TLS --------------->|-------------------------------->|
      |<-------------------- 234 |<---------------------------- 234|       nothing is looked into from here on

A server inside is the same the other way round: its 227 is translated, with a door for the client; a PORT from outside
needs nothing. EPRT and EPSV (229) do what PORT and PASV do. Between families, see `families`. RFC 959, 2428, 4217 (AUTH
TLS), 2577 (bounce attacks), 6384.
"""

from collections.abc import Hashable, Iterator, Mapping

from doorman.algs.api import (
    CloseDoors,
    Direction,
    Edit,
    Effect,
    Ends,
    Message,
    Nat,
    Note,
    Outcome,
    Owner,
    Record,
    Refused,
    Shown,
    StopInspecting,
    WaitForOthers,
)
from doorman.algs.base import BaseAlg
from doorman.algs.ftp.announcing import announce, await_by_default, in_family_of_server, void, void_argument, void_line
from doorman.algs.ftp.commands import AUTHENTICATE, EPSV_ALL, TRANSFERS
from doorman.algs.ftp.control import Control
from doorman.algs.ftp.families import Families
from doorman.algs.ftp.mirrored import command_as_sent, reply_as_sent
from doorman.algs.ftp.settings import FtpSettings
from doorman.algs.settings import Settings, lets_pass
from doorman.net.addresses import Endpoint
from doorman.wire.ftp import (
    ANNOUNCING,
    VERBS,
    Announcement,
    Command,
    Form,
    Reply,
    find_extended_passive,
    find_passive,
    read_command,
    read_extended_port,
    read_port,
    read_reply,
)
from doorman.wire.malformed import Malformed

_NAMES = {verb: verb.decode("ascii") for verb in VERBS}
_READERS = {b"PORT": read_port, b"EPRT": read_extended_port}
_FINDERS = {b"227": find_passive, b"229": find_extended_passive}
_UNKNOWN = "unknown"
_GOODBYES = frozenset({b"221", b"421"})


class FtpAlg(BaseAlg[FtpSettings]):
    """FTP's application-level gateway. A gateway's control connections end with it, so that none is saved.

    Args:
        ports: those it is served on.
        settings: `FtpSettings`.

    Raises:
        TypeError: they are those of another ALG.
    """

    name = "ftp"
    own = FtpSettings

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        super().__init__(ports, settings)
        self._controls: dict[Ends, Control] = {}

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate a line. See `Alg.on_message`."""
        control = self._controls.get(message.ends) or self._begin(message, nat)
        return self._on_command(control, message, nat) if message.of_client else self._on_reply(control, message, nat)

    def _begin(self, message: Message, nat: Nat) -> Control:
        ends = message.ends
        outbound = message.direction == Direction.OUTBOUND
        client, server = (ends.inside, ends.outside) if message.of_client == outbound else (ends.outside, ends.inside)
        owner = Owner(self.name, f"{client} {server}".encode(), message.party)
        families = Families(nat.native(client.address), nat.native(server.address))
        control = self._controls[ends] = Control(owner, client, server, message.now, families)
        self.touched.add(control)
        return control

    # What the client says

    def _on_command(self, control: Control, message: Message, nat: Nat) -> Outcome:
        data = message.data
        try:
            command = read_command(data)
        except Malformed as malformed:
            end = len(data.rstrip(b"\r\n"))
            return self._malformed(malformed.reason, [void_line(end, malformed.reason)], "PORT", message)
        verb, at, start, end = command
        argument = data[start:end]
        asked = control.families.pass_on(verb, argument)
        effects: list[Effect] = []
        if verb and not control.ask(asked, self.settings.commands):
            effects.append(Note("too-many-commands"))
        if verb == b"USER":
            control.user = argument[:64]
        if verb in ANNOUNCING:
            return self._on_announcing(control, command, message, nat)
        if verb in TRANSFERS and control.uses_default_port:
            effects += await_by_default(control, message, nat, self.settings.data_timeout)
        name = _NAMES.get(verb, _UNKNOWN)
        edits = [Edit(at, end, asked.sent, name)] if asked.sent != asked.verb else []
        return Outcome(edits, effects, name)

    def _on_announcing(self, control: Control, command: Command, message: Message, nat: Nat) -> Outcome:
        verb, at, start, end = command
        name, read = _NAMES[verb], _READERS.get(verb)
        if read is None:  # RFC 1639 tells of networks that nobody has
            return self._malformed("long-host-port", [void_argument(verb, start, end, "long-host-port")], name, message)
        try:
            found = read(message.data, start, end)
        except Malformed as malformed:
            edits = [void_argument(verb, start, end, malformed.reason)]
            return self._malformed(malformed.reason, edits, name, message)
        told = in_family_of_server(control.families, found)
        if told is None:
            return Outcome([], [], name)
        try:
            edits, effects = announce(control, told, name, message, nat, self.settings.data_timeout)
        except Refused as refused:
            return _void(found, str(refused), name, message)
        sent = b"PORT" if told.form == Form.SIX_NUMBERS else b"EPRT"
        if sent != verb:
            edits.insert(0, Edit(at, at + len(verb), sent, name))
        return Outcome(edits, effects, name)

    def _malformed(self, reason: str, edits: list[Edit], name: str, message: Message) -> Outcome:
        """What cannot be read announces nothing, or goes on as it came."""
        if lets_pass(self.settings.malformed, translated=message.path.translated):
            return Outcome([], [Note("passed-as-it-came", reason.encode())], name)
        return Outcome(edits, [Note(reason, message.data[edits[0].start : edits[0].end])], name)

    # What the server says

    def _on_reply(self, control: Control, message: Message, nat: Nat) -> Outcome:
        reply = read_reply(message.data)
        code, first = control.reply, not control.reply
        if first:
            if reply is None:
                return Outcome([], [], _UNKNOWN)
            code = reply.code
        ends = reply is not None and reply.code == code and reply.last
        control.reply = b"" if ends else code
        outcome = Outcome([], [], code.decode("ascii") if first else "")
        answer = control.answered_here(code)
        if answer:
            outcome.edits.append(Edit(0, len(message.data), answer + b"\r\n" if ends else b"", "NOOP"))
            if ends and code != b"200":
                outcome.effects.append(Note("noop-refused", message.data))
        elif code in _FINDERS and control.waits_for(code):
            said = reply if reply is not None and reply.code == code else None
            passive = self._on_passive(control, code, said, message, nat)
            passive.name = passive.name or outcome.name
            outcome = passive
        if outcome.edits:
            outcome.name = code.decode("ascii")  # an inner line of a reply has no name of its own
        if ends:
            outcome.effects.extend(self._follow(control, code, message))
        return outcome

    def _on_passive(self, control: Control, code: bytes, reply: Reply | None, message: Message, nat: Nat) -> Outcome:
        """A line of a reply that grants a passive data connection, which may begin with its code."""
        data, name, heard = message.data, code.decode("ascii"), control.heard(code)
        edits = [Edit(reply.at, reply.at + len(code), heard, name)] if reply is not None and heard != code else []
        try:
            found = _FINDERS[code](data, reply.start if reply is not None else 0, len(data))
        except Malformed as malformed:
            return Outcome(edits, [Note(malformed.reason, data)])
        if found is None:
            return Outcome(edits, [])
        if heard != code:
            found = found.as_port_alone(data) if heard == b"229" else found.as_six_numbers()
        try:
            told, effects = announce(control, found, name, message, nat, self.settings.data_timeout)
        except Refused as refused:
            outcome = _void(found, str(refused), name, message)
            # It opens no door: what a server outside says of itself, though it be wrong, is the client's to judge.
            outcome.edits = edits + outcome.edits if nat.shielded(message.path.sent_from.address) else edits
            return outcome
        return Outcome(edits + told, effects, name)

    def _follow(self, control: Control, code: bytes, message: Message) -> list[Effect]:
        """A reply is whole: what it does to the connection."""
        effects: list[Effect] = []
        was_busy = bool(control.doing)
        verb = control.answer(code)
        if bool(control.doing) != was_busy:
            effects.append(WaitForOthers(not was_busy))
        if code in _GOODBYES:
            effects.append(CloseDoors(control.owner, message.now))
        if verb == AUTHENTICATE and code == b"234":
            effects += [StopInspecting(agreed=True), Note("tls")]
        elif verb == AUTHENTICATE and code[:1] in {b"4", b"5"}:
            control.families.clear = True
        elif verb == EPSV_ALL and code[:1] == b"2":
            control.extended_only = True
        elif verb == b"REIN" and code[:1] == b"2":
            control.extended_only, control.user = False, b""
        return effects

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """What an end of the other family said for the one inside to hear this. See `Alg.as_sent`."""
        control = self._controls.get(message.ends)
        if control is None:
            return []
        if control.client == message.path.sent_from:
            return reply_as_sent(control, message)
        return command_as_sent(control.families, message, nat)

    # What is remembered

    def on_end(self, ends: Ends, now: float) -> list[Effect]:
        """A control connection is over, and with it what was announced. See `Alg.on_end`."""
        control = self._controls.pop(ends, None)
        if control is None:
            return []
        control.over = True
        return [CloseDoors(control.owner, now)]

    def totals(self) -> Mapping[str, int]:
        """Control connections, and those that transfer something. See `Alg.totals`."""
        controls = self._controls.values()
        return {"sessions": len(controls), "transfers": sum(bool(control.doing) for control in controls)}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:
        """The control connections, in the order of their coming. See `Alg.sessions`."""
        watched = [one for one in self.touched if isinstance(one, Control) and one.over]
        for control in [*watched, *self._controls.values()]:
            data, families = control.data, control.families
            client, server = families.client, families.server
            yield {
                "client": Endpoint(client, control.client.port),
                "server": Endpoint(server, control.server.port),
                "user": control.user or None,
                "state": "ended" if control.over else "transfer" if control.doing else "idle",
                "age": now - control.begun,
                "data": Endpoint(client if data.by_client else server, data.awaited_at.port)
                if data is not None
                else None,
                "opened_by": None if data is None else "server" if data.by_client else "client",
                "doing": control.doing or None,
            }

    def record(self, item: Hashable) -> Record:
        """No record: its connections end with a gateway. See `Alg.record`."""
        if not isinstance(item, Control):
            raise TypeError(f"not of FTP: {item!r}")
        return item.owner.name.decode("ascii"), None


def _void(found: Announcement, reason: str, name: str, message: Message) -> Outcome:
    return Outcome([void(found, reason)], [Note(reason, message.data[found.start : found.end])], name)
