"""Where an operator sits: the gateway, the mode, and what is being debugged. The commands of the shell work on it."""

from collections.abc import Callable
from typing import get_args

from doorman.cli.gateway import Gateway, Topic, Unsubscribe
from doorman.cli.shell.configuring import Configuring
from doorman.config.errors import printable

TOPICS: tuple[Topic, ...] = get_args(Topic)


class Terminal:
    """One operator's place.

    Args:
        gateway: the running gateway.
        tell: takes each debug line, whenever it arises; must not block.

    Attributes:
        privileged: whether `enable` was typed.
        configuring: the session of the configuration modes, None outside them.
        ended: whether the operator left.
    """

    def __init__(self, gateway: Gateway, tell: Callable[[str], None]) -> None:
        self.gateway = gateway
        self.privileged = False
        self.configuring: Configuring | None = None
        self.ended = False
        self._tell = tell
        self._topics: frozenset[Topic] = frozenset()
        self._unsubscribe: Unsubscribe | None = None

    @property
    def debugging(self) -> list[Topic]:
        """What is being debugged, in a fixed order."""
        return [topic for topic in TOPICS if topic in self._topics]

    def debug(self, topic: Topic) -> None:
        """Begin to debug."""
        self._subscribe(self._topics | {topic})

    def undebug(self, *topics: Topic) -> None:
        """Debug no more."""
        self._subscribe(self._topics - set(topics))

    def leave(self) -> None:
        """The operator is gone."""
        self.ended = True
        self.configuring = None
        self._subscribe(frozenset())

    def _subscribe(self, topics: frozenset[Topic]) -> None:
        if topics == self._topics:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._topics = topics
        self._unsubscribe = self.gateway.subscribe(topics, self._show) if topics else None

    def _show(self, line: str) -> None:
        self._tell(printable(line))
