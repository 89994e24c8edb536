"""What other SIP helpers do wrong, row by row: Linux nf_conntrack_sip and nf_nat_sip (kernel 6.18), seen on the wire.

    what comes                                  what they do                        the test
    INVITE in two TCP segments                  passed untranslated, no doors       two_segments, any_segments
    several messages in one segment             one correction of the stream        several_messages_in_one_segment
    multipart body                              wrong Content-Length                multipart
    o= with a host name                         INVITE silently dropped             origin_with_a_host_name
    five m= lines                               three served                        five_media_lines
    a=rtcp, candidates, a=rtcp-mux              left private                        rtcp_and_candidates
    Route, Record-Route, P-Asserted-Identity …  untouched                           further_headers
    Contact port differs from the source port   Contact left private                contact_with_another_port
    sips: Contact                               untouched                           sips_contact
    200 calls on one 5-tuple                    keeps doors for the newest          calls_on_one_trunk
    BYE of one of them                          removes the doors of all            bye_of_one_call
    RTP from a media server                     dropped: one-way audio              media_server
    odd RTP port                                kept odd, next pairs predictable    odd_port, ports_are_not_in_order
    privileged or well-known port announced     door opened                         privileged_ports
    REGISTER in a later segment of a POST       door to inside:3306                 slipstreaming (three tests)

Each is shown over UDP and over TCP. What the parts do in detail: tests/algs/sip, tests/stream, tests/engine; with a
real kernel: tests/kernel; with real telephones: tests/live.
"""

import random
from itertools import pairwise

import pytest

from doorman.algs.api import Door
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.fragments import fragment
from kit.packets import endpoint, udp
from kit.sip import GLOBAL, OVERLOAD, PEER, PHONE, Gateway, answer, crlf, request, sdp, show_door, sip

MEDIA_SERVER = "198.51.100.99"
STREAM_PHONE = "10.0.0.10:40000"


class Datagrams:
    """A phone and its peer over UDP."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        self.engine = self.gateway.engine

    def out(self, data: bytes) -> str:
        """What arrives of what the phone sends; nothing of what is dropped."""
        sent = self.gateway.out(data)
        return "" if sent.fate == Fate.DROPPED else sent.text

    def in_(self, data: bytes) -> str:
        """What arrives of what the peer sends."""
        return self.gateway.in_(data).text


class Stream:
    """The same over one TCP connection, which the phone opens from a port of its own."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        self.engine = self.gateway.engine
        self.connection = connect(self.engine, endpoint(STREAM_PHONE), endpoint(PEER), Side.INSIDE, self.gateway.now)

    def out(self, data: bytes) -> str:
        """What arrives of what the phone sends."""
        return self._send(data.replace(b"/UDP", b"/TCP"), End.CLIENT)

    def in_(self, data: bytes) -> str:
        """What arrives of what the peer sends."""
        return self._send(data.replace(b"/UDP", b"/TCP"), End.SERVER)

    def _send(self, data: bytes, end: End) -> str:
        return self.connection.receive(data, end, self.gateway.now).data.decode("latin-1")


Road = Datagrams | Stream


@pytest.fixture(params=[Datagrams, Stream], ids=["udp", "tcp"])
def road(request: pytest.FixtureRequest) -> Road:
    made: Road = request.param()
    return made


def media_doors(road: Road) -> list[Door]:
    return [door for door in road.engine.state.doors if door.inspect_as is None]


def leads(road: Road) -> list[str]:
    """The inside ends of the doors for media."""
    return sorted(str(door.leads_to) for door in media_doors(road))


def call_up(road: Road, name: str, port: int) -> None:
    """A call that is answered, with media that come from a server of their own."""
    assert road.out(request(call_id=name, body=sdp(port=port)))
    assert road.in_(answer(200, call_id=name, body=sdp(MEDIA_SERVER, 7000)))
    assert road.out(request("ACK", call_id=name).replace(b"bob@198.51.100.20>\r", b"bob@198.51.100.20>;tag=b\r"))


