"""How long a flow may be silent; to be set before the rule that gives it a name, which may end the chain."""

from collections.abc import Iterator

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.lifetimes import media_timeout, spliced_timeouts, timeouts_of
from doorman.dataplanes.netfilter.marks import ADMITTED, INSPECTED
from doorman.dataplanes.netfilter.portless_timeouts import portless_timeouts


class Silence:
    """The rules that set it for a configuration; none where the kernel has no `ct timeout`."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._is_known = setting.timeouts
        # Of sessions of the firewall that has been said already.
        self._unless_admitted = f"ct mark and {ADMITTED:#x} == 0 " if config.firewall.zones else ""

    def as_media(self) -> Iterator[str]:
        """As that of a call."""
        if self._is_known:
            name = media_timeout(self._config).name
            yield f'{self._unless_admitted}ct mark and {INSPECTED:#x} == 0 meta l4proto udp ct timeout set "{name}"'

    def as_ordinary(self) -> Iterator[str]:
        """As its protocol and port say."""
        if not self._is_known:
            return
        for timeout in timeouts_of(self._config.timeouts):
            yield f'{self._unless_admitted}{timeout.match} ct timeout set "{timeout.name}"'
        for portless in portless_timeouts(self._config.timeouts):
            yield f'{self._unless_admitted}{portless.match} ct timeout set "{portless.name}"'
        if self._config.ports("tcp", "vtcp"):
            for timeout in spliced_timeouts(self._config.timeouts):
                yield f'ct mark and {INSPECTED:#x} != 0 {timeout.match} ct timeout set "{timeout.name}"'
