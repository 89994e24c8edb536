"""Session descriptions on their way through the gateway, and the doors for what they announce."""

import pytest

from doorman.engine.results import Fate
from kit.sip import (
    OTHER_PHONE,
    OVERLOAD,
    PEER,
    POOL,
    STATIC,
    Gateway,
    Passage,
    answer,
    crlf,
    incoming,
    request,
    sdp,
    sip,
)

HEAD = "v=0\no=- 1 1 IN IP4 10.0.0.10\ns=-\nt=0 0\n"


def offer(gateway: Gateway, *lines: str) -> Passage:
    """An INVITE of the phone with a description of these lines."""
    return gateway.out(request(body=HEAD + "\n".join(lines)))


def offered(*lines: str) -> list[str]:
    """The lines of the description, without its head, as the outside gets them."""
    sent = offer(Gateway(), *lines)
    assert sent.fate == Fate.FORWARDED, sent.reason
    assert len(sent.data.partition(b"\r\n\r\n")[2]) == int(sent.line("Content-Length"))
    return sent.text.partition("\r\n\r\n")[2].splitlines()[4:]


def refusal(*lines: str) -> str:
    """Why an offer was dropped; nothing may be left of it."""
    gateway = Gateway()
    gateway.out(request("OPTIONS"))
    before = gateway.bindings()
    dropped = offer(gateway, *lines)
    assert dropped.fate == Fate.DROPPED
    assert dropped.data == request(body=HEAD + "\n".join(lines)), "a dropped message is whole"
    assert gateway.bindings() == before
    assert gateway.media_doors() == []
    assert [call.owner.name for call in gateway.sip.calls if call.streams] == []
    return dropped.reason


class TestAddresses:
    def test_session_level(self) -> None:
        assert offered("c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31") == [
            "c=IN IP4 203.0.113.1",
            "m=audio 4000 RTP/AVP 0",
            "m=video 4002 RTP/AVP 31",
        ]

    def test_media_level_wins(self) -> None:
        lines = ["c=IN IP4 198.51.100.7", "m=audio 4000 RTP/AVP 0", "c=IN IP4 10.0.0.10"]
        assert offered(*lines) == [*lines[:2], "c=IN IP4 203.0.113.1"]

    def test_a_session_level_that_no_media_uses(self) -> None:
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "c=IN IP4 198.51.100.7"]
        assert offered(*lines) == ["c=IN IP4 203.0.113.1", *lines[1:]]

    def test_none_at_all(self) -> None:
        assert refusal("m=audio 4000 RTP/AVP 0") == "sip: no-connection-line"
        assert (
            refusal("m=audio 4000 RTP/AVP 0", "c=IN IP4 10.0.0.10", "m=video 4002 RTP/AVP 0")
            == "sip: no-connection-line"
        )

    @pytest.mark.parametrize(
        "host", ["0.0.0.0", "224.2.1.1/127/3", "239.65.125.63/32", "phone.example", "198.51.100.7"]
    )
    def test_left_alone(self, host: str) -> None:
        gateway = Gateway()
        sent = offer(gateway, f"c=IN IP4 {host}", "m=audio 4001 RTP/AVP 0", "a=rtcp:4002", "a=inactive")
        assert sent.text.splitlines()[-4:] == [
            f"c=IN IP4 {host}",
            "m=audio 4001 RTP/AVP 0",
            "a=rtcp:4002",
            "a=inactive",
        ]
        assert gateway.media_doors() == []

    def test_what_is_left_is_noted(self) -> None:
        gateway = Gateway()
        offer(gateway, "c=IN IP4 phone.example", "m=audio 4000 RTP/AVP 0")
        assert gateway.notes("media-host-name") == 1

    @pytest.mark.parametrize(
        ("origin", "becomes"),
        [
            ("o=- 1 1 IN IP4 10.0.0.10", "o=- 1 1 IN IP4 203.0.113.1"), ("o=- 1 1 IN IP4 pbx.example", None),
            ("o=- 1 1 IN IP4 198.51.100.7", None), ("o=- 1 1 IN IP6 ::1", None), ("o=10.0.0.10", None),
            ("o=10.0.0.10 1 1 IN IP4 10.0.0.50", "o=10.0.0.10 1 1 IN IP4 203.0.113.1"),
        ],
    )  # fmt: skip
    def test_origin(self, origin: str, becomes: str | None) -> None:
        sent = Gateway().out(request(body=f"v=0\n{origin}\nc=IN IP4 10.0.0.10\nm=audio 4000 RTP/AVP 0"))
        assert sent.text.splitlines()[-3:] == [becomes or origin, "c=IN IP4 203.0.113.1", "m=audio 4000 RTP/AVP 0"]

    def test_no_media_lines(self) -> None:
        assert offered("c=IN IP4 10.0.0.10") == ["c=IN IP4 203.0.113.1"]

    def test_other_lines_stay(self) -> None:
        lines = [
            "i=10.0.0.10",
            "u=http://10.0.0.10/",
            "k=clear:10.0.0.10",
            "a=tool:10.0.0.10",
            "a=x-c:IN IP4 10.0.0.10",
        ]
        assert offered(*lines, "c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0")[:5] == lines

    def test_third_party(self) -> None:
        assert refusal("c=IN IP4 10.0.0.50", "m=audio 4000 RTP/AVP 0") == "sip: third-party-address"

    @pytest.mark.parametrize("config", [STATIC, POOL])
    def test_a_host_with_an_address_of_its_own_keeps_its_ports(self, config: str) -> None:
        gateway = Gateway(config)
        sent = offer(
            gateway, "c=IN IP4 10.0.0.10", "m=audio 4001/2 RTP/AVP 0", "a=rtcp:5000", "m=video 22222 RTP/AVP 31"
        )
        host = "203.0.113.100" if config == STATIC else "203.0.113.10"
        lines = [f"c=IN IP4 {host}", "m=audio 4001/2 RTP/AVP 0", "a=rtcp:5000", "m=video 22222 RTP/AVP 31"]
        assert sent.text.splitlines()[-4:] == lines


