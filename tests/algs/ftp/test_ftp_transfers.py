"""Active and passive transfers, the client or the server inside: what is announced, which doors open, who comes in."""

import pytest

from doorman.engine.connections import End
from doorman.engine.results import Side
from kit.ftp import CLIENT, FORWARDED, OVERLOAD, SERVED, SERVER, STRANGER, Ftp

TEXTS = [
    ("227 Entering Passive Mode (10,0,0,10,156,67).", "227 Entering Passive Mode (203,0,113,100,156,67)."),
    ("227 =10,0,0,10,156,67", "227 =203,0,113,100,156,67"),
    ("227 Entering Passive Mode. 10,0,0,10,156,67", "227 Entering Passive Mode. 203,0,113,100,156,67"),
    ("227 Passive (192 users), (10,0,0,10,156,67)", "227 Passive (192 users), (203,0,113,100,156,67)"),
    ("229 Entering Extended Passive Mode (|||40003|)", "229 Entering Extended Passive Mode (|||40003|)"),
    ("229 ok (!!!40003!) go", "229 ok (!!!40003!) go"),
]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("PORT 10,0,0,10,156,67", "PORT 203,0,113,1,156,67"),
        ("port 10,0,0,10,156,67", "port 203,0,113,1,156,67"),
        ("PoRt  10,0,0,10,156,67 ", "PoRt  203,0,113,1,156,67 "),
        ("EPRT |1|10.0.0.10|40003|", "EPRT |1|203.0.113.1|40003|"),
        ("eprt !1!10.0.0.10!40003!", "eprt !1!203.0.113.1!40003!"),
        ("\xff\xf4\xff\xf2PORT 10,0,0,10,156,67", "\xff\xf4\xff\xf2PORT 203,0,113,1,156,67"),
    ],
    ids=["PORT", "lower case", "blanks", "EPRT", "another delimiter", "behind Telnet's commands"],
)
def test_an_active_transfer_of_a_client_inside(said: str, heard: str) -> None:
    ftp = Ftp()
    assert ftp.says(said.encode("latin-1")) == heard
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40003 > 10.0.0.10:40003"]
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003") == "inside: tcp 198.51.100.20:20 > 10.0.0.10:40003"
    assert ftp.doors == []


def test_the_port_of_the_server_is_any_that_it_likes() -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    assert ftp.comes("198.51.100.20:31000", "203.0.113.1:40003").startswith("inside: ")


def test_a_client_whose_port_is_taken_outside_is_announced_by_another() -> None:
    ftp = Ftp()
    neighbour = ftp.comes("10.0.0.11:40003", "192.0.2.9:80", Side.INSIDE)
    assert "203.0.113.1:40003" in neighbour
    heard = ftp.says("PORT 10,0,0,10,156,67")
    high, low = map(int, heard.split(",")[-2:])
    assert high * 256 + low != 40003
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.1:{high * 256 + low} > 10.0.0.10:40003"]


def test_a_client_that_announces_nothing_is_called_where_its_commands_come_from() -> None:
    """The default of RFC 959, section 3.2: the server's port 20, the client's port of the control connection."""
    ftp = Ftp()
    for line, server in (("RETR file", "198.51.100.20:20"), ("LIST", "198.51.100.20:31000")):
        ftp.says(line)
        assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40000 > 10.0.0.10:40000"]
        assert ftp.comes(server, "203.0.113.1:40000") == f"inside: tcp {server} > 10.0.0.10:40000"
        assert ftp.doors == []
        ftp.answers("150 here it comes")
        ftp.answers("226 done")
        ftp.wait(1)
    ftp.says("PORT 10,0,0,10,156,67")
    ftp.says("LIST")
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40003 > 10.0.0.10:40003"]


def test_a_client_that_asked_the_server_to_announce_is_not_called() -> None:
    ftp = Ftp()
    ftp.says("PASV")
    ftp.says("RETR file")
    assert ftp.doors == []
    ftp.answers("502 no")
    ftp.says("LIST")
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40000 > 10.0.0.10:40000"]


def test_a_server_inside_is_not_called_by_default() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    ftp.says("LIST")
    assert ftp.doors == []


def test_a_passive_transfer_of_a_client_inside_needs_no_door() -> None:
    ftp = Ftp()
    reply = "227 Entering Passive Mode (198,51,100,20,82,11)."
    assert ftp.passive(reply) == reply
    assert ftp.passive("229 ok (|||21003|)") == "229 ok (|||21003|)"
    assert ftp.doors == []
    assert ftp.comes("10.0.0.10:40009", "198.51.100.20:21003", Side.INSIDE).startswith("outside: tcp 203.0.113.1:40009")