# Streams


def relayed(pieces: list[bytes]) -> tuple[bytes, Engine]:
    """What goes on of a stream from the phone that arrives in these pieces."""
    road = Stream()
    return b"".join(road.connection.receive(piece, End.CLIENT, 1000.0).data for piece in pieces), road.engine


INVITE = request(body=sdp()).replace(b"/UDP", b"/TCP")


@pytest.mark.parametrize("at", [1, 20, INVITE.index(b"10.0.0.10") + 4, INVITE.index(b"\r\n\r\n") + 2, len(INVITE) - 1])
def test_two_segments(at: int) -> None:
    data, engine = relayed([INVITE[:at], INVITE[at:]])
    assert data.count(b"203.0.113.1") == 5
    assert b"\r\nc=IN IP4 203.0.113.1\r\n" in data
    assert [str(door.leads_to) for door in engine.state.doors if door.role == "rtp"] == ["10.0.0.10:4000"]


def test_any_segments() -> None:
    whole, _ = relayed([INVITE])
    chance = random.Random(5)
    for _ in range(20):
        places = sorted(chance.randrange(len(INVITE)) for _ in range(6))
        data, engine = relayed([INVITE[start:end] for start, end in pairwise([0, *places, len(INVITE)])])
        assert data == whole
        assert len([door for door in engine.state.doors if door.role == "rtp"]) == 1


def test_several_messages_in_one_segment() -> None:
    messages = [
        request(call_id=f"call{number}", body=sdp(port=4000 + 10 * number)).replace(b"/UDP", b"/TCP")
        for number in range(5)
    ]
    data, engine = relayed([b"".join(messages)])
    assert data == b"".join(
        relayed(messages[: number + 1])[0][len(relayed(messages[:number])[0]) :] for number in range(5)
    )
    assert b"10.0.0.10" not in data
    lengths = [int(part.split(b"\r\n")[0]) for part in data.split(b"Content-Length: ")[1:]]
    assert lengths == [len(crlf(sdp(GLOBAL, 4000 + 10 * number))) for number in range(5)]
    assert len([door for door in engine.state.doors if door.role == "rtp"]) == 5


# Messages


def test_multipart(road: Road) -> None:
    def mixed(host: str) -> bytes:
        return b"--x\r\nContent-Type: application/sdp\r\n\r\n" + crlf(sdp(host)) + b"\r\n--x\r\n\r\ntext\r\n--x--\r\n"

    head = request().partition(b"Content-Length")[0].decode().split("\r\n")[:-1]
    data = sip(*head, "Content-Type: multipart/mixed;boundary=x", body=mixed("10.0.0.10"))
    sent = road.out(data)
    theirs = mixed(GLOBAL)
    assert sent.endswith(f"\r\nContent-Length: {len(theirs)}\r\n\r\n{theirs.decode()}")
    assert len(theirs) > len(mixed("10.0.0.10"))
    assert leads(road) == ["10.0.0.10:4000", "10.0.0.10:4001"]


def test_origin_with_a_host_name(road: Road) -> None:
    sent = road.out(request(body=sdp().replace("o=- 1 1 IN IP4 10.0.0.10", "o=- 1 1 IN IP4 pbx.example")))
    assert "\r\no=- 1 1 IN IP4 pbx.example\r\n" in sent
    assert "\r\nc=IN IP4 203.0.113.1\r\n" in sent
    assert leads(road) == ["10.0.0.10:4000", "10.0.0.10:4001"]


def test_five_media_lines(road: Road) -> None:
    more = [f"m={kind} {4002 + 2 * index} RTP/AVP 0" for index, kind in enumerate(("video", "audio", "video", "audio"))]
    sent = road.out(request(body=sdp("10.0.0.10", 4000, *more)))
    assert "10.0.0.10" not in sent
    assert leads(road) == [f"10.0.0.10:{port}" for port in range(4000, 4010)]


