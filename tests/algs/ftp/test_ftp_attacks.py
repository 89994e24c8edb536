"""What the FTP ALG refuses: bounce attacks, slipstreaming, ports that none may be led to, floods, and odd spellings."""

import pytest

from doorman.engine.connections import End
from doorman.engine.results import Side
from kit.ftp import CLIENT, OVERLOAD, SERVED, SERVER, STRANGER, Ftp
from kit.talk import INSIDE, OUTSIDE, Talk

NOBODY = {"PORT": "PORT 0,0,0,0,0,0", "EPRT": "EPRT |1|0.0.0.0|0|"}
HTTP = b"POST / HTTP/1.1\r\nHost: 198.51.100.20:21\r\nContent-Length: 3000\r\n\r\n"
SLIPSTREAM = b"PORT 10,0,0,10,156,67\r\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("PORT 10,0,0,11,156,67", "third-party-address"),
        ("PORT 192,0,2,66,156,67", "third-party-address"),
        ("PORT 10,0,0,1,156,67", "third-party-address"),
        ("EPRT |1|10.0.0.11|40003|", "third-party-address"),
        ("PORT 10,0,0,10,0,25", "port-not-allowed"),
        ("PORT 10,0,0,10,3,255", "port-not-allowed"),
        ("PORT 10,0,0,10,0,0", "port-not-allowed"),
        ("EPRT |1|10.0.0.10|22|", "port-not-allowed"),
        ("PORT 10,0,0,10,12,234", "port-not-allowed"),
        ("EPRT |1|10.0.0.10|66000|", "port-number"),
        ("EPRT |1|10.0.0.10|99999|", "port-number"),
        ("EPRT |1|10.0.0.10|400030|", "extended-host-port"),
        ("EPRT |2|10.0.0.10|40003|", "extended-host-port"),
        ("EPRT |1|::1|40003|", "extended-host-port"),
        ("EPRT |1|10.0.0.010|40003|", "extended-host-port"),
        ("EPRT |3|10.0.0.10|40003|", "extended-host-port"),
        ("EPRT |1|10.0.0.10|40003", "extended-host-port"),
        ("EPRT 1 10.0.0.10 40003", "extended-host-port"),
        ("PORT 10,0,0,256,156,67", "host-port"),
        ("PORT 10,0,0,10,156", "host-port"),
        ("PORT 10,0,0,10,156,67,1", "host-port"),
        ("PORT 10, 0,0,10,156,67", "host-port"),
        ("PORT +10,0,0,10,156,67", "host-port"),
        ("PORT 0x0a,0,0,10,156,67", "host-port"),
        ("PORT", "host-port"),
    ],
)
def test_a_command_of_a_client_inside_that_is_made_void(line: str, reason: str) -> None:
    ftp = Ftp()
    heard = ftp.says(line)
    assert heard.rstrip() in {NOBODY[line[:4]], "PORT0,0,0,0,0,0"}
    assert ftp.doors == []
    assert ftp.notes == {reason: 1}
    assert ftp.answers("501 no") == "501 no"


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        (b"PORT 192,0,2,66,0,25", "PORT 0,0,0,0,0,0"),
        (b"PORT 203,0,113,100,156,67", "PORT 0,0,0,0,0,0"),
        (b"PORT 10,0,0,10,156,67", "PORT 0,0,0,0,0,0"),
        (b"PORT 198,51,100,20,0,80", "PORT 0,0,0,0,0,0"),
        (b"  PORT 192,0,2,66,0,25", "  PORT 0,0,0,0,0,0"),
        (b"EPRT |1|192.0.2.66|8080|", "EPRT |1|0.0.0.0|0|"),
        (b"EPRT |2|2001:db8::1|8080|", "EPRT |2|::|0|"),
        (b"LPRT 4,4,192,0,2,66,2,0,25", "LPRT 0"),
        (b"P\xff\xf1ORT 192,0,2,66,0,25", "PORT 0,0,0,0,0,0"),
        (b"PORT\xff\xf1 192,0,2,66,0,25", "PORT 0,0,0,0,0,0"),
    ],
)
def test_a_bounce_attack_from_outside_on_a_server_inside(line: bytes, heard: str) -> None:
    ftp = Ftp(SERVED, server_inside=True)
    ftp.says("NOOP")
    assert ftp.says(line) == heard
    assert ftp.doors == []


