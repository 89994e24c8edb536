"""IPsec in captures of the inside; tshark judges what the outside sees."""

from pathlib import Path

import pytest

from doorman.net.addresses import address_of
from doorman.net.links import find_packet
from doorman.net.packet import parse_packet, readdress
from kit.captures import SHARED, Replayed, frames, missing, pcap, read, replayed, tshark
from kit.gateway import INTERFACES, OVERLOAD
from kit.packets import endpoint, esp, icmp_error

A, B, S = "192.168.1.10", "192.168.1.11", "198.51.100.7"
GATE = "203.0.113.1"


def seen(done: Replayed, tmp_path: Path, *fields: str) -> list[list[str]]:
    """The first value of each field in each packet that the outside saw; its IP checksum must be right."""
    path = tmp_path / "out.pcapng"
    path.write_bytes(done.out)
    rows = tshark(path, "ip.checksum.status", *fields)
    assert all(set(row["ip.checksum.status"]) <= {"1"} for row in rows)
    return [[next(iter(row[field]), "") for field in fields] for row in rows]


def test_the_outside_sees_one_address_and_the_spis_of_both_hosts(tmp_path: Path) -> None:
    taken = frames(
        esp(A, S, 0x1001), esp(S, A, 0xA001), esp(A, S, 0x1001), esp(B, S, 0x1002), esp(S, B, 0xB001), esp(S, A, 0xA001)
    )
    done = replayed(taken, OVERLOAD)
    assert done.reasons == []
    assert done.found["asymmetries"] == []
    out, back = (GATE, S), (S, GATE)
    assert seen(done, tmp_path, "ip.src", "ip.dst", "esp.spi") == [
        [*out, "0x00001001"],
        [*back, "0x0000a001"],
        [*out, "0x00001001"],
        [*out, "0x00001002"],
        [*back, "0x0000b001"],
        [*back, "0x0000a001"],
    ]
    assert [line["outside_global"] for line in done.found["translations"]] == [
        f"{S}:1001",
        f"{S}:0",
        f"{S}:1002",
        f"{S}:0",
    ]


def test_esp_to_a_host_that_has_sent_none_cannot_have_come() -> None:
    done = replayed(frames(esp(S, A, 0xA001), esp(B, S, 0x1002), esp(S, A, 0xA001)), OVERLOAD)
    assert done.reasons == ["no-translation", "no-translation"]


def test_an_error_about_esp_is_told_to_the_host_that_sent_it(tmp_path: Path) -> None:
    error = icmp_error("198.51.100.99", A, esp(A, S, 0x1001)[:28], 3, 4)
    done = replayed(frames(esp(A, S, 0x1001), esp(S, A, 0xA001), error), OVERLOAD)
    assert (done.reasons, done.found["asymmetries"]) == ([], [])
    assert seen(done, tmp_path, "ip.dst", "icmp.type")[-1] == [GATE, "3"]


IKE = OVERLOAD + "access-list 10 permit any\nip nat service list 10 ike preserve-port\n"
IKE_FIELDS = ("isakmp.ispi", "isakmp.rspi", "isakmp.exchangetype", "isakmp.messageid")
EXCHANGES = {
    "corelight_ikev1-aggressive-mode": "192.168.12.1",
    "corelight_ikev1-certs": "192.168.12.118",
    "suricata_ikev1-isakmp-main-mode": "192.168.12.1",
    "tcpdump_ISAKMP_sa_setup": "10.0.0.1",
}
"""Captures of exchanges on port 500, with their initiators."""


def exchange(name: str, initiator: str, host: str, server: str) -> list[bytes]:
    """The messages of a capture, as if these two had sent them."""
    path = SHARED / "ipsec" / f"{name}.pcap"
    if not path.exists():
        missing(str(path))
    packets = [parse_packet(frame.data[find_packet(frame.data, frame.link) :]) for frame in read(path.read_bytes())]
    ends = (endpoint(f"{host}:500"), endpoint(f"{server}:500"))
    return [
        readdress(packet, *(ends if packet.source == address_of(initiator) else ends[::-1]))
        for packet in packets
        if packet is not None
    ]


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_of_ike_keeps_its_port_and_all_that_it_says(name: str, tmp_path: Path) -> None:
    taken = frames(*exchange(name, EXCHANGES[name], A, S))
    done = replayed(taken, IKE)
    assert (done.reasons, done.found["asymmetries"]) == ([], [])
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap(taken))
    before = [[next(iter(row[field]), "") for field in IKE_FIELDS] for row in tshark(path, *IKE_FIELDS)]
    rows = seen(done, tmp_path, "ip.src", "udp.srcport", "udp.checksum.status", *IKE_FIELDS)
    assert [row[3:] for row in rows] == before
    assert {tuple(row[:2]) for row in rows} <= {(GATE, "500"), (S, "500")}


def test_exchanges_of_two_hosts_with_one_server_are_told_apart(tmp_path: Path) -> None:
    first = exchange("suricata_ikev1-isakmp-main-mode", "192.168.12.1", A, S)
    second = exchange("tcpdump_ISAKMP_sa_setup", "10.0.0.1", B, S)
    assert len(first) == len(second)
    done = replayed(frames(*(packet for pair in zip(first, second, strict=True) for packet in pair)), IKE)
    assert (done.reasons, done.found["asymmetries"]) == ([], [])
    assert {row[0] for row in seen(done, tmp_path, "ip.src")} == {GATE, S}
    mixed = replayed(frames(*first, *second[1::2]), IKE)
    assert set(mixed.reasons) == {"no-translation"}


@pytest.mark.parametrize(
    ("name", "host", "packets"),
    [("suricata_eve-flow-esp", "190.0.0.1", 6), ("tcpdump_02-sunrise-sunset-esp", "192.1.2.23", 8)],
)
def test_captures_of_others_keep_all_but_the_address(name: str, host: str, packets: int, tmp_path: Path) -> None:
    path = SHARED / "ipsec" / f"{name}.pcap"
    if not path.exists():
        missing(str(path))
    config = INTERFACES + f"access-list 2 permit {host}\nip nat inside source list 2 interface out0 overload\n"
    done = replayed(read(path.read_bytes()), config)
    assert done.reasons == []
    before = [row for row in tshark(path, "ip.src", "esp.spi", "esp.sequence") if row["ip.src"] == [host]]
    after = [row for row in seen(done, tmp_path, "ip.src", "esp.spi", "esp.sequence") if row[0] == GATE]
    assert len(after) == packets
    assert [row[1:] for row in after] == [[row["esp.spi"][0], row["esp.sequence"][0]] for row in before]
