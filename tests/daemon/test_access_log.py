"""What lines of access lists log, and when."""

from doorman.config.access_lists import Traffic
from doorman.daemon.access_log import INTERVAL, AccessLog
from doorman.dataplanes.netfilter.chains.access import LoggedLine
from doorman.net.addresses import address_of
from doorman.net.packet import ICMP, TCP, UDP

SOURCE, TARGET = address_of("198.51.100.7"), address_of("203.0.113.1")
FLOOD = Traffic(UDP, SOURCE, TARGET, 4000, 9999)
DENIED = LoggedLine("WORLD", permit=False, with_interface=False)
TEXT = "%SEC-6-IPACCESSLOGP: list WORLD denied udp 198.51.100.7(4000) -> 203.0.113.1(9999)"


def test_the_first_packet_at_once_then_how_many_came() -> None:
    log = AccessLog()
    assert list(log.see(DENIED, "out0", FLOOD, 0.0)) == [f"{TEXT}, 1 packet"]
    assert [line for at in range(1, 8) for line in log.see(DENIED, "out0", FLOOD, at)] == []
    assert list(log.expire(INTERVAL - 1)) == []
    assert list(log.expire(INTERVAL)) == [f"{TEXT}, 7 packets"]
    assert list(log.expire(2 * INTERVAL)) == []
    assert list(log.see(DENIED, "out0", FLOOD, 2 * INTERVAL)) == [f"{TEXT}, 1 packet"]


def test_what_is_told_of_each_protocol() -> None:
    permitted = LoggedLine("101", permit=True, with_interface=True)
    ping = Traffic(ICMP, SOURCE, TARGET, icmp_type=8, icmp_code=0)
    others = (
        ("101 permitted tcp 198.51.100.7(1) (out0) -> 203.0.113.1(80)", Traffic(TCP, SOURCE, TARGET, 1, 80, 2)),
        ("101 permitted icmp 198.51.100.7 (out0) -> 203.0.113.1 (8/0)", ping),
        ("101 permitted gre 198.51.100.7 (out0) -> 203.0.113.1", Traffic(47, SOURCE, TARGET)),
    )
    log = AccessLog()
    for text, traffic in others:
        [line] = log.see(permitted, "out0", traffic, 0.0)
        assert line.partition(": list ")[2] == f"{text}, 1 packet"


def test_flows_that_differ_in_flags_only_are_one() -> None:
    log = AccessLog()
    told = [line for flags in (2, 16, 24) for line in log.see(DENIED, "", Traffic(TCP, SOURCE, TARGET, 1, 2, flags), 0)]
    assert len(told) == 1


def test_a_flood_of_kinds_is_told_of_but_not_remembered() -> None:
    log = AccessLog()
    told = [line for port in range(3_000) for line in log.see(DENIED, "", FLOOD._replace(source_port=port), 0.0)]
    assert len(told) == 3_000
    again = [line for port in range(3_000) for line in log.see(DENIED, "", FLOOD._replace(source_port=port), 1.0)]
    assert len(again) == 2_000


def test_names_survive_the_way_through_the_kernel() -> None:
    for name in ("WORLD", 'a"b{c} d%', "x" * 80):
        line = LoggedLine(name, permit=True, with_interface=True)
        assert LoggedLine.read(str(line)) == line
        assert not set(str(line)) & set('"{};$')
        assert len(str(line)) < 128
    assert LoggedLine.read("somebody else's") is None
    assert LoggedLine.read("") is None