def test_rtcp_and_candidates(road: Road) -> None:
    sent = road.out(
        request(
            body=sdp(
                "10.0.0.10",
                4001,
                "a=rtcp:4002 IN IP4 10.0.0.10",
                "a=rtcp-mux",
                "a=candidate:1 1 UDP 2130706431 10.0.0.10 4001 typ host",
                "a=candidate:1 2 UDP 2130706430 10.0.0.10 4002 typ host",
            )
        )
    )
    assert "10.0.0.10" not in sent
    (port,) = [int(line.split()[1]) for line in sent.splitlines() if line.startswith("m=")]
    assert port % 2 == 0
    assert f"a=rtcp:{port + 1} IN IP4 203.0.113.1" in sent
    assert f"203.0.113.1 {port} typ host" in sent
    assert f"203.0.113.1 {port + 1} typ host" in sent
    assert "a=rtcp-mux" in sent


@pytest.mark.parametrize(
    "name",
    [
        "Route",
        "Record-Route",
        "P-Asserted-Identity",
        "P-Preferred-Identity",
        "Refer-To",
        "Referred-By",
        "Path",
        "Service-Route",
    ],
)
def test_further_headers(road: Road, name: str) -> None:
    sent = road.out(request("OPTIONS", f"{name}: <sip:alice@10.0.0.10:5060>"))
    assert f"\r\n{name}: <sip:alice@203.0.113.1:" in sent
    assert "10.0.0.10" not in sent


def test_contact_with_another_port(road: Road) -> None:
    """Each port has a name of its own, and the one in Contact leads to the port in Contact."""
    sent = road.out(request("REGISTER").replace(b"alice@10.0.0.10:5060>", b"alice@10.0.0.10:5071>"))
    (contact,) = [line for line in sent.splitlines() if line.startswith("Contact: ")]
    port = int(contact.rstrip(">").rpartition(":")[2])
    assert contact == f"Contact: <sip:alice@203.0.113.1:{port}>"
    protocol = 17 if isinstance(road, Datagrams) else 6
    binding = road.engine.state.bindings.by_global(protocol, endpoint(f"203.0.113.1:{port}"))
    assert binding is not None
    assert str(binding.local) == "10.0.0.10:5071"


def test_sips_contact(road: Road) -> None:
    sent = road.out(request("OPTIONS").replace(b"<sip:alice@10.0.0.10:5060>", b"<sips:alice@10.0.0.10:5060>"))
    assert "\r\nContact: <sips:alice@203.0.113.1:" in sent
    assert "10.0.0.10" not in sent


# Calls


def test_calls_on_one_trunk(road: Road) -> None:
    for number in range(200):
        call_up(road, f"call{number}", 10_000 + 2 * number)
    assert len(media_doors(road)) == 400
    assert len(road.engine.state.sessions) == 1
    for port in (10_000, 10_200, 10_398):
        assert road.gateway.in_(b"rtp", f"{MEDIA_SERVER}:7000", f"{GLOBAL}:{port}").fate == Fate.FORWARDED


def test_bye_of_one_call(road: Road) -> None:
    for number in range(5):
        call_up(road, f"call{number}", 10_000 + 2 * number)
    bye = request("BYE", call_id="call2").replace(b"bob@198.51.100.20>\r", b"bob@198.51.100.20>;tag=b\r")
    assert road.out(bye)
    assert len(media_doors(road)) == 10, "its answer, and media on their way, may still pass"
    road.gateway.wait(6)
    assert leads(road) == sorted(f"10.0.0.10:{port}" for port in range(10_000, 10_010) if port not in {10_004, 10_005})


def test_media_server(road: Road) -> None:
    road.out(request(body=sdp()))
    assert road.gateway.in_(b"rtp", f"{MEDIA_SERVER}:7000", f"{GLOBAL}:4000").fate == Fate.DROPPED
    road.in_(answer(200, body=sdp(MEDIA_SERVER, 7000)))
    assert road.gateway.in_(b"rtp", f"{MEDIA_SERVER}:7000", f"{GLOBAL}:4000").target == "10.0.0.10:4000"
    assert road.gateway.in_(b"rtp", "192.0.2.66:7000", f"{GLOBAL}:4001").fate == Fate.DROPPED


