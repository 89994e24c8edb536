"""Which directories are recorded: as `calls`, a real server and a real client."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import sleep

from doorman.lab.ldap import LDAP_PORT, SUFFIX, slapd
from doorman.lab.netbios import nmbd
from doorman.lab.network import INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY, Network
from doorman.lab.programs import running

_SECONDS = 20.0
_TO_REGISTER = 1.5
"""Seconds that a host takes for all its names."""
_NUMBER = int.from_bytes(bytes(map(int, INSIDE_PHONE.split("."))), "little")
_PERSON = f"cn=fred,{SUFFIX}"
_LOOK_UP = f"-LLL -b {SUFFIX} cn=fred"


def people(network: Network, directory: Path) -> None:
    """Somebody inside registers in a directory outside, finds himself, moves, and looks again encrypted."""
    entry = f"dn: {_PERSON}\nobjectClass: RTPerson\ncn: fred\nsipaddress: {_NUMBER}\nsport: 1720\n"
    moved = f"dn: {_PERSON}\nchangetype: modify\nreplace: sport\nsport: 1721\n-\nreplace: sipaddress\n"
    (directory / "entry").write_text(entry)
    (directory / "moved").write_text(f"{moved}sipaddress: {_NUMBER}\n")
    with slapd(network.outside, OUTSIDE_PHONE, directory, LDAP_PORT):
        for words in (
            "ldapadd -f entry", f"ldapsearch {_LOOK_UP}", "ldapmodify -f moved", f"ldapsearch {_LOOK_UP}",
            f"ldapsearch -ZZ {_LOOK_UP}",
        ):  # fmt: skip
            program, *more = words.split()
            command = ["env", "LDAPTLS_REQCERT=never", program, "-x", "-H", f"ldap://{OUTSIDE_PHONE}", *more]
            with running(program, network.inside, command, directory) as client:
                client.finish(_SECONDS)


def names(network: Network, directory: Path) -> None:
    """A host inside registers its names at a name server outside, announces itself, and is looked up."""
    more = f"wins server = {OUTSIDE_PHONE}\nremote announce = {PROXY}"
    look_up = ["nmblookup", "--recursion", "--unicast", OUTSIDE_PHONE, "FRED"]
    with nmbd(network.outside, "WINS", OUTSIDE_PHONE, directory, "wins support = yes"):
        with nmbd(network.inside, "FRED", INSIDE_EXCHANGE, directory, more):
            sleep(_TO_REGISTER)
        with running("nmblookup", network.inside, look_up, directory) as client:
            client.finish(_SECONDS)


DIRECTORIES: Mapping[str, Callable[[Network, Path], None]] = {"directory-of-people": people, "netbios-names": names}
"""The recordings by the name of the capture."""
