"""Packets of NetBIOS and LDAP messages as `--explain` and `debug` show them: in words, whatever is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import VOID
from doorman.cli.in_words import IN_WORDS
from kit.ldap import BIND, DN, added, element, found, message, modified, number, person
from kit.netbios import CALL, NAME, answer, datagram, header, node_status, owners, redirect, registration, retarget

PERSON = person("192.168.0.224", 1720, userPassword="secret", jpegPhoto="\x1b" * 65, comment="\x1b[2J")
TOLD = [
    *(DN.decode(), "cn: fred@example.com", "givenname: Fred", "surname: Example", "location: 10.0.0.10"),
    *("sipaddress: 3758139584 (192.168.0.224)", "sflags: 1", "ilsA32833566: 1", "sport: 1720"),
    *("userPassword: (6 bytes)", "jpegPhoto: (65 bytes)", "comment: \\x1b[2J"),
]


def lines(alg: str, data: bytes) -> list[str]:
    told = IN_WORDS[alg].lines(data, streamed=alg in {"ldap", "netbios-ssn"})
    assert [line.start for line in told] == [0, *(line.end for line in told[:-1])]
    assert told[-1].end == len(data)
    return [line.text for line in told]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (registration("10.0.0.10"), ["registration-request 4660", "FRED<20> NB", "FRED<20> 300000 NB 10.0.0.10"]),
        (answer(("10.0.0.10", "10.0.0.11")), ["query-response 4660", "FRED<20> 300000 NB 10.0.0.10 10.0.0.11"]),
        (node_status(), ["node-status-response 4660", "FRED<20> 0 NBSTAT (65 bytes)"]),
        (
            redirect("10.0.0.10"),
            ["redirect-response 4660", "FRED<20> NB", "FRED<20> 300000 NS (2 bytes)", "FRED<20> 300000 A (4 bytes)"],
        ),
        (
            header(0x8580, 0, 1, 0, 0) + owners(("10.0.0.10",), NAME[:-1] + b"\x03\x1bab\x00"),
            ["query-response 4660", "FRED<20>.\\x1bab 300000 NB 10.0.0.10"],
        ),
        (answer(("10.0.0.10",))[:-1], ["61 bytes that cannot be read"]),
    ],
)
def test_packets_of_the_name_service(packet: bytes, expected: list[str]) -> None:
    assert lines("netbios-ns", packet) == expected


def test_datagrams_and_sessions() -> None:
    packet = datagram("10.0.0.10", 138)
    assert lines("netbios-dgm", packet) == ["direct-unique 7 from 10.0.0.10:138", f"{len(packet) - 10} bytes"]
    assert lines("netbios-dgm", packet[:9]) == ["9 bytes that cannot be read"]
    assert lines("netbios-ssn", CALL) == ["request"]
    assert lines("netbios-ssn", retarget("10.0.0.10", 5000)) == ["retarget-response to 10.0.0.10:5000"]
    edited = IN_WORDS["netbios-ssn"].edited
    assert edited(f"{VOID}third-party-address", bytes(6)) == "0.0.0.0:0"
    assert edited("NB owner", b"\x0a\x00\x00\x0a") == "10.0.0.10"


def test_people() -> None:
    assert lines("ldap", added(PERSON)) == ["addRequest 7", *TOLD]
    assert lines("ldap", modified(PERSON, 3)) == ["modifyRequest 7", *TOLD]
    assert lines("ldap", found({"ipAddress": [number("10.70.41.96"), "nobody"]})) == [
        *("searchResEntry 7", DN.decode(), "ipAddress: 1613317642 (10.70.41.96), nobody"),
    ]
    assert lines("ldap", BIND) == ["bindRequest 1"]
    assert IN_WORDS["ldap"].edited("BER length", b"\x07") == ""


def test_what_cannot_be_read_is_told_by_its_length() -> None:
    broken = message(element(0x68, element(4, b"x"), element(0x30, b"\x30\x09")))
    assert lines("ldap", broken)[:2] == ["addRequest 7", "x"]
    assert lines("ldap", broken)[2] == "2 bytes that cannot be read"


@given(st.binary(max_size=60), st.sampled_from(["", "netbios-ns", "netbios-dgm", "ldap"]), st.integers(0, 90))
def test_whatever_comes_is_told_without_a_control_character(data: bytes, like: str, cut: int) -> None:
    begin = {"": b"", "netbios-ns": registration("10.0.0.10"), "netbios-dgm": datagram("10.0.0.10", 138)}
    data = begin.get(like, added(PERSON))[:cut] + data
    for alg in ("netbios-ns", "netbios-dgm", "netbios-ssn", "ldap"):
        for line in IN_WORDS[alg].lines(data, streamed=alg in {"ldap", "netbios-ssn"}):
            assert line.text.isprintable()
