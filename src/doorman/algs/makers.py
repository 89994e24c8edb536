"""What makes each ALG of the registry, reads its messages for others, and names the rows of its statistics."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from doorman.algs.api import Alg, Message
from doorman.algs.dns.alg import DnsAlg
from doorman.algs.dns.statistics import ROWS as DNS_ROWS
from doorman.algs.fields import Fields
from doorman.algs.ftp.alg import FtpAlg
from doorman.algs.ftp.fields import read_fields as read_ftp_fields
from doorman.algs.ftp.statistics import ROWS as FTP_ROWS
from doorman.algs.ldap.alg import LdapAlg
from doorman.algs.ldap.statistics import ROWS as LDAP_ROWS
from doorman.algs.netbios.datagram_service import DatagramService
from doorman.algs.netbios.name_service import NameService
from doorman.algs.netbios.session_service import SessionService
from doorman.algs.netbios.statistics import DATAGRAM_ROWS, NAME_ROWS, SESSION_ROWS
from doorman.algs.rcmd.alg import ROWS as RCMD_ROWS
from doorman.algs.rcmd.alg import RcmdAlg
from doorman.algs.rtsp.alg import RtspAlg
from doorman.algs.rtsp.statistics import ROWS as RTSP_ROWS
from doorman.algs.settings import Settings
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.fields import read_fields as read_sip_fields
from doorman.algs.sip.statistics import ROWS as SIP_ROWS
from doorman.algs.statistics import Rows
from doorman.algs.tftp.alg import ROWS as TFTP_ROWS
from doorman.algs.tftp.alg import TftpAlg
from doorman.stream import ftp, rtsp, sip
from doorman.stream.dns import DnsFramer
from doorman.stream.framing import MakeFramer
from doorman.stream.ldap import LdapFramer
from doorman.stream.netbios import SessionFramer
from doorman.stream.rcmd import RcmdFramer


class Maker(NamedTuple):
    """What works for one ALG.

    Attributes:
        make: makes it for a set of ports and settings.
        rows: of its statistics.
        framer: makes its framer for streams; None: it is spoken in datagrams only.
        fields: reads a message for application inspection; None where there is none.
    """

    make: Callable[[frozenset[int], Settings], Alg]
    rows: Rows
    framer: MakeFramer | None = None
    fields: Callable[[Message], Fields] | None = None


MAKERS: Mapping[str, Maker] = {
    "sip": Maker(SipAlg, SIP_ROWS, sip.framer, read_sip_fields),
    "ftp": Maker(FtpAlg, FTP_ROWS, ftp.framer, read_ftp_fields),
    "rtsp": Maker(RtspAlg, RTSP_ROWS, rtsp.framer),
    "netbios-ns": Maker(NameService, NAME_ROWS),
    "netbios-dgm": Maker(DatagramService, DATAGRAM_ROWS),
    "netbios-ssn": Maker(SessionService, SESSION_ROWS, SessionFramer),
    "tftp": Maker(TftpAlg, TFTP_ROWS),
    "ldap": Maker(LdapAlg, LDAP_ROWS, LdapFramer),
    "rcmd": Maker(RcmdAlg, RCMD_ROWS, RcmdFramer),
    "dns": Maker(DnsAlg, DNS_ROWS, DnsFramer),
}
"""By the names of the registry."""

FIELDS = {name: maker.fields for name, maker in MAKERS.items()}

FRAMERS = {name: maker.framer for name, maker in MAKERS.items() if maker.framer is not None}
