"""Media that are not RTP alone: fax, messages, floor control, connections of TCP, and further ways to be reached."""

import pytest

from doorman.engine.results import Fate
from kit.sip import GLOBAL, OTHER_PHONE, PEER, Gateway, Passage, answer, crlf, incoming, request, sdp, sip

HEAD = "v=0\no=- 1 1 IN IP4 10.0.0.10\ns=-\nt=0 0\nc=IN IP4 10.0.0.10\n"
OWN_HEAD = 5
"""Lines of the head."""


def offer(gateway: Gateway, *lines: str) -> Passage:
    """An INVITE of the phone with a description of these lines, its connection in the head."""
    passage = gateway.out(request(body=HEAD + "\n".join(lines)))
    if passage.fate == Fate.FORWARDED:
        assert len(passage.data.partition(b"\r\n\r\n")[2]) == int(passage.line("Content-Length"))
    return passage


def described(*lines: str, gateway: Gateway | None = None) -> list[str]:
    """What becomes of the lines."""
    passage = offer(gateway or Gateway(), *lines)
    assert passage.fate == Fate.FORWARDED, passage.reason
    return passage.text.partition("\r\n\r\n")[2].splitlines()[OWN_HEAD:]


def doors(gateway: Gateway) -> list[tuple[str, int, str]]:
    """The doors for media: role, protocol, where they lead."""
    return [(door.role, door.protocol, str(door.leads_to)) for door in gateway.doors if door.inspect_as is None]


@pytest.fixture
def crowded() -> Gateway:
    """A gateway where another phone has the usual ports."""
    gateway = Gateway()
    lines = ["m=message 2855 TCP/MSRP *", "m=application 5000 TCP/BFCP *", "m=image 4000 udptl t38"]
    lines += ["m=image 4100 TCP t38", "m=audio 4200 RTP/AVP 0"]
    body = (HEAD + "\n".join(lines)).replace("10.0.0.10", "10.0.0.11")
    gateway.out(request(host="10.0.0.11", call_id="crowd", body=body), OTHER_PHONE)
    return gateway


class TestFax:
    @pytest.mark.parametrize(
        ("line", "protocol"),
        [
            ("m=image 4000 udptl t38", 17), ("m=image 4000 UDPTL t38", 17), ("m=image 4100 TCP t38", 6),
            ("m=image 4100 tcp t38", 6), ("m=image 4100 TCPTL t38", 6), ("m=image 4000 RTP/AVP 98", 17),
        ],
    )  # fmt: skip
    def test_a_port_of_its_own(self, crowded: Gateway, line: str, protocol: int) -> None:
        """RFC 3362, ITU-T T.38 annex D: over UDPTL and over TCP one port, as RTP two."""
        attributes = ["a=T38FaxVersion:0", "a=T38FaxUdpEC:t38UDPRedundancy", "a=T38MaxBitRate:14400"]
        first, *others = described(line, *attributes, gateway=crowded)
        assert others == attributes
        assert first.split()[1] != line.split()[1]
        mine = [door for door in doors(crowded) if "10.0.0.10" in door[2]]
        assert len(mine) == (2 if "RTP" in line else 1)
        assert all(door[1] == protocol for door in mine)
        assert crowded.doors

    def test_instead_of_speech(self) -> None:
        """The peer asks for T.38 in the middle of a call; the phone's answer opens a door for it."""
        gateway = Gateway()
        gateway.out(request(body=sdp()))
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000)))
        fax = "v=0\no=- 1 2 IN IP4 {0}\ns=-\nc=IN IP4 {0}\nt=0 0\nm=image {1} udptl t38"
        again = incoming("INVITE", call_id="one", body=fax.format("198.51.100.99", 7000))
        gateway.in_(again.replace(b"To: <sip:alice@203.0.113.1>", b"To: <sip:alice@203.0.113.1>;tag=a"))
        ok = answer(200, body=fax.format("10.0.0.10", 4100)).replace(b"203.0.113.1:5060;", b"198.51.100.20:5060;")
        ok = ok.replace(b"<sip:alice@203.0.113.1>;tag=a", b"<sip:bob@198.51.100.20>;tag=b", 1)
        ok = ok.replace(b"To: <sip:bob@198.51.100.20>;tag=b", b"To: <sip:alice@10.0.0.10>;tag=a")
        sent = gateway.out(ok)
        assert "m=image 4100 udptl t38" in sent.text
        gateway.wait(6)
        assert gateway.media_doors() == ["image 198.51.100.99>203.0.113.1:4100>10.0.0.10:4100"]


