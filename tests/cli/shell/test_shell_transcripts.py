"""What an operator types at a running gateway and reads, as transcripts: a prompt with a line, then what comes back.

A line that ends in `?` asks for help with what stands before it, one that ends in `<TAB>` for the words it may become,
one that ends in `^Z` is typed with CTRL-Z behind it. A line `[call]` lets the gateway see a call, and so on: see
`EVENTS`. `python tests/cli/shell/test_shell_transcripts.py` (PYTHONPATH=tests), where the project lies, writes the
transcripts anew: after that, read what changed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from doorman.cli.shell.session import ShellSession
from kit.gateway import POOL
from kit.shell import FakeGateway, typed
from kit.sip import OVERLOAD

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
FILTERED = (
    OVERLOAD + "access-list 9 permit 10.0.0.0 0.0.0.255\naccess-list 9 deny any\nip access-list extended L\n"
    " permit udp any any eq 5060\n permit udp any any\ninterface in0\n ip access-group L in\n"
)
SCREENED = (
    OVERLOAD
    + """
class-map type inspect match-any VOICE
 match protocol sip
parameter-map type inspect SLOW
 udp idle-time 90
policy-map type inspect OUT
 description what phones may do
 class type inspect VOICE
  inspect SLOW
  police rate 8000000
 class class-default
  drop log
class-map type inspect sip match-any ODD
 match not request method invite
 match request header via count gt 20
class-map type inspect ftp REMOVING
 match request-command dele rmd
policy-map type inspect sip MESSAGES
 class type inspect sip ODD
  reset
  log
policy-map type inspect ftp COMMANDS
 class type inspect ftp REMOVING
  reset
zone security LAN
zone security WAN
 description the others
zone-pair security OUT source LAN destination WAN
 service-policy type inspect OUT
zone-pair security IN source WAN destination LAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""
)
CONFIGS = {"pool": POOL, "overload": OVERLOAD, "filtered": FILTERED, "screened": SCREENED}
EVENTS: dict[str, Callable[[FakeGateway], None]] = {
    "[call]": FakeGateway.call,
    "[the call ends]": FakeGateway.hang_up,
    "[two calls that fail]": FakeGateway.fail,
    "[registration]": FakeGateway.register,
    "[message that attacks the terminal]": FakeGateway.attack,
    "[a stranger calls at random]": FakeGateway.flood,
    "[two minutes]": lambda gateway: gateway.wait(121),
    "[a day and two hours]": lambda gateway: gateway.wait(93_600),
}


def played(transcript: str, folder: Path) -> str:
    """The transcript as the shell answers now."""
    name = transcript.partition(" ")[0]
    gateway = FakeGateway(folder / "gateway.cfg", CONFIGS.get(name, OVERLOAD))
    shown: list[str] = []
    session = ShellSession(gateway, lambda line: shown.append(line + "\n"))
    for line in transcript.splitlines():
        prompt = f"{session.prompt} " if not session.ended else None
        if line in EVENTS:
            shown.append(f"{line}\n")
            EVENTS[line](gateway)
        elif not shown and name in CONFIGS:
            shown.append(f"{line}\n")
        elif prompt is not None and line.startswith(prompt):
            shown += [f"{line}\n", answer(session, line.removeprefix(prompt), len(prompt))]
    return "".join(shown).replace(str(folder), "/etc/doorman")


def answer(session: ShellSession, line: str, width: int) -> str:
    """What the terminal shows after a line; the caret stands under the line as it was typed."""
    text = ""
    try:
        if line.endswith("<TAB>"):
            return "".join(f"{word}\n" for word in session.words(line.removesuffix("<TAB>")))
        if line.endswith("?"):
            return session.help(line[:-1])
        for piece in session.execute(line.replace("^Z", "\x1a")):
            text += piece
    except Exception as error:
        explained = session.explain(error)
        if explained is None:
            raise
        message, column = explained
        caret = f"{' ' * (width + column)}^\n" if column is not None else ""
        return f"{text}{caret}{message}\n"
    return text


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_terminal_shows_what_the_transcript_says(path: Path, tmp_path: Path) -> None:
    assert played(path.read_text(), tmp_path) == path.read_text()


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 6


def test_json_is_asked_for_by_the_caller(tmp_path: Path) -> None:
    assert typed(ShellSession(FakeGateway(tmp_path / "c"), print), "show debugging", as_json=True) == (
        '{"command": "show debugging", "data": {"debugging": []}}\n'
    )


if __name__ == "__main__":
    for transcript in TRANSCRIPTS:
        with tempfile.TemporaryDirectory() as name:
            transcript.write_text(played(transcript.read_text(), Path(name)))
