"""RTSP past a firewall: media by their doors where no class covers them, with NAT and without, both ways."""

import pytest

from doorman.engine.results import Side
from kit.rtsp import CLIENT_PORTS, FILM, OVERLOAD, SERVED, SERVER_PORTS, Rtsp

ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
class-map type inspect FILMS
 match protocol rtsp
policy-map type inspect WATCH
 class type inspect FILMS
  inspect
zone-pair security OUT source LAN destination WAN
 service-policy type inspect WATCH
zone-pair security IN source WAN destination LAN
 service-policy type inspect WATCH
"""
NO_NAT = "".join(line + "\n" for line in OVERLOAD.splitlines() if "ip nat" not in line)


@pytest.mark.parametrize(("base", "name"), [(OVERLOAD, "203.0.113.1"), (NO_NAT, "10.0.0.10")])
def test_a_client_inside(base: str, name: str) -> None:
    rtsp = Rtsp(base + ZONES)
    assert rtsp.flows("198.51.100.20:6256", f"{name}:4588").startswith("dropped")
    assert rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS) == (CLIENT_PORTS, SERVER_PORTS)
    assert rtsp.flows("198.51.100.20:6256", f"{name}:4588") == "inside: udp 198.51.100.20:6256 > 10.0.0.10:4588"
    assert rtsp.flows("10.0.0.10:4589", "198.51.100.20:6257", Side.INSIDE).startswith(f"outside: udp {name}:4589 >")
    assert rtsp.flows("198.51.100.20:6257", f"{name}:4589").startswith("inside: ")
    assert rtsp.flows("198.51.100.20:6258", f"{name}:4590").startswith("dropped")
    assert rtsp.flows("10.0.0.10:4590", "198.51.100.20:6258", Side.INSIDE).startswith("dropped")
    rtsp.asks("TEARDOWN", FILM, "Session: 7")
    rtsp.answers(session="7")
    rtsp.wait(3)
    assert rtsp.flows("198.51.100.20:6256", f"{name}:4588").startswith("dropped")


@pytest.mark.parametrize(("base", "name"), [(SERVED, "203.0.113.100"), (NO_NAT, "10.0.0.10")])
def test_a_server_inside(base: str, name: str) -> None:
    rtsp = Rtsp(base + ZONES, server_inside=True, server=f"{name}:554")
    rtsp.asks("DESCRIBE", f"rtsp://{name}/film")
    rtsp.answers()
    asked = "RTP/AVP;unicast;client_port=50006-50007"
    _, heard = rtsp.sets_up(asked, f"{asked};server_port=6256-6257;source=10.0.0.10", f"rtsp://{name}/film")
    assert heard == f"{asked};server_port=6256-6257;source={name}"
    assert rtsp.flows("10.0.0.10:6256", "198.51.100.20:50006", Side.INSIDE) == (
        f"outside: udp {name}:6256 > 198.51.100.20:50006"
    )
    assert rtsp.flows("198.51.100.20:50007", f"{name}:6257") == "inside: udp 198.51.100.20:50007 > 10.0.0.10:6257"
    assert rtsp.flows("10.0.0.10:6260", "198.51.100.20:50010", Side.INSIDE).startswith("dropped")


def test_a_port_map_tells_where_else_rtsp_is_found() -> None:
    moved = "ip port-map rtsp port tcp 5540\n"
    for config, count in ((OVERLOAD + moved + ZONES, 4), (OVERLOAD + moved + ZONES + "no ip nat service rtsp\n", 0)):
        rtsp = Rtsp(config, server="198.51.100.20:5540")
        rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS)
        assert len(rtsp.doors) == count
