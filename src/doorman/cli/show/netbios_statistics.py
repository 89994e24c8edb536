"""The counters of the three NetBIOS services, as `show platform hardware qfp active feature alg statistics netbios`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from doorman.algs.statistics import MALFORMED, UNKNOWN
from doorman.dataplanes.report import Json


class Service(NamedTuple):
    """A service: its ALG, what IOS-XE calls it, and its lines with the kinds of packets that each counts."""

    alg: str
    title: str
    lines: Mapping[str, tuple[str, ...]]


SERVICES = (
    Service(
        "netbios-dgm",
        "Datagram Service",
        {
            "Direct unique packets": ("direct-unique",),
            "Direct group packets": ("direct-group",),
            "Broadcast packets": ("broadcast",),
            "DGM Error packets": ("error",),
            "Query request packets": ("query-request",),
            "Positive Qry response packets": ("positive-query-response",),
            "Negative Qry response packets": ("negative-query-response",),
        },
    ),
    Service(
        "netbios-ns",
        "Name Service",
        {
            "Query request packets": ("query-request", "node-status-request"),
            "Query response packets": ("query-response", "node-status-response", "redirect-response"),
            "Registration req packets": ("registration-request",),
            "Registration resp packets": ("registration-response",),
            "Release request packets": ("release-request",),
            "Release response packets": ("release-response",),
            "WACK packets": ("wack", "wack-request"),
            "Refresh packets": ("refresh-request", "refresh-response"),
        },
    ),
    Service(
        "netbios-ssn",
        "Session Service",
        {
            "Message packets": ("message",),
            "Request packets": ("request",),
            "Positive response packets": ("positive-response",),
            "Negative response packets": ("negative-response",),
            "Retarget response packets": ("retarget-response",),
            "Keepalive packets": ("keepalive",),
        },
    ),
)
_WIDTH = 50


def show_netbios_statistics(found: Json) -> Iterator[str]:
    """A block of lines for each service; `found` has the counters of each ALG by its name.

    What this ALG does not have (chunks of memory) is left out.
    """
    yield "NetBIOS ALG Statistics:"
    for service in SERVICES:
        counts = {row["name"]: row["total"] for row in found[service.alg]["rows"]}
        yield f"  {service.title} statistics"
        yield _line("Total packets", sum(counts.values()))
        for name, kinds in service.lines.items():
            yield _line(name, sum(counts.get(kind, 0) for kind in kinds))
        yield _line("Unknown packets", counts.get(UNKNOWN, 0))
        yield _line("Total error packets", counts.get(MALFORMED, 0))


def _line(name: str, count: int) -> str:
    return f"    {name}".ljust(_WIDTH) + f":{count}"
