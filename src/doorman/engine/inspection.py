"""Choosing the ALG of a flow, and asking it about a message."""

from collections import Counter
from typing import NamedTuple

from doorman.algs.api import Alg, Edit, Effect, Message, Nat, Outcome, Refused
from doorman.algs.registry import REGISTRY, Service
from doorman.net.packet import TCP, UDP


class Inspection(NamedTuple):
    """A message that an ALG decided about, for those who show it: `explain`, `debug`, reports.

    Attributes:
        alg: its name.
        message: as it came, with its path.
        outcome: what was decided.
        after: the message as it goes on; the same as it came where it was dropped.
    """

    alg: str
    message: Message
    outcome: Outcome
    after: bytes


class Inspector:
    """The ALGs of a gateway, made as its configuration says.

    Attributes:
        messages: how many of each kind each ALG has seen.
    """

    def __init__(self, services: dict[Service, frozenset[int]]) -> None:
        self.algs: dict[str, Alg] = {}
        self.messages: dict[str, Counter[str]] = {}
        self._udp: dict[int, str] = {}
        self._tcp: dict[int, str] = {}
        self.reconfigure(services)

    def reconfigure(self, services: dict[Service, frozenset[int]]) -> None:
        """Serve other ports. An ALG that was switched off still ends what it began."""
        self._udp.clear()
        self._tcp.clear()
        for entry in REGISTRY:
            udp = services.get(Service(entry.name, "udp"), frozenset())
            tcp = services.get(Service(entry.name, "tcp"), frozenset())
            self._udp |= dict.fromkeys(udp, entry.name)
            self._tcp |= dict.fromkeys(tcp, entry.name)
            known = self.algs.get(entry.name)
            if known is not None:
                known.serve(udp | tcp)
            elif udp or tcp:
                self.algs[entry.name] = entry.make(udp | tcp)
                self.messages[entry.name] = Counter()

    def alg_for(self, protocol: int, client_port: int, server_port: int) -> str | None:
        """The ALG of a flow; over UDP either side may have begun it."""
        if protocol == UDP:
            return self._udp.get(server_port) or self._udp.get(client_port)
        return self._tcp.get(server_port) if protocol == TCP else None

    def recognise(self, protocol: int, data: bytes) -> str | None:
        """The ALG whose protocol a message is of that no ALG was given; None for what none of them knows."""
        if protocol != UDP or not data:
            return None
        return next((name for name, alg in self.algs.items() if alg.recognises(data)), None)

    def ask(self, alg: str, message: Message, nat: Nat) -> Outcome:
        """What the ALG decides; if it fails, the message is dropped and nothing else suffers."""
        try:
            outcome = self.algs[alg].on_message(message, nat)
        except Refused as refused:
            outcome = Outcome([], [], "", drop=str(refused))
        except Exception as error:  # noqa: BLE001 - whatever a message does to an ALG, the gateway goes on
            outcome = Outcome([], [], "", drop=f"internal-error {type(error).__name__}")
        if outcome.name:
            self.messages[alg][outcome.name] += 1
        return outcome

    def as_sent(self, alg: str, message: Message, nat: Nat) -> list[Edit]:
        """What the sender must have written, see `Alg.as_sent`."""
        return self.algs[alg].as_sent(message, nat)

    def on_time(self, now: float) -> list[Effect]:
        """What is due in any ALG."""
        return [effect for alg in self.algs.values() for effect in alg.on_time(now)]
