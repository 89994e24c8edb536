"""FTP between a client of IPv6 and a server of IPv4 (RFC 6384), and the other way round."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.engine.connections import End
from kit.ftp64 import HOST, NAME, V6V4, V6V4_STATIC, Ftp64

EPRT = f"EPRT |2|{HOST}|40003|"
"""The client's own address."""
ODD = st.sampled_from(
    ["EPSV", "EPRT", "PORT", "ALGS", "227", "229", "200", "-", " ", "(", "|", ",", ":", "2", "1", "\xff"]
)
NOT_FOR_THAT = "504 Command not implemented for that parameter"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("227 Entering Passive Mode (198,51,100,20,237,19)", "229 Entering Passive Mode (|||60691|)"),
        ("227 Entering Passive Mode (198,51,100,20,237,19).", "229 Entering Passive Mode (|||60691|)."),
        ("227 =198,51,100,20,237,19", "229 =(|||60691|)"),
        ("227 Mode passif activ\xe9: 198,51,100,20,237,19.", "229 Mode passif activ\xe9: (|||60691|)."),
        ("227 private (10,1,2,3,237,19)", "229 private (|||60691|)"),
        ("227 (198,51,100,20,237,19", "229 ((|||60691|)"),
        ("227 what?", "229 what?"),
        ("227 odd (198,51,100,256,237,19)", "229 odd (198,51,100,256,237,19)"),
        ("421 bye", "421 bye"),
        ("502 no passive mode", "502 no passive mode"),
    ],
)
@pytest.mark.parametrize("asks", ["EPSV", "EPSV 2", "epsv 2 ", "EPSV "])
def test_a_passive_transfer(asks: str, said: str, heard: str) -> None:
    ftp = Ftp64()
    assert ftp.says(asks) == "PASV"
    assert ftp.answers(said.encode("latin-1")) == heard
    assert ftp.doors == []


def test_a_reply_of_several_lines() -> None:
    ftp = Ftp64()
    ftp.says("EPSV")
    said = b"227-Here it comes\r\n (198,51,100,20,237,19)\r\n221 not this\r\n227 done\r\n"
    heard = b"229-Here it comes\r\n (|||60691|)\r\n221 not this\r\n229 done\r\n"
    assert ftp.send(said, End.SERVER) == heard
    names = [one.outcome.name for one in ftp.relay.inspections]
    assert names == ["227", "227", "", "227"], "a line that is changed is shown as one of the reply"
    assert ftp.answers("227 (198,51,100,20,237,19)") == "227 (198,51,100,20,237,19)", "nobody asked for another"


def test_an_active_transfer() -> None:
    ftp = Ftp64()
    assert ftp.says(EPRT) == "PORT 203,0,113,1,156,67"
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.1:40003 > {ftp.stand_in}:40003"]
    assert ftp.answers("200 PORT command successful") == "200 PORT command successful"
    came = ftp.comes("198.51.100.20:20", "203.0.113.1:40003")
    assert came == f"inside: tcp 198.51.100.20:20 > {ftp.stand_in}:40003"


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ("eprt |2|2001:DB8:1::10|40003|", "PORT 203,0,113,1,156,67"),
        ("EPRT  !2!2001:db8:1:0:0:0:0:10!40003! ", "PORT  203,0,113,1,156,67 "),
        ("EPRT |2|2001:db8:1::0.0.0.16|40003|", "PORT 203,0,113,1,156,67"),
        ("EPRT |1|203.0.113.1|40003|", "EPRT |1|203.0.113.1|40003|"),
        ("PORT 203,0,113,1,156,67", "PORT 203,0,113,1,156,67"),
    ],
    ids=["lower case", "blanks", "as IPv4", "the name outside", "the name outside by PORT"],
)
def test_other_spellings_of_the_same(line: str, heard: str) -> None:
    ftp = Ftp64()
    assert ftp.says(line) == heard
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.1:40003 > {ftp.stand_in}:40003"]


