"""An RTSP server made of GStreamer's library: to be run by the system's Python, which has it, not by ours.

    python3 rtsp_server.py ADDRESS PORT

It serves a test picture (JPEG) and a tone (G.711) as `/live`, over UDP, TCP and HTTP, and takes a tone as `/record`.
"""

import sys
from importlib import import_module

_LIVE = (
    "( videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! jpegenc"
    " ! rtpjpegpay name=pay0"
    " audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc"
    " ! rtppcmupay name=pay1 )"
)
_PORTS = (40_000, 49_999)
_RECORD = "( rtppcmudepay name=depay0 ! fakesink )"


def main(address: str, port: str) -> None:
    """Serve until something ends us."""
    gi = import_module("gi")
    for name in ("Gst", "GstRtspServer"):
        gi.require_version(name, "1.0")
    gst, glib, rtsp = (import_module(f"gi.repository.{name}") for name in ("Gst", "GLib", "GstRtspServer"))
    gst.init(None)
    server = rtsp.RTSPServer()
    server.set_address(address)
    server.set_service(port)
    live, record = rtsp.RTSPMediaFactory(), rtsp.RTSPMediaFactory()
    live.set_launch(_LIVE)
    record.set_launch(_RECORD)
    pool = rtsp.RTSPAddressPool()  # or media would come from whichever address the machine has
    pool.add_range(address, address, *_PORTS, 0)
    for factory in (live, record):
        factory.set_address_pool(pool)
    record.set_transport_mode(rtsp.RTSPTransportMode.RECORD)
    server.get_mount_points().add_factory("/live", live)
    server.get_mount_points().add_factory("/record", record)
    server.attach(None)
    glib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
