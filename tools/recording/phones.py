"""The two telephones: sipp, which follows a scenario, and baresip, which is a real one without a sound card."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from recording.audio import TONE_WAV
from recording.programs import Program, running

SIP_PORT = 5060
SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"

_BARESIP_CONFIG = """\
sip_listen          {address}:{sip_port}
rtp_ports           {first_port}-{last_port}
audio_source        aufile,{tone}
audio_player        aubridge,unheard
audio_alert         aubridge,unheard
module_path         /usr/lib/baresip/modules
module              g711.so
module              aufile.so
module              aubridge.so
module_tmp          account.so
module_app          menu.so
"""


class Line(NamedTuple):
    """Where a telephone is plugged in: its namespace, address and user name, and the first of its ports for media."""

    namespace: str
    address: str
    user: str
    media_port: int


@contextmanager
def sipp(
    scenario: str, line: Line, directory: Path, *, calls: str | None = None, options: Sequence[str] = ()
) -> Iterator[Program]:
    """Run sipp through one call of a scenario.

    Args:
        scenario: the name of the file, without `.xml`.
        line: where it is.
        directory: where it runs; the lines that a scenario logs go to `SCENARIO.messages` there.
        calls: the address it calls; None is to wait for a call.
        options: further options of sipp.
    """
    command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-m", "1", "-nostdin"]
    command += ["-i", line.address, "-p", str(SIP_PORT), "-s", line.user, "-mp", str(line.media_port)]
    # sipp cannot count on from its port for audio.
    for offset, keyword in enumerate(("rtcp_port", "video_port", "video_rtcp_port"), start=1):
        command += ["-key", keyword, str(line.media_port + offset)]
    command += ["-timeout", "30", "-timeout_error", "-trace_err", "-error_file", f"{scenario}.log"]
    command += ["-error_overwrite", "false", "-trace_logs", "-log_file", f"{scenario}.messages", *options]
    if calls is not None:
        command.append(f"{calls}:{SIP_PORT}")
    statistics = Path(os.devnull)
    with running(scenario, line.namespace, command, directory, output=statistics) as program:
        if calls is None:
            program.wait_for_udp(line.address, SIP_PORT)
        yield program


@contextmanager
def baresip(line: Line, directory: Path, *, account: str, dials: str | None = None) -> Iterator[Program]:
    """Run baresip; when it is interrupted it hangs up and removes its registration.

    Args:
        line: where it is.
        directory: where it runs.
        account: what its account is, as a line of its file `accounts`.
        dials: the URI it calls, None for no call.
    """
    home = directory / "baresip"
    home.mkdir()
    config = _BARESIP_CONFIG.format(
        address=line.address,
        sip_port=SIP_PORT,
        first_port=line.media_port,
        last_port=line.media_port + 99,
        tone=TONE_WAV,
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
