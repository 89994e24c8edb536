"""The counters of the NetBIOS services as IOS-XE prints them."""

from collections import Counter

from doorman.cli.show.netbios_statistics import SERVICES, show_netbios_statistics
from doorman.dataplanes.alg_counts import alg_counts
from doorman.wire.netbios import DATAGRAMS, NAME_REQUESTS, NAME_RESPONSES, SESSION
from kit.netbios import answer, datagram, node_status, redirect, registered, registration, wack
from kit.sip import STATIC, Gateway

PEER = "198.51.100.20"


def shown(gateway: Gateway) -> list[str]:
    found = {service.alg: alg_counts(gateway.engine, service.alg, Counter()) for service in SERVICES}
    return list(show_netbios_statistics(found))


def test_each_kind_is_counted_in_its_line() -> None:
    gateway = Gateway(STATIC)
    for packet in (registration("10.0.0.10"), registration("10.0.0.10", 8), answer(("10.0.0.10",)), redirect(PEER)):
        gateway.out(packet, "10.0.0.10:137", f"{PEER}:137")
    gateway.out(wack(), "10.0.0.10:137", f"{PEER}:137")
    gateway.out(node_status()[:-1], "10.0.0.10:137", f"{PEER}:137")
    gateway.in_(registered("203.0.113.100"), f"{PEER}:137", "203.0.113.100:137")
    for kind in (0x10, 0x11, 0x11, 0x13):
        gateway.out(datagram("10.0.0.10", 138, kind), "10.0.0.10:138", f"{PEER}:138")
    lines = shown(gateway)
    assert lines[0] == "NetBIOS ALG Statistics:"
    assert lines[1:12] == [
        "  Datagram Service statistics",
        "    Total packets                                 :4",
        "    Direct unique packets                         :1",
        "    Direct group packets                          :2",
        "    Broadcast packets                             :0",
        "    DGM Error packets                             :1",
        "    Query request packets                         :0",
        "    Positive Qry response packets                 :0",
        "    Negative Qry response packets                 :0",
        "    Unknown packets                               :0",
        "    Total error packets                           :0",
    ]
    named = dict(line.split(":") for line in lines[13:24])
    counts = {name.strip(): int(count) for name, count in named.items() if count != "0"}
    assert counts == {
        "Total packets": 7,
        "Query response packets": 2,
        "Registration req packets": 1,
        "Registration resp packets": 1,
        "WACK packets": 1,
        "Refresh packets": 1,
        "Total error packets": 1,
    }


def test_every_kind_has_a_line() -> None:
    kinds = {service.alg: {kind for line in service.lines.values() for kind in line} for service in SERVICES}
    assert kinds["netbios-dgm"] == set(DATAGRAMS.values())
    assert kinds["netbios-ssn"] == set(SESSION.values())
    assert kinds["netbios-ns"] >= {*NAME_REQUESTS.values(), *NAME_RESPONSES.values()}
