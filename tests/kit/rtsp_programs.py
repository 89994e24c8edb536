"""Real RTSP clients in the lab, for those who have them: ffmpeg, and GStreamer's.

begin(net.inside, CLIENTS["ffmpeg udp"], f"{OUTSIDE_PHONE}:554")        -> a process that ends well once it has media
"""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from typing import Final

from doorman.lab.ftp import PYTHON
from doorman.lab.rtsp import LIVE, RECORD
from kit.captures import missing

PROGRAMS: Final = ("ffmpeg", "gst-launch-1.0")
SECONDS: Final = 20
"""For one client."""
FRAIL: Final = "gstreamer"
"""How the names of clients begin that now and then end badly where the machine is busy: they lose a connection that is
about to be closed, or wait for ever while media come. So they do on the server's own host, without a gateway."""
_FFMPEG: Final = ("ffmpeg", "-nostdin", "-loglevel", "error")
_PICTURES: Final = ("-analyzeduration", "1", "-i", f"rtsp://{{server}}/{LIVE}", "-map", "0:v", "-frames:v", "5")
_TONE: Final = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000:duration=1", "-c:a", "pcm_mulaw")


def _gstreamer(scheme: str, *more: str) -> tuple[str, ...]:
    sinks = [f"s. ! application/x-rtp,media={kind} ! fakesink num-buffers=5" for kind in ("video", "audio")]
    source = ("rtspsrc", f"location={scheme}://{{server}}/{LIVE}", *more, "latency=0", "name=s")
    return ("gst-launch-1.0", "-q", *source, *" ".join(sinks).split())


CLIENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ffmpeg udp": (*_FFMPEG, "-rtsp_transport", "udp", *_PICTURES, "-f", "null", "-"),
    "ffmpeg interleaved": (*_FFMPEG, "-rtsp_transport", "tcp", *_PICTURES, "-f", "null", "-"),
    "ffmpeg records": (*_FFMPEG, *_TONE, "-f", "rtsp", "-rtsp_transport", "udp", f"rtsp://{{server}}/{RECORD}"),
    "gstreamer udp": _gstreamer("rtsp", "protocols=udp"),
    "gstreamer interleaved": _gstreamer("rtsp", "protocols=tcp"),
    "gstreamer over http": _gstreamer("rtsph"),
}
"""How a program is told to take some media, or to bring some, with `{server}` for the server's address and port."""


def need_rtsp() -> None:
    """Skip where the programs are not installed."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    server = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if subprocess.run([PYTHON, "-c", server], capture_output=True, check=False).returncode:
        lacking.append("GStreamer's RTSP server")
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")


def begin(namespace: str, client: tuple[str, ...], server: str) -> "subprocess.Popen[bytes]":
    """Start a client."""
    return subprocess.Popen(
        ["ip", "netns", "exec", namespace, *(word.format(server=server) for word in client)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(client: "subprocess.Popen[bytes]") -> str:
    """Wait for a client; what it complains of, "" where it ended well."""
    try:
        said = client.communicate(timeout=SECONDS)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        client.send_signal(signal.SIGINT)  # it tears its session down then, whose doors would stay for a minute
        try:
            client.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            client.communicate()
        return "no end"
    return said or "no word" if client.returncode else ""