@pytest.mark.parametrize("port", ["0,22", "12,234", "3,255"])
def test_a_server_inside_that_announces_a_service_of_its_own(port: str) -> None:
    ftp = Ftp(SERVED, server_inside=True)
    assert ftp.passive(f"227 ok (10,0,0,10,{port})") == "227 ok (0,0,0,0,0,0)"
    number = int(port.split(",", maxsplit=1)[0]) * 256 + int(port.split(",")[1])
    assert ftp.passive(f"229 ok (|||{number}|)") == "229 ok (|||0|)"
    assert ftp.doors == []


def test_a_server_inside_that_announces_its_neighbour() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    assert ftp.passive("227 ok (10,0,0,11,156,67)") == "227 ok (0,0,0,0,0,0)"
    assert ftp.doors == []


@pytest.mark.parametrize("address", ["10,0,0,11", "203,0,113,1", "127,0,0,1", "172,16,0,1"])
def test_a_server_outside_that_announces_another_is_left_alone_and_noted(address: str) -> None:
    """It opens nothing; a server behind a NAT without an ALG says so, and clients know better than to believe it."""
    ftp = Ftp()
    said = f"227 ok ({address},156,67)"
    assert ftp.passive(said) == said
    assert ftp.notes == {"third-party-address": 1}


def test_only_the_peer_comes_in_and_only_once() -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    assert ftp.comes(f"{STRANGER}:20", "203.0.113.1:40003") == "dropped: no-session-or-door"
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003").startswith("inside: ")
    assert ftp.comes("198.51.100.20:21", "203.0.113.1:40003") == "dropped: no-session-or-door"


def test_an_answer_that_nobody_asked_for_opens_nothing() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    said = "227 ok (10,0,0,10,156,67)"
    assert ftp.answers(said) == said
    assert ftp.passive(said) != said
    ftp.wait(61)
    assert ftp.answers(said) == said
    assert ftp.doors == []


def test_a_flood_of_pasv_opens_one_door_and_is_bounded() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    for _ in range(1_000):
        ftp.says("PASV")
    assert ftp.notes == {"too-many-commands": 1_000 - 256}
    for number in range(300):
        ftp.answers(f"227 ok (10,0,0,10,156,{number % 200})")
    ftp.wait(1)
    assert len(ftp.doors) == 1
    assert len(list(ftp.engine.state.bindings)) <= 3


def test_a_flood_of_port_leaves_one_name() -> None:
    ftp = Ftp()
    before = len(ftp.engine.state.bindings)
    for number in range(300):
        ftp.says(f"PORT 10,0,0,10,{100 + number % 100},{number % 250}")
        ftp.wait(1)
    assert len(ftp.doors) == 1
    assert len(ftp.engine.state.bindings) == before + 1


