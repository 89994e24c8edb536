"""Outside hosts with other names inside, in the kernel."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.cli.gateway import Selection
from doorman.daemon.gateway import Gateway
from doorman.engine.results import Side
from kit.gateway import OVERLOAD
from kit.live import Datagram, Live
from kit.namespaces import Namespace
from kit.packets import endpoint, tcp, udp
from kit.sip import answer, request, sdp
from kit.wires import Wires, ends_of

INSIDE, OUTSIDE = Side
HOST, NAME, SERVER = "192.168.1.10", "203.0.113.5", "192.168.1.5"
STATIC = OVERLOAD + (
    f"ip nat inside source static {SERVER} {NAME}\n"
    "ip nat outside source static 198.51.100.7 10.99.0.7\n"
    "ip nat outside source static tcp 198.51.100.8 80 10.99.0.8 8080\n"
)
LIST = OVERLOAD + (
    f"ip nat inside source static {SERVER} {NAME}\n"
    "ip nat pool OUT 10.99.0.1 10.99.0.2 prefix-length 24\n"
    "access-list 7 permit 198.51.100.0 0.0.0.15\n"
    "ip nat outside source list 7 pool OUT\n"
)


@pytest.fixture
def make(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Callable[[str], Live]]:
    with ExitStack() as stack:
        yield lambda config: Live(Wires(new_namespace(), new_namespace(), stack), stack, tmp_path, config)


def through(live: Live, packet: bytes, side: Side) -> tuple[str, str] | None:
    left = live.packets(side, packet)
    return ends_of(left[0]) if left else None


def test_static_names_are_given_both_ways(make: Callable[[str], Live]) -> None:
    live = make(STATIC)
    out = through(live, udp(f"{HOST}:5000", "10.99.0.7:53", b"question"), INSIDE)
    assert out is not None
    assert out[1] == "198.51.100.7:53"
    assert through(live, udp("198.51.100.7:53", out[0], b"answer"), OUTSIDE) == ("10.99.0.7:53", f"{HOST}:5000")
    assert through(live, udp("198.51.100.7:9", f"{NAME}:9", b"in"), OUTSIDE) == ("10.99.0.7:9", f"{SERVER}:9")
    assert through(live, udp(f"{SERVER}:9", "10.99.0.7:9", b"back"), INSIDE) == (f"{NAME}:9", "198.51.100.7:9")
    opened = through(live, tcp(f"{SERVER}:7", "10.99.0.8:8080", data=b"open"), INSIDE)
    assert opened == (f"{NAME}:7", "198.51.100.8:80")
    assert through(live, udp(f"{SERVER}:8", "198.51.100.9:8", b"other"), INSIDE) == (f"{NAME}:8", "198.51.100.9:8")


def test_what_goes_out_again_keeps_its_sender(make: Callable[[str], Live]) -> None:
    live = make(STATIC)
    assert through(live, udp("198.51.100.7:9", "203.0.113.200:9", b"back"), OUTSIDE) == (
        "198.51.100.7:9",
        "203.0.113.200:9",
    )


def test_addresses_are_leased_and_kept_while_flows_live(make: Callable[[str], Live]) -> None:
    live = make(LIST)
    assert through(live, udp("198.51.100.7:9", f"{NAME}:9", b"one"), OUTSIDE) == ("10.99.0.1:9", f"{SERVER}:9")
    assert through(live, udp(f"{HOST}:5000", "10.99.0.1:53", b"two"), INSIDE) is not None
    sessions = sorted(
        f"{one.inside_local} {one.outside_local} {one.outside_global}" for one in live.engine.state.sessions
    )
    assert sessions == [
        f"{HOST}:5000 10.99.0.1:53 198.51.100.7:53",
        f"{SERVER}:9 10.99.0.1:9 198.51.100.7:9",
    ]
    live.run("conntrack", "-D", "-p", "udp", "--orig-port-dst", "9")
    live.packets(INSIDE)
    flows = live.engine.state.sessions
    assert [str(one.outside_local) for one in flows] == ["10.99.0.1:53"]
    assert "198.51.100.7" in live.elements("outside_leased", "set")
    assert through(live, udp("198.51.100.8:9", f"{NAME}:9", b"three"), OUTSIDE) == ("10.99.0.2:9", f"{SERVER}:9")
    assert through(live, udp("198.51.100.9:9", f"{NAME}:9", b"four"), OUTSIDE) is None


def test_a_call_with_a_renamed_peer(make: Callable[[str], Live]) -> None:
    live = make(STATIC)
    invite = request(host=HOST, body=sdp(HOST, 4000)).replace(b"198.51.100.20", b"10.99.0.7")
    [sent] = live.out(invite, f"{HOST}:5060", "10.99.0.7:5060")
    assert sent.receiver == "198.51.100.7:5060"
    assert b"10.99" not in sent.data
    ok = answer(body=sdp("198.51.100.7", 6000)).replace(b"198.51.100.20", b"198.51.100.7")
    [came] = live.in_(ok, "198.51.100.7:5060", sent.sender)
    assert (came.sender, came.receiver) == ("10.99.0.7:5060", f"{HOST}:5060")
    assert b"c=IN IP4 10.99.0.7" in came.data
    [media] = live.in_(b"media", "198.51.100.7:6000", "203.0.113.1:4000")
    assert media == Datagram("10.99.0.7:6000", f"{HOST}:4000", b"media")


def test_one_that_has_an_address_of_the_inside_is_found_by_the_way_to_its_name(make: Callable[[str], Live]) -> None:
    live = make(OVERLOAD + "ip nat outside source static 192.168.1.77 10.99.0.7\n")
    out = through(live, udp(f"{HOST}:5000", "10.99.0.7:53", b"question"), INSIDE)
    assert out is not None
    assert out[1] == "192.168.1.77:53"
    assert through(live, udp("192.168.1.77:53", out[0], b"answer"), OUTSIDE) == ("10.99.0.7:53", f"{HOST}:5000")


def test_leased_names_are_cleared_by_who_has_them(make: Callable[[str], Live], tmp_path: Path) -> None:
    """Of two outside hosts one is cleared, by its outside global address: its flow ends, by force its name as well."""
    live = make(LIST)
    gateway = Gateway(tmp_path / "config", live.config, live.parts, tmp_path / "traces")
    for peer in ("198.51.100.7:9", "198.51.100.8:9"):
        assert through(live, udp(peer, f"{NAME}:9", peer.encode()), OUTSIDE) is not None
    with live.wires.gateway.inside():
        assert gateway.clear_translations(Selection(outside_global=endpoint("198.51.100.7:0")), forced=False)
    assert [str(one.outside_global) for one in live.engine.state.sessions] == ["198.51.100.8:9"]
    assert len(live.engine.state.outside) == 2
    with live.wires.gateway.inside():
        gateway.clear_translations(Selection(), forced=True)
        gateway.clear_translations(Selection(), forced=True)
    assert len(live.engine.state.outside) == 0
    assert "198.51.100" not in live.elements("outside_leased", "set")
    assert through(live, udp("198.51.100.9:9", f"{NAME}:9", b"anew"), OUTSIDE) is not None
