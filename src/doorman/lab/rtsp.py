"""An RTSP server in a namespace: GStreamer's, as the system has it. See `rtsp_server.py` for what it serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.ftp import PYTHON
from doorman.lab.programs import running

RTSP_PORT = 554
LIVE, RECORD = "live", "record"
_SERVER = Path(__file__).with_name("rtsp_server.py")


@contextmanager
def rtsp_server(namespace: str, address: str, port: int, directory: Path) -> Iterator[None]:
    """Run the server in a namespace.

    Raises:
        LabError: it does not listen.
    """
    command = [PYTHON, str(_SERVER), address, str(port)]
    with running(f"rtsp-{address}", namespace, command, directory) as program:
        program.wait_for_tcp(address, port)
        yield
