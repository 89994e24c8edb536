"""Where an operator sits: the gateway, the mode, and what is being debugged. The commands of the shell work on it."""

from collections.abc import Callable

from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import Gateway, Unsubscribe
from doorman.cli.shell.configuring import Configuring
from doorman.config.command import Refused
from doorman.config.errors import printable

MOST_TOPICS = 32
"""Of one session at once."""


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
        self._end_monitor: Unsubscribe | None = None

    @property
    def debugging(self) -> list[Topic]:
        """What is being debugged, in a fixed order."""
        return sorted(self._topics, key=lambda topic: topic.key)

    def debug(self, topic: Topic) -> None:
        """Begin to debug.

        Raises:
            Refused: that is too much at once.
        """
        topics = self._topics | {topic}
        if len(topics) > MOST_TOPICS:
            raise Refused(f"% No more than {MOST_TOPICS} conditions at once")
        self._subscribe(topics)

    def undebug(self, topic: Topic) -> None:
        """Debug no more; without a condition, nothing under any condition either."""
        self._subscribe(frozenset(other for other in self._topics if not _includes(topic, other)))

    def undebug_all(self) -> None:
        """Debug nothing."""
        self._subscribe(frozenset())

    def monitor(self, *, on: bool) -> None:
        """Show the gateway's log as it is written, or no more."""
        if on and self._end_monitor is None:
            self._end_monitor = self.gateway.monitor(self._show)
        elif not on and self._end_monitor is not None:
            self._end_monitor()
            self._end_monitor = None

    def leave(self) -> None:
        """The operator is gone."""
        self.ended = True
        self.configuring = None
        self._subscribe(frozenset())
        self.monitor(on=False)

    def _subscribe(self, topics: frozenset[Topic]) -> None:
        if topics == self._topics:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._topics = topics
        self._unsubscribe = self.gateway.subscribe(topics, self._show) if topics else None

    def _show(self, line: str) -> None:
        self._tell(printable(line))


def _includes(topic: Topic, other: Topic) -> bool:
    return topic == other or (not topic.condition and topic.about == other.about)
