"""DNS servers in a namespace: dnsmasq, for hosts by name, and BIND's named, for zones.

Both know names in reverse, and answer over UDP and TCP. The zones of named may be changed (RFC 2136) and fetched.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.programs import running

DNS_PORT = 53
_OPEN = 0o777
_HEAD = "$TTL 300\n@ SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 60\n@ NS ns.{zone}.\nns.{zone}. A {address}\n"
_CONFIG = """options {{
 directory "{folder}"; listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no; notify no; pid-file none;
 dnssec-validation no; session-keyfile none; lock-file none; managed-keys-directory "{folder}";
}};
controls {{ }};
"""


@contextmanager
def dnsmasq(namespace: str, address: str, directory: Path, hosts: Mapping[str, str]) -> Iterator[None]:
    """Run dnsmasq in a namespace; it knows these hosts by their names, and nothing else.

    Raises:
        LabError: it does not listen.
    """
    known = [f"--host-record={name},{host}" for name, host in hosts.items()]
    command = [
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"),
        *("--pid-file=", "--bind-interfaces", f"--listen-address={address}", "--local=/#/", *known),
    ]
    with running(f"dnsmasq-{address}", namespace, command, directory) as program:
        program.wait_for_tcp(address, DNS_PORT)
        yield


@contextmanager
def named(
    namespace: str, address: str, directory: Path, zones: Mapping[str, Mapping[str, tuple[str, str]]]
) -> Iterator[None]:
    """Run BIND's named in a namespace, with these zones: of each the names in it, with a type and data.

    Raises:
        LabError: it does not listen.
    """
    folder = directory / f"named-{address}"
    folder.mkdir()
    folder.chmod(_OPEN)
    known = []
    for zone, names in zones.items():
        records = "".join(f"{name} {kind} {data}\n" for name, (kind, data) in names.items())
        (folder / zone).write_text(_HEAD.format(zone=zone, address=address) + records)
        known.append(
            f'zone "{zone}" {{ type primary; file "{zone}"; allow-update {{ any; }}; allow-transfer {{ any; }}; }};\n'
        )
    (folder / "named.conf").write_text(_CONFIG.format(folder=folder, address=address) + "".join(known))
    command = ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with running(f"named-{address}", namespace, command, directory) as program:
        program.wait_for_tcp(address, DNS_PORT)
        program.wait_for_text("running")
        yield