@pytest.mark.parametrize(
    ("line", "heard", "reason"),
    [
        ("EPRT |2|2001:db8:1::11|40003|", "EPRT |2|::|0|", "third-party-address"),
        ("EPRT |2|2001:db8:64::c633:6414|40003|", "EPRT |2|::|0|", "third-party-address"),
        ("EPRT |2|::ffff:192.0.2.66|40003|", "EPRT |2|::|0|", "third-party-address"),
        (f"EPRT |2|{HOST}|22|", "EPRT |2|::|0|", "port-not-allowed"),
        (f"EPRT |2|{HOST}|3306|", "EPRT |2|::|0|", "port-not-allowed"),
        (f"EPRT |2|{HOST}|66000|", "EPRT |1|0.0.0.0|0|", "port-number"),
        (f"EPRT |1|{HOST}|40003|", "EPRT |1|0.0.0.0|0|", "extended-host-port"),
        (f"EPRT |2|{HOST}%eth0|40003|", "EPRT |1|0.0.0.0|0|", "extended-host-port"),
        ("EPRT |1|192.0.2.66|40003|", "EPRT |1|0.0.0.0|0|", "third-party-address"),
        ("PORT 192,0,2,66,156,67", "PORT 0,0,0,0,0,0", "third-party-address"),
    ],
)
def test_what_is_refused(line: str, heard: str, reason: str) -> None:
    """RFC 6384 would have what names another host go on as it came; a bounce is one all the same (RFC 2577)."""
    ftp = Ftp64()
    assert ftp.says(line) == heard
    assert ftp.doors == []
    assert ftp.notes == {reason: 1}
    assert ftp.answers("522 no") == "522 no"
    assert ftp.says(EPRT) == "PORT 203,0,113,1,156,67"


def test_only_the_server_comes_in() -> None:
    ftp = Ftp64()
    ftp.says(EPRT)
    assert ftp.comes("192.0.2.66:20", "203.0.113.1:40003") == "dropped: no-session-or-door"


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ("EPSV ALL", NOT_FOR_THAT),
        ("epsv all", NOT_FOR_THAT),
        ("EPSV 1", "522 Network protocol not supported, use (2)"),
        ("EPSV 3", "522 Network protocol not supported, use (2)"),
        ("ALGS STATUS64", "216 EPSVEPRT"),
        ("ALGS ENABLE64", "216 EPSVEPRT"),
        ("ALGS DISABLE64", "216 NONE"),
        ("algs status64 ", "216 EPSVEPRT"),
        ("ALGS", NOT_FOR_THAT),
        ("ALGS STATUS65", NOT_FOR_THAT),
    ],
)
@pytest.mark.parametrize("said", ["200 NOOP ok.", "200", "200-NOOP\r\n really\r\n200 ok", "530 Please login."])
def test_what_the_gateway_answers_itself(line: str, heard: str, said: str) -> None:
    ftp = Ftp64()
    assert ftp.says(line) == "NOOP"
    assert ftp.answers(said) == heard
    assert ftp.notes == ({"noop-refused": 1} if said.startswith("530") else {})
    assert ftp.answers("200 of something else") == "200 of something else"


def test_what_the_server_never_heard_of_grants_nothing() -> None:
    ftp = Ftp64()
    ftp.says("EPSV 1")
    assert ftp.says("RETR file") == "RETR file"
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.1:40000 > {ftp.stand_in}:40000"]
    assert ftp.answers("229 unasked (|||40003|)") == "229 unasked (|||40003|)"
    assert ftp.answers("200 ok").startswith("522 ")


def test_the_server_gives_up() -> None:
    ftp = Ftp64()
    ftp.says("ALGS STATUS64")
    assert ftp.answers("421 Timeout") == "421 Timeout"


def test_a_client_that_wants_no_translation() -> None:
    ftp = Ftp64()
    ftp.says("ALGS DISABLE64")
    assert ftp.answers("200 ok") == "216 NONE"
    for line in ("EPSV", "EPSV 2", "EPSV 1", EPRT):
        assert ftp.says(line) == line
    assert ftp.doors == []
    for reply in ("229 ok (|||40003|)", "522 no", "522 no", "522 no"):
        assert ftp.answers(reply) == reply
    assert ftp.says(EPRT.replace("::10", "::11")) == "EPRT |2|::|0|", "a bounce is one all the same"
    ftp.answers("522 no")
    ftp.says("ALGS ENABLE64")
    assert ftp.answers("200 ok") == "216 EPSVEPRT"
    assert ftp.says("EPSV") == "PASV"


