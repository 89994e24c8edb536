"""Captures through gateways that have one end or the other of them inside, all of them read by tshark in one go.

caller    shares an address
crowded   so it does, and a neighbour has all the ports that it would keep there
callee    has an address of its own
"""

from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path

import pytest

from doorman.cli.replay import overload_config
from doorman.config.model import Config
from doorman.config.statics import StaticHost
from doorman.dataplanes.report import Json
from doorman.net.addresses import Address, Prefix, address_of
from doorman.net.captures import Frame, create_capture
from kit.captures import tshark

ROLES = ["caller", "callee", "crowded"]
NEIGHBOUR = address_of("192.0.2.77")
SPELLED_TWO_WAYS = {"ndpi_sip", "suricata_sip-method", "nrusso_sip_bye_also_transfer", "nrusso_sip_refer_transfer"}
"""Captures in which one endpoint is written with `:5060` and without: where its port changes outside, replay cannot
always tell which it was, and reports an asymmetry though both mean the same."""

Seen = list[dict[str, list[str]]]
"""What tshark says of each frame."""

all_roles = pytest.mark.parametrize("role", ROLES)


def global_address(number: int) -> Address:
    """Another one for each capture, so that tshark can read them in a row and mixes nothing up."""
    return address_of(f"203.0.113.{number + 1}")


def gateway_for(role: str, inside: Address, outside: Address) -> Config:
    """A gateway with that host inside."""
    config = overload_config([Prefix(inside, 32), Prefix(NEIGHBOUR, 32)], outside)
    if role == "callee":
        config.dynamic_sources.clear()
        config.statics.add(StaticHost(inside, outside))
    return config


def garbled(found: Json, path: Path, role: str) -> list[Json]:
    """The asymmetries of a replay that matter."""
    asymmetries: list[Json] = found["asymmetries"]
    if role != "crowded" or path.stem not in SPELLED_TWO_WAYS:
        return asymmetries
    return [one for one in asymmetries if _without_port(one["captured"]) != _without_port(one["delivered"])]


def seen_in(captures: list[list[Frame]], path: Path, fields: Sequence[str], options: Sequence[str] = ()) -> list[Seen]:
    """What tshark says of the frames of each capture; it is started once for all, which saves half a minute."""
    stream = BytesIO()
    writer = create_capture(stream, path.name)
    for capture in captures:
        for frame in capture:
            writer.write(frame._replace(interface=frame.link))
    path.write_bytes(stream.getvalue())
    rows = iter(tshark(path, *fields, options=options))
    return [list(islice(rows, len(capture))) for capture in captures]


def _without_port(text: str) -> str:
    return text.replace(":5060", "")
