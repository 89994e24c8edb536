"""NetBIOS and LDAP of the same host in each of two VRFs, from and to the same ports: each is told by its own name."""

import random

from doorman.algs.api import Direction
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.realms import engines
from doorman.engine.results import Side
from doorman.net.packet import parse_packet
from kit.ldap import added, person, told
from kit.netbios import datagram
from kit.packets import endpoint, udp
from kit.vrf import OVERLOAD

HOST, PEER = "10.0.0.10:138", "198.51.100.20:138"


def test_datagrams_of_both_have_their_own_ports() -> None:
    ports = {}
    for vrf, engine in engines(read_config(OVERLOAD, "test.cfg"), random.Random(1).random).items():
        result = engine.receive(udp(HOST, PEER, datagram("10.0.0.10", 138)), Side.INSIDE, 0.0)
        packet = parse_packet(result.packet)
        assert packet is not None
        assert result.inspections[0].message.direction == Direction.OUTBOUND
        assert packet.payload == datagram("203.0.113.1", packet.source_port)
        ports[vrf] = packet.source_port
    assert ports["red"] != ports["blue"]


def test_people_of_both_have_their_own_ports() -> None:
    ports = {}
    for vrf, engine in engines(read_config(OVERLOAD, "test.cfg"), random.Random(1).random).items():
        ends = endpoint("10.0.0.10:40000"), endpoint("198.51.100.20:389")
        connection = connect(engine, *ends, Side.INSIDE, 0.0)
        [ports[vrf]] = told(connection.receive(added(person("10.0.0.10", 1720)), End.CLIENT, 0.0).data)["sport"]
    assert ports["red"] == "1720"
    assert ports["blue"] != "1720"
