"""Real calls of other projects through the gateway, each end of them as the inside; tshark judges what comes out."""

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.algs.registry import Service
from doorman.cli.replay import overload_config
from doorman.config.model import Config
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Address, Prefix, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.links import find_packet
from doorman.net.packet import UDP, parse_packet
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.packets import udp
from kit.roles import NEIGHBOUR, ROLES, Seen, all_roles, garbled, gateway_for, global_address, seen_in

CAPTURES = sorted([*(SHARED / "sip").glob("*.pcap*"), *(SHARED / "mixed").glob("*.pcap*")])
ELSEWHERE = {
    "bruteshark_MagicJack_short_call": frozenset({5060, 5070}),
    "bruteshark_metasploit-sip-invite-spoof": frozenset({5060, 10270}),
    "pcpp_sip_non_default_port": frozenset({52380}),
}
"""The ports of captures that use other ports than 5060."""
NO_SIP_OVER_UDP = {
    "ndpi_http_on_sip_port",
    "nrusso_sip_basic_do_183",
    "nrusso_sip_options_oob",
    "nrusso_sip_prack_do_183",
    "nrusso_sip_prack_eo_183",
    "nrusso_sip_refer_transfer",
    "sngrep_ipip",
    "sngrep_ipv6frag",
    "suricata_sip-body-large",
    "suricata_sip-tcp-method",
    "suricata_sip-tcp-pattern-matching",
}
"""Captures in which nothing is for the SIP ALG: other protocols, TCP, IPv6, and SIP in a tunnel."""
HOSTS = [
    *("sip.Via.sent-by.address", "sip.r-uri.host", "sip.from.host", "sip.to.host", "sip.contact.host"),
    *("sip.Record-Route.host", "sip.Route.host", "sip.Path.host", "sip.Service-Route.host"),
    *("sip.pai.host", "sip.ppi.host", "sdp.connection_info.address", "sdp.owner.address"),
]
URIS = ["sip.contact.uri", "sip.Refer-To", "sip.Referred-by", "sip.Reply-To"]
HEADERS = "sip.msg_hdr"
"""The header lines as one text: for Remote-Party-ID, which tshark has no field for."""
PARTY = re.compile(r"Remote-Party-ID:.*?\\n", re.IGNORECASE)
FIELDS = [
    *(
        "ip.src",
        "ip.dst",
        "udp.srcport",
        "udp.dstport",
        "frame.protocols",
        "sip.Method",
        "sip.Status-Code",
        "sdp.media.port",
    ),
    *("_ws.malformed", "_ws.expert.message", "_ws.expert.severity"),
    *("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"),
    *HOSTS,
    *URIS,
    HEADERS,
]
WARNING = 0x600000
"""The severity of an expert message from which on it counts; an error is 0x800000."""
BAD = "0"
"""The status of a wrong checksum."""
CHANGING = re.compile(r"0x[0-9a-f]+|frame \d+")
"""What an expert message says of the right checksum, or of another frame."""

MEDIA = {"rtp", "rtcp", "t38"}

all_captures = pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)


class Run(NamedTuple):
    """One capture through one gateway: the inside host, what was found, and what tshark sees before and after."""

    inside: str
    outside: str
    done: Replayed
    before: Seen
    after: Seen


@cache
def taken(path: Path) -> list[Frame]:
    return read(path.read_bytes())


def ends(path: Path) -> tuple[Address, Address]:
    """The two addresses of the first SIP packet, else of the first IPv4 packet."""
    packets = [parse_packet(frame.data[find_packet(frame.data, frame.link) :]) for frame in taken(path)]
    found = [packet for packet in packets if packet is not None and len(packet.source) == 4]
    speaking = [packet for packet in found if b"SIP/2.0" in packet.payload.partition(b"\r\n")[0]]
    first = next(iter(speaking + found), None)
    return (first.source, first.destination) if first is not None else (address_of("10.0.0.1"),) * 2


def outside_of(path: Path) -> Address:
    """Its name outside."""
    return global_address(CAPTURES.index(path))


def gateway(path: Path, role: str) -> Config:
    """The gateway of a capture."""
    config = gateway_for(role, inside_of(path, role), outside_of(path))
    if path.stem in ELSEWHERE:
        config.services[Service("sip", "udp")] = ELSEWHERE[path.stem]
    return config


def run(path: Path, role: str) -> Replayed:
    """A capture through its gateway."""
    if role != "crowded":
        return replayed(taken(path), gateway(path, role))
    engine = Engine(gateway(path, role), random.Random(1).random)
    for port in sorted(udp_ports(path, inside_of(path, role))):
        engine.receive(
            udp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9"), Side.INSIDE, taken(path)[0].time_ns / 1e9
        )
    return replayed(taken(path), engine)


def inside_of(path: Path, role: str) -> Address:
    """The inside host."""
    return ends(path)[role == "callee"]


