"""The event loop of a gateway: what it waits for, and whose turn it is then."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from doorman.cli.gateway import NotApplied
from doorman.cli.shell.session import ShellSession
from doorman.daemon.clock import seconds
from doorman.daemon.control import ControlServer
from doorman.daemon.file_limit import raise_file_limit
from doorman.daemon.gateway import Gateway
from doorman.daemon.keeper import LATEST
from doorman.daemon.notify import Notifier
from doorman.daemon.part import Part
from doorman.daemon.parts import Parts
from doorman.daemon.proxy import Proxy, Settings
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.link_news import hear_of_links
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.dataplanes.netfilter.netlink import Listener

_TICK = 1.0
"""Seconds."""
_REFRESH = 5
"""Ticks between two looks at the interfaces that nobody told of, and at the proxy's connections."""
_COMPARE = 60
"""Ticks between two comparisons with the kernel's flows."""
_SETTLING = 0.05
"""Seconds from news of an interface until it is looked at: what makes one gives it an address next."""
_AT_ONCE = 1024
"""News of interfaces that are read together."""
_PARTING = 0.5
"""Seconds from the end of a part's rules until its sockets are closed, see `NetfilterPlane.withdraw`."""
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
        gateway: the gateway.
        parts: what it is made of.

    Attributes:
        served: whether it came so far as to serve.
    """

    def __init__(self, path: Path, gateway: Gateway, parts: Parts) -> None:
        self.served = False
        self._gateway = gateway
        self._parts = parts
        self._proxies: dict[Part, Proxy] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._control = ControlServer(path, lambda tell: ShellSession(gateway, tell))
        self._notifier = Notifier.of(os.environ)
        self._ended = asyncio.Event()
        self._saving = False
        self._reloading = False
        self._unfit = ""
        self._looking = False
        self._ticks = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            OSError: the control socket cannot be made, or the kernel tells nothing of interfaces.
        """
        with hear_of_links() as news:
            await self._run(news)

    async def _run(self, news: Listener) -> None:
        loop = asyncio.get_running_loop()
        await self._control.start()
        for part in self._parts.values():
            self._serve(part)
        self._serve_edge()
        self._parts.begun, self._parts.ended = self._serve, self._end
        loop.add_reader(news.fileno(), self._guarded(lambda: self._look_soon(news)))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self.served = True
        sys.stderr.write("ready\n")
        sys.stderr.flush()
        self._notifier.ready("serving")
        ticking = loop.create_task(self._tick())
        try:
            await self._ended.wait()
        finally:
            hold_signals()
            loop.remove_reader(news.fileno())
            self._notifier.stopping()
            for part in self._parts.values():
                part.traffic.segments.reset()
                part.traffic.plane.end_redirect()
            ticking.cancel()
            self._parts.edge.close()
            await asyncio.gather(*self._leaving, *map(self._leave, self._parts.values()))
            await self._control.close()

    def _serve(self, part: Part) -> None:
        loop, traffic = asyncio.get_running_loop(), part.traffic
        proxy = Proxy(part, _proxy_settings(traffic.plane.mark, len(self._parts)))
        self._proxies[part] = proxy
        part.proxied = proxy.traffic
        proxy.serve(part.listener)
        loop.add_reader(traffic.queue.fileno(), self._guarded(traffic.on_packets))
        loop.add_reader(traffic.events.fileno(), self._guarded(traffic.on_events))
        if part.news.log is not None:
            loop.add_reader(part.news.log.fileno(), self._guarded(part.news.on_packets))
        self._guarded(traffic.on_packets)()  # some may have come before anybody waited

    def _serve_edge(self) -> None:
        """Serve IPv6 hosts, as long as the configuration has any."""
        loop, edge = asyncio.get_running_loop(), self._parts.edge
        edge.opened = lambda device: loop.add_reader(device, self._guarded(edge.on_packets))
        edge.closed = loop.remove_reader
        if edge.is_there:
            edge.opened(edge.fileno())

    async def _leave(self, part: Part) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(part.traffic.queue.fileno())
        loop.remove_reader(part.traffic.events.fileno())
        if part.news.log is not None:
            loop.remove_reader(part.news.log.fileno())
        await self._proxies.pop(part).close()

    def _end(self, part: Part) -> None:
        """Let a part go while the others serve on; its connections are broken off first."""

        async def leave() -> None:
            part.traffic.segments.reset()
            await self._leave(part)
            with contextlib.suppress(NetlinkError):  # once more with `close`
                self._parts.withdraw(part)
            await asyncio.sleep(_PARTING)
            self._parts.close(part)

        task = asyncio.get_running_loop().create_task(leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

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
        if not self._saving and any(part.keeper.dirty for part in self._parts.values()):
            self._saving = True
            asyncio.get_running_loop().call_later(LATEST / 2, self._save)

    def _save(self) -> None:
        self._saving = False
        for part in self._parts.values():
            part.keeper.flush(seconds())

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

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._ticks += 1
            for chore in self._chores():
                self._guarded(chore)()
            self._notifier.watchdog()

    def _chores(self) -> Iterator[Callable[[], object]]:
        """What is due with this tick."""
        parts = list(self._parts.values())
        yield from (part.traffic.on_time for part in parts)
        yield self._parts.unhook
        yield self._gateway.expire_traces
        yield self._gateway.thin_out
        yield from (part.news.on_time for part in parts)
        if self._ticks % _REFRESH == 0:
            yield from (proxy.sweep for proxy in list(self._proxies.values()))
            yield self._refresh
        if self._ticks % _COMPARE == 0:
            yield from (part.traffic.compare_flows for part in parts)

    def _look_soon(self, news: Listener) -> None:
        """Follow our interfaces when the kernel tells of one; once for all that comes meanwhile.

        Nothing else waits for it: addresses are looked at now and then.
        """

        def look() -> None:
            self._looking = False
            if not self._gateway.knows_interfaces():
                self._guarded(self._refresh)()

        if list(news.hear(_AT_ONCE)) and not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(_SETTLING, look)

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


def _proxy_settings(mark: int, proxies: int) -> Settings:
    """The bounds of each proxy, of so many; `mark`: of the packets of its VRF."""
    wanted = Settings(mark=PROXIED | mark)
    files = raise_file_limit(wanted.files * proxies) // proxies
    settings = wanted.within(files)
    if settings != wanted:
        _log.info("only %d TCP connections at once: %d open files are allowed", settings.connections, files)
    return settings
