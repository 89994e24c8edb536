"""Rules that look at where flows go, in the kernel: as tests/engine/test_rules_of_flows.py has them in replay."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.engine.results import Side
from kit.gateway import INTERFACES
from kit.live import Datagram, Live
from kit.namespaces import Namespace
from kit.packets import ping, tcp, udp
from kit.sip import answer, request, sdp
from kit.wires import Wires, ends_of

INSIDE, OUTSIDE = Side
PHONE, SERVER = "192.168.1.10", "192.168.1.5"
NEAR, FAR, OTHER = "198.51.100.7", "198.51.100.240", "198.51.100.130"
RULES = INTERFACES + (
    "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\n"
    "ip nat pool L 203.0.113.30 203.0.113.31 prefix-length 24\n"
    "access-list 101 permit ip 192.168.1.0 0.0.0.255 198.51.100.0 0.0.0.127\n"
    "access-list 102 deny tcp any any eq 25\n"
    "access-list 102 permit ip 192.168.1.0 0.0.0.255 198.51.100.192 0.0.0.63\n"
    "access-list 103 permit tcp any any eq 80\n"
    "access-list 104 permit udp any host 198.51.100.130 eq 7\n"
    "route-map WEB permit 10\n match ip address 103\n"
    "route-map FAR deny 5\n match ip address 101\n"
    "route-map FAR permit 10\n match ip address 102\n match interface out0\n"
    f"ip nat inside source static {SERVER} 203.0.113.9 route-map WEB\n"
    "ip nat inside source list 104 pool L\n"
    "ip nat inside source route-map FAR pool P overload\n"
    "ip nat inside source list 101 interface out0 overload\n"
)


@pytest.fixture
def live(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Live]:
    with ExitStack() as stack:
        yield Live(Wires(new_namespace(), new_namespace(), stack), stack, tmp_path, RULES)


def through(live: Live, packet: bytes, side: Side = INSIDE) -> tuple[str, str]:
    left = live.packets(side, packet)
    assert left, "nothing left"
    return ends_of(left[0])


def test_a_flow_has_the_name_of_its_rule(live: Live) -> None:
    """Ordinary flows, of which the engine does not hear: to each destination by another rule, or by none."""
    assert through(live, udp(f"{PHONE}:5000", f"{NEAR}:9"))[0].startswith("203.0.113.1:")
    far = through(live, udp(f"{PHONE}:5000", f"{FAR}:9"))[0]
    assert far.startswith(("203.0.113.20:", "203.0.113.21:"))
    assert through(live, udp(f"{FAR}:9", far), OUTSIDE) == (f"{FAR}:9", f"{PHONE}:5000")
    assert through(live, tcp(f"{PHONE}:5000", f"{FAR}:25"))[0] == f"{PHONE}:5000"
    assert through(live, udp(f"{PHONE}:5000", f"{OTHER}:9"))[0] == f"{PHONE}:5000"
    [echo] = live.packets(INSIDE, ping(PHONE, FAR, 7))
    assert echo[12:15] == bytes([203, 0, 113])
    assert echo[15] in {20, 21}
    assert not live.traffic.received


def test_an_address_is_leased_for_some_flows(live: Live) -> None:
    leased = through(live, udp(f"{PHONE}:5000", f"{OTHER}:7"))
    assert leased == ("203.0.113.30:5000", f"{OTHER}:7")
    assert through(live, udp(f"{PHONE}:5000", f"{OTHER}:9"))[0] == f"{PHONE}:5000", "not its port"
    assert through(live, udp(f"{PHONE}:5000", f"{NEAR}:7"))[0].startswith("203.0.113.1:")
    assert through(live, tcp(f"{NEAR}:9", "203.0.113.30:80"), OUTSIDE)[1] == f"{PHONE}:80"
    asked = live.traffic.received
    assert through(live, udp(f"{PHONE}:5001", f"{OTHER}:7"))[0] == "203.0.113.30:5001"
    assert live.traffic.received == asked, "who has a lease is not asked about"
    assert [str(one.inside_global) for one in live.engine.state.sessions].count("203.0.113.30:5001") == 1


def test_a_static_name_is_for_the_flows_of_its_route_map(live: Live) -> None:
    assert through(live, tcp(f"{SERVER}:1025", f"{NEAR}:80"))[0] == "203.0.113.9:1025"
    assert through(live, tcp(f"{SERVER}:1026", f"{NEAR}:81"))[0].startswith("203.0.113.1:")
    assert through(live, udp(f"{OTHER}:9", "203.0.113.9:9"), OUTSIDE)[1] == f"{SERVER}:9", "it leads in for all"
    assert through(live, udp(f"{SERVER}:9", f"{OTHER}:9"))[0] == "203.0.113.9:9"


def call(live: Live, peer: str, media: str) -> tuple[str, bytes]:
    """An INVITE that leaves, and an answer to it; what the INVITE came from, and what it said."""
    invite = request(host=PHONE, body=sdp(PHONE, 4000), call_id=peer).replace(b"198.51.100.20", peer.encode())
    [sent] = live.out(invite, f"{PHONE}:5060", f"{peer}:5060")
    ok = answer(call_id=peer, body=sdp(media, 6000)).replace(b"198.51.100.20", peer.encode())
    assert live.in_(ok, f"{peer}:5060", sent.sender)
    return sent.sender, sent.data


def test_a_call_is_named_as_its_own_flow(live: Live) -> None:
    """Two calls of one phone, each with the name of another rule in headers, messages and media."""
    for peer, name in ((NEAR, "203.0.113.1"), (FAR, "203.0.113.21")):
        sender, sent = call(live, peer, peer)
        assert sender == f"{name}:5060"
        assert f"c=IN IP4 {name}\r\n".encode() in sent
        assert f"Contact: <sip:alice@{name}:5060>".encode() in sent
        assert live.in_(b"media", f"{peer}:6000", f"{name}:4000") == [
            Datagram(f"{peer}:6000", f"{PHONE}:4000", b"media")
        ]
        assert live.out(b"media", f"{PHONE}:4000", f"{peer}:6000") == [
            Datagram(f"{name}:4000", f"{peer}:6000", b"media")
        ]


def test_media_have_the_name_that_was_announced_to_their_other_end(live: Live) -> None:
    call(live, NEAR, FAR)
    [media] = live.out(b"media", f"{PHONE}:4000", f"{FAR}:6000")
    assert media.sender == "203.0.113.1:4000", "though the rule about flows to there would name it otherwise"
    [other] = live.out(b"other", f"{PHONE}:4002", f"{FAR}:6000")
    assert other.sender.startswith("203.0.113.2")
    assert f"{FAR} . {PHONE} . udp . 4000" in live.elements("promised_3").replace("\n", "")


def test_another_configuration_keeps_what_it_allows(live: Live) -> None:
    call(live, FAR, FAR)
    live.reconfigure(RULES.replace("ip nat inside source list 101 interface out0 overload\n", ""), 0.0)
    [media] = live.in_(b"media", f"{FAR}:6000", "203.0.113.21:4000")
    assert media.receiver == f"{PHONE}:4000"
    assert through(live, udp(f"{PHONE}:5001", f"{NEAR}:9"))[0] == f"{PHONE}:5001"
    live.reconfigure(INTERFACES + "ip nat inside source list 1 interface out0 overload\n", 0.0)
    assert not live.in_(b"media", f"{FAR}:6000", "203.0.113.21:4000")
    assert through(live, udp(f"{PHONE}:5002", f"{FAR}:9"))[0].startswith("203.0.113.1:")
    live.reconfigure(RULES, 0.0)
    assert through(live, udp(f"{PHONE}:5003", f"{FAR}:9"))[0].startswith("203.0.113.2")