class TestMessages:
    """MSRP, RFC 4975."""

    @pytest.mark.parametrize("scheme", ["msrp", "msrps", "MSRP"])
    def test_a_path_agrees_with_the_media_line(self, crowded: Gateway, scheme: str) -> None:
        transport = "TCP/TLS/MSRP" if scheme == "msrps" else "TCP/MSRP"
        line, path, kind = described(
            f"m=message 2855 {transport} *", f"a=path:{scheme}://10.0.0.10:2855/iau39soe2843z;tcp",
            "a=accept-types:text/plain", gateway=crowded,
        )  # fmt: skip
        port = line.split()[1]
        assert port != "2855"
        assert path == f"a=path:{scheme}://{GLOBAL}:{port}/iau39soe2843z;tcp"
        assert kind == "a=accept-types:text/plain"
        assert ("message", 6, "10.0.0.10:2855") in doors(crowded)

    def test_a_path_without_a_port(self, crowded: Gateway) -> None:
        line, path = described("m=message 2855 TCP/MSRP *", "a=path:msrp://10.0.0.10/s;tcp", gateway=crowded)
        assert path == f"a=path:msrp://{GLOBAL}:{line.split()[1]}/s;tcp"
        assert described("m=message 2855 TCP/MSRP *", "a=path:msrp://u@10.0.0.10/s;tcp")[1] == (
            f"a=path:msrp://u@{GLOBAL}/s;tcp"
        )

    def test_relays_on_the_way(self) -> None:
        """RFC 4976: only the last is the phone itself."""
        path = "a=path:msrp://relay.example:9000/1;tcp msrp://198.51.100.7:9000/2;tcp msrp://{}:2855/3;tcp"
        lines = described("m=message 2855 TCP/MSRP *", path.format("10.0.0.10"))
        assert lines[1] == path.format(GLOBAL)

    def test_a_path_by_another_port(self) -> None:
        gateway = Gateway()
        lines = described("m=message 2855 TCP/MSRP *", "a=path:msrp://10.0.0.10:2900/3;tcp", gateway=gateway)
        assert lines[1] == f"a=path:msrp://{GLOBAL}:2900/3;tcp"
        assert doors(gateway) == [("message", 6, "10.0.0.10:2855"), ("message", 6, "10.0.0.10:2900")]

    def test_anchored_connections(self) -> None:
        """RFC 6714: who says msrp-cema connects to `c=` and `m=`, and knows its sessions by the path it wrote."""
        path = "a=path:msrp://10.0.0.10:2855/s;tcp"
        gateway = Gateway()
        assert described("m=message 2855 TCP/MSRP *", path, "a=msrp-cema", gateway=gateway)[1] == path
        assert doors(gateway) == [("message", 6, "10.0.0.10:2855")]

    def test_a_path_of_who_connects_himself(self) -> None:
        path = "a=path:msrp://10.0.0.10:2855/s;tcp"
        gateway = Gateway()
        lines = described("m=message 2855 TCP/MSRP *", path, "a=setup:active", gateway=gateway)
        assert lines[:2] == ["m=message 2855 TCP/MSRP *", path]
        assert doors(gateway) == []

    def test_a_path_to_somebody_else(self) -> None:
        gateway = Gateway()
        path = "a=path:msrp://10.0.0.50:2855/s;tcp"
        assert described("m=message 2855 TCP/MSRP *", path, gateway=gateway)[1] == path
        assert gateway.notes("third-party-address") == 1


