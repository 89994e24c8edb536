"""Flows that messages announce, for ALGs that remember them."""

from typing import NamedTuple

from doorman.algs.api import Plain
from doorman.algs.records import as_endpoint, as_integer, as_list, as_text
from doorman.net.addresses import Endpoint


class Flow(NamedTuple):
    """A flow that was announced: its role and protocol, its name for the other side, and where it leads."""

    role: str
    protocol: int
    entrance: Endpoint
    leads_to: Endpoint


def read_flow(value: Plain) -> Flow:
    """A flow out of its record.

    Raises:
        DamagedRecord: it is none.
    """
    role, protocol, entrance, leads_to = as_list(value, 4)
    return Flow(as_text(role), as_integer(protocol, most=255), as_endpoint(entrance), as_endpoint(leads_to))
