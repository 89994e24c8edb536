"""Flows that messages announce, for ALGs that remember them, and their records.

record      [role, protocol, entrance, leads to]
"""

from typing import NamedTuple

from doorman.algs.api import Json
from doorman.algs.records import as_endpoint, as_integer, as_list, as_text
from doorman.net.addresses import Endpoint, endpoint_text


class Flow(NamedTuple):
    """A flow that was announced: its role and protocol, its name for the other side, and where it leads."""

    role: str
    protocol: int
    entrance: Endpoint
    leads_to: Endpoint


def write_flow(flow: Flow) -> Json:
    """A flow as a record."""
    role, protocol, entrance, leads_to = flow
    return [role, protocol, endpoint_text(entrance), endpoint_text(leads_to)]


def read_flow(value: Json) -> Flow:
    """The flow that `write_flow` wrote.

    Raises:
        DamagedRecord: it did not write this.
    """
    role, protocol, entrance, leads_to = as_list(value, 4)
    return Flow(as_text(role), as_integer(protocol, most=255), as_endpoint(entrance), as_endpoint(leads_to))
