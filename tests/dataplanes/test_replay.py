"""Replay: what the inside saw goes in, what the outside saw comes out, on any link and in any piece."""

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.packet import Raw
from scapy.utils import rdpcap, wrpcap, wrpcapng

from doorman.config.reader import read_config
from doorman.dataplanes.replay import Replay
from doorman.engine.engine import Engine
from doorman.net.captures import DamagedCapture, create_capture, open_capture
from doorman.net.fragments import fragment
from kit.captures import EXAMPLES, SECOND, call, frames, inside, pcap, read, replayed, tshark
from kit.packets import icmp_error, shown, tcp, udp
from kit.sip import GLOBAL, OVERLOAD, PEER, PHONE, STATIC, answer, incoming, request, sdp

NTP = ("10.0.0.10:123", "198.51.100.7:123")
LINKS: dict[str, tuple[int, Callable[[], Any]]] = {
    "ethernet": (1, lambda: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")),
    "vlan": (1, lambda: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=7, prio=5)),
    "qinq": (1, lambda: Ether(dst="02:00:00:00:00:02") / Dot1AD(vlan=100) / Dot1Q(vlan=7)),
    "cooked": (113, lambda: CookedLinux(src=b"\2\0\0\0\0\1")),
    "cooked-v2": (276, lambda: CookedLinuxV2(ifindex=3, src=b"\2\0\0\0\0\1")),
    "raw": (101, lambda: None),
    "loopback": (0, lambda: Loopback(type=2)),
}


def on_link(name: str, packet: bytes) -> Any:  # noqa: ANN401 - scapy has no types
    """A packet on a link, with a time that only nanoseconds can tell."""
    header = LINKS[name][1]()
    frame = IP(packet) if header is None else header / IP(packet)
    frame.time = 1_700_000_000
    return frame


# Links and formats


@pytest.mark.parametrize("link", LINKS)
def test_link_headers_stay(link: str, tmp_path: Path) -> None:
    number = LINKS[link][0]
    frame = on_link(link, udp(PHONE, PEER, request()))
    wrpcap(str(tmp_path / "in.pcap"), [frame], linktype=number)
    done = replayed(read((tmp_path / "in.pcap").read_bytes()), OVERLOAD, name="out.pcap")
    (tmp_path / "out.pcap").write_bytes(done.out)
    (seen,) = rdpcap(str(tmp_path / "out.pcap"))
    assert done.found["rewritten"] == 1
    assert shown(raw(seen[IP])) == f"udp {GLOBAL}:5060 > {PEER}"
    before, after = raw(frame), raw(seen)
    assert after[: -len(seen[IP])] == before[: -len(frame[IP])]


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["out.pcap", "out.pcapng"])
def test_time_stamps_stay(name: str, order: str, nano: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    step = 1_234_567_891 if nano else 1_234_567_000
    sent = frames(*(udp(*NTP) for _ in range(5)), step=step)
    stream = BytesIO(pcap(sent, order=order, unit=1 if nano else 1_000))
    reader = open_capture(stream)
    done = replayed(reader, OVERLOAD, name=name)
    assert [frame.time_ns for frame in read(done.out)] == [frame.time_ns for frame in sent]
    (tmp_path / name).write_bytes(done.out)
    assert [int(frame.time * SECOND) for frame in rdpcap(str(tmp_path / name))] == [frame.time_ns for frame in sent]


def test_pcapng_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "in.pcapng"
    wrpcapng(str(path), [on_link("ethernet", packet) for packet in call()])
    done = replayed(read(path.read_bytes()), OVERLOAD)
    assert done.found["messages"]["sip"] == {"180": 1, "200": 2, "ACK": 1, "BYE": 1, "INVITE": 1}
    assert done.found["packets"]["dropped"] == 0
    assert done.found["asymmetries"] == []


def test_padding_of_short_frames_stays() -> None:
    frame = frames(raw(Ether(dst="02:00:00:00:00:02") / IP(udp(*NTP, b""))) + bytes(18), link=1)
    (after,) = read(replayed(frame, OVERLOAD).out)
    assert (len(after.data), after.data[42:]) == (60, bytes(18))


def test_every_whole_packet_of_a_truncated_file_is_used() -> None:
    data = pcap(frames(*call()))
    replay = Replay(Engine(read_config(OVERLOAD, "x"), random.Random(1).random))
    with pytest.raises(DamagedCapture):
        replay.run(open_capture(BytesIO(data[:-1])))
    assert replay.counts.read == len(call()) - 1
    assert replay.rewritten.total() == 5


# Which way a packet goes


@pytest.mark.parametrize(
    ("packet", "note"),
    [
        (udp("10.0.0.10:5060", "10.0.0.11:5060", request()), "between-inside-hosts"),
        (udp("10.0.0.10:68", "255.255.255.255:67"), "between-inside-hosts"),
        (udp("198.51.100.1:5060", "198.51.100.2:5060", request()), "between-outside-hosts"),
        (
            raw(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=5060, dport=5060) / request()),
            "between-outside-hosts",
        ),
    ],
)
def test_what_does_not_cross_passes_unchanged(packet: bytes, note: str) -> None:
    done = replayed(frames(packet), OVERLOAD)
    assert done.packets == [packet]
    assert done.found["notes"] == {note: 1}
    assert done.found["packets"] == {
        "read": 1, "from_inside": 0, "from_outside": 0, "written": 1, "passed": 1, "dropped": 0,
    }  # fmt: skip