class TestPorts:
    def test_refused_media_are_left(self) -> None:
        gateway = Gateway()
        sent = offer(gateway, "c=IN IP4 10.0.0.10", "m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 31", "c=IN IP4 10.0.0.10")
        assert sent.text.splitlines()[-4:] == [
            "c=IN IP4 203.0.113.1", "m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 31", "c=IN IP4 203.0.113.1",
        ]  # fmt: skip
        assert gateway.media_doors() == []

    @pytest.mark.parametrize("port", [4001, 65535, 1025])
    def test_odd_ports_get_an_even_and_odd_pair(self, port: int) -> None:
        """RFC 3550, section 11; a last port has no port above it for RTCP."""
        if port == 65535:
            assert refusal("c=IN IP4 10.0.0.10", f"m=audio {port} RTP/AVP 0") == "sip: port-not-allowed"
            return
        gateway = Gateway()
        line = offer(gateway, "c=IN IP4 10.0.0.10", f"m=audio {port} RTP/AVP 0").text.splitlines()[-1]
        first = int(line.split()[1])
        assert first % 2 == 0
        assert gateway.media_doors() == [
            f"rtcp 198.51.100.20>203.0.113.1:{first + 1}>10.0.0.10:{port + 1}",
            f"rtp 198.51.100.20>203.0.113.1:{first}>10.0.0.10:{port}",
        ]

    def test_a_taken_port_gives_another_pair(self) -> None:
        gateway = Gateway()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4001)), OTHER_PHONE)
        line = offer(gateway, "c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0").text.splitlines()[-1]
        taken = {int(binding.rpartition(":")[2]) for binding in gateway.bindings() if "10.0.0.11" in binding}
        first = int(line.split()[1])
        assert first % 2 == 0
        assert not {first, first + 1} & taken

    def test_several_streams_in_one_line(self) -> None:
        """RFC 8866, section 5.14: m=video 49170/2 is two pairs of RTP and RTCP."""
        gateway = Gateway()
        sent = offer(gateway, "c=IN IP4 10.0.0.10", "m=video 4001/3 RTP/AVP 31")
        first = int(sent.text.splitlines()[-1].split()[1].removesuffix("/3"))
        assert first % 2 == 0
        expected = [
            f"{'rtcp' if step % 2 else 'rtp'} 198.51.100.20>203.0.113.1:{first + step}>10.0.0.10:{4001 + step}"
            for step in range(6)
        ]
        assert gateway.media_doors() == sorted(expected)

    def test_too_many_streams_in_one_line(self) -> None:
        assert refusal("c=IN IP4 10.0.0.10", "m=video 4000/33 RTP/AVP 31") == "sip: too-many-ports"

    @pytest.mark.parametrize("port", [22, 80, 1023, 3702, 5353])
    def test_ports_that_nobody_announces(self, port: int) -> None:
        assert refusal("c=IN IP4 10.0.0.10", f"m=audio {port} RTP/AVP 0") == "sip: port-not-allowed"

    @pytest.mark.parametrize("port", [22, 3306, 5432, 8080])
    def test_tcp_ports_that_nobody_announces(self, port: int) -> None:
        assert refusal("c=IN IP4 10.0.0.10", f"m=message {port} TCP/MSRP *") == "sip: port-not-allowed"

    def test_a_refusal_gives_back_what_came_before_it(self) -> None:
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "m=audio 25 RTP/AVP 0"]
        assert refusal(*lines) == "sip: port-not-allowed"

    def test_no_pair_left(self) -> None:
        """Seed 003: if it is unable to find a pair of ports, it discards the SIP message."""
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        space = gateway.engine.state.bindings.holdings._spaces[17, bytes([203, 0, 113, 1])]  # type: ignore[index] # noqa: SLF001 - bytes of an address
        for port in range(1024, 65536, 2):
            space.claim(port)
        dropped = offer(gateway, "c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0")
        assert (dropped.fate, dropped.reason) == (Fate.DROPPED, "sip: ports-exhausted")
        assert offer(gateway, "c=IN IP4 10.0.0.10", "m=image 4001 udptl t38").fate == Fate.FORWARDED

    def test_twelve_media_lines_are_served(self) -> None:
        gateway = Gateway()
        lines = ["c=IN IP4 10.0.0.10", *(f"m=audio {4000 + 2 * index} RTP/AVP 0" for index in range(12))]
        assert offer(gateway, *lines).fate == Fate.FORWARDED
        assert len(gateway.media_doors()) == 24
        assert refusal(*lines, "m=audio 5000 RTP/AVP 0") == "sip: too-many-media-lines"

    def test_one_port_for_all_media(self) -> None:
        """BUNDLE (RFC 9143): the second line is the same flow."""
        gateway = Gateway()
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4001 RTP/AVP 0", "m=video 4001 RTP/AVP 31"]
        audio, video = offer(gateway, *lines).text.splitlines()[-2:]
        assert audio.split()[1] == video.split()[1]
        assert len(gateway.media_doors()) == 2