class TestConnections:
    """Who opens them: RFC 4145."""

    @pytest.mark.parametrize(
        ("setup", "opens"),
        [("passive", True), ("actpass", True), ("active", False), ("holdconn", False), ("", True), ("other", True)],
    )
    @pytest.mark.parametrize("level", ["media", "session"])
    def test_only_who_waits_needs_a_door(self, setup: str, opens: bool, level: str) -> None:  # noqa: FBT001 - a table's
        gateway = Gateway()
        attribute = f"a=setup:{setup}"
        lines = ["m=application 5000 TCP/BFCP *", attribute, "a=connection:new", "a=floorctrl:c-s", "a=confid:1"]
        if level == "session":
            lines = [attribute, *lines[:1], *lines[2:]]
        sent = offer(gateway, *lines)
        assert sent.text.splitlines()[-len(lines) :] == lines
        assert f"c=IN IP4 {GLOBAL}" in sent.text
        assert doors(gateway) == ([("application", 6, "10.0.0.10:5000")] if opens else [])

    def test_a_media_line_says_otherwise_than_the_session(self) -> None:
        gateway = Gateway()
        offer(gateway, "a=setup:active", "m=image 5000 TCP t38", "m=application 5002 TCP/BFCP *", "a=setup:passive")
        assert doors(gateway) == [("application", 6, "10.0.0.10:5002")]

    @pytest.mark.parametrize("setup", ["active", "actpass", "passive"])
    def test_nobody_listens_on_port_nine(self, setup: str) -> None:
        gateway = Gateway()
        lines = ["m=application 9 TCP/TLS/BFCP *", "c=IN IP4 10.0.0.10", f"a=setup:{setup}"]
        assert described(*lines, gateway=gateway) == [lines[0], f"c=IN IP4 {GLOBAL}", lines[2]]
        assert doors(gateway) == []

    @pytest.mark.parametrize("setup", ["active", "passive", "actpass"])
    def test_the_role_in_dtls_is_another_matter(self, setup: str) -> None:
        """RFC 5763: `a=setup` of a line over UDP says who begins the handshake; media come in any case."""
        gateway = Gateway()
        offer(gateway, "m=audio 4000 UDP/TLS/RTP/SAVPF 0", f"a=setup:{setup}", "m=application 5000 UDP/DTLS/SCTP x")
        assert len(doors(gateway)) == 3

    @pytest.mark.parametrize(
        ("transport", "protocol"), [("TCP/BFCP", 6), ("TCP/TLS/BFCP", 6), ("UDP/BFCP", 17), ("UDP/TLS/BFCP", 17)]
    )
    def test_floor_control(self, crowded: Gateway, transport: str, protocol: int) -> None:
        """RFC 8856: over either, one port."""
        described(f"m=application 5000 {transport} *", "a=setup:actpass", gateway=crowded)
        assert ("application", protocol, "10.0.0.10:5000") in doors(crowded)

    def test_a_door_lets_a_connection_in(self) -> None:
        gateway = Gateway()
        offer(gateway, "m=message 2855 TCP/MSRP *", "a=setup:passive")
        body = HEAD.replace("10.0.0.10", "198.51.100.99") + "m=message 9 TCP/MSRP *\na=setup:active"
        gateway.in_(answer(200, body=body))
        (door,) = [door for door in gateway.doors if door.inspect_as is None]
        assert (door.protocol, str(door.entrance), door.visitor) == (6, f"{GLOBAL}:2855", bytes([198, 51, 100, 99]))