def udp_ports(path: Path, host: Address) -> set[int]:
    """The UDP ports a host uses, and what may be the RTP or RTCP beside them."""
    packets = [parse_packet(frame.data[find_packet(frame.data, frame.link) :]) for frame in taken(path)]
    used = {5060}
    for packet in packets:
        if packet is not None and packet.protocol == UDP and packet.has_ports:
            used |= {end.port for end in (packet.sender, packet.receiver) if end.address == host}
    return {port ^ flip for port in used for flip in (0, 1)} - {0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    """All captures through all gateways."""
    folder = tmp_path_factory.mktemp("out")
    before = seen_in([taken(path) for path in CAPTURES], folder / "before.pcapng", FIELDS)
    found = {}
    for role in ROLES:
        done = [run(path, role) for path in CAPTURES]
        after = seen_in([read(one.out) for one in done], folder / f"{role}.pcapng", FIELDS)
        for path, one, was, became in zip(CAPTURES, done, before, after, strict=True):
            inside, outside = address_text(inside_of(path, role)), address_text(outside_of(path))
            found[path, role] = Run(inside, outside, one, was, became)
    return found


def test_the_captures_are_here() -> None:
    if not CAPTURES:
        missing("the folder ../shared/captures")
    assert len(CAPTURES) >= 44


@all_captures
def test_a_callee_behind_a_shared_address(path: Path) -> None:
    done = replayed(taken(path), overload_config([Prefix(inside_of(path, "callee"), 32)], outside_of(path)))
    assert done.found["asymmetries"] == []
    assert all(done.reasons)
    assert "internal-error" not in str(done.reasons)


@all_roles
@all_captures
def test_nothing_is_garbled(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    found = runs[path, role].done.found
    assert found["packets"]["read"] == len(taken(path))
    assert garbled(found, path, role) == []
    assert len(found["asymmetries"]) <= 1
    assert all(drop["reason"] for drop in found["drops"])
    assert "internal-error" not in str(found["drops"])


@all_roles
@all_captures
def test_the_output_has_no_errors_that_the_input_has_not(
    path: Path, role: str, runs: dict[tuple[Path, str], Run]
) -> None:
    one = runs[path, role]
    assert complaints(one.after) - complaints(one.before) == Counter()


def complaints(seen: Seen) -> Counter[str]:
    said = Counter(
        CHANGING.sub("", message)
        for frame in seen
        for message, severity in zip(frame["_ws.expert.message"], frame["_ws.expert.severity"], strict=True)
        if int(severity) >= WARNING
    )
    for frame in seen:
        said.update(field for field in FIELDS if field.endswith(".checksum.status") and BAD in frame[field])
        said["malformed"] += len(frame["_ws.malformed"])
    return said


@all_roles
@all_captures
def test_no_inside_address_is_left(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    one = runs[path, role]
    own = re.compile(rf"(?<![\d.]){re.escape(one.inside)}(?![\d.])")
    crossing = [
        frame for frame in one.after if one.outside in frame["ip.src"] + frame["ip.dst"] and frame["udp.srcport"]
    ]
    places = [(field, value) for frame in crossing for field in HOSTS + URIS for value in frame[field]]
    places += [("party", value) for frame in crossing for text in frame[HEADERS] for value in PARTY.findall(text)]
    assert [(field, value) for field, value in places if own.search(value)] == []
    passed = one.done.found["notes"].get("between-inside-hosts", 0)
    assert sum(one.inside in frame["ip.src"][:1] + frame["ip.dst"][:1] for frame in one.after) <= passed


@all_roles
@all_captures
def test_every_message_goes_on_but_those_dropped(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    one = runs[path, role]
    dropped = {drop["packet"] for drop in one.done.found["drops"]}
    kept = [frame for number, frame in enumerate(one.before, 1) if number not in dropped]
    assert messages(one.after) == messages(kept)
    if messages(kept) == messages(one.before) and path.stem not in NO_SIP_OVER_UDP:
        assert media(one.after) == media(kept)


def messages(seen: Seen) -> Counter[str]:
    """Requests and responses over UDP, by kind."""
    return Counter(
        kind for frame in seen if frame["udp.srcport"] for kind in frame["sip.Method"] + frame["sip.Status-Code"]
    )


def media(seen: Seen) -> Counter[str]:
    """What tshark knows as media by its announcement, and what goes to an address and port that were announced."""
    announced = {
        (address, port)
        for frame in seen
        for address in frame["sdp.connection_info.address"]
        for port in frame["sdp.media.port"]
    }
    counted: Counter[str] = Counter()
    for frame in seen:
        if frame["udp.dstport"] and frame["ip.src"] != frame["ip.dst"]:  # to themselves hosts talk without a gateway
            counted.update(MEDIA & set(frame["frame.protocols"][-1].split(":")))
            counted["announced"] += (frame["ip.dst"][0], frame["udp.dstport"][0]) in announced if frame["ip.dst"] else 0
    return counted


@all_captures
def test_a_call_whose_callee_has_its_own_address_is_let_through(path: Path, runs: dict[tuple[Path, str], Run]) -> None:
    assert "no-translation" not in runs[path, "callee"].done.reasons
    seen = runs[path, "caller"].done.found["messages"]["sip"]
    assert bool(seen) == (path.stem not in NO_SIP_OVER_UDP)
