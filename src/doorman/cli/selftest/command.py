"""`doorman selftest`: a call through the gateway that serves on this machine, between two hosts that are not there."""

import argparse
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from doorman.cli.places import DEFAULT_SOCKET
from doorman.cli.selftest.gateway import Gateway
from doorman.cli.selftest.report import Selftest, report, report_lines
from doorman.cli.shell.connection import CannotConnect
from doorman.config.model import Config, NatSide
from doorman.dataplanes.netfilter.requirements.survey import obstacles
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.lab.errors import LabError
from doorman.net.addresses import Address, Prefix, address_text, parse_address, parse_prefix
from doorman.selftest.call import Call
from doorman.selftest.errors import CannotTest
from doorman.selftest.flows import forget_flows
from doorman.selftest.stand_in import standing_in
from doorman.selftest.vacancy import answering, vacant
from doorman.selftest.verdict import judge

WORKS, FAILED, NOT_TESTED = 0, 1, 2
"""Exit codes."""
_MIRROR = "192.0.2.53"
"""Of a network that is for documentation (RFC 5737): nobody has it."""
_MOST_SECONDS = 5
"""Then the kernel still believes that its neighbours are there (base_reachable_time, at least 15 s, and probes)."""


def add_selftest_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of `doorman selftest`."""
    parser.description = (
        "Have a telephone that is not there call a mirror that is not there through the running gateway, and say "
        "whether NAT and ALG do their work. Run it as root on the gateway's machine. Exit code 0; 1 if something does "
        "not work; 2 if the test could not be made."
    )
    parser.add_argument("--socket", metavar="PATH", type=Path, default=DEFAULT_SOCKET, help="of 'doorman run'")
    parser.add_argument("--table", metavar="NAME", default="doorman", help="of 'doorman run' (default doorman)")
    parser.add_argument("--inside", metavar="INTERFACE", help="behind which the telephone is (the first inside one)")
    parser.add_argument("--outside", metavar="INTERFACE", help="behind which the mirror is (the first outside one)")
    parser.add_argument("--from", metavar="ADDRESS", dest="phone", type=_address, help="of the telephone (a free one)")
    parser.add_argument(
        "--to", metavar="ADDRESS", dest="mirror", type=_address, default=_MIRROR, help="of the mirror (%(default)s)"
    )
    parser.add_argument("--port", metavar="N", type=_port, default=5060, help="of SIP over UDP (%(default)s)")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=2.0, help="to wait for each packet (%(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="write what was seen as JSON")


def run_selftest(options: argparse.Namespace) -> int:
    """Make the test and write what it says to standard output.

    Returns:
        The exit code.
    """
    try:
        with _ended_once():
            tested = _test(options)
    except (CannotTest, CannotConnect, LabError, OSError) as error:
        sys.stderr.write(f"doorman selftest: {error}\n")
        return NOT_TESTED
    sys.stdout.write(report(tested) if options.json else "".join(f"{line}\n" for line in report_lines(tested)))
    return WORKS if tested.verdict.works else FAILED


def _test(options: argparse.Namespace) -> Selftest:
    if os.geteuid() != 0:
        raise CannotTest("the packets of others are root's to send: run this as root")
    with ExitStack() as stack:
        gateway = stack.enter_context(Gateway(options.socket))
        config = gateway.config
        inside = _interface(config, "inside", options.inside)
        outside = _interface(config, "outside", options.outside)
        address = _phone_address(config, inside, options.phone)
        phone = stack.enter_context(standing_in("selftest-in", address, inside))
        mirror = stack.enter_context(standing_in("selftest-out", options.mirror, outside))
        ends = address, options.mirror, options.port
        forget_flows(*ends)
        stack.callback(forget_flows, *ends)
        call = stack.enter_context(Call(phone, mirror, options.port, secrets.token_hex(6), options.timeout))
        call.make()
        told = gateway.tell(call.call_id, call.seen)
    verdict = judge(call.seen, told)
    found = [] if verdict.works else obstacles(config, table=options.table)
    return Selftest(inside, outside, call.seen, told, verdict, found)


def _interface(config: Config, side: NatSide, wanted: str | None) -> str:
    names = [one.name for one in config.interfaces.values() if one.nat == side and not one.shutdown]
    if not names:
        raise CannotTest(f"the gateway has no interface with `ip nat {side}`")
    name = wanted or names[0]
    if name not in names:
        raise CannotTest(f"interface {name} has no `ip nat {side}`: these have it: {', '.join(names)}")
    if name not in {name for _, name in socket.if_nameindex()}:
        raise CannotTest(f"interface {name} is not here: run this on the gateway's machine, in its network namespace")
    return name


def _phone_address(config: Config, interface: str, wanted: Address | None) -> Address:
    if wanted is not None:
        if answering(interface, [wanted]):
            raise CannotTest(f"{address_text(wanted)} is somebody's on {interface}: give --from another")
        return wanted
    addresses = interface_addresses()[interface]
    for own, length in sorted(addresses):
        found = vacant(config, interface, _network(own, length), [address for address, _ in addresses])
        if found is not None:
            return found
    raise CannotTest(f"no address is free on {interface}: say with --from which the telephone may have")


def _network(address: Address, length: int) -> Prefix:
    return parse_prefix(f"{address_text(address)}/{length}")


@contextmanager
def _ended_once() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM end the test, and what is tidied up then is not disturbed by another one."""

    def end(_number: int, _frame: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _address(text: str) -> Address:
    address = parse_address(text.encode())
    if address is None or len(address) != 4:  # noqa: PLR2004 - IPv4
        raise argparse.ArgumentTypeError(f"{text} is no IPv4 address")
    return address


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 65_535:  # noqa: PLR2004 - RFC 768
        raise argparse.ArgumentTypeError("between 1 and 65535")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to {_MOST_SECONDS}")
    return value