class TestRtcp:
    def test_only_on_the_port_of_rtp(self) -> None:
        """RFC 8858: an offerer that would take it nowhere else."""
        gateway = Gateway()
        offer(gateway, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux", "a=rtcp-mux-only")
        assert doors(gateway) == [("rtp", 17, "10.0.0.10:4000")]

    @pytest.mark.parametrize("theirs", [True, False])
    def test_one_port_once_both_say_so(self, theirs: bool) -> None:  # noqa: FBT001 - whether the peer says so
        """RFC 5761, section 5.1.1: an offerer takes RTCP at the port above until the answer says it need not."""
        gateway = Gateway()
        gateway.out(request(body=sdp("10.0.0.10", 4000, "a=rtcp-mux")))
        assert len(doors(gateway)) == 2
        gateway.in_(answer(200, body=sdp("198.51.100.99", 7000, *(["a=rtcp-mux"] if theirs else []))))
        gateway.wait(2)
        assert [door[0] for door in doors(gateway)] == (["rtp"] if theirs else ["rtcp", "rtp"])
        gateway.out(request(body=sdp("10.0.0.10", 4000, "a=rtcp-mux")))
        gateway.wait(2)
        assert [door[0] for door in doors(gateway)] == (["rtp"] if theirs else ["rtcp", "rtp"])

    @pytest.mark.parametrize("theirs", [True, False])
    def test_one_port_in_an_answer(self, theirs: bool) -> None:  # noqa: FBT001 - whether the peer says so
        gateway = Gateway()
        gateway.out(request("REGISTER"))
        offered = incoming(body=sdp("198.51.100.99", 7000, *(["a=rtcp-mux"] if theirs else [])))
        gateway.in_(offered)
        lines = [line.decode() for line in offered.splitlines()[1:6]]
        body = sdp("10.0.0.10", 4000, *(["a=rtcp-mux"] if theirs else []))
        gateway.out(sip("SIP/2.0 200 OK", *lines, "c: application/sdp", body=body))
        assert [door[0] for door in doors(gateway)] == (["rtp"] if theirs else ["rtcp", "rtp"])

    def test_an_answer_that_takes_it_back(self) -> None:
        """Early media of one fork shares the port, the fork that is answered does not."""
        gateway = Gateway()
        gateway.out(request(body=sdp("10.0.0.10", 4000, "a=rtcp-mux")))
        gateway.in_(answer(183, body=sdp("198.51.100.99", 7000, "a=rtcp-mux")))
        other = answer(200, body=sdp("198.51.100.98", 7000)).replace(b";tag=b", b";tag=c")
        gateway.in_(other)
        gateway.wait(2)
        assert [door[0] for door in doors(gateway)] == ["rtcp", "rtp"]

    def test_both_name_what_is_not_adjacent(self) -> None:
        """A phone that probed from both ports (ICE) has two names that fit no pair: `a=rtcp` says the second."""
        gateway = Gateway()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
        names = [gateway.out(b"probe", f"10.0.0.10:{port}", "198.51.100.3:3478").source for port in (4000, 4001)]
        rtp, rtcp = (int(name.rpartition(":")[2]) for name in names)
        assert rtcp != rtp + 1
        lines = ["m=audio 4000 RTP/AVP 0", "a=sendrecv", "m=video 4400 RTP/AVP 31"]
        assert described(*lines, gateway=gateway) == [
            f"m=audio {rtp} RTP/AVP 0", "a=sendrecv", f"a=rtcp:{rtcp}", "m=video 4400 RTP/AVP 31",
        ]  # fmt: skip
        assert ("rtcp", 17, "10.0.0.10:4001") in doors(gateway)
        assert described(*lines[:2], "a=rtcp:4001 IN IP4 10.0.0.10", gateway=gateway) == [
            f"m=audio {rtp} RTP/AVP 0", "a=sendrecv", f"a=rtcp:{rtcp} IN IP4 {GLOBAL}",
        ]  # fmt: skip
        assert described(lines[0], gateway=gateway)[-1] == f"a=rtcp:{rtcp}"

    @pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
    def test_a_line_that_is_added_ends_as_the_others(self, end: bytes) -> None:
        gateway = Gateway()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
        for port in (4000, 4001):
            gateway.out(b"probe", f"10.0.0.10:{port}", "198.51.100.3:3478")
        body = crlf(sdp()).replace(b"\r\n", end or b"\n")
        sent = gateway.out(request(body=body if end else body[:-1])).data
        added = sent.rpartition(b"a=rtcp:")
        if end:
            assert added[0].endswith(b"RTP/AVP 0" + end)
            assert added[2].endswith(end)
            assert added[2][: -len(end)].isdigit()
        else:
            assert added[0].endswith(b"RTP/AVP 0\r\n")
            assert added[2].isdigit()


class TestIce:
    def test_candidates_of_a_call_that_is_yet_to_gather(self) -> None:
        """Trickle ICE (RFC 8840): port 9 at 0.0.0.0, with candidates or without."""
        gateway = Gateway()
        lines = ["m=audio 9 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
        assert described(*lines, gateway=gateway) == lines
        candidate = "a=candidate:1 1 UDP 1 {} 4000 typ host"
        assert described(*lines, candidate.format("10.0.0.10"), gateway=gateway)[-1] == candidate.format(GLOBAL)
        assert doors(gateway) == [("candidate", 17, "10.0.0.10:4000")]

    def test_what_the_other_side_chose(self) -> None:
        """RFC 8839, section 5.2: it names our candidates as it knows them, and we know them otherwise."""
        gateway = Gateway()
        gateway.out(request(host="10.0.0.11", body=sdp("10.0.0.11", 4000)), OTHER_PHONE)
        offer(gateway, "m=audio 4000 RTP/AVP 0")
        ports = sorted(door.entrance.port for door in gateway.doors if door.leads_to.port in {4000, 4001}
                       and str(door.leads_to).startswith("10.0.0.10"))  # fmt: skip
        chosen = "a=remote-candidates:1 {0} {1} 2 {0} {2}"
        body = sdp("198.51.100.99", 7000, chosen.format(GLOBAL, *ports), "a=remote-candidates:1 198.51.100.5 4000")
        received = gateway.in_(answer(200, body=body))
        assert received.text.splitlines()[-2:] == [
            chosen.format("10.0.0.10", 4000, 4001), "a=remote-candidates:1 198.51.100.5 4000",
        ]  # fmt: skip

    def test_what_we_chose_of_theirs_stays(self) -> None:
        chosen = "a=remote-candidates:1 198.51.100.5 4000 2 phone.example 1 x"
        assert described("m=audio 4000 RTP/AVP 0", chosen)[-1] == chosen

    def test_keys_and_parameters_stay(self) -> None:
        lines = [
            "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:10.0.0.10", "a=fmtp:0 10.0.0.10:4000",
            "a=control:rtsp://10.0.0.10/1", "a=ssrc:1 cname:sip:alice@10.0.0.10", "a=fingerprint:sha-1 10:00:00:10",
            "a=ice-ufrag:10.0.0.10", "a=ice-pwd:10.0.0.10", "a=group:BUNDLE 4000", "a=mid:4000", "a=msid:10.0.0.10",
        ]  # fmt: skip
        assert described(*lines) == lines

    def test_bundled_media_have_one_name(self) -> None:
        """RFC 9143: lines with one port share everything; a line that is only in the bundle has port 0."""
        gateway = Gateway()
        lines = [
            "m=audio 4001 RTP/AVP 0",
            "a=mid:0",
            "m=video 4001 RTP/AVP 31",
            "a=mid:1",
            "m=application 0 UDP/DTLS/SCTP x",
        ]
        audio, _, video, _, data = described(*lines, "a=bundle-only", gateway=gateway)[:5]
        assert audio.split()[1] == video.split()[1] != "4001"
        assert data == lines[-1]
        assert len(doors(gateway)) == 2


class TestOtherAddresses:
    def test_ipv6_is_left(self) -> None:
        gateway = Gateway()
        lines = [
            "c=IN IP6 2001:db8::10",
            "m=audio 4000 RTP/AVP 0",
            "c=IN IP6 2001:db8::10",
            "a=rtcp:4001 IN IP6 2001:db8::10",
        ]
        lines += ["a=candidate:1 1 UDP 1 2001:db8::10 4000 typ host", "a=path:msrp://[2001:db8::10]:2855/s;tcp"]
        body = "v=0\no=- 1 1 IN IP6 2001:db8::10\ns=-\nt=0 0\n" + "\n".join(lines)
        sent = gateway.out(request(body=body))
        assert sent.data.endswith(crlf(body))
        assert doors(gateway) == []

    def test_layers_of_a_multicast(self) -> None:
        lines = ["m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127", "c=IN IP4 224.2.1.2/127"]
        assert described(*lines) == lines

    def test_two_connections_of_one_line(self) -> None:
        line = "c=IN IP4 10.0.0.10"
        assert offer(Gateway(), "m=audio 4000 RTP/AVP 0", line, line).reason == "sip: sdp-connection-twice"

    def test_a_name_with_candidates(self) -> None:
        gateway = Gateway()
        lines = ["m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example", "a=candidate:1 1 UDP 1 10.0.0.10 4000 typ host"]
        assert described(*lines, gateway=gateway)[-1] == f"a=candidate:1 1 UDP 1 {GLOBAL} 4000 typ host"
        assert doors(gateway) == [("candidate", 17, "10.0.0.10:4000")]
        assert gateway.in_(b"x", PEER, f"{GLOBAL}:4000").target == "10.0.0.10:4000"
