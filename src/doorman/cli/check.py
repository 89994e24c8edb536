"""`doorman check FILE`: reads a configuration, says what it means in a few lines, or what is wrong with it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from doorman.config.access_lists import AccessList
from doorman.config.errors import ConfigErrors, printable
from doorman.config.ipsec import Ipsec
from doorman.config.model import Config, Interface
from doorman.config.reader import Reader
from doorman.config.zones import ZonePair
from doorman.net.addresses import address_text

LARGEST_FILE = 10_000_000
"""In bytes."""

_GOOD = 0
_BAD = 2


def check_file(path: str | Path, *, strict: bool = False) -> int:
    """Check a file; a summary goes to standard output, errors and warnings with line and caret to standard error.

    Returns:
        The exit code: 0, also with warnings, or 2 if the file cannot be read or has errors.
    """
    name = printable(str(path))
    reader = Reader(str(path), strict=strict)
    try:
        config = reader.read(read_text(Path(path)))
    except (OSError, UnreadableError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        sys.stderr.write(f"{name}: {reason}\n")
        return _BAD
    except ConfigErrors as errors:
        count = len(errors.errors)
        sys.stderr.write(f"{errors}\n{name}: {_counted(count, 'error')}\n")
        return _BAD
    tell_warnings(reader)
    warned = f", {_counted(len(reader.warnings), 'warning')}" if reader.warnings else ""
    sys.stdout.write(f"{name}: {_counted(reader.lines, 'line')}, no errors{warned}\n")
    for line in (*_unread(reader), *summary(config)):
        sys.stdout.write(f"  {line}\n")
    return _GOOD


def tell_warnings(reader: Reader) -> None:
    """Write to standard error what a reader passed over."""
    for warning in reader.warnings:
        sys.stderr.write(f"{warning}\n")


class UnreadableError(ValueError):
    """A file that is too large or not text."""


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, its line ends as they are.

    Raises:
        OSError: the system does not let us.
        UnreadableError: it is too large, or not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise UnreadableError(f"larger than {LARGEST_FILE} bytes, which no configuration is")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"not a text in UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None


def summary(config: Config) -> Iterator[str]:
    """What a configuration says, in a line each for interfaces, rules and ALGs."""
    interfaces = [_interface(interface, config) for interface in config.interfaces.values()]
    if config.vrfs:
        yield f"vrfs: {', '.join(config.vrfs)}"
    yield f"interfaces: {', '.join(interfaces) or 'none'}"
    dynamic = [
        f"{rule.chosen_by}{f' of vrf {rule.vrf}' if rule.vrf else ''} "
        f"to {rule.interface or f'pool {rule.pool}'}{' overload' if rule.overload else ''}"
        for rule in config.dynamic_sources
    ]
    shared = [f"to list {rule.access_list} by hosts of pool {rule.pool}" for rule in config.destinations]
    shared += [f"outside list {rule.access_list} to pool {rule.pool}" for rule in config.outside_sources]
    statics = len(config.statics)
    outside = len(config.outside_statics)
    shared += [f"{outside} static of the outside"] if outside else []
    yield f"translation: {', '.join([*dynamic, *shared, *([f'{statics} static'] if statics else [])]) or 'none'}"
    if config.nat64.prefix is not None:
        yield f"nat64: {', '.join(_nat64(config))}"
    if config.access_lists:
        yield f"access lists: {', '.join(map(_access_list, config.access_lists.values()))}"
    if config.firewall.zones:
        yield f"zones: {', '.join(_zone(name, config) for name in config.firewall.zones)}"
        yield f"zone pairs: {', '.join(map(_zone_pair, config.firewall.zone_pairs.values())) or 'none'}"
    yield from _algs(config)
    ipsec = list(_ipsec(config.ipsec))
    if ipsec:
        yield f"ipsec: {', '.join(ipsec)}"


def _nat64(config: Config) -> Iterator[str]:
    """What is said of IPv6 hosts."""
    nat64 = config.nat64
    behind = [name for name, interface in config.interfaces.items() if interface.nat64]
    yield f"prefix {nat64.prefix} of hosts behind {' '.join(behind) or 'no interface'}"
    for rule in nat64.rules:
        target = rule.interface or f"pool {rule.pool}"
        yield f"list {rule.access_list} to {target}{' overload' if rule.overload else ''}"
    if nat64.statics:
        yield f"{len(nat64.statics)} static"


def _algs(config: Config) -> Iterator[str]:
    served = [(service, " ".join(map(str, sorted(ports)))) for service, ports in config.served.items() if ports]
    for transport in dict.fromkeys(service.transport for service, _ in served):
        algs = (f"{service.alg} {ports}" for service, ports in served if service.transport == transport)
        yield f"algs on {transport}: {', '.join(algs)}"
    if not served:
        yield "algs: none"


def _ipsec(ipsec: Ipsec) -> Iterator[str]:
    if not ipsec.esp:
        yield "no ESP through shared addresses"
    yield from (f"ESP to {interface} leads to {address_text(local)}" for interface, local in ipsec.inward)
    if ipsec.spi_match:
        yield f"SPIs of list {' '.join(ipsec.spi_match)} are matched"
    if ipsec.preserve_port:
        yield f"IKE of list {' '.join(ipsec.preserve_port)} keeps its port"
    if ipsec.ends_match:
        yield "crypto ipsec nat-transparency spi-matching is for the ends of a tunnel and has no effect here"


def _interface(interface: Interface, config: Config) -> str:
    address = "no address"
    if interface.address is not None:
        address = " ".join(f"{address_text(address)}/{length}" for address, length in interface.addresses)
    elif interface.dhcp:
        address = "address by DHCP"
    state = "shut down" if interface.shutdown else interface.nat
    place = f"in vrf {interface.vrf}" if interface.vrf is not None else ""
    return " ".join(filter(None, (interface.name, address, state, place, *_access_groups(interface, config))))


def _access_list(listed: AccessList) -> str:
    return f"{listed.name} {'extended' if listed.extended else 'standard'} {_counted(len(listed.entries), 'line')}"


def _zone(name: str, config: Config) -> str:
    members = [one.name for one in config.interfaces.values() if config.firewall.zone_of(one.zone) == name]
    return " ".join([name, *members])


def _zone_pair(pair: ZonePair) -> str:
    policy = f"policy {pair.policy}" if pair.policy is not None else "no policy: all is dropped"
    return f"{pair.name} {pair.source} to {pair.destination} {policy}"


def _access_groups(interface: Interface, config: Config) -> Iterator[str]:
    for name, direction in ((interface.access_in, "in"), (interface.access_out, "out")):
        if name is not None:
            missing = "" if name in config.access_lists else " (does not exist: all passes)"
            yield f"access-group {name} {direction}{missing}"


def _unread(reader: Reader) -> list[str]:
    rest = reader.lines - reader.read_lines
    return [f"{_counted(rest, 'line')} after 'end' not read"] if rest else []


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