@pytest.mark.parametrize(("said", "heard"), TEXTS)
def test_a_passive_transfer_of_a_server_inside(said: str, heard: str) -> None:
    ftp = Ftp(SERVED, server_inside=True)
    assert ftp.passive(said) == heard
    assert ftp.doors == ["198.51.100.20 > 203.0.113.100:40003 > 10.0.0.10:40003"]
    came = ftp.comes("198.51.100.20:50001", "203.0.113.100:40003")
    assert came == "inside: tcp 198.51.100.20:50001 > 10.0.0.10:40003"
    assert ftp.doors == []


def test_a_server_behind_one_port_of_the_shared_address() -> None:
    ftp = Ftp(FORWARDED, server_inside=True)
    assert ftp.passive("227 ok (10,0,0,10,156,67)") == "227 ok (203,0,113,1,156,67)"
    assert ftp.comes("198.51.100.20:50001", "203.0.113.1:40003").endswith("10.0.0.10:40003")


def test_the_port_alone_is_translated_too() -> None:
    ftp = Ftp(FORWARDED, server_inside=True)
    ftp.comes("10.0.0.11:40003", "192.0.2.9:80", Side.INSIDE)
    heard = ftp.passive("229 ok (|||40003|)")
    assert heard != "229 ok (|||40003|)"
    port = heard.split("|")[3]
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.1:{port} > 10.0.0.10:40003"]


def test_an_active_transfer_of_a_server_inside_needs_no_door() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    assert ftp.says("PORT 198,51,100,20,156,67") == "PORT 198,51,100,20,156,67"
    assert ftp.says("EPRT |1|198.51.100.20|40003|") == "EPRT |1|198.51.100.20|40003|"
    assert ftp.doors == []
    assert ftp.comes("10.0.0.10:20", "198.51.100.20:40003", Side.INSIDE).startswith("outside: tcp 203.0.113.100:20 >")


@pytest.mark.parametrize("port", [40003, 40004])
def test_a_host_that_knows_its_name_outside_may_use_it(port: int) -> None:
    """A server with `pasv_address`, a client with an external address configured."""
    ftp = Ftp(SERVED, server_inside=True)
    text = f"227 ok (203,0,113,100,{port // 256},{port % 256})"
    assert ftp.passive(text) == text
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.100:{port} > 10.0.0.10:{port}"]
    ftp = Ftp()
    assert ftp.says("PORT 203,0,113,1,156,67") == "PORT 203,0,113,1,156,67"
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40003 > 10.0.0.10:40003"]


def test_a_host_without_a_translation_is_left_alone() -> None:
    ftp = Ftp(OVERLOAD.replace("permit 10.0.0.0 0.0.0.255", "permit 10.0.0.128 0.0.0.127"))
    assert ftp.says("PORT 10,0,0,10,156,67") == "PORT 10,0,0,10,156,67"
    assert ftp.doors == []
    ftp.says("AUTH TLS")
    ftp.answers("234 go on")
    assert ftp.send(b"\x16\x03\x01" + bytes(20_000)) == b"\x16\x03\x01" + bytes(20_000)


def test_a_door_waits_for_a_minute() -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    ftp.wait(59)
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003").startswith("inside: ")
    ftp = Ftp(OVERLOAD + "ip nat service ftp data-timeout 30\n")
    ftp.says("PORT 10,0,0,10,156,67")
    ftp.wait(31)
    assert ftp.doors == []
    assert ftp.comes("198.51.100.20:20", "203.0.113.1:40003").startswith("dropped: ")


def test_what_came_through_it_lives_as_long_as_it_likes() -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    server, name = "198.51.100.20:20", "203.0.113.1:40003"
    ftp.comes(server, name)
    ftp.comes("10.0.0.10:40003", server, Side.INSIDE, "SA")
    ftp.comes(server, name, flags="A")
    ftp.connection.close(ftp.now)
    ftp.wait(7_000)
    assert ftp.comes(server, name, flags="A").startswith("inside: ")


def test_the_next_announcement_takes_the_place_of_the_one_before() -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    ftp.says("PORT 10,0,0,10,156,68")
    ftp.wait(1)
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40004 > 10.0.0.10:40004"]
    ftp.says("PORT 10,0,0,10,156,68")
    ftp.wait(30)
    assert ftp.doors == ["198.51.100.20 > 203.0.113.1:40004 > 10.0.0.10:40004"]


@pytest.mark.parametrize("ends", ["221 Goodbye", "421 Timeout", "close"])
def test_the_end_of_the_control_connection_closes_its_door(ends: str) -> None:
    ftp = Ftp()
    ftp.says("PORT 10,0,0,10,156,67")
    if ends == "close":
        ftp.connection.close(ftp.now)
    else:
        ftp.answers(ends)
    ftp.wait(1)
    assert ftp.doors == []


