"""Every ALG there is, with the ports it serves and its settings unless the configuration says otherwise.

A further protocol is an entry here: its ports, switches, settings, counters, tables and debugging come from it.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from doorman.algs.api import Alg, Message
from doorman.algs.dns.alg import DnsAlg
from doorman.algs.dns.settings import SETTINGS as DNS_SETTINGS
from doorman.algs.dns.settings import DnsSettings
from doorman.algs.dns.statistics import ROWS as DNS_ROWS
from doorman.algs.fields import Fields
from doorman.algs.ftp.alg import FtpAlg
from doorman.algs.ftp.fields import read_fields as read_ftp_fields
from doorman.algs.ftp.settings import SETTINGS as FTP_SETTINGS
from doorman.algs.ftp.settings import FtpSettings
from doorman.algs.ftp.statistics import ROWS as FTP_ROWS
from doorman.algs.ldap.alg import LdapAlg
from doorman.algs.ldap.statistics import ROWS as LDAP_ROWS
from doorman.algs.netbios.datagram_service import DatagramService
from doorman.algs.netbios.name_service import NameService
from doorman.algs.netbios.session_service import SessionService
from doorman.algs.netbios.statistics import DATAGRAM_ROWS, NAME_ROWS, SESSION_ROWS
from doorman.algs.rcmd.alg import ROWS as RCMD_ROWS
from doorman.algs.rcmd.alg import RcmdAlg
from doorman.algs.rcmd.settings import SETTINGS as RCMD_SETTINGS
from doorman.algs.rcmd.settings import RcmdSettings
from doorman.algs.rtsp.alg import RtspAlg
from doorman.algs.rtsp.settings import SETTINGS as RTSP_SETTINGS
from doorman.algs.rtsp.settings import RtspSettings
from doorman.algs.rtsp.statistics import ROWS as RTSP_ROWS
from doorman.algs.settings import MALFORMED, SHARED, Setting, Settings
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.commands import SETTINGS as SIP_SETTINGS
from doorman.algs.sip.fields import read_fields as read_sip_fields
from doorman.algs.sip.settings import SipSettings
from doorman.algs.sip.statistics import ROWS as SIP_ROWS
from doorman.algs.statistics import Rows
from doorman.algs.tftp.alg import ROWS as TFTP_ROWS
from doorman.algs.tftp.alg import SESSIONS as TFTP_SESSIONS
from doorman.algs.tftp.alg import TftpAlg
from doorman.algs.tftp.settings import SETTINGS as TFTP_SETTINGS
from doorman.algs.tftp.settings import TftpSettings
from doorman.stream import ftp, rtsp, sip
from doorman.stream.dns import DnsFramer
from doorman.stream.framing import MakeFramer
from doorman.stream.ldap import LdapFramer
from doorman.stream.netbios import SessionFramer
from doorman.stream.rcmd import RcmdFramer


class Service(NamedTuple):
    """One switch of `ip nat service`: an ALG on a transport."""

    alg: str
    transport: Literal["tcp", "udp"]


class Entry(NamedTuple):
    """An ALG.

    Attributes:
        name: its name.
        make: makes it for a set of ports and settings.
        udp, tcp: the ports it serves by default; None: it has no switch for this transport.
        framer: makes its framer for streams; None: it is spoken in datagrams only.
        settings: its settings by default; what they are there is their class.
        commands: what sets them.
        rows: of its statistics.
        profiles: other settings to start from, by the name of the profile.
        sessions: the keys of `Alg.sessions`, in the order of the columns of a table; none: it has tables of its own.
        fields: reads a message for application inspection; None where there is none.
        of_hosts: whether its datagrams name hosts only, so that a kernel can carry them whatever they say.
    """

    name: str
    make: Callable[[frozenset[int], Settings], Alg]
    udp: frozenset[int] | None
    tcp: frozenset[int] | None
    framer: MakeFramer | None
    settings: Settings
    commands: tuple[Setting, ...]
    rows: Rows
    profiles: Mapping[str, Settings] = {}
    sessions: tuple[str, ...] = ()
    fields: Callable[[Message], Fields] | None = None
    of_hosts: bool = False


REGISTRY = (
    Entry(
        "sip",
        SipAlg,
        udp=frozenset({5060}),
        tcp=frozenset({5060}),
        framer=sip.framer,
        settings=SipSettings(),
        commands=SIP_SETTINGS,
        rows=SIP_ROWS,
        profiles={"ios": SipSettings(max_streams=5)},
        fields=read_sip_fields,
    ),
    Entry(
        "ftp",
        FtpAlg,
        udp=None,
        tcp=frozenset({21}),
        framer=ftp.framer,
        settings=FtpSettings(),
        commands=(*SHARED, *FTP_SETTINGS),
        rows=FTP_ROWS,
        fields=read_ftp_fields,
        sessions=("client", "server", "user", "state", "age", "data", "opened_by", "doing"),
    ),
    Entry(
        "rtsp",
        RtspAlg,
        udp=None,
        tcp=frozenset({554, 8554}),
        framer=rtsp.framer,
        settings=RtspSettings(),
        commands=(*SHARED, *RTSP_SETTINGS),
        rows=RTSP_ROWS,
        sessions=(
            *("client", "server", "session", "state", "age", "streams", "transport", "client_media", "server_media"),
            "url",
        ),
    ),
    Entry(
        "netbios-ns",
        NameService,
        udp=frozenset({137}),
        tcp=None,
        framer=None,
        settings=Settings(),
        commands=(MALFORMED,),
        rows=NAME_ROWS,
    ),
    Entry(
        "netbios-dgm",
        DatagramService,
        udp=frozenset({138}),
        tcp=None,
        framer=None,
        settings=Settings(),
        commands=(MALFORMED,),
        rows=DATAGRAM_ROWS,
    ),
    Entry(
        "netbios-ssn",
        SessionService,
        udp=None,
        tcp=frozenset({139}),
        framer=SessionFramer,
        settings=Settings(),
        commands=SHARED,
        rows=SESSION_ROWS,
    ),
    Entry(
        "tftp",
        TftpAlg,
        udp=frozenset({69}),
        tcp=None,
        framer=None,
        settings=TftpSettings(),
        commands=TFTP_SETTINGS,
        rows=TFTP_ROWS,
        sessions=TFTP_SESSIONS,
    ),
    Entry(
        "ldap",
        LdapAlg,
        udp=None,
        tcp=frozenset({389, 1002}),
        framer=LdapFramer,
        settings=Settings(),
        # A longer message is nobody's mistake, see the framer.
        commands=tuple(setting for setting in SHARED if setting.field != "oversized"),
        rows=LDAP_ROWS,
    ),
    Entry(
        "rcmd",
        RcmdAlg,
        udp=None,
        tcp=frozenset({512, 514}),
        framer=RcmdFramer,
        settings=RcmdSettings(),
        commands=RCMD_SETTINGS,
        rows=RCMD_ROWS,
    ),
    Entry(
        "dns",
        DnsAlg,
        udp=frozenset({53}),
        tcp=frozenset({53}),
        framer=DnsFramer,
        settings=DnsSettings(),
        commands=DNS_SETTINGS,
        rows=DNS_ROWS,
        of_hosts=True,
    ),
)

ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in REGISTRY}

DEFAULT_SETTINGS: Mapping[str, Settings] = {entry.name: entry.settings for entry in REGISTRY}

FIELDS = {entry.name: entry.fields for entry in REGISTRY}

FRAMERS = {entry.name: entry.framer for entry in REGISTRY if entry.framer is not None}

DEFAULT_PORTS: dict[Service, frozenset[int]] = {
    service: ports
    for entry in REGISTRY
    for service, ports in ((Service(entry.name, "tcp"), entry.tcp), (Service(entry.name, "udp"), entry.udp))
    if ports is not None
}
