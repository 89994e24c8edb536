"""What `doorman selftest` asks of the gateway that serves, by the control socket, as an operator would."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from doorman.algs.api import Direction
from doorman.algs.api import Path as Road
from doorman.algs.registry import Service
from doorman.cli.reasons import meaning_of_drop
from doorman.cli.shell.connection import Connection
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.engine.modes import Modes
from doorman.selftest.call import Observed
from doorman.selftest.errors import CannotTest
from doorman.selftest.verdict import Told

_PATIENCE = 5.0
"""Seconds in which the gateway must answer."""


class Gateway:
    """A session at a gateway.

    Raises:
        CannotConnect: nobody serves there.
    """

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, _PATIENCE)
        self._order("enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @cached_property
    def config(self) -> Config:
        """Its running configuration."""
        lines = self._shown("show running-config")["lines"]
        return read_config("\n".join(lines) + "\n", "running-config")

    def tell(self, call_id: str, seen: Observed) -> Told:
        """What it knows of a call that goes on."""
        calls = self._shown(f"show alg sip call {call_id}")["calls"]
        steps = [step for call in calls for step in call["messages"]]
        drops = [(step["message"], _why(step["drop"])) for step in steps if step["drop"]]
        doors = [door for call in calls for door in call["doors"] if door["entrance"] == str(seen.announced)]
        return Told(bool(calls), tuple(drops), bool(doors), self._inaction(seen))

    def _inaction(self, seen: Observed) -> str:
        port = seen.mirror.port
        if port not in self.config.served[Service("sip", "udp")]:
            return f"it is not served: `ip nat service sip udp port {port}` is missing"
        road = Road(seen.phone, seen.mirror, seen.phone, seen.mirror)
        mode = Modes(self.config).of("sip", Direction.OUTBOUND, road)
        return f"its mode is {mode}" if mode != "full" else ""

    def _shown(self, command: str) -> Any:  # noqa: ANN401 - JSON
        shown, error = self._order(command, as_json=True)
        if error:
            raise CannotTest(f"the gateway refuses `{command}`: {error}")
        return json.loads(shown)["data"]

    def _order(self, command: str, *, as_json: bool = False) -> tuple[str, str]:
        """Carry a command out: what it shows, and why it was refused."""
        replies = list(self._connection.ask({"execute": command, "json": as_json}))
        return "".join(reply.get("text", "") for reply in replies), replies[-1].get("error", "")


def _why(drop: str) -> str:
    meaning = meaning_of_drop(drop)
    return f"{drop}, {meaning}" if meaning else drop
