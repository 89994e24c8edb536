"""One client of the control socket: its requests and their answers, and the debug lines in between."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

CHUNK = 16_384
"""Characters of text in one line to the client, at most."""
SLICE = 0.0005
"""Seconds of work on an answer after which others have their turn: signalling waits for us no longer than this."""
DEBUG_LINES = 1_000
"""Debug lines that may wait for a client."""
PATIENCE = 300.0
"""Seconds that a client may read nothing at all."""

_log = logging.getLogger(__name__)
Reply = dict[str, Any]


class ClientGone(Exception):  # noqa: N818 - an event
    """The client closed the connection, or reads nothing any more."""


class Session(Protocol):
    """What a connection needs of an operator's session, see `cli.shell.session`."""

    @property
    def prompt(self) -> str:
        """What stands before the next line."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the operator left."""
        ...

    def execute(self, line: str, *, as_json: bool) -> Iterator[str]:
        """Carry out a line; text in pieces."""
        ...

    def words(self, line: str) -> list[str]:
        """Completions of the last word."""
        ...

    def help(self, line: str) -> str:
        """What `?` shows."""
        ...

    def explain(self, error: Exception) -> tuple[str, int | None] | None:
        """What to tell of an error that came of a line: a text and the caret's column; None for an unexpected one."""
        ...

    def close(self) -> None:
        """The client is gone."""
        ...


class DebugLines:
    """The debug lines that wait for one client: bounded, since it may read slowly and the gateway does not wait."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._lost = 0
        self._some = asyncio.Event()

    def add(self, line: str) -> None:
        """Let a line wait, or be lost."""
        if self._lost or len(self._lines) >= DEBUG_LINES:
            self._lost += 1
        else:
            self._lines.append(line)
        self._some.set()

    async def pump(self, writer: asyncio.StreamWriter) -> None:
        """Send what comes, for ever."""
        try:
            while True:
                await self._some.wait()
                self._some.clear()
                while self._lines:
                    await send(writer, {"debug": self._lines.popleft()})
                if self._lost:
                    lost, self._lost = self._lost, 0
                    await send(writer, {"lost": lost})
        except ClientGone:
            writer.transport.abort()


class Connection:
    """One client's requests and their answers."""

    def __init__(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer

    async def run(self) -> None:
        """Answer requests until the client or the session ends.

        Raises:
            ClientGone: while it was being answered.
        """
        await self._done()
        while not self._session.ended:
            try:
                line = await self._reader.readline()
            except ValueError:
                await send(self._writer, failure(self._session.prompt, "% Request too long", ended=True))
                return
            except ConnectionError:
                return
            if not line.endswith(b"\n"):
                return
            await self._answer(line)

    async def _answer(self, line: bytes) -> None:
        try:
            await self._carry_out(_parse(line))
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a command does, the gateway goes on
            explained = self._session.explain(error)
            if explained is None:
                _log.error("control: internal error", exc_info=error)
                explained = f"% Internal error: {type(error).__name__}", None
            await send(self._writer, failure(self._session.prompt, *explained, ended=self._session.ended))

    async def _carry_out(self, request: Reply) -> None:
        match request:
            case {"execute": str(typed)}:
                await self._stream(self._session.execute(typed, as_json=request.get("json") is True))
                await self._done()
            case {"complete": str(typed)}:
                await self._done(words=self._session.words(typed))
            case {"help": str(typed)}:
                await self._send_text(self._session.help(typed))
                await self._done()
            case _:
                await send(self._writer, failure(self._session.prompt, "% Not a request", ended=False))

    async def _stream(self, pieces: Iterator[str]) -> None:
        """Send text as it is made, a slice at a time, no faster than the client reads."""
        clock = asyncio.get_running_loop().time
        while True:
            until = clock() + SLICE
            text = ""
            try:
                for piece in pieces:
                    text += piece
                    if len(text) >= CHUNK or clock() >= until:
                        break
                else:
                    return
            finally:
                await self._send_text(text)
            await asyncio.sleep(0)

    async def _send_text(self, text: str) -> None:
        for start in range(0, len(text), CHUNK):
            await send(self._writer, {"text": text[start : start + CHUNK]})

    async def _done(self, **more: object) -> None:
        session = self._session
        await send(self._writer, {"done": True, "prompt": session.prompt, "ok": True, **more, "ended": session.ended})


def failure(prompt: str, error: str, column: int | None = None, *, ended: bool) -> Reply:
    """The line that ends an answer where something is wrong."""
    return {"done": True, "prompt": prompt, "ok": False, "error": error, "column": column, "ended": ended}


async def send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    """Send a line, and wait while the client is behind.

    Raises:
        ClientGone: it is gone, or reads nothing.
    """
    writer.write(json.dumps(reply).encode() + b"\n")
    try:
        async with asyncio.timeout(PATIENCE):
            await writer.drain()
    except (ConnectionError, TimeoutError):
        raise ClientGone from None


def _parse(line: bytes) -> Reply:
    """The object a line holds; an empty one where it holds none."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}