class TestRtcp:
    def test_above_rtp(self) -> None:
        gateway = Gateway()
        _, audio, rtcp = offer(
            gateway, "c=IN IP4 10.0.0.10", "m=audio 4001 RTP/AVP 0", "a=rtcp:4002"
        ).text.splitlines()[-3:]
        assert rtcp == f"a=rtcp:{int(audio.split()[1]) + 1}"
        assert [door.split()[0] for door in gateway.media_doors()] == ["rtcp", "rtp"]

    def test_on_the_port_of_rtp(self) -> None:
        gateway = Gateway()
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4001 RTP/AVP 0", "a=rtcp:4001 IN IP4 10.0.0.10", "a=rtcp-mux"]
        _, audio, rtcp, _ = offer(gateway, *lines).text.splitlines()[-4:]
        assert rtcp == f"a=rtcp:{audio.split()[1]} IN IP4 203.0.113.1"
        assert [door.split()[0] for door in gateway.media_doors()] == ["rtp"]

    def test_elsewhere(self) -> None:
        gateway = Gateway()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 5006)), OTHER_PHONE)
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=rtcp:5006 IN IP4 10.0.0.10"]
        _, audio, rtcp = offer(gateway, *lines).text.splitlines()[-3:]
        assert audio == "m=audio 4000 RTP/AVP 0"
        port = rtcp.removeprefix("a=rtcp:").removesuffix(" IN IP4 203.0.113.1")
        assert port != "5006"
        assert [door for door in gateway.media_doors() if "10.0.0.10" in door] == [
            f"rtcp 198.51.100.20>203.0.113.1:{port}>10.0.0.10:5006",
            "rtp 198.51.100.20>203.0.113.1:4000>10.0.0.10:4000",
        ]

    def test_mux_alone_keeps_the_port_above_for_who_cannot(self) -> None:
        """RFC 5761, section 5.1.1: the answer may be without it."""
        gateway = Gateway()
        offer(gateway, "c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=rtcp-mux")
        assert len(gateway.media_doors()) == 2

    def test_of_another_host(self) -> None:
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=rtcp:5006 IN IP4 198.51.100.7"]
        assert offered(*lines)[-1] == lines[-1]
        for left in ("a=rtcp:4001 IN IP4 198.51.100.7", "a=rtcp:4007 IN IP4 phone.example", "a=rtcp:0"):
            assert offered(*lines[:2], left)[-1] == left
        assert refusal(*lines[:2], "a=rtcp:5006 IN IP4 10.0.0.50") == "sip: third-party-address"

    @pytest.mark.parametrize(
        "media",
        ["c=IN IP4 phone.example m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0 m=audio 4000 RTP/AVP 0",
         "c=IN IP4 10.0.0.10 m=audio 0 RTP/AVP 0", "c=IN IP4 10.0.0.10 m=image 4000 udptl t38",
         "c=IN IP4 10.0.0.10 m=audio 4000 TCP/RTP/AVP 0"],
    )  # fmt: skip
    def test_where_no_rtcp_is_received(self, media: str) -> None:
        """The line means nothing then, but the inside address in it does not leave."""
        connection, _, line = media.partition(" m=")
        assert offered(connection, f"m={line}", "a=rtcp:4007 IN IP4 10.0.0.10")[-1] == "a=rtcp:4007 IN IP4 203.0.113.1"
        mux = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=rtcp:4000 IN IP4 10.0.0.10", "a=rtcp-mux-only"]
        assert offered(*mux)[-2:] == ["a=rtcp:4000 IN IP4 203.0.113.1", "a=rtcp-mux-only"]

    def test_a_port_that_nobody_announces(self) -> None:
        assert refusal("c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=rtcp:22") == "sip: port-not-allowed"


