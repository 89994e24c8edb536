"""The shell on a terminal: a line editor in which `?` and TAB ask the gateway, and debug lines appear above the line.

`?` helps at once and gives the line back; TAB completes a word, or shows what it may become; CTRL-C drops the line, or
the rest of an answer; CTRL-Z leaves configuration; CTRL-D ends the session.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.application.current import set_app
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from doorman.cli.shell.client import error_lines, shown
from doorman.cli.shell.connection import CannotConnect, Reply, no_gateway

_LONGEST_REPLY = 1 << 20
"""Bytes of a line from the gateway: sixteen times what it sends."""
_CONTROL_Z = "\x1a"
_GONE = "the gateway closed the connection"


def run_interactive(path: Path, *, as_json: bool) -> int:
    """Run a session at the terminal until the operator leaves.

    Returns:
        The exit code, 0.

    Raises:
        CannotConnect: there is no gateway, or it left us.
    """
    return asyncio.run(_run(path, as_json=as_json))


async def _run(path: Path, *, as_json: bool) -> int:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_REPLY)
    except OSError as error:
        raise CannotConnect(no_gateway(path, error)) from None
    shell = Shell(reader, writer, as_json=as_json)
    listening = asyncio.create_task(shell.listen())
    try:
        await shell.run()
    finally:
        listening.cancel()
        writer.close()
    return 0


class Shell:
    """A terminal at a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, as_json: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._as_json = as_json
        self._prompt = ""
        self._ended = False
        self._muted = False
        self._asking = asyncio.Lock()
        self._answers: asyncio.Queue[Reply | None] = asyncio.Queue()
        self._above = ""
        self._showing: asyncio.Task[None] | None = None
        self._editor: PromptSession[str] = PromptSession(
            history=_history(), key_bindings=self._keys(), enable_history_search=True
        )

    async def listen(self) -> None:
        """Sort what the gateway sends: debug lines are shown, the rest answers a question."""
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                reply: Reply = json.loads(line)
                if "debug" in reply or "lost" in reply:
                    self._show_soon(shown(reply))
                else:
                    await self._answers.put(reply)
        await self._answers.put(None)
        if self._editor.app.is_running:
            self._editor.app.exit(exception=CannotConnect(_GONE))

    async def run(self) -> None:
        """Read lines and have them carried out."""
        greeting = await self._answer()
        if not greeting["ok"]:
            raise CannotConnect(greeting["error"])
        while not self._ended:
            try:
                line = await self._editor.prompt_async(f"{self._prompt} ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            await self._execute(line)

    async def _execute(self, line: str) -> None:
        width = len(self._prompt) + 1
        self._muted = False
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._mute)
        try:
            done = await self._ask({"execute": line, "json": self._as_json}, echo=True)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        if not done["ok"]:
            _write(error_lines(done, width))

    def _mute(self) -> None:
        self._muted = True

    async def _ask(self, request: Reply, *, echo: bool = False) -> Reply:
        """Ask; give the end of the answer with all of its text, which is also written as it comes with `echo`."""
        async with self._asking:
            self._writer.write(json.dumps(request).encode() + b"\n")
            text = ""
            while True:
                reply = await self._answer()
                if "done" in reply:
                    return {**reply, "text": text}
                if not echo:
                    text += shown(reply)
                elif not self._muted:
                    _write(shown(reply))

    async def _answer(self) -> Reply:
        reply = await self._answers.get()
        if reply is None:
            self._answers.put_nowait(None)
            raise CannotConnect(_GONE)
        if "done" in reply:
            self._prompt, self._ended = reply["prompt"], reply["ended"]
        return reply

    # Keys

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("?")
        def _help(event: KeyPressEvent) -> None:
            line = event.current_buffer.document.text_before_cursor
            event.app.create_background_task(_unless_gone(self._help(line)))

        @keys.add("tab")
        def _complete(event: KeyPressEvent) -> None:
            line = event.current_buffer.document.text_before_cursor
            event.app.create_background_task(_unless_gone(self._complete(line)))

        @keys.add("c-z")
        def _end(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(_CONTROL_Z)
            event.current_buffer.validate_and_handle()

        return keys

    async def _help(self, line: str) -> None:
        prompt = self._prompt
        done = await self._ask({"help": line})
        text = done["text"] if done["ok"] else error_lines(done, len(prompt) + 1)
        await self._show_above(f"{prompt} {line}?\n{text}")

    async def _complete(self, line: str) -> None:
        words = (await self._ask({"complete": line}))["words"]
        buffer = self._editor.default_buffer
        partial = line[max(line.rfind(" "), line.rfind("\t")) + 1 :]
        common = _common_beginning(words)
        if not words or buffer.document.text_before_cursor != line:
            return
        if len(words) > 1 and common == partial.lower():
            await self._show_above(f"{self._prompt} {line}\n  {'  '.join(words)}\n")
        buffer.insert_text(common[len(partial) :] + (" " if len(words) == 1 else ""))

    def _show_soon(self, text: str) -> None:
        """Show a line above what is being typed, with those that come meanwhile: the screen is drawn once for all."""
        self._above += text
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._show_all())

    async def _show_all(self) -> None:
        while self._above:
            text, self._above = self._above, ""
            await self._show_above(text)

    async def _show_above(self, text: str) -> None:
        """Write text above the line that is being typed, if one is."""
        if self._editor.app.is_running:
            with set_app(self._editor.app):
                await run_in_terminal(lambda: _write(text))
        else:
            _write(text)


async def _unless_gone(asking: Coroutine[None, None, None]) -> None:
    """Ask; that the gateway is gone is told by `listen`."""
    with suppress(CannotConnect):
        await asking


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _common_beginning(words: list[str]) -> str:
    common = words[0] if words else ""
    while not all(word.startswith(common) for word in words):
        common = common[:-1]
    return common


def _history() -> History:
    """Lines of former sessions, where there is a place for them."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "doorman"
    file = folder / "history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except (OSError, RuntimeError):
        return InMemoryHistory()
    return FileHistory(file)