def test_frames_without_ip_are_counted_and_kept() -> None:
    frame = raw(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="10.0.0.10", pdst="10.0.0.1"))
    done = replayed(frames(frame, b"", b"\0" * 13, link=1), OVERLOAD)
    assert [one.data for one in read(done.out)] == [frame, b"", b"\0" * 13]
    assert done.found["notes"] == {"not-ip": 3}


def test_nothing_is_written_where_nothing_is_asked_for() -> None:
    replay = Replay(Engine(read_config(OVERLOAD, "x"), random.Random(1).random))
    replay.run(frames(*call()))
    assert replay.counts.written == 0
    assert replay.rewritten.total() == 6


# Calls


def test_both_directions_as_the_outside_sees_them() -> None:
    done = replayed(frames(*call()), OVERLOAD)
    invite, ringing, answered, *_, bye_answer = (IP(packet)[UDP].payload.load for packet in done.packets)
    assert ringing == answer(180)
    assert answered == answer(200, body=sdp("198.51.100.20", 6000))
    assert bye_answer == answer(method="BYE")
    assert b"10.0.0.10" not in b"".join(done.packets)
    assert f"c=IN IP4 {GLOBAL}\r\n".encode() in invite
    assert [shown(packet) for packet in done.packets[4:6]] == [
        f"udp {GLOBAL}:4000 > 198.51.100.20:6000",
        f"udp 198.51.100.20:6000 > {GLOBAL}:4000",
    ]


def test_a_call_from_outside_needs_a_translation() -> None:
    invite = frames(udp(PEER, PHONE, inside(incoming(body=sdp("198.51.100.20", 6000)))))
    assert replayed(invite, OVERLOAD).reasons == ["no-translation"]
    done = replayed(invite, STATIC)
    assert done.reasons == []
    assert done.packets[0][28:].startswith(b"INVITE sip:alice@203.0.113.100:5060 SIP/2.0\r\n")


def test_a_registered_phone_is_called_without_one() -> None:
    register = udp(PHONE, PEER, request("REGISTER", "Expires: 600"))
    invite = udp(PEER, PHONE, inside(incoming(body=sdp("198.51.100.20", 6000))))
    done = replayed(frames(register, udp(PEER, PHONE, inside(answer(method="REGISTER"))), invite), OVERLOAD)
    assert done.reasons == []
    assert done.found["asymmetries"] == []


def test_a_call_to_a_phone_that_did_not_register_does_not_reach_its_neighbour() -> None:
    register = udp(PHONE, PEER, request("REGISTER", "Expires: 600"))
    invite = udp(PEER, "10.0.0.11:5060", incoming().replace(GLOBAL.encode(), b"10.0.0.11"))
    done = replayed(frames(register, invite), OVERLOAD)
    assert done.reasons == ["no-translation"]
    assert done.found["asymmetries"] == []
    assert done.found["messages"]["sip"] == {"REGISTER": 1}


