"""The two telephones: sipp, which follows a scenario, and baresip, which is a real one without a sound card."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.audio import TONE_WAV
from doorman.lab.programs import Program, running

SIP_PORT = 5060
SCENARIOS = Path(__file__).with_name("scenarios")
"""The lab's own scenarios. They announce ports for media in order, `Line.media_of`, and send none themselves."""

_FIRST_CALL = 8
_PORTS_PER_CALL = 4
_SIPP_TRANSPORTS = {"udp": "u1", "tcp": "t1"}

_BARESIP_CONFIG = """\
sip_listen          {address}:{sip_port}
rtp_ports           {first_port}-{last_port}
rtp_stats           yes
audio_source        aufile,{tone}
audio_player        aubridge,unheard
audio_alert         aubridge,unheard
module_path         {modules}
module              g711.so
module              aufile.so
module              aubridge.so
module_tmp          account.so
module_app          menu.so
"""
_BARESIP_MODULES = ("/usr/lib/baresip/modules", f"/usr/lib/{os.uname().machine}-linux-gnu/baresip/modules")
_BARESIP_COUNTS = re.compile(r"^packets: +(\d+) +(\d+)$", re.MULTILINE)


class Line(NamedTuple):
    """Where a telephone is plugged in.

    Attributes:
        namespace, address, user: where it is, and its user name.
        media_port: the first of its ports for media.
        speaks_for: the address that it announces for media; "" for its own. An exchange announces its phones'.
    """

    namespace: str
    address: str
    user: str
    media_port: int
    speaks_for: str = ""

    @property
    def media_address(self) -> str:
        """Where its media are."""
        return self.speaks_for or self.address

    def media_of(self, call: int) -> int:
        """The port that the lab's scenarios announce for media in a call; the first is number 1.

        sipp itself takes `media_port` and that plus 2; the scenarios write `[auto_media_port+8]`.
        """
        return self.media_port + _FIRST_CALL + _PORTS_PER_CALL * (call - 1)


class Played(NamedTuple):
    """How a scenario is played.

    Attributes:
        transport: `udp` or `tcp`; one connection carries all calls.
        calls: how many there are to be, all at the same time.
        rate: how many are begun in a second.
        seconds: how long `<pause/>` is.
        limit: after how many seconds sipp gives up.
        options: further options of sipp.
    """

    transport: str = "udp"
    calls: int = 1
    rate: int = 50
    seconds: float = 3.0
    limit: int = 30
    options: tuple[str, ...] = ()


@contextmanager
def sipp(
    scenario: Path,
    line: Line,
    directory: Path,
    *,
    calls: tuple[str, int] | None = None,
    played: Played | None = None,
) -> Iterator[Program]:
    """Run sipp through the calls of a scenario.

    Args:
        scenario: the file; without `.xml` its name is the program's.
        line: where it is; it uses port 5060.
        directory: where it runs; the lines that a scenario logs go to `SCENARIO.messages` there.
        calls: the address and port it calls; None is to wait for calls.
        played: how; one call over UDP where it is not said.

    Raises:
        LabError: it does not start to listen.
    """
    name = scenario.stem
    played = played or Played()
    command = ["sipp", "-sf", str(scenario.resolve()), "-m", str(played.calls), "-nostdin"]
    command += ["-t", _SIPP_TRANSPORTS[played.transport], "-d", str(round(played.seconds * 1000))]
    command += ["-i", line.address, "-p", str(SIP_PORT), "-s", line.user]
    command += ["-mi", line.media_address, "-mp", str(line.media_port)]
    # sipp cannot count on from its port for audio.
    for offset, keyword in enumerate(("rtcp_port", "video_port", "video_rtcp_port"), start=1):
        command += ["-key", keyword, str(line.media_port + offset)]
    command += ["-timeout", str(played.limit), "-timeout_error", "-trace_err", "-error_file", f"{name}.log"]
    command += ["-error_overwrite", "false", "-trace_logs", "-log_file", f"{name}.messages", *played.options]
    if calls is not None:
        command += ["-l", str(played.calls), "-r", str(played.rate), f"{calls[0]}:{calls[1]}"]
    with running(name, line.namespace, command, directory, output=Path(os.devnull)) as program:
        if calls is None:
            wait = program.wait_for_udp if played.transport == "udp" else program.wait_for_tcp
            wait(line.address, SIP_PORT)
        yield program


@contextmanager
def baresip(line: Line, directory: Path, *, account: str, dials: str | None = None) -> Iterator[Program]:
    """Run baresip; when it is interrupted it hangs up and removes its registration.

    Args:
        line: where it is.
        directory: where it runs, with the tones in it (`audio.write_tones`).
        account: what its account is, as a line of its file `accounts`.
        dials: the URI it calls, None for no call.

    Raises:
        LabError: it does not start.
    """
    home = directory / "baresip"
    home.mkdir()
    config = _BARESIP_CONFIG.format(
        address=line.address,
        sip_port=SIP_PORT,
        first_port=line.media_port,
        last_port=line.media_port + 99,
        tone=TONE_WAV,
        modules=next(filter(os.path.isdir, _BARESIP_MODULES), _BARESIP_MODULES[0]),
    )
    (home / "config").write_text(config)
    (home / "accounts").write_text(f"{account}\n")
    (home / "contacts").touch()
    command = ["baresip", "-f", str(home)]
    if dials is not None:
        command += ["-e", f"/dial {dials}"]
    with running("baresip", line.namespace, command, directory) as program:
        program.wait_for_text("baresip is ready")
        yield program


def baresip_counts(program: Program) -> tuple[int, int] | None:
    """The RTP packets that baresip sent and received in its last call, None while no call has ended."""
    found = _BARESIP_COUNTS.findall(program.log.read_text(errors="replace"))
    return (int(found[-1][0]), int(found[-1][1])) if found else None