@pytest.mark.parametrize("line", ["PASV", "EPSV what", "LANG fr", "FEAT", "OPTS UTF8 ON", "SITE ALGS STATUS64", "NOOP"])
def test_all_else_goes_on_as_it_came(line: str) -> None:
    ftp = Ftp64()
    assert ftp.says(line) == line
    reply = "227 ok (198,51,100,20,237,19)" if line == "PASV" else "200 caf\xe9"
    assert ftp.answers(reply.encode("latin-1")) == reply


class Exchange(NamedTuple):
    """What a client says, what of it the server gets, what that says, and what of it the client gets."""

    said: str
    sent: str
    reply: str
    heard: str


EXCHANGES = [
    Exchange("NOOP", "NOOP", "200 ok", "200 ok"),
    Exchange("PWD", "PWD", '257-"/"\r\n 227 (1,2,3,4,5,6)\r\n257 is it', '257-"/"\r\n 227 (1,2,3,4,5,6)\r\n257 is it'),
    Exchange("EPSV", "PASV", "227 (198,51,100,20,237,19)", "229 (|||60691|)"),
    Exchange("EPSV 2", "PASV", "227-ok\r\n227 =198,51,100,20,237,19.", "229-ok\r\n229 =(|||60691|)."),
    Exchange("EPSV", "PASV", "502 no", "502 no"),
    Exchange("EPSV 1", "NOOP", "200 ok", "522 Network protocol not supported, use (2)"),
    Exchange("EPSV ALL", "NOOP", "200-ok\r\n200 ok", NOT_FOR_THAT),
    Exchange("ALGS STATUS64", "NOOP", "530 who are you?", "216 EPSVEPRT"),
    Exchange("PASV", "PASV", "227 (198,51,100,20,237,19)", "227 (198,51,100,20,237,19)"),
    Exchange(EPRT, "PORT 203,0,113,1,156,67", "200 ok", "200 ok"),
    Exchange("RETR file", "RETR file", "150 here\r\n226 done", "150 here\r\n226 done"),
]


@given(st.lists(st.sampled_from(EXCHANGES), max_size=12), st.data())
def test_any_exchanges_at_once_and_however_they_are_cut(talk: list[Exchange], data: st.DataObject) -> None:
    """Replies are told as of the commands that they are to, though all commands came before the first of them."""
    ftp = Ftp64()
    for end, came, goes in ((End.CLIENT, "said", "sent"), (End.SERVER, "reply", "heard")):
        stream = "".join(getattr(one, came) + "\r\n" for one in talk).encode()
        edges = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
        parts = [stream[start:stop] for start, stop in pairwise([0, *edges, len(stream)])]
        passed = b"".join(ftp.send(part, end) for part in parts)
        assert passed == "".join(getattr(one, goes) + "\r\n" for one in talk).encode()


@given(st.lists(st.tuples(st.sampled_from(End), st.lists(ODD, max_size=16).map("".join)), max_size=12))
def test_odd_lines_are_lines_for_the_other_end(talk: list[tuple[End, str]]) -> None:
    """Nothing fails, and whatever opens a door leads to the client itself."""
    ftp = Ftp64()
    ftp.says("EPSV")
    for end, text in talk:
        passed = ftp.send(text.encode("latin-1") + b"\r\n", end)
        assert passed.count(b"\n") <= 1
    assert "internal-error" not in str(ftp.engine.drops)
    assert all(f" > {ftp.stand_in}:" in door for door in ftp.doors)


def test_a_greeting_is_no_reply() -> None:
    ftp = Ftp64()
    assert ftp.says("ALGS STATUS64") == "NOOP"
    assert ftp.answers("220 ready") == "220 ready"
    assert ftp.answers("200 ok") == "216 EPSVEPRT"


