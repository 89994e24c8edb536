"""Whether two gateways did the same with a packet.

One is the engine of replay, the other has a kernel, which picks the ports of shared addresses for itself: from a range
of its own, and of a pool with several addresses also the address. So each name that the engine gives out of a shared
address stands for one of the kernel's; all else is the same to the byte, but for the time to live of what is forwarded.
"""

from doorman.engine.engine import Engine
from doorman.engine.plan import DELEGATED_PORTS_END, DELEGATED_RESERVED
from doorman.engine.results import Side
from doorman.nat.bindings import Binding
from doorman.nat.icmp import quoted, readdress_error
from doorman.net.addresses import PRIVILEGED_END, Address, Endpoint
from doorman.net.checksum import word_sum
from doorman.net.packet import ICMP, Packet, carried, parse_packet, readdress
from kit.packets import shown
from kit.subjects.subject import Left

Name = tuple[int, Endpoint]


class Judge:
    """Holds what a kernel did to what an engine did, packet by packet; `engine` is that which did it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._names: dict[Name, Endpoint] = {}
        self._hosts: dict[tuple[Address, int], Address] = {}

    def difference(self, modelled: Left | None, real: Left | None) -> str:
        """In what the kernel differs from the model, as a sentence for the reader of a test; nothing if it does not."""
        wrong = self._wrong(modelled, real)
        return f"{wrong}\nmodel: {_text(modelled)}\nkernel: {_text(real)}" if wrong else ""

    def _wrong(self, modelled: Left | None, real: Left | None) -> str:
        if modelled is None or real is None:
            return "" if modelled is real else "only one lets it through"
        wanted, found = parse_packet(modelled.packet), parse_packet(real.packet)
        if modelled.side != real.side or wanted is None or found is None or wanted.protocol != found.protocol:
            return "it leaves elsewhere, or as something else"
        return self._meet(wanted, found) or ("" if self._renamed(wanted, found) == wanted.data else "bytes differ")

    def _meet(self, wanted: Packet, found: Packet) -> str:
        """Take note of what the kernel calls a host that shares an address; what is wrong with that, if anything."""
        binding = self._shared(wanted.protocol, wanted.sender) if wanted.has_ports else None
        if binding is None or binding.rule is None:
            return ""
        name, local = found.sender, binding.local
        if name.address not in binding.rule.pool:
            return f"{name} is not of the addresses that {local} shares"
        if self._hosts.setdefault((local.address, binding.way), name.address) != name.address:
            return f"{local} has several addresses"
        known = self._names.setdefault((wanted.protocol, wanted.sender), name)
        if wanted.protocol == ICMP:  # the kernel may give one identifier to several, and then another to one of them
            self._names[wanted.protocol, wanted.sender] = name
        elif self._is_static(wanted.protocol, name) or not (
            _is_of_kernel(name.port, local.port) or self._asks_of_hosts
        ):
            return f"port {name.port} is not one of the kernel's"
        elif known != name:
            return f"{local} has several names"
        return ""

    @property
    def _asks_of_hosts(self) -> bool:
        """Whether the engine may be asked about flows that need no lease, and name them: see `chains.leasing`."""
        rules = self._engine.state.rules
        outside = rules.outside
        return rules.looks_at_flows and bool(outside.static_hosts or outside.static_ports or outside.dynamic)

    def _shared(self, protocol: int, name: Endpoint) -> Binding | None:
        """The binding of a name that is a port of a shared address."""
        binding = self._engine.state.bindings.by_global(protocol, name)
        return binding if binding is not None and binding.rule is not None and binding.rule.overload else None

    def _is_static(self, protocol: int, name: Endpoint) -> bool:
        binding = self._engine.state.bindings.by_global(protocol, name)
        return binding is not None and binding.static

    def _renamed(self, wanted: Packet, found: Packet) -> bytes:
        """What the kernel made, with the names of the model in the place of those that stand for them."""
        about, quote = quoted(wanted), quoted(found)
        if not wanted.is_error or about is None or quote is None:
            return readdress(found, self._model_of(wanted.protocol, wanted.sender, found.sender), found.receiver)
        sender = self._model_of(about.protocol, about.sender, quote.sender)
        receiver = self._model_of(about.protocol, about.receiver, quote.receiver)
        source = receiver.address if receiver != quote.receiver else found.source
        return readdress_error(found, quote.readdressed(sender, receiver), source, found.destination)

    def _model_of(self, protocol: int, wanted: Endpoint, found: Endpoint) -> Endpoint:
        """The name in the model of one of the kernel's, where it stands for that."""
        return wanted if self._names.get((protocol, wanted)) == found else found


def _is_of_kernel(port: int, own: int) -> bool:
    """Whether a port is of those that the kernel gives to flows from another."""
    return port in DELEGATED_RESERVED if own < PRIVILEGED_END else port >= DELEGATED_PORTS_END


def as_it_came(left: Left) -> Left:
    """What a kernel forwarded, with the time to live that it came with."""
    data = left.packet
    header = data[:8] + bytes([data[8] + 1]) + data[9:20]
    field = carried(int.from_bytes(header[10:12], "big"), word_sum(header) - word_sum(data[:20]))
    return left._replace(packet=header[:10] + field.to_bytes(2, "big") + header[12:] + data[20:])


def _text(left: Left | None) -> str:
    if left is None:
        return "nothing leaves"
    try:
        text = shown(left.packet)
    except AssertionError:
        text = "wrong checksum or length"
    return f"{Side(left.side).name.lower()}: {text} {left.packet.hex()}"
