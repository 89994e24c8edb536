"""News of interfaces, by a real kernel, and what a gateway makes of them."""

import asyncio
import os
import signal
from pathlib import Path
from typing import cast

import pytest

from doorman.daemon import service
from doorman.daemon.gateway import Gateway
from doorman.daemon.parts import Parts, Place
from doorman.daemon.service import Service
from doorman.dataplanes.netfilter.link_news import hear_of_links
from kit.namespaces import Namespace

PATIENCE = 60.0
ADD = ("ip", "link", "add", "new0", "type", "veth", "peer", "name", "new1")


def test_it_is_told_of_interfaces(namespace: Namespace) -> None:
    with namespace.inside(), hear_of_links() as news:
        assert not list(news.hear(9))
        for change in (ADD, ("ip", "link", "set", "new0", "name", "other0"), ("ip", "link", "del", "other0")):
            namespace.run(*change)
            assert list(news.hear(9))
            assert not list(news.hear(9))


class Watched:
    """A gateway that is told to look at its interfaces."""

    def __init__(self) -> None:
        self.refreshed = asyncio.Event()
        self.asked = asyncio.Event()

    def knows_interfaces(self) -> bool:
        """The first that it is asked about is none of its own."""
        known = not self.asked.is_set()
        self.asked.set()
        return known

    def refresh(self) -> list[str]:
        self.refreshed.set()
        return []

    def expire_traces(self) -> None:
        """Nothing is written."""

    def thin_out(self) -> None:
        """Nothing is open."""


def test_a_gateway_follows_its_own_at_once(
    namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_REFRESH", 1 << 60)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    async def serve() -> None:
        gateway = Watched()
        serving = Service(tmp_path / "socket", cast("Gateway", gateway), Parts(Place("doorman", tmp_path)))
        running = asyncio.get_running_loop().create_task(serving.run())
        await asyncio.sleep(0)  # it listens from its first step on
        namespace.run(*ADD)
        await asyncio.wait_for(gateway.asked.wait(), PATIENCE)
        assert not gateway.refreshed.is_set()
        namespace.run("ip", "link", "del", "new0")
        await asyncio.wait_for(gateway.refreshed.wait(), PATIENCE)
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        with namespace.inside():
            asyncio.run(serve())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