def test_odd_port(road: Road) -> None:
    sent = road.out(request(body=sdp(port=4001)))
    (port,) = [int(line.split()[1]) for line in sent.splitlines() if line.startswith("m=")]
    assert port % 2 == 0
    assert sorted(map(show_door, media_doors(road))) == [
        f"rtcp 198.51.100.20>203.0.113.1:{port + 1}>10.0.0.10:4002",
        f"rtp 198.51.100.20>203.0.113.1:{port}>10.0.0.10:4001",
    ]


def test_ports_are_not_in_order() -> None:
    """Ports that cannot be kept are drawn by chance: the next one cannot be told from the last."""
    gateway = Gateway()
    ports = []
    for number in range(40):
        sent = gateway.out(request(call_id=f"call{number}", body=sdp(port=5001 + 2 * number)))
        ports += [int(line.split()[1]) for line in sent.text.splitlines() if line.startswith("m=")]
    steps = {after - before for before, after in pairwise(ports)}
    assert len(steps) > 30
    assert all(port >= 1024 for port in ports)


@pytest.mark.parametrize(
    "media",
    [
        *(f"audio {port} RTP/AVP 0" for port in (22, 80, 443, 1023, 1900)),
        "message 22 TCP/MSRP *",
        "message 3306 TCP/MSRP *",
    ],
)
def test_privileged_ports(road: Road, media: str) -> None:
    road.out(request("OPTIONS"))
    assert road.out(request(body=sdp().replace("audio 4000 RTP/AVP 0", media))) == ""
    assert media_doors(road) == []
    assert road.engine.drops == {"sip: port-not-allowed": 1}


# NAT Slipstreaming (2020; CVE-2020-28041): a web page makes a browser inside send bytes of the attacker's choice

ATTACK = request("REGISTER").replace(b"10.0.0.10:5060>", b"10.0.0.10:3306>")
POST = b"POST / HTTP/1.1\r\nHost: 198.51.100.20:5060\r\nContent-Length: 9000\r\n\r\n"


@pytest.mark.parametrize("stuffing", [0, 1, 700, 1460, 9000])
def test_slipstreaming_by_tcp_segments(stuffing: int) -> None:
    """A later segment is, by the size of the ones before it, a REGISTER from its first byte to its last."""
    pieces = [POST, b"a" * stuffing, ATTACK]
    data, engine = relayed(pieces)
    assert data == b"".join(pieces)
    assert list(engine.state.doors) == []
    assert engine.state.notes["not-sip"] == 1


def test_slipstreaming_by_udp_fragments() -> None:
    """TURN over UDP with a name so long that a fragment begins with REGISTER; put together, it is none."""
    gateway = Gateway()
    stuffing = b"\0\1\0\0\x21\x12\xa4\x42" + b"a" * (1480 - 8 - 8)
    pieces = list(fragment(udp(PHONE, PEER, stuffing + ATTACK), 1500))
    assert pieces[1][20:28] == b"REGISTER"
    fates = [gateway.engine.receive(piece, Side.INSIDE, gateway.now).fate for piece in pieces]
    assert fates == [Fate.HELD, Fate.FORWARDED]
    assert gateway.doors == []
    again = Gateway()
    for piece in reversed(pieces):
        again.engine.receive(piece, Side.INSIDE, again.now)
    assert again.doors == []


def test_slipstreaming_from_outside() -> None:
    """What a web server answers is nobody's REGISTER either."""
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random)
    connection: Connection = connect(engine, endpoint(STREAM_PHONE), endpoint(PEER), Side.INSIDE, 1000.0)
    connection.receive(POST, End.CLIENT, 1000.0)
    for piece in (b"HTTP/1.1 200 OK\r\n\r\n", ATTACK, answer(200, body=sdp(GLOBAL, 3306))):
        assert connection.receive(piece, End.SERVER, 1000.0).data == piece
    assert list(engine.state.doors) == []
