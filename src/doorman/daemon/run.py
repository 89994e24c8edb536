"""`doorman run CONFIG`: one process, one event loop, one gateway.

    read the configuration -> check the machine -> adopt what was saved -> fill the kernel's table -> serve

Whatever is missing ends it before the kernel is touched, with exit code 2 and what to do about it. SIGHUP reads the
configuration again, SIGTERM and SIGINT end it.
"""

import contextlib
import logging
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import uvloop

from doorman.cli.check import UnreadableError, read_text
from doorman.cli.doctor import lines
from doorman.config.errors import ConfigErrors, printable
from doorman.config.model import Config
from doorman.config.reader import Reader
from doorman.daemon.claim import TableTaken, claim
from doorman.daemon.clock import seconds
from doorman.daemon.devices import apply_addresses, services, sides, take_back
from doorman.daemon.gateway import Gateway, effective
from doorman.daemon.journal import Journal, JournalFailed
from doorman.daemon.keeper import Keeper
from doorman.daemon.log import log_to_stderr
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.privileges import PrivilegesError, drop_privileges
from doorman.daemon.routes import Routes
from doorman.daemon.service import Service, hold_signals
from doorman.daemon.sockets import listen
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.errors import NetlinkError, QueueTaken
from doorman.dataplanes.netfilter.events import Events
from doorman.dataplanes.netfilter.marks import OURS
from doorman.dataplanes.netfilter.nft import NftError
from doorman.dataplanes.netfilter.packet_log import PacketLog
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import Queue
from doorman.dataplanes.netfilter.requirements.survey import requirements
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.engine import Engine
from doorman.nat.rules import UnusableConfig

GOOD, UNUSABLE = 0, 2
"""Exit codes: it was asked to end; it could not begin."""
_QUEUES = range(5060, 5160)
"""Numbers of queues to try."""
_PROXY_PORTS = range(15_060, 15_160)
"""Ports to try for the TCP proxy; connections that outlive a gateway find the next one at the same port."""
_QUEUE_LENGTH = 8_192
"""Packets that may wait for a verdict."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_log = logging.getLogger("doorman")


class Options(NamedTuple):
    """What was asked for on the command line."""

    config: Path
    socket: Path
    state_directory: Path
    table: str = "doorman"
    apply_addresses: bool = False
    keep_table: bool = False
    strict: bool = False


class CannotRunError(Exception):
    """The gateway cannot begin; the text says why, in one line or several."""


def run_gateway(options: Options) -> int:
    """Run the gateway until it is asked to end.

    Returns:
        The exit code.
    """
    log_to_stderr(os.environ)
    try:
        with ExitStack() as stack:
            _serve(_prepare(options, stack))
    except CannotRunError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return GOOD


def _prepare(options: Options, stack: ExitStack) -> Service:
    """Make everything ready; what was begun is undone with the stack, also if something is missing."""
    config = _read(options)
    _check_machine(config, options)
    hold_signals()
    try:
        stack.enter_context(claim(options.table))
        with ExitStack() as undo:
            if options.apply_addresses:
                for given in apply_addresses(config):
                    undo.callback(take_back, given)
                    _log.info("%s", given)
            service = _begin(config, options, stack)
            undo.pop_all()
            return service
    except (UnusableConfig, JournalFailed, NftError, PlaneRefused, PrivilegesError, TableTaken) as error:
        raise CannotRunError(str(error)) from None
    except OSError as error:
        raise CannotRunError(_explained(error)) from None


def _serve(service: Service) -> None:
    try:
        uvloop.run(service.run())
    except OSError as error:
        if service.served:
            raise
        raise CannotRunError(_explained(error)) from None


def _explained(error: OSError) -> str:
    where = f"{printable(str(error.filename))}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _read(options: Options) -> Config:
    reader = Reader(str(options.config), strict=options.strict)
    try:
        config = reader.read(read_text(options.config))
    except (UnreadableError, ConfigErrors) as error:
        raise CannotRunError(str(error)) from None
    for warning in reader.warnings:
        _log.warning("%s", warning)
    return config


def _check_machine(config: Config, options: Options) -> None:
    findings = requirements(
        config, table=options.table, control_socket=options.socket, state_directory=options.state_directory
    )
    missing = [finding for finding in findings if finding.blocks]
    if missing:
        raise CannotRunError("\n".join(lines(missing)))


def _begin(config: Config, options: Options, stack: ExitStack) -> Service:
    wanted, told = effective(config, interface_addresses())
    for line in told:
        _log.warning("%s", line)
    chance, route = secrets.SystemRandom().random, Routes(seconds)
    engine = Engine(wanted, chance, delegated=True, reserved=services(), route=route)
    keeper = _adopt_saved(engine, options.state_directory, stack)
    queue = stack.enter_context(_open_queue())
    listener = stack.enter_context(contextlib.closing(listen(_PROXY_PORTS)))
    events = stack.enter_context(Events(OURS))
    plane = NetfilterPlane(Setting(options.table, queue.number, listener.getsockname()[1], timeouts=True))
    traffic = Traffic(engine, plane, queue, events, keeper)
    gateway = Gateway(options.config, config, traffic, options.state_directory / "traces", strict=options.strict)
    stack.callback(gateway.close)
    news = PacketNews(engine, _open_log(queue.number, stack))
    service = Service(options.socket, gateway, traffic, keeper, listener, news)
    stack.callback(lambda: plane.close(remove=not (service.served and options.keep_table)))
    traffic.adopt(wanted)
    traffic.sides = sides(wanted)
    traffic.compare_flows()
    traffic.forget_uninspected(wanted, connections=True)
    drop_privileges()
    return service


def _adopt_saved(engine: Engine, directory: Path, stack: ExitStack) -> Keeper:
    journal = Journal(directory, _BOOT_ID.read_text(encoding="ascii").strip())
    keeper = Keeper(engine, journal, lambda text: _log.warning("%s", text))
    stack.callback(lambda: keeper.close(seconds()))
    restored = keeper.restore(seconds())
    for line in journal.said:
        _log.warning("%s", line)
    for kind, count in restored.adopted.items():
        _log.info("adopted %d of %s", count, kind)
    for reason, count in restored.refused.items():
        _log.warning("%d saved records are not adopted: %s", count, reason)
    return keeper


def _open_log(number: int, stack: ExitStack) -> PacketLog | None:
    """The log that has the number of our queue, so that no two gateways share one."""
    try:
        return stack.enter_context(PacketLog(number))
    except NetlinkError as error:
        _log.warning("packets that access lists log are only counted: %s", error)
        return None


def _open_queue() -> Queue:
    for number in _QUEUES:
        with contextlib.suppress(QueueTaken):
            return Queue.open(number, length=_QUEUE_LENGTH, fail_open=True)
    raise CannotRunError(f"the queues {_QUEUES.start} to {_QUEUES.stop - 1} are all taken")