def test_ten_clients_at_once_on_one_address_of_a_server() -> None:
    ftp = Ftp()
    others = [Ftp(engine=ftp.engine, client=f"10.0.0.{20 + number}:40000") for number in range(10)]
    for number, other in enumerate(others):
        heard = other.says(f"PORT 10,0,0,{20 + number},156,67")
        high, low = map(int, heard.split(",")[-2:])
        came = other.comes(f"198.51.100.20:{20 + number}", f"203.0.113.1:{high * 256 + low}")
        assert came.endswith(f"> 10.0.0.{20 + number}:40003")
    assert ftp.doors == []


@pytest.mark.parametrize("line", ["LIST", "STOR caf\xe9 \xff\xff", "SITE \x1b[2J", "227 no reply", "X" * 500, ""])
def test_whatever_else_is_said_stays_as_it_is(line: str) -> None:
    ftp = Ftp()
    ftp.passive("229 ok (|||21003|)")
    assert ftp.says(line.encode("latin-1")) == line
    assert ftp.answers(line.encode("latin-1")) == line
    assert ftp.doors == []


def test_several_lines_in_one_go_and_one_line_in_many() -> None:
    ftp = Ftp()
    assert ftp.send(b"NOOP\r\nPORT 10,0,0,10,156,67\r\nRETR x\r\n") == b"NOOP\r\nPORT 203,0,113,1,156,67\r\nRETR x\r\n"
    parts = [ftp.send(b"PORT 10,0,0,10,156,68\n"[at : at + 1]) for at in range(22)]
    assert b"".join(parts) == b"PORT 203,0,113,1,156,68\n"
    assert parts[:-1] == [b""] * 21


MULTI_LINE = b"227-Here it comes\r\n 10,0,0,10,156,67\r\n221 not this\r\n227 (10,0,0,10,156,67)\r\n"


def test_an_announcement_within_a_reply_of_several_lines() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    ftp.says("PASV")
    assert ftp.send(MULTI_LINE, End.SERVER) == MULTI_LINE.replace(b"10,0,0,10", b"203,0,113,100")
    assert ftp.doors == ["198.51.100.20 > 203.0.113.100:40003 > 10.0.0.10:40003"]


def test_the_text_of_other_replies_announces_nothing() -> None:
    ftp = Ftp(SERVED, server_inside=True)
    lines = b"220-Welcome to 10,0,0,10,156,67\r\n227 (10,0,0,10,156,67)\r\n220 done\r\n"
    lines += b"214-PORT\r\nPORT 10,0,0,10,1,1\r\n214 .\r\n"
    ftp.says("PASV")
    assert ftp.send(lines, End.SERVER) == lines
    assert ftp.doors == []


def test_the_control_connection_of_a_long_transfer_does_not_end() -> None:
    ftp = Ftp(OVERLOAD + "ip nat translation tcp-timeout 300\n")
    ftp.passive("227 ok (198,51,100,20,82,11)")
    ftp.says("RETR big")
    ftp.answers("150 here it is")
    assert ftp.comes("10.0.0.10:40009", "198.51.100.20:21003", Side.INSIDE).startswith("outside: ")
    [control] = [one for one in ftp.engine.state.sessions if one.alg == "ftp"]
    [data] = [one for one in ftp.engine.state.sessions if one.alg is None]
    data.timeout = 300.0
    for _ in range(20):
        ftp.wait(200)
        data.last_used = ftp.now
    assert ftp.connection.alive
    assert ftp.answers("226 done") == "226 done"
    assert not control.waits_for
    ftp.wait(301)
    assert not ftp.connection.alive


def test_it_ends_with_its_data_flow() -> None:
    ftp = Ftp(OVERLOAD + "ip nat translation tcp-timeout 300\n")
    ftp.says("RETR big")
    ftp.answers("150 here it is")
    ftp.wait(301)
    assert not ftp.connection.alive


def test_sessions_and_totals() -> None:
    ftp = Ftp()
    ftp.says("USER anonymous")
    ftp.says("PORT 10,0,0,10,156,67")
    ftp.says("RETR \x1b]0;x")
    for line in ("331 ok", "200 ok", "150 here it is"):
        ftp.answers(line)
    alg = ftp.engine.inspector.algs["ftp"]
    assert alg.totals() == {"sessions": 1, "transfers": 1}
    [session] = alg.sessions(ftp.now + 5)
    shown = {key: str(value) for key, value in session.items()}
    assert shown["client"] == CLIENT
    assert shown["server"] == SERVER
    assert (shown["state"], shown["opened_by"], shown["age"]) == ("transfer", "server", "5.0")
    ftp.answers("226 done")
    ftp.connection.close(ftp.now)
    assert alg.totals() == {"sessions": 0, "transfers": 0}
    assert STRANGER not in shown.values()
