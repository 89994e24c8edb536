"""strongSwan in the lab: real IKE, each daemon in a namespace of its own, with what it needs of cryptography.

    with peer(namespace, directory, "client", connection(...)) as client:
        client.initiate()

The lab's kernel has no IPsec, so ESP is done by the daemon itself (kernel-libipsec), which only speaks it in UDP.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.namespaces import run_in
from doorman.lab.programs import Program, running

CHARON = Path("/usr/lib/ipsec/charon")
_PLUGINS = "random nonce aes sha1 sha2 hmac kdf openssl pem pkcs1 kernel-libipsec kernel-netlink socket-default vici"
_SETTINGS = """
charon {{
  load = {plugins}
  retransmit_timeout = 1.0
  install_routes = no
  filelog {{ log {{
    path = {log}
    default = 1
    flush_line = yes
  }} }}
  plugins {{ vici {{ socket = unix://{socket} }} }}
}}
swanctl {{ load = pem pkcs1 random }}
"""


class Peer(NamedTuple):
    """A daemon that runs."""

    namespace: str
    directory: Path
    program: Program

    def control(self, *words: str) -> str:
        """What `swanctl` says."""
        given = ["--uri", f"unix://{self.directory / 'vici'}"]
        environment = f"STRONGSWAN_CONF={self.directory / 'strongswan.conf'}"
        try:
            return run_in(self.namespace, "env", environment, "swanctl", words[0], *given, *words[1:])
        except LabError as error:
            return str(error)

    @property
    def log(self) -> str:
        """What it has done."""
        return (self.directory / "log").read_text()


@contextmanager
def peer(namespace: str, directory: Path, name: str, connections: str) -> Iterator[Peer]:
    """Let a daemon run in this block, with these connections, in the language of swanctl.conf."""
    home = directory / name
    home.mkdir()
    socket, settings = home / "vici", home / "strongswan.conf"
    settings.write_text(_SETTINGS.format(plugins=_PLUGINS, log=home / "log", socket=socket))
    (home / "swanctl.conf").write_text(connections)
    # Its files for the machine as a whole are hidden from the others'.
    start = f"mount -t tmpfs tmpfs /run && STRONGSWAN_CONF={settings} exec {CHARON}"
    command = ["unshare", "--mount", "sh", "-c", start]
    with running(name, namespace, command, home) as program:
        program.wait_until(socket.exists, "it does not listen")
        found = Peer(namespace, home, program)
        found.control("--load-all", "--file", str(home / "swanctl.conf"), "--noprompt")
        yield found
        program.terminate_if_running()


def connection(ends: tuple[str, str], names: tuple[str, str], networks: tuple[str, str]) -> str:
    """A connection with a shared key: for the own end and the other an address, an identity and a network each.

    `%any` stands for any address or identity.
    """
    return f"""
connections {{
  one {{
    version = 2
    local_addrs = {ends[0]}
    remote_addrs = {ends[1]}
    proposals = aes128-sha256-modp2048
    local {{ auth = psk
      id = {names[0]} }}
    remote {{ auth = psk
      id = {names[1]} }}
    children {{ net {{
      local_ts = {networks[0]}
      remote_ts = {networks[1]}
      esp_proposals = aes128-sha256
    }} }}
  }}
}}
secrets {{ ike-all {{ secret = "known to all of the lab" }} }}
"""
