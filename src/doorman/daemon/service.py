"""The event loop of a gateway: what it waits for, and whose turn it is then."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from doorman.cli.gateway import NotApplied
from doorman.cli.shell.session import ShellSession
from doorman.daemon.clock import seconds
from doorman.daemon.control import ControlServer
from doorman.daemon.file_limit import raise_file_limit
from doorman.daemon.gateway import Gateway
from doorman.daemon.keeper import LATEST, Keeper
from doorman.daemon.notify import Notifier
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.proxy import Proxy, Settings
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.marks import PROXIED

_TICK = 1.0
"""Seconds."""
_REFRESH = 5
"""Ticks between two looks at the interfaces, and at the proxy's connections."""
_COMPARE = 60
"""Ticks between two comparisons with the kernel's flows."""
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

_log = logging.getLogger("doorman")


def hold_signals() -> None:
    """Let signals wait: what ended the process now would leave in the kernel what has no gateway behind it.

    `Service.run` hears them while it serves; what comes when it has ended changes nothing any more.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


class Service:
    """A gateway at work, until it is asked to end.

    Args:
        path: of the control socket.
        gateway, traffic, keeper: the gateway's parts.
        listener: where the kernel redirects TCP signalling to.
        news: what is told of packets that rules log.

    Attributes:
        served: whether it came so far as to serve.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it makes work together
        self,
        path: Path,
        gateway: Gateway,
        traffic: Traffic,
        keeper: Keeper,
        listener: socket.socket,
        news: PacketNews,
    ) -> None:
        self.served = False
        self._gateway = gateway
        self._traffic = traffic
        self._keeper = keeper
        self._listener = listener
        self._news = news
        self._control = ControlServer(path, lambda tell: ShellSession(gateway, tell))
        self._notifier = Notifier.of(os.environ)
        self._ended = asyncio.Event()
        self._saving = False
        self._reloading = False
        self._unfit = ""
        self._ticks = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            OSError: the control socket cannot be made.
        """
        loop = asyncio.get_running_loop()
        proxy = Proxy(self._gateway, _proxy_settings())
        self._gateway.proxied = proxy.traffic
        await self._control.start()
        proxy.serve(self._listener)
        loop.add_reader(self._traffic.queue.fileno(), self._guarded(self._traffic.on_packets))
        loop.add_reader(self._traffic.events.fileno(), self._guarded(self._traffic.on_events))
        if self._news.log is not None:
            loop.add_reader(self._news.log.fileno(), self._guarded(self._news.on_packets))
        self._guarded(self._traffic.on_packets)()  # some may have come before anybody waited
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self.served = True
        sys.stderr.write("ready\n")
        sys.stderr.flush()
        self._notifier.ready("serving")
        ticking = loop.create_task(self._tick(proxy))
        try:
            await self._ended.wait()
        finally:
            hold_signals()
            self._notifier.stopping()
            self._traffic.segments.reset()
            self._traffic.plane.end_redirect()
            ticking.cancel()
            loop.remove_reader(self._traffic.queue.fileno())
            loop.remove_reader(self._traffic.events.fileno())
            if self._news.log is not None:
                loop.remove_reader(self._news.log.fileno())
            await proxy.close()
            await self._control.close()

    def _guarded(self, react: Callable[[], object]) -> Callable[[], None]:
        """A reaction after which the state is saved soon, and which never ends the loop."""

        def callback() -> None:
            try:
                react()
            except Exception:  # noqa: BLE001 - whatever it was, calls go on; it is logged
                _log.exception("an internal error; the gateway goes on")
            self._save_soon()

        return callback

    def _save_soon(self) -> None:
        if not self._saving and self._keeper.dirty:
            self._saving = True
            asyncio.get_running_loop().call_later(LATEST / 2, self._save)

    def _save(self) -> None:
        self._saving = False
        self._keeper.flush(seconds())

    def _hang_up(self) -> None:
        """Of several SIGHUPs that came at once, one reload is enough."""
        if not self._reloading:
            self._reloading = True
            asyncio.get_running_loop().call_soon(self._reload)

    def _reload(self) -> None:
        self._reloading = False
        self._notifier.reloading()
        self._guarded(self._read_again)()
        self._notifier.ready("serving")

    def _read_again(self) -> None:
        try:
            for line in self._gateway.reload():
                _log.warning("%s", line)
        except NotApplied as refused:
            _log.error("the configuration is not applied, the gateway goes on with the one it has:\n%s", refused)
        else:
            _log.info("the configuration was read again")

    async def _tick(self, proxy: Proxy) -> None:
        on_time = self._guarded(self._traffic.on_time)
        refresh = self._guarded(self._refresh)
        compare = self._guarded(self._traffic.compare_flows)
        sweep = self._guarded(proxy.sweep)
        expire_traces = self._guarded(self._gateway.expire_traces)
        tell = self._guarded(self._news.on_time)
        thin_out = self._guarded(self._gateway.thin_out)
        while True:
            await asyncio.sleep(_TICK)
            self._ticks += 1
            on_time()
            expire_traces()
            tell()
            thin_out()
            if self._ticks % _REFRESH == 0:
                sweep()
                refresh()
            if self._ticks % _COMPARE == 0:
                compare()
            self._notifier.watchdog()

    def _refresh(self) -> None:
        unfit = ""
        try:
            for line in self._gateway.refresh():
                _log.warning("%s", line)
        except NotApplied as refused:
            unfit = str(refused)
            if unfit != self._unfit:  # once: it is tried again and again
                _log.warning("the interfaces have changed, and the configuration does not fit them: %s", refused)
        self._unfit = unfit


def _proxy_settings() -> Settings:
    wanted = Settings(mark=PROXIED)
    files = raise_file_limit(wanted.files)
    settings = wanted.within(files)
    if settings != wanted:
        _log.info("only %d TCP connections at once: %d open files are allowed", settings.connections, files)
    return settings
