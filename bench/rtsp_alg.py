"""The RTSP ALG, whole messages at a time: sessions of two streams each, doors included; and media between messages."""

import random

from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Endpoint, address_of, address_text
from doorman.stream.assembler import Assembler
from doorman.stream.rtsp import framer
from figures import figure, rate
from traffic import OUTSIDE, config, host

SESSIONS = 400
HOSTS = 40
MEGABYTES = 200
_SERVER = Endpoint(OUTSIDE, 554)
_URL = f"rtsp://{address_text(OUTSIDE)}/film"
_AGENT = "User-Agent: LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)"
_SDP = f"""v=0
o=- 16477882915028377644 16477882915028377644 IN IP4 {address_text(OUTSIDE)}
s=Unnamed
c=IN IP4 0.0.0.0
a=control:{_URL}
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=4d401f;sprop-parameter-sets=Z01AH+iAKALdgLUBAQFAAAD6QAAu4APGDESA
a=control:{_URL}/trackID=0
m=audio 0 RTP/AVP 97
a=rtpmap:97 mpeg4-generic/44100/2
a=control:{_URL}/trackID=1
""".replace("\n", "\r\n")


def main() -> None:
    """Print messages and megabytes per second."""
    gateway = config()
    work = []
    for session in range(SESSIONS):
        client = Endpoint(address_of(host(session % HOSTS)), 20_000 + session)
        work.append((client, list(_messages(30_000 + 4 * session, session))))

    def run() -> int:
        engine = Engine(gateway, random.Random(1).random)
        done = 0
        for number, (client, messages) in enumerate(work):
            now = number * 0.001
            connection = connect(engine, client, _SERVER, Side.INSIDE, now)
            for end, message in messages:
                done += len(connection.receive(message, end, now).inspections)
        if done != SESSIONS * len(work[0][1]) or len(engine.state.doors) != 4 * SESSIONS:
            raise RuntimeError("the bench does not do what it measures")
        return done

    figure("rtsp-alg", rate(run), "messages/s", ">= 10000", messages=len(work[0][1]))
    figure("rtsp-interleaved", rate(_interleave), "MB/s", ">= 500")


def _messages(port: int, session: int) -> list[tuple[End, bytes]]:
    """What VLC and its server say until media flow."""
    named = [f"Session: {session:08x}"]
    exchanges = [
        ("OPTIONS", _URL, [], ["Public: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE, GET_PARAMETER"], ""),
        (
            "DESCRIBE",
            _URL,
            ["Accept: application/sdp"],
            [f"Content-Base: {_URL}/", "Content-Type: application/sdp"],
            _SDP,
        ),
    ]
    for track in (0, 1):
        ports = f"RTP/AVP;unicast;client_port={port + 2 * track}-{port + 2 * track + 1}"
        answer = [f"Transport: {ports};server_port={6_970 + 2 * track}-{6_971 + 2 * track};ssrc=B1964B48;mode=play"]
        asked = [f"Transport: {ports}", *(named if track else [])]
        exchanges.append(("SETUP", f"{_URL}/trackID={track}", asked, [*answer, f"{named[0]};timeout=60"], ""))
    info = ", ".join(f"url={_URL}/trackID={track};seq=33751;rtptime=2898571121" for track in (0, 1))
    exchanges.append(("PLAY", f"{_URL}/", [*named, "Range: npt=0.000-"], [*named, f"RTP-Info: {info}"], ""))
    exchanges.append(("GET_PARAMETER", f"{_URL}/", named, named, ""))
    messages = []
    for number, (method, url, asked, answered, body) in enumerate(exchanges, 2):
        messages.append((End.CLIENT, _message(f"{method} {url} RTSP/1.0", number, [_AGENT, *asked])))
        messages.append((End.SERVER, _message("RTSP/1.0 200 OK", number, ["Server: VLC/3.0.12", *answered], body)))
    return messages


def _message(start: str, number: int, headers: list[str], body: str = "") -> bytes:
    lines = [start, f"CSeq: {number}", *headers, *([f"Content-Length: {len(body)}"] if body else []), "", ""]
    return ("\r\n".join(lines) + body).encode()


def _interleave() -> int:
    """Media as a proxy reads them: frames of 1,400 bytes, cut anywhere."""
    stream = (b"$\0\x05\x78" + bytes(1_400)) * 748
    assembler = Assembler(framer())
    assembler.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    for _ in range(MEGABYTES):
        for at in range(0, len(stream), 65_536):
            assembler.feed(stream[at : at + 65_536])
    if assembler.stopped:
        raise RuntimeError("the bench does not do what it measures")
    return MEGABYTES


if __name__ == "__main__":
    main()
