"""`doorman run CONFIG`: one process, one event loop, one gateway.

    read the configuration -> check the machine -> adopt what was saved -> fill the kernel's table -> serve

Whatever is missing ends it before the kernel is touched, with exit code 2 and what to do about it. SIGHUP reads the
configuration again, SIGTERM and SIGINT end it.
"""

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
from doorman.daemon.devices import apply_addresses, services, take_back
from doorman.daemon.gateway import Gateway, effective
from doorman.daemon.journal import JournalFailed
from doorman.daemon.log import log_to_stderr
from doorman.daemon.parts import Parts, Place
from doorman.daemon.privileges import PrivilegesError, drop_privileges
from doorman.daemon.service import Service, hold_signals
from doorman.dataplanes.netfilter.nft import NftError
from doorman.dataplanes.netfilter.requirements.survey import requirements
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.realms import engines
from doorman.nat.rules import UnusableConfig

GOOD, UNUSABLE = 0, 2
"""Exit codes: it was asked to end; it could not begin."""

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
    parts = Parts(Place(options.table, options.state_directory))
    stack.callback(parts.close_all)
    chance, route_of = secrets.SystemRandom().random, parts.routes_by(wanted)
    parts.begin_all(engines(wanted, chance, delegated=True, reserved=services(), route_of=route_of), wanted)
    gateway = Gateway(options.config, config, parts, options.state_directory / "traces", strict=options.strict)
    stack.callback(gateway.close)
    service = Service(options.socket, gateway, parts)
    stack.callback(lambda: setattr(parts, "kept", service.served and options.keep_table))
    drop_privileges()
    return service