class TestCandidates:
    def test_consistent_with_the_media_line(self) -> None:
        """RFC 8839, section 4.3.1.3: a default candidate that is no candidate is an ICE mismatch."""
        gateway = Gateway()
        sent = offer(
            gateway,
            "c=IN IP4 10.0.0.10",
            "m=audio 4001 RTP/AVP 0",
            "a=rtcp:4002 IN IP4 10.0.0.10",
            "a=candidate:1 1 UDP 2130706431 10.0.0.10 4001 typ host",
            "a=candidate:1 2 UDP 2130706430 10.0.0.10 4002 typ host",
            "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.0.10 rport 4001",
            "a=candidate:3 1 UDP 1 10.0.0.10 7000 typ host",
            "a=candidate:4 1 UDP 1 phone.local 4001 typ host",
            "a=candidate:5 1 UDP 1 2001:db8::1 4001 typ host",
        )
        audio, _, *candidates = sent.text.splitlines()[-8:]
        port = int(audio.split()[1])
        assert candidates == [
            f"a=candidate:1 1 UDP 2130706431 203.0.113.1 {port} typ host",
            f"a=candidate:1 2 UDP 2130706430 203.0.113.1 {port + 1} typ host",
            f"a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.1 rport {port}",
            "a=candidate:3 1 UDP 1 203.0.113.1 7000 typ host",
            "a=candidate:4 1 UDP 1 phone.local 4001 typ host",
            "a=candidate:5 1 UDP 1 2001:db8::1 4001 typ host",
        ]
        assert [door.split()[0] for door in gateway.media_doors()] == ["candidate", "rtcp", "rtp"]

    def test_of_tcp(self) -> None:
        """RFC 6544: an active one has the discard port and listens nowhere."""
        gateway = Gateway()
        sent = offer(
            gateway,
            "c=IN IP4 10.0.0.10",
            "m=audio 4000 RTP/AVP 0",
            "a=candidate:1 1 TCP 2128609279 10.0.0.10 9 typ host tcptype active",
            "a=candidate:2 1 TCP 2124414975 10.0.0.10 8998 typ host tcptype passive",
        )
        assert sent.text.splitlines()[-2:] == [
            "a=candidate:1 1 TCP 2128609279 203.0.113.1 9 typ host tcptype active",
            "a=candidate:2 1 TCP 2124414975 203.0.113.1 8998 typ host tcptype passive",
        ]
        tcp = [door for door in gateway.doors if door.protocol == 6]
        assert [(door.role, door.leads_to.port) for door in tcp] == [("candidate", 8998)]

    def test_of_another_host(self) -> None:
        lines = ["c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", "a=candidate:1 1 UDP 1 10.0.0.50 4000 typ host"]
        gateway = Gateway()
        sent = offer(gateway, *lines)
        assert "a=candidate:1 1 UDP 1 10.0.0.50 4000 typ host" in sent.text
        assert "c=IN IP4 203.0.113.1" in sent.text
        assert gateway.notes("third-party-address") == 1
        assert all("10.0.0.50" not in binding for binding in map(str, gateway.bindings()))
        assert refusal(*lines[:2], "a=candidate:1 1 UDP 1 10.0.0.10 22 typ host") == "sip: port-not-allowed"

    def test_too_many(self) -> None:
        line = "a=candidate:1 1 UDP 1 10.0.0.10 4000 typ host"
        assert refusal("c=IN IP4 10.0.0.10", "m=audio 4000 RTP/AVP 0", *[line] * 129) == "sip: too-many-candidates"


