"""Every ALG there is, with the ports it serves and its settings unless the configuration says otherwise.

A further protocol is an entry here, and one of the same name in `makers`: its ports, switches, settings, counters,
tables and debugging come from them. What only reads configurations needs this half, and does not load the other.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from doorman.algs.dns.settings import SETTINGS as DNS_SETTINGS
from doorman.algs.dns.settings import DnsSettings
from doorman.algs.ftp.settings import SETTINGS as FTP_SETTINGS
from doorman.algs.ftp.settings import FtpSettings
from doorman.algs.rcmd.settings import SETTINGS as RCMD_SETTINGS
from doorman.algs.rcmd.settings import RcmdSettings
from doorman.algs.rtsp.settings import SETTINGS as RTSP_SETTINGS
from doorman.algs.rtsp.settings import RtspSettings
from doorman.algs.settings import MALFORMED, SHARED, Setting, Settings
from doorman.algs.sip.commands import SETTINGS as SIP_SETTINGS
from doorman.algs.sip.settings import SipSettings
from doorman.algs.tftp.settings import SETTINGS as TFTP_SETTINGS
from doorman.algs.tftp.settings import TftpSettings


class Service(NamedTuple):
    """One switch of `ip nat service`: an ALG on a transport."""

    alg: str
    transport: Literal["tcp", "udp"]


class Entry(NamedTuple):
    """An ALG.

    Attributes:
        name: its name.
        udp, tcp: the ports it serves by default; None: it has no switch for this transport.
        settings: its settings by default; what they are there is their class.
        commands: what sets them.
        profiles: other settings to start from, by the name of the profile.
        sessions: the keys of `Alg.sessions`, in the order of the columns of a table; none: it has tables of its own.
        of_hosts: whether its datagrams name hosts only, so that a kernel can carry them whatever they say.
        between_families: whether it serves IPv6 hosts that call hosts of IPv4: it names both, or none in its messages.
    """

    name: str
    udp: frozenset[int] | None
    tcp: frozenset[int] | None
    settings: Settings
    commands: tuple[Setting, ...]
    profiles: Mapping[str, Settings] = {}
    sessions: tuple[str, ...] = ()
    of_hosts: bool = False
    between_families: bool = False


REGISTRY = (
    Entry(
        "sip",
        udp=frozenset({5060}),
        tcp=frozenset({5060}),
        settings=SipSettings(),
        commands=SIP_SETTINGS,
        profiles={"ios": SipSettings(max_streams=5)},
    ),
    Entry(
        "ftp",
        udp=None,
        tcp=frozenset({21}),
        settings=FtpSettings(),
        commands=(*SHARED, *FTP_SETTINGS),
        sessions=("client", "server", "user", "state", "age", "data", "opened_by", "doing"),
        between_families=True,
    ),
    Entry(
        "rtsp",
        udp=None,
        tcp=frozenset({554, 8554}),
        settings=RtspSettings(),
        commands=(*SHARED, *RTSP_SETTINGS),
        sessions=(
            *("client", "server", "session", "state", "age", "streams", "transport", "client_media", "server_media"),
            "url",
        ),
    ),
    Entry(
        "netbios-ns",
        udp=frozenset({137}),
        tcp=None,
        settings=Settings(),
        commands=(MALFORMED,),
    ),
    Entry(
        "netbios-dgm",
        udp=frozenset({138}),
        tcp=None,
        settings=Settings(),
        commands=(MALFORMED,),
    ),
    Entry(
        "netbios-ssn",
        udp=None,
        tcp=frozenset({139}),
        settings=Settings(),
        commands=SHARED,
    ),
    Entry(
        "tftp",
        udp=frozenset({69}),
        tcp=None,
        settings=TftpSettings(),
        commands=TFTP_SETTINGS,
        sessions=("client", "server", "request", "file", "age"),
        between_families=True,
    ),
    Entry(
        "ldap",
        udp=None,
        tcp=frozenset({389, 1002}),
        settings=Settings(),
        # A longer message is nobody's mistake, see the framer.
        commands=tuple(setting for setting in SHARED if setting.field != "oversized"),
    ),
    Entry(
        "rcmd",
        udp=None,
        tcp=frozenset({512, 514}),
        settings=RcmdSettings(),
        commands=RCMD_SETTINGS,
        between_families=True,
    ),
    Entry(
        "dns",
        udp=frozenset({53}),
        tcp=frozenset({53}),
        settings=DnsSettings(),
        commands=DNS_SETTINGS,
        of_hosts=True,
    ),
)

ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in REGISTRY}

DEFAULT_SETTINGS: Mapping[str, Settings] = {entry.name: entry.settings for entry in REGISTRY}

DEFAULT_PORTS: dict[Service, frozenset[int]] = {
    service: ports
    for entry in REGISTRY
    for service, ports in ((Service(entry.name, "tcp"), entry.tcp), (Service(entry.name, "udp"), entry.udp))
    if ports is not None
}