@pytest.mark.parametrize(("answer", "translates"), [("534 no", True), ("431 later", True), ("334 more", False)])
def test_security_that_is_asked_for_ends_translation(answer: str, translates: bool) -> None:  # noqa: FBT001 - a parameter
    ftp = Ftp64()
    ftp.says("AUTH GSSAPI")
    assert ftp.says("EPSV") == "EPSV"
    assert ftp.answers(answer) == answer
    ftp.answers("229 ok (|||40003|)")
    assert ftp.says("EPSV") == ("PASV" if translates else "EPSV")
    assert ftp.says("ALGS STATUS64") == ("NOOP" if translates else "ALGS STATUS64")


def test_a_client_of_ipv4_and_a_server_of_ipv6() -> None:
    ftp = Ftp64(server_inside=True)
    assert ftp.says("PASV") == "EPSV"
    heard = ftp.answers("229 Entering Extended Passive Mode (|||40003|)")
    assert heard == "227 Entering Extended Passive Mode (203,0,113,100,156,67)"
    assert ftp.doors == [f"198.51.100.20 > 203.0.113.100:40003 > {ftp.stand_in}:40003"]
    assert ftp.says("EPSV") == "EPSV"
    assert ftp.answers("229 ok (|||40004|)") == "229 ok (|||40004|)"
    assert ftp.says("ALGS STATUS64") == "ALGS STATUS64"


def test_a_server_of_ipv6_that_announces_a_service_of_its_own() -> None:
    ftp = Ftp64(server_inside=True)
    ftp.says("PASV")
    assert ftp.answers("229 ok (|||22|)") == "227 ok (0,0,0,0,0,0)"
    assert ftp.doors == []


@pytest.mark.parametrize(
    "said", ["PORT 198,51,100,20,156,67", "EPRT |1|198.51.100.20|40003|", "port  198,51,100,20,156,67"]
)
def test_a_server_of_ipv6_is_told_where_a_client_of_ipv4_is(said: str) -> None:
    ftp = Ftp64(server_inside=True)
    assert " ".join(ftp.says(said).split()) == "EPRT |2|2001:db8:64::c633:6414|40003|"
    assert ftp.doors == []
    assert ftp.says("PORT 192,0,2,66,156,67") == "PORT 0,0,0,0,0,0"


def test_a_client_and_a_server_of_ipv6_that_meet_at_the_name_of_one() -> None:
    """Translated out and in again: nothing of it is left but the doors, and no stand-in is told."""
    client = "2001:db8:1::77"
    ftp = Ftp64(V6V4_STATIC, host=client, server=f"{NAME}:21")
    for said, reply in (("EPSV", "229 ok (|||40003|)"), ("EPSV 2", "502 no"), ("ALGS STATUS64", "200 ok")):
        assert ftp.says(said) == {"ALGS STATUS64": "NOOP"}.get(said, "EPSV")
        assert ftp.answers(reply) == {"ALGS STATUS64": "216 EPSVEPRT"}.get(said, reply)
    assert ftp.says(f"EPRT |2|{client}|40004|") == f"EPRT |2|{client}|40004|"
    assert ftp.doors[-1] == f"{NAME} > 203.0.113.1:40004 > {ftp.stand_in}:40004"


def test_modes_that_change_nothing() -> None:
    for mode, doors in (("observe", 0), ("pinhole-only", 1)):
        ftp = Ftp64(f"{V6V4}ip nat service ftp mode {mode}\n")
        for line in ("ALGS STATUS64", "EPSV", EPRT, "EPSV ALL"):
            assert ftp.says(line) == line
        for reply in ("500 what?", "229 ok (|||40003|)", "522 no", "200 ok"):
            assert ftp.answers(reply) == reply
        assert len(ftp.doors) == doors
        assert ftp.passive("229 ok (|||40004|)") == "229 ok (|||40004|)"
        [session] = ftp.engine.inspector.algs["ftp"].sessions(ftp.now)
        assert str(session["client"]) == f"[{HOST}]:40000"
        assert str(session["data"]) == "198.51.100.20:40004"
