"""A directory of people in a namespace, slapd with the attributes of an Internet Locator Service; anybody may write."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import running

LDAP_PORT = 389
ILS_PORT = 1002
SUFFIX = "o=Example"
_SCHEMA = """
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'sipaddress' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'ipAddress' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'sport' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.4 NAME 'comment' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'RTPerson' STRUCTURAL MUST cn
  MAY ( sipaddress $ ipAddress $ sport $ comment ) )
"""
"""As NetMeeting writes them (MS-TAIL, section 2.2.3); the identifiers are those for documentation (RFC 5612)."""
_CONFIG = """
include /etc/ldap/schema/core.schema
include {directory}/ils.schema
pidfile {directory}/slapd-{address}.pid-own
allow bind_v2 update_anon
require none
TLSCertificateFile {directory}/directory.pem
TLSCertificateKeyFile {directory}/directory.pem
database ldif
directory {directory}/{address}
suffix "{suffix}"
access to * by * write
"""
_BASE = f"dn: {SUFFIX}\nobjectClass: organization\no: {SUFFIX.partition('=')[2]}\n"


@contextmanager
def slapd(namespace: str, address: str, directory: Path, *ports: int) -> Iterator[None]:
    """Run slapd in a namespace, on ports of an address.

    Raises:
        LabError: it does not listen.
    """
    (directory / address).mkdir()
    (directory / "ils.schema").write_text(_SCHEMA)
    config = directory / f"slapd-{address}.conf"
    config.write_text(_CONFIG.format(directory=directory, address=address, suffix=SUFFIX))
    _make_certificate(directory / "directory.pem")
    _run(["slapadd", "-f", str(config)], _BASE.encode())
    urls = " ".join(f"ldap://{address}:{port}" for port in ports)
    command = ["slapd", "-f", str(config), "-h", urls, "-d", "0"]
    with running(f"slapd-{address}", namespace, command, directory) as program:
        for port in ports:
            program.wait_for_tcp(address, port)
        yield


def _make_certificate(path: Path) -> None:
    """Make a key and a certificate for it that nobody signed, once."""
    if path.exists():
        return
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-subj", "/CN=directory", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    _run(words)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())


def _run(words: list[str], said: bytes = b"") -> None:
    subprocess.run(words, input=said, check=True, capture_output=True)  # noqa: S603 - a list of words, no shell
