"""LDAP through `doorman run` by real programs: slapd as a directory of people on either side, OpenLDAP's clients.

Everything is the same with a proxy for TCP and without one (mode vtcp).
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.lab.ldap import ILS_PORT, LDAP_PORT, SUFFIX, slapd
from doorman.lab.network import EXCHANGE_GLOBAL, GATEWAY_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE
from kit.captures import missing
from kit.lab import Lab
from kit.ldap import number

PERSON = 1720
"""The port at which people are called."""
PROGRAMS = ("slapd", "ldapadd", "ldapmodify", "ldapsearch", "openssl")


class Client(NamedTuple):
    """Where a client is, and the directory as it knows that."""

    namespace: str
    host: str

    def runs(self, program: str, *words: str, port: int = LDAP_PORT, said: str = "", version: int = 3) -> str:
        """What a program of OpenLDAP says, which must end well."""
        command = ["ip", "netns", "exec", self.namespace, "env", "LDAPTLS_REQCERT=never", program, "-x"]
        command += ["-P", str(version), "-H", f"ldap://{self.host}:{port}", *words]
        done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=15, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def adds(self, name: str, address: str, **how: int) -> None:
        """Somebody goes into the directory."""
        entry = f"dn: cn={name},{SUFFIX}\nobjectClass: RTPerson\ncn: {name}\n"
        self.runs("ldapadd", said=f"{entry}sipaddress: {number(address)}\nsport: {PERSON}\n", **how)

    def moves(self, name: str, address: str) -> None:
        """Somebody is elsewhere now."""
        change = f"dn: cn={name},{SUFFIX}\nchangetype: modify\nreplace: sipaddress\nsipaddress: {number(address)}\n"
        self.runs("ldapmodify", said=change)

    def finds(self, name: str, *words: str, port: int = LDAP_PORT, version: int = 3) -> tuple[str, str]:
        """The address of somebody, as a number, and the port."""
        found = self.runs("ldapsearch", "-LLL", *words, "-b", SUFFIX, f"cn={name}", port=port, version=version)
        attributes = dict(line.split(": ", 1) for line in found.splitlines() if ": " in line)
        return attributes["sipaddress"], attributes["sport"]


class Directories(NamedTuple):
    """Two directories, with a client behind the gateway for each, and one beside it."""

    inside: Client
    of_inside: Client
    outside: Client
    of_outside: Client


@pytest.fixture(scope="module", params=["l4f", "vtcp"])
def directories(request: pytest.FixtureRequest, shared_lab: Lab) -> Iterator[Directories]:
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")
    net = shared_lab.network
    directory: Path = shared_lab.directory / request.param
    directory.mkdir()
    shared_lab.configure(f"ip nat service ldap tcp mode {request.param}")
    with ExitStack() as stack:
        stack.enter_context(shared_lab.serving())
        stack.enter_context(slapd(net.outside, OUTSIDE_PHONE, directory, LDAP_PORT, ILS_PORT))
        stack.enter_context(slapd(net.inside, INSIDE_EXCHANGE, directory, LDAP_PORT))
        yield Directories(
            Client(net.inside, OUTSIDE_PHONE),
            Client(net.outside, OUTSIDE_PHONE),
            Client(net.outside, EXCHANGE_GLOBAL),
            Client(net.inside, INSIDE_EXCHANGE),
        )


def test_somebody_inside_registers_outside_and_is_found(directories: Directories) -> None:
    client, beside = directories.inside, directories.of_inside
    client.adds("fred", INSIDE_PHONE)
    assert beside.finds("fred") == (number(GATEWAY_GLOBAL), str(PERSON))
    assert client.finds("fred") == (number(INSIDE_PHONE), str(PERSON))
    client.adds("wilma", INSIDE_EXCHANGE, port=ILS_PORT, version=2)
    assert beside.finds("wilma") == (number(EXCHANGE_GLOBAL), str(PERSON))
    assert client.finds("wilma", port=ILS_PORT, version=2) == (number(INSIDE_EXCHANGE), str(PERSON))


def test_somebody_who_moves_is_found_there(directories: Directories) -> None:
    client, beside = directories.inside, directories.of_inside
    client.adds("dino", OUTSIDE_PHONE)
    assert beside.finds("dino") == (number(OUTSIDE_PHONE), str(PERSON))
    client.moves("dino", INSIDE_PHONE)
    assert beside.finds("dino") == (number(GATEWAY_GLOBAL), str(PERSON))
    assert client.finds("dino") == (number(INSIDE_PHONE), str(PERSON))


def test_a_directory_inside_tells_the_outside_of_names_there(directories: Directories) -> None:
    directories.of_outside.adds("barney", INSIDE_EXCHANGE)
    assert directories.outside.finds("barney") == (number(EXCHANGE_GLOBAL), str(PERSON))
    directories.outside.adds("betty", OUTSIDE_PHONE)
    assert directories.of_outside.finds("betty") == (number(OUTSIDE_PHONE), str(PERSON))


def test_what_is_encrypted_passes(directories: Directories, shared_lab: Lab) -> None:
    client, beside = directories.inside, directories.of_inside
    client.adds("pebbles", INSIDE_PHONE)
    assert client.finds("pebbles", "-ZZ") == beside.finds("pebbles")
    statistics = shared_lab.ask("show alg ldap statistics")
    assert statistics["notes"]["tls"] == 1
    assert statistics["drops"] == {}
    counted = {row["name"]: row["total"] for row in statistics["rows"]}
    assert min(counted[name] for name in ("addRequest", "searchResEntry", "extendedReq", "bindRequest")) > 0
