"""Choosing the ALG of a flow, and asking it about a message."""

from collections import Counter
from collections.abc import Callable, Mapping

from doorman.algs.api import Alg, Direction, Edit, Effect, Ends, Message, Nat, Outcome, Path, Refused, apply_edits
from doorman.algs.makers import MAKERS
from doorman.algs.registry import DEFAULT_SETTINGS, REGISTRY, Service
from doorman.algs.settings import Mode, Settings
from doorman.config.model import Config
from doorman.engine.modes import Modes, restrain
from doorman.engine.views import Transaction
from doorman.net.packet import TCP, UDP

Kind = tuple[str, str, int, Direction]
"""A kind of message, for counters: its name, what it answers, the protocol that carried it, and which way it went."""


_FULL = Modes(Config())
RESET = "application-policy"
"""Why a message is dropped that a policy for messages does not let pass."""


class Inspection:
    """A message that an ALG decided about, for those who show it: `explain`, `debug`, reports.

    Attributes:
        alg: its name.
        message: as it came, with its path.
        outcome: what was decided.
        digest: tells it from others; the same bytes have the same.
    """

    __slots__ = ("_checksum", "alg", "message", "outcome")

    def __init__(self, alg: str, message: Message, outcome: Outcome, checksum: int = 0) -> None:
        """`checksum`: of the datagram that it came in, 0 where there is none."""
        self.alg = alg
        self.message = message
        self.outcome = outcome
        self._checksum = checksum

    @property
    def digest(self) -> int:
        """A number that tells it from others of its kind; when it is sent again, it has the same."""
        if self._checksum:
            return self._checksum << 16 | len(self.message.data)
        return hash(self.message.data)

    def judged(self, outcome: Outcome) -> "Inspection":
        """The same message, about which something else was decided."""
        return Inspection(self.alg, self.message, outcome, self._checksum)

    @property
    def after(self) -> bytes:
        """The message as it goes on; the same as it came where its ALG dropped it."""
        edits = self.outcome.edits
        return apply_edits(self.message.data, edits) if edits else self.message.data


class Tally:
    """How many messages of a kind an ALG has seen: for each message a number in a dictionary would cost twice."""

    __slots__ = ("count",)

    def __init__(self, count: int = 0) -> None:
        self.count = count


class Inspector:
    """The ALGs of a gateway, made as its configuration says.

    Args:
        services: the ports that each serves.
        settings, modes: of each.
        delegated: whether a kernel carries the flows: those of datagrams that name hosts only are none of the engine's.

    Attributes:
        settings: what is configured of each ALG, by its name.
        seen: how many of each kind each ALG has seen, those it dropped included.
        gate: what a message must pass before its ALG sees it: says whether it does.
    """

    def __init__(
        self,
        services: dict[Service, frozenset[int]],
        settings: Mapping[str, Settings] = DEFAULT_SETTINGS,
        modes: Modes = _FULL,
        *,
        delegated: bool = False,
    ) -> None:
        self._delegated = delegated
        self.gate: Callable[[str, Message], bool] | None = None
        self.algs: dict[str, Alg] = {}
        self.seen: dict[str, dict[Kind, Tally]] = {}
        self._udp: dict[int, str] = {}
        self._carried: dict[int, str] = {}
        self._tcp: dict[int, str] = {}
        self.reconfigure(services, settings, modes)

    def reconfigure(
        self, services: dict[Service, frozenset[int]], settings: Mapping[str, Settings], modes: Modes = _FULL
    ) -> None:
        """Serve other ports, with other settings. An ALG that was switched off still ends what it began."""
        self.settings = settings
        self._modes = modes
        self._udp.clear()
        self._carried.clear()
        self._tcp.clear()
        for entry in REGISTRY:
            udp = services.get(Service(entry.name, "udp"), frozenset())
            tcp = services.get(Service(entry.name, "tcp"), frozenset())
            table = self._carried if entry.of_hosts and self._delegated else self._udp
            table |= dict.fromkeys(udp, entry.name)
            self._tcp |= dict.fromkeys(tcp, entry.name)
            known = self.algs.get(entry.name)
            if known is not None:
                known.configure(udp | tcp, settings[entry.name])
            elif udp or tcp:
                self.algs[entry.name] = MAKERS[entry.name].make(udp | tcp, settings[entry.name])
                self.seen[entry.name] = {}

    @property
    def messages(self) -> dict[str, Counter[str]]:
        """How many messages of each name each ALG has seen."""
        named: dict[str, Counter[str]] = {}
        for alg, seen in self.seen.items():
            named[alg] = Counter()
            for kind, tally in seen.items():
                named[alg][kind[0]] += tally.count
        return named

    def alg_for(self, protocol: int, client_port: int, server_port: int) -> str | None:
        """The ALG of a flow; over UDP either side may have begun it."""
        if protocol == UDP:
            return self._udp.get(server_port) or self._udp.get(client_port)
        return self._tcp.get(server_port) if protocol == TCP else None

    def alg_of_carried(self, client_port: int, server_port: int) -> str | None:
        """The ALG that looks at datagrams of a flow which a kernel carries all the same."""
        return self._carried.get(server_port) or self._carried.get(client_port)

    def recognise(self, protocol: int, data: bytes) -> str | None:
        """The ALG whose protocol a message is of that no ALG was given; None for what none of them knows."""
        if protocol != UDP or not data:
            return None
        return next((name for name, alg in self.algs.items() if alg.recognises(data)), None)

    def mode(self, alg: str, direction: Direction, path: Path) -> Mode:
        """How much the ALG does about what goes this way; what it is `off` for need not be asked about."""
        return self._modes.of(alg, direction, path)

    def ask(self, alg: str, message: Message, nat: Nat, mode: Mode = "full") -> Outcome:
        """What the ALG decides, as far as its mode lets it happen; see `mode`.

        If it fails, the message is dropped and nothing else suffers.
        """
        if self.gate is not None and not self.gate(alg, message):
            return Outcome([], [], "", drop=RESET, reset=True)
        if mode == "full":
            return self._decide(alg, message, nat)
        made = len(nat.made) if mode == "observe" and isinstance(nat, Transaction) else None
        outcome = restrain(self._decide(alg, message, nat), mode)
        if made is not None and isinstance(nat, Transaction):
            nat.undo(made)
        return outcome

    def _decide(self, alg: str, message: Message, nat: Nat) -> Outcome:
        try:
            outcome = self.algs[alg].on_message(message, nat)
        except Refused as refused:
            outcome = Outcome([], [], "", drop=str(refused))
        except Exception as error:  # noqa: BLE001 - whatever a message does to an ALG, the gateway goes on
            outcome = Outcome([], [], "", drop=f"internal-error {type(error).__name__}")
        if outcome.name:
            seen, kind = self.seen[alg], (outcome.name, outcome.answers, message.protocol, message.direction)
            tally = seen.get(kind)
            if tally is None:
                tally = seen[kind] = Tally()
            tally.count += 1
        return outcome

    def as_sent(self, alg: str, message: Message, nat: Nat) -> list[Edit]:
        """What the sender must have written, see `Alg.as_sent`."""
        if self.mode(alg, message.direction, message.path) != "full":
            return []
        return self.algs[alg].as_sent(message, nat)

    def on_end(self, alg: str, ends: Ends, now: float) -> list[Effect]:
        """What is due in an ALG since a flow of its protocol is over."""
        known = self.algs.get(alg)
        return known.on_end(ends, now) if known is not None else []

    def on_time(self, now: float) -> list[Effect]:
        """What is due in any ALG."""
        return [effect for alg in self.algs.values() for effect in alg.on_time(now)]
