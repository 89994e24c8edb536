"""`debug ip nat`: a line for each flow that begins or ends through a name of the gateway.

A router tells of every packet; here the kernel forwards them, and tells of flows.
"""

from collections.abc import Iterator

from doorman.cli.debug.stamp import stamp
from doorman.dataplanes.report import protocol_name
from doorman.engine.flows import KernelFlow
from doorman.engine.results import Side


def flow_lines(news: tuple[str, KernelFlow], time_ns: int) -> Iterator[str]:
    """The line about one flow: what happened to it, and the flow."""
    event, flow = news
    local, name, outside = flow.inside_local, flow.inside_global, flow.outside
    ends = f"s={local}->{name}, d={outside}" if flow.begun == Side.INSIDE else f"s={outside}, d={name}->{local}"
    yield f"{stamp(time_ns)}: NAT: {protocol_name(flow.protocol)} {ends} [{event}]"