def test_an_error_of_the_far_host_comes_back() -> None:
    sent = udp(PHONE, PEER, request())
    done = replayed(frames(sent, icmp_error(PEER, PHONE, sent)), OVERLOAD)
    assert shown(done.packets[1]) == "error 3 198.51.100.20 > 203.0.113.1"
    assert done.found["asymmetries"] == []


def test_an_unknown_protocol_behind_a_shared_address_is_dropped() -> None:
    assert replayed(frames(raw(IP(src="10.0.0.10", dst="198.51.100.7", proto=47) / b"12345678")), OVERLOAD).reasons == [
        "protocol-without-ports"
    ]


# Asymmetries


def test_a_message_that_would_arrive_changed_is_an_asymmetry() -> None:
    """A gateway of another kind stood there: the phone was told its global address, which ours would have hidden."""
    told = answer(180).replace(b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@203.0.113.1>")
    done = replayed(frames(udp(PHONE, PEER, request()), udp(PEER, PHONE, told)), OVERLOAD)
    (asymmetry,) = done.found["asymmetries"]
    assert asymmetry["packet"] == 2
    assert "Via: SIP/2.0/UDP 203.0.113.1:5060" in asymmetry["captured"]
    assert "Via: SIP/2.0/UDP 10.0.0.10:5060" in asymmetry["delivered"]
    assert asymmetry["captured"].splitlines()[0] == asymmetry["delivered"].splitlines()[0] == f"{PEER} -> {PHONE}"
    assert done.found["notes"]["asymmetry"] == 1
    assert done.found["packets"]["dropped"] == 0


# Fragments


@pytest.mark.parametrize("mtu", [1500, 576, 68])
def test_messages_longer_than_the_mtu_go_in_fragments_both_ways(mtu: int, tmp_path: Path) -> None:
    taken = read((EXAMPLES / "fragmented-invite.pcap").read_bytes())
    done = replayed(taken, (EXAMPLES / "overload.cfg").read_text(), mtu)
    assert done.found["asymmetries"] == []
    assert done.reasons == []
    (tmp_path / "out.pcapng").write_bytes(done.out)
    options = ["-o", "ip.defragment:TRUE"]
    fields = ["ip.len", "ip.flags.mf", "ip.frag_offset", "sip.Method", "sip.Status-Code", "ip.checksum.status"]
    seen = tshark(tmp_path / "out.pcapng", *fields, "udp.checksum.status", "_ws.malformed", options=options)
    pieces = [frame for frame in seen if frame["ip.flags.mf"][0] in {"1", "True"} or frame["ip.frag_offset"][0] != "0"]
    assert len(pieces) >= 4
    assert max(int(frame["ip.len"][0]) for frame in pieces) <= mtu
    kinds = [kind for frame in seen for kind in frame["sip.Method"] + frame["sip.Status-Code"]]
    assert kinds == ["INVITE", "180", "200", "ACK", "BYE", "200"]
    assert not any(frame["_ws.malformed"] or "0" in frame["ip.checksum.status"] for frame in seen)
    assert not any("0" in frame["udp.checksum.status"] for frame in seen)


def test_a_message_that_grows_beyond_the_mtu_is_cut() -> None:
    config = OVERLOAD.replace("203.0.113.1 ", "203.255.255.241 ").replace("10.0.0.", "9.9.9.")
    filler = "X-Filler: " + "x" * 900
    message = request("INVITE", filler, body=sdp("9.9.9.9"), host="9.9.9.9")
    packet = udp("9.9.9.9:5060", PEER, message)
    done = replayed(frames(packet), config, mtu=len(packet))
    assert [len(piece) <= len(packet) for piece in done.packets] == [True, True]
    assert done.found["packets"]["written"] == 2
    assert len(replayed(frames(packet), config, mtu=1500).packets) == 1


def test_a_datagram_whose_rest_is_missing_is_told() -> None:
    first, _ = fragment(udp(PHONE, PEER, request("INVITE", "X-Filler: " + "x" * 1600)), 1500)
    for pieces in ([first], [first, udp(*NTP)]):
        done = replayed(frames(*pieces, step=40 * SECOND), OVERLOAD)
        assert done.found["notes"] == {"fragments-missing": 1}
        assert done.found["packets"]["written"] == len(pieces) - 1
    inward, _ = fragment(udp(PEER, PHONE, inside(answer(200, "X-Filler: " + "x" * 1600))), 1500)
    assert replayed(frames(inward), OVERLOAD).found["notes"] == {"fragments-missing": 1}


def test_overlapping_fragments_are_dropped_with_the_reason() -> None:
    first, second = fragment(udp(PHONE, PEER, request("INVITE", "X-Filler: " + "x" * 1600)), 1500)
    overlap = raw(IP(src="10.0.0.10", dst="198.51.100.20", id=IP(first).id, proto=17, frag=184) / bytes(200))
    done = replayed(frames(first, overlap, second), OVERLOAD)
    assert done.reasons == ["overlapping fragments"] * 2
    assert done.packets == []


# What a capture does to packets


def test_packets_of_which_only_the_beginning_was_kept() -> None:
    whole = [udp(*NTP, bytes(500)), udp(NTP[1], NTP[0], bytes(500)), udp(PHONE, PEER, request())]
    done = replayed([frame._replace(data=frame.data[:120]) for frame in frames(*whole)], OVERLOAD)
    assert [(len(frame.data), frame.wire_length) for frame in read(done.out)] == [(120, 528), (120, 528)]
    assert done.found["notes"] == {"cut-short-by-capture": 3}
    assert done.found["asymmetries"] == []
    assert done.reasons == ["sip: header-line"]


def test_packets_of_which_not_even_the_addresses_were_kept() -> None:
    done = replayed([frame._replace(data=frame.data[:18]) for frame in frames(udp(*NTP))], OVERLOAD)
    assert done.found["notes"] == {"cut-short-by-capture": 1, "ip-header-damaged": 1}
    assert done.packets == [udp(*NTP)[:18]]


def test_a_length_of_zero_that_offload_left_reaches_to_the_end() -> None:
    packet = tcp("10.0.0.10:40000", "198.51.100.7:443", "A", b"x" * 4000)
    (after,) = replayed(frames(packet[:2] + bytes(2) + packet[4:]), OVERLOAD).packets
    assert after[2:4] == bytes(2)
    assert after[12:20] == raw(IP(src=GLOBAL, dst="198.51.100.7"))[12:20]
    assert after[40:] == packet[40:]


# Anything at all


hosts = st.sampled_from(["10.0.0.10", "10.0.0.11", "198.51.100.20", "203.0.113.1", "203.0.113.100"])
packets = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda a, b, data: raw(IP(src=a, dst=b) / UDP(sport=5060, dport=5060) / data), hosts, hosts, st.binary()),
    st.builds(lambda a, b, kind, data: raw(IP(src=a, dst=b) / ICMP(type=kind) / Raw(data)), hosts, hosts,
              st.sampled_from([0, 3, 8, 11]), st.binary(max_size=60)),
    st.builds(lambda packet, at, value: packet[:at] + bytes([value]) + packet[at + 1 :], st.sampled_from(call()),
              st.integers(0, 400), st.integers(0, 255)),
    st.builds(lambda packet, end: packet[:end], st.sampled_from(call()), st.integers(0, 300)),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(packets, max_size=12), st.sampled_from([0, 1, 101, 113, 276]))
def test_every_frame_is_accounted_for(taken: list[bytes], link: int) -> None:
    done = replayed(frames(*taken, link=link), OVERLOAD + STATIC.splitlines()[-1] + "\n")
    packets_found = done.found["packets"]
    assert packets_found["read"] == len(taken)
    assert packets_found["dropped"] == len(done.reasons)
    assert all(done.reasons)
    assert "internal-error" not in str(done.reasons)
    waiting = done.found["notes"].get("fragments-missing", 0)
    assert packets_found["written"] + packets_found["dropped"] + waiting >= len(taken)


def test_the_same_capture_gives_the_same_output_twice() -> None:
    taken = frames(*call("a"), *call("b"))
    assert replayed(taken, OVERLOAD)[1:] == replayed(taken, OVERLOAD)[1:]


def test_a_gateway_that_translates_nothing_changes_nothing() -> None:
    stream = BytesIO()
    writer = create_capture(stream, "out.pcap")
    config = OVERLOAD.splitlines(keepends=True)[:-1]
    Replay(Engine(read_config("".join(config), "x"), random.Random(1).random), writer).run(frames(*call()))
    assert [frame.data for frame in read(stream.getvalue())] == call()