class TestOtherMedia:
    def test_fax(self) -> None:
        """T.38 over UDPTL (RFC 3362) has one port, without RTCP."""
        gateway = Gateway()
        sent = offer(gateway, "c=IN IP4 10.0.0.10", "m=image 4001 udptl t38")
        assert sent.text.splitlines()[-1] == "m=image 4001 udptl t38"
        assert gateway.media_doors() == ["image 198.51.100.20>203.0.113.1:4001>10.0.0.10:4001"]

    def test_tcp(self) -> None:
        gateway = Gateway()
        offer(gateway, "c=IN IP4 10.0.0.10", "m=message 2855 TCP/MSRP *", "a=setup:passive")
        (door,) = [door for door in gateway.doors if door.inspect_as is None]
        assert (door.role, door.protocol, door.leads_to.port) == ("message", 6, 2855)

    def test_tcp_that_is_opened_from_here(self) -> None:
        """RFC 4145, section 4.1: port 9 of an active end is none."""
        gateway = Gateway()
        sent = offer(gateway, "c=IN IP4 10.0.0.10", "m=image 9 TCP t38", "a=setup:active", "c=IN IP4 10.0.0.10")
        assert sent.text.splitlines()[-3:] == ["m=image 9 TCP t38", "a=setup:active", "c=IN IP4 203.0.113.1"]
        assert gateway.media_doors() == []


