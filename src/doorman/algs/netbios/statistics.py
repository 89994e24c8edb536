"""What the NetBIOS ALGs count: the packets of each service, by kind."""

from doorman.algs.statistics import rows
from doorman.wire.netbios import DATAGRAMS, NAME_REQUESTS, NAME_RESPONSES, SESSION

_NAME_PACKETS = [*NAME_REQUESTS.values(), *NAME_RESPONSES.values()]
_MORE = ["node-status-request", "node-status-response", "redirect-response"]

NAME_ROWS = rows(sorted({*_NAME_PACKETS, *_MORE}), {})
DATAGRAM_ROWS = rows(DATAGRAMS.values(), {})
SESSION_ROWS = rows(SESSION.values(), {})
