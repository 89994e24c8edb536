"""A client and a server of two address families, between which the NAT translates (RFC 6384).

    client, IPv6                          gateway                              server, IPv4
      | EPSV ------------------------------->| PASV ------------------------------->|
      |<--------------------------- 229 (|||p|) |<--------------------------- 227 h1,…,p2 |
      | EPRT |2|address|port| -------------->| PORT h1,…,p2 ----------------------->|
      | EPSV ALL, EPSV 1, ALGS … ----------->| NOOP ------------------------------->|
      |<----------------------- 504, 522, 216 |<------------------------------- 200 |

What the gateway has to answer itself is a NOOP for the server, whose reply becomes the answer: so both ends hear of
each other as often as without a gateway (section 12). For a client of IPv4 and a server of IPv6 it is the same in a
mirror: PASV is EPSV and PORT is EPRT.
"""

from doorman.algs.ftp.commands import AUTHENTICATE, EPSV_ALL, EXTENDED_PASSIVE, NOTHING, PASSIVE, Asked, asked, is_all
from doorman.net.addresses import Address

_STATUS = b"ALGS"
_STATUS_ASKED, _ENABLE, _DISABLE = b"STATUS64", b"ENABLE64", b"DISABLE64"
_IPV6 = b"2"
_IPV4_LENGTH = 4
_ALL_TRANSLATED, _NONE_TRANSLATED = b"216 EPSVEPRT", b"216 NONE"
_NOT_FOR_THAT = b"504 Command not implemented for that parameter"
_OTHER_PROTOCOL = b"522 Network protocol not supported, use (2)"


class Families:
    """The families of a control connection's ends, and whether commands are translated between them.

    Args:
        client, server: see below.

    Attributes:
        client, server: the address of each end, as it writes that itself.
        client_v6, server_v6: whether that is one of IPv6.
        enabled: whether the client wants translation, as it does unless it says otherwise (section 11).
        clear: whether it has not asked for security: from then on nothing is translated (section 5).
    """

    __slots__ = ("clear", "client", "client_v6", "enabled", "server", "server_v6")

    def __init__(self, client: Address, server: Address) -> None:
        self.client = client
        self.server = server
        self.client_v6 = len(client) > _IPV4_LENGTH
        self.server_v6 = len(server) > _IPV4_LENGTH
        self.enabled = self.clear = True

    @property
    def translates(self) -> bool:
        """Whether a client of IPv6 has its commands translated for a server of IPv4."""
        return self.client_v6 and not self.server_v6 and self.enabled and self.clear

    @property
    def translates_for_v6(self) -> bool:
        """Whether a client of IPv4 has its commands translated for a server of IPv6, which RFC 6384 has no word on."""
        return self.server_v6 and not self.client_v6 and self.clear

    def pass_on(self, verb: bytes, argument: bytes) -> Asked:
        """A command of the client, and what the server gets of it; an address in it is another matter."""
        if verb == EXTENDED_PASSIVE:
            return self._extended_passive(argument)
        if verb == AUTHENTICATE:
            self.clear = False
        elif verb == _STATUS and self.client_v6 and not self.server_v6 and self.clear:
            return self._status(argument)
        elif verb == PASSIVE and self.translates_for_v6:
            return asked(verb, argument, EXTENDED_PASSIVE)
        return asked(verb, argument)

    def _extended_passive(self, argument: bytes) -> Asked:
        """EPSV (section 6)."""
        verb = EPSV_ALL if is_all(argument) else EXTENDED_PASSIVE
        if not self.translates:
            return asked(verb, argument)
        if verb == EPSV_ALL:
            return asked(verb, argument, NOTHING, _NOT_FOR_THAT)
        family = argument.strip()
        if family in {b"", _IPV6}:
            return asked(verb, argument, PASSIVE)
        return asked(verb, argument, NOTHING, _OTHER_PROTOCOL) if family.isdigit() else asked(verb, argument)

    def _status(self, argument: bytes) -> Asked:
        """ALGS (section 11)."""
        wanted = argument.strip().upper()
        if wanted not in {_STATUS_ASKED, _ENABLE, _DISABLE}:
            return asked(_STATUS, argument, NOTHING, _NOT_FOR_THAT)
        if wanted != _STATUS_ASKED:
            self.enabled = wanted == _ENABLE
        return asked(_STATUS, argument, NOTHING, _ALL_TRANSLATED if self.enabled else _NONE_TRANSLATED)
