"""Two networks and, between them, a gateway.

    inside                          gateway                         outside
    192.168.1.10 …  phones   ---  192.168.1.1 | 203.0.113.1  ---  203.0.113.2    next hop of the others
    192.168.1.5     exchange         in0           out0           198.51.100.10  proxy and registrar
                                                                  198.51.100.20  phone

Each column is a namespace, NAME-inside, NAME-gateway and NAME-outside. The outside addresses are those set aside for
documentation (RFC 5737). As on the Internet, all of 203.0.113.0/24 is routed to the gateway, nothing is routed to
inside addresses, and a packet that comes from one is dropped. A faulty wire stands between out0 and the outside, in a
namespace NAME-wire.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from doorman.lab.errors import LabError
from doorman.lab.namespaces import address, link, namespace, route, setting
from doorman.lab.programs import running
from doorman.lab.wire import Faults

INSIDE_PHONE = "192.168.1.10"
INSIDE_EXCHANGE = "192.168.1.5"
EXCHANGE_GLOBAL = "203.0.113.5"
"""What the sample configuration has the exchange seen as from outside."""
GATEWAY_GLOBAL = "203.0.113.1"
PROXY = "198.51.100.10"
OUTSIDE_PHONE = "198.51.100.20"

PHONE_LINK = "phone0"
"""The interface of the inside hosts, and that of the outside hosts."""
INSIDE_LINK = "in0"
OUTSIDE_LINK = "out0"
"""The gateway's two interfaces."""

MOST_PHONES = 200

_LOOSE = 2
"""Of rp_filter: a packet is dropped if its source cannot be reached at all (RFC 3704)."""


class Network(NamedTuple):
    """The names of the network namespaces in which programs run, and how many inside phones have an address."""

    inside: str
    gateway: str
    outside: str
    wire: str
    phones: int = 1

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that there can be."""
        return self.inside, self.gateway, self.outside, self.wire

    def phone(self, number: int) -> str:
        """The address of an inside phone; the first is number 0.

        Raises:
            LabError: there is no such phone.
        """
        if not 0 <= number < self.phones:
            raise LabError(f"inside phone {number} of {self.phones}: the first is number 0")
        return f"192.168.1.{10 + number}"


def named(name: str, phones: int = 1) -> Network:
    """The network that is called so, whether it has been made or not."""
    return Network(f"{name}-inside", f"{name}-gateway", f"{name}-outside", f"{name}-wire", phones)


@contextmanager
def network(
    name: str,
    *,
    phones: int = 1,
    faults: Faults | None = None,
    directory: Path | None = None,
    reachable_inside: bool = False,
) -> Iterator[Network]:
    """Set the networks up, and take them down whatever happens. The gateway forwards and does nothing else.

    Args:
        name: what the names of the namespaces begin with; networks of different names do not meet.
        phones: how many inside phones have an address, 192.168.1.10 and up.
        faults: what the wire between out0 and the outside does to packets; None for a plain link.
        directory: where the wire's log is; needed with faults.
        reachable_inside: inside addresses are known outside, for calls that nobody translates.

    Raises:
        LabError: there is one of that name already, `ip` or `ethtool` refused, or there are too many phones.
    """
    if not 1 <= phones <= MOST_PHONES:
        raise LabError(f"{phones} inside phones: there can be 1 to {MOST_PHONES}")
    net = named(name, phones)
    with ExitStack() as stack:
        for each in (net.inside, net.gateway, net.outside):
            stack.enter_context(namespace(each))
        link((net.inside, PHONE_LINK), (net.gateway, INSIDE_LINK))
        if faults is None:
            link((net.gateway, OUTSIDE_LINK), (net.outside, PHONE_LINK))
        elif directory is None:
            raise LabError("a faulty wire needs a directory for its log")
        else:
            stack.enter_context(_faulty_wire(net, faults, directory))
        _configure(net, reachable_inside=reachable_inside)
        yield net


def _configure(net: Network, *, reachable_inside: bool) -> None:
    inside = [f"{net.phone(number)}/24" for number in range(net.phones)]
    address(net.inside, PHONE_LINK, *inside, f"{INSIDE_EXCHANGE}/24")
    route(net.inside, "default", "via", "192.168.1.1")
    address(net.gateway, INSIDE_LINK, "192.168.1.1/24")
    address(net.gateway, OUTSIDE_LINK, f"{GATEWAY_GLOBAL}/24")
    route(net.gateway, "198.51.100.0/24", "via", "203.0.113.2")
    setting(net.gateway, "net/ipv4/ip_forward", 1)
    address(net.outside, PHONE_LINK, f"{OUTSIDE_PHONE}/32", f"{PROXY}/32", "203.0.113.2/32")
    route(net.outside, GATEWAY_GLOBAL, "dev", PHONE_LINK, "src", OUTSIDE_PHONE)
    route(net.outside, "203.0.113.0/24", "via", GATEWAY_GLOBAL, "src", OUTSIDE_PHONE)
    if reachable_inside:
        route(net.outside, "192.168.1.0/24", "via", GATEWAY_GLOBAL, "src", OUTSIDE_PHONE)
    setting(net.outside, f"net/ipv4/conf/{PHONE_LINK}/rp_filter", _LOOSE)


@contextmanager
def _faulty_wire(net: Network, faults: Faults, directory: Path) -> Iterator[None]:
    with namespace(net.wire):
        link((net.gateway, OUTSIDE_LINK), (net.wire, "wire0"))
        link((net.wire, "wire1"), (net.outside, PHONE_LINK))
        command = [sys.executable, "-m", "doorman.lab.wire", "wire0", "wire1", *faults.arguments()]
        with running("wire", net.wire, command, directory) as wire:
            wire.wait_for_text("ready\n")
            yield
            wire.terminate_if_running()