class TestBodies:
    MIXED = b"\r\n".join([
        b"--x", b"Content-Type: text/plain", b"", b"c=IN IP4 10.0.0.10", b"--x", b"Content-Type: application/sdp", b"",
        b"%s--x", b"Content-Type: application/pidf+xml", b"", b"<a>10.0.0.10</a>", b"--x--", b"",
    ])  # fmt: skip

    def test_a_part_that_tells_its_own_length(self) -> None:
        line = "a=abcdefgh"

        def mixed(host: str, length: int) -> bytes:
            part = crlf(sdp(host, 4000, line))
            head = b"--x\r\nContent-Type: application/sdp\r\ncontent-length : %d\r\n\r\n" % length
            return head + part + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n10.0.0.10\r\n--x--\r\n"

        theirs, ours = (len(crlf(sdp(host, 4000, line))) for host in ("10.0.0.10", "203.0.113.1"))
        lines = "INVITE sip:b@c SIP/2.0", "i: x", "c: multipart/mixed;boundary=x"
        sent = Gateway().out(sip(*lines, body=mixed("10.0.0.10", theirs)))
        assert theirs < 100 <= ours, "the number grows by a digit, and the whole message with it"
        assert sent.data == sip(*lines, body=mixed("203.0.113.1", ours))

    def test_a_description_in_the_middle(self) -> None:
        gateway = Gateway()
        body = self.MIXED % (crlf(sdp()) + b"\r\n")
        data = sip("INVITE sip:b@c SIP/2.0", "i: x", "c: multipart/mixed;boundary=x", body=body, length="l: {}")
        sent = gateway.out(data)
        theirs = self.MIXED % (crlf(sdp("203.0.113.1")) + b"\r\n")
        assert sent.data == sip(
            "INVITE sip:b@c SIP/2.0", "i: x", "c: multipart/mixed;boundary=x", body=theirs, length="l: {}"
        )
        assert len(gateway.media_doors()) == 2

    def test_a_type_that_is_not_written(self) -> None:
        sent = Gateway().out(sip("INVITE sip:b@c SIP/2.0", "i: x", body=sdp()))
        assert "\r\nc=IN IP4 203.0.113.1\r\n" in sent.text

    @pytest.mark.parametrize("kind", ["text/plain", "application/sdpx", "application/dtmf-relay", "message/sipfrag"])
    def test_other_types(self, kind: str) -> None:
        gateway = Gateway()
        data = sip("INVITE sip:b@c SIP/2.0", "i: x", f"c: {kind}", body=sdp())
        assert gateway.out(data).data == data
        assert gateway.media_doors() == []

    def test_encoded_bodies(self) -> None:
        gateway = Gateway()
        data = sip("INVITE sip:b@c SIP/2.0", "i: x", "c: application/sdp", "e: gzip", body=sdp())
        assert gateway.out(data).data == data
        assert gateway.notes("encoded-body") == 1
        plain = sip("INVITE sip:b@c SIP/2.0", "i: y", "c: application/sdp", "e: Identity", body=sdp())
        assert "c=IN IP4 203.0.113.1" in gateway.out(plain).text

    def test_encrypted_bodies(self) -> None:
        gateway = Gateway()
        data = sip("INVITE sip:b@c SIP/2.0", "i: x", "c: application/pkcs7-mime;smime-type=x", body=b"\x30\x82")
        assert gateway.out(data).data == data
        assert gateway.notes("encrypted-body") == 1


class TestInbound:
    def test_the_peers_description_stays(self) -> None:
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        received = gateway.in_(incoming(body=sdp("198.51.100.99", 7000)))
        assert received.data.endswith(crlf(sdp("198.51.100.99", 7000)))
        assert gateway.media_doors() == []

    def test_what_names_us_is_named_back(self) -> None:
        """A description that comes back, as in a 200 of a loop or a reflecting server."""
        gateway = Gateway()
        gateway.out(
            request(
                body=sdp(
                    port=4001,
                )
            )
        )
        port = int(gateway.media_doors()[1].split(">")[1].split(":")[1])
        received = gateway.in_(answer(200, body=sdp("203.0.113.1", port)))
        assert received.data.endswith(crlf(sdp("10.0.0.10", 4001)))


def test_hold_and_resume() -> None:
    gateway = Gateway()
    gateway.out(request(body=sdp()))
    gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
    opened = gateway.media_doors()
    hold = gateway.out(request(body=sdp(port=4000).replace("c=IN IP4 10.0.0.10", "c=IN IP4 0.0.0.0")))
    assert "c=IN IP4 0.0.0.0" in hold.text
    gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
    gateway.wait(6)
    gateway.out(request(body=sdp()))
    gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
    assert gateway.media_doors() == opened


def test_other_hosts_do_not_suffer_from_a_refusal() -> None:
    gateway = Gateway()
    gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11")), OTHER_PHONE)
    opened = gateway.media_doors()
    assert offer(gateway, "c=IN IP4 10.0.0.10", "m=audio 22 RTP/AVP 0").fate == Fate.DROPPED
    assert gateway.media_doors() == opened
    assert gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)), PEER).fate == Fate.FORWARDED


def test_two_phones_announce_one_port() -> None:
    gateway = Gateway(OVERLOAD)
    gateway.out(request(body=sdp()))
    gateway.out(request(host="10.0.0.11", call_id="two", body=sdp("10.0.0.11")), OTHER_PHONE)
    entrances = {door.split(">")[1] for door in gateway.media_doors()}
    assert len(entrances) == 4