@pytest.mark.parametrize("begins", [HTTP, b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\0", b"SSH-2.0-x\r\n", b"\0\0"])
def test_slipstreaming(begins: bytes) -> None:
    """A browser that is made to send a segment which begins with PORT, in the middle of something else."""
    talk = Talk(Ftp().engine, CLIENT, SERVER)
    talk.open()
    talk.say(INSIDE, begins)
    talk.say(OUTSIDE, b"220 ready\r\n")
    talk.say(INSIDE, SLIPSTREAM)
    assert talk.heard[OUTSIDE] == begins + SLIPSTREAM
    assert list(talk.engine.state.doors) == []


def test_a_connection_whose_beginning_was_not_seen() -> None:
    talk = Talk(Ftp().engine, CLIENT, SERVER)
    talk.expected[INSIDE] = talk.next[OUTSIDE]
    talk.say(INSIDE, SLIPSTREAM)
    assert talk.heard[OUTSIDE] in {b"", SLIPSTREAM}
    assert list(talk.engine.state.doors) == []


def test_nobody_outside_can_blind_the_alg() -> None:
    ftp = Ftp()
    ftp.says("USER x")
    ftp.answers("234 go on")
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 203,0,113,1,156,67"


@pytest.mark.parametrize("mechanism", ["TLS", "tls-c", "SSL"])
def test_encryption_that_was_asked_for_and_granted(mechanism: str) -> None:
    ftp = Ftp()
    ftp.says(f"AUTH {mechanism}")
    ftp.answers("234 go on")
    tls = b"\x16\x03\x01" + bytes(30_000) + b"\nPORT 10,0,0,10,156,67\r\n"
    assert ftp.send(tls) == tls
    assert ftp.send(tls, End.SERVER) == tls
    assert not ftp.connection.inspected
    assert ftp.notes == {"tls": 1}


@pytest.mark.parametrize("answer", ["504 no", "431 not now", "534-no\r\n234 not either\r\n534 no", "334 more"])
def test_encryption_that_was_refused(answer: str) -> None:
    ftp = Ftp()
    ftp.says("AUTH TLS")
    ftp.answers(answer)
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 203,0,113,1,156,67"
    assert ftp.connection.inspected


def test_epsv_all_is_a_promise() -> None:
    ftp = Ftp()
    ftp.says("EPSV ALL")
    ftp.answers("200 ok")
    assert ftp.says("PORT 10,0,0,10,156,67") == NOBODY["PORT"]
    assert ftp.notes == {"epsv-all": 1}
    ftp.answers("501 no")
    ftp.says("REIN")
    ftp.answers("220 ready")
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 203,0,113,1,156,67"
    refused = Ftp()
    refused.says("epsv all")
    refused.answers("500 what?")
    assert refused.says("PORT 10,0,0,10,156,67") == "PORT 203,0,113,1,156,67"


@pytest.mark.parametrize(("policy", "passes"), [("drop", False), ("pass", True)])
def test_a_line_without_end(policy: str, passes: bool) -> None:  # noqa: FBT001 - a parameter of the test
    ftp = Ftp(OVERLOAD + f"ip nat service ftp oversized {policy}\n")
    ftp.says("NOOP")
    line = b"PORT 10,0,0,10,156,67" + b" " * 10_000
    assert ftp.send(line) == (line if passes else b"")
    assert ftp.relay.close != passes
    assert ftp.doors == []


def test_what_cannot_be_read_may_pass() -> None:
    ftp = Ftp(OVERLOAD + "ip nat service ftp malformed pass\n")
    for line in ("PORT 10,0,0,10,156", "EPRT |1|10.0.0.10|66000|", "LPRT 1", "P\xff\xf1ORT 1"):
        assert ftp.says(line.encode("latin-1")) == line
    assert ftp.notes == {"passed-as-it-came": 4}
    assert ftp.says("PORT 10,0,0,11,156,67") == NOBODY["PORT"], "that it can be read, and is refused"


def test_no_name_is_left() -> None:
    ftp = Ftp(OVERLOAD + "ip nat translation max-entries all-host 1\n")
    assert ftp.says("PORT 10,0,0,10,156,67") == NOBODY["PORT"]
    assert ftp.notes == {"max-entries-of-host": 1}


def test_a_mode_that_only_looks() -> None:
    ftp = Ftp(OVERLOAD + "ip nat service ftp mode observe\n")
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 10,0,0,10,156,67"
    assert ftp.says("PORT 10,0,0,11,156,67") == "PORT 10,0,0,11,156,67"
    assert ftp.doors == []
    assert ftp.notes == {"would-rewrite": 2, "would-open-door": 1, "third-party-address": 1}
    ftp = Ftp(OVERLOAD + "ip nat service ftp mode pinhole-only\n")
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 10,0,0,10,156,67"
    assert len(ftp.doors) == 1
    ftp = Ftp(OVERLOAD + "no ip nat service ftp\n")
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 10,0,0,10,156,67"
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003", Side.OUTSIDE).startswith("dropped: ")
