"""Lists as few look-ups: which lines become one map, and that the first line that matches still decides."""

import re
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from doorman.config.access_lists import ExtendedEntry, Traffic
from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.classify import Line, classified, groups_of
from doorman.dataplanes.netfilter.chains.matching import Match, expression, matches_of
from doorman.net.addresses import Address
from kit.configurations import extended_entries


def lines_of(text: str) -> list[Line]:
    config = read_config(f"ip access-list extended L\n{text}", "test.cfg")
    return [Line(list(matches_of(entry)), f"goto {number}") for number, entry in enumerate(config.lists["L"].entries)]


def rules_of(text: str) -> list[str]:
    return list(classified(lines_of(text)))


def test_a_line_as_nft_asks_it() -> None:
    assert rules_of("permit ip any any") == ["goto 0"]
    assert rules_of("permit tcp 10.0.0.0 0.0.0.255 any eq 80 443") == [
        "meta l4proto 6 ip saddr 10.0.0.0/24 th dport { 80, 443 } goto 0"
    ]
    assert rules_of("permit udp host 10.0.0.1 neq 7 any gt 1023") == [
        "meta l4proto 17 ip saddr 10.0.0.1 th sport { 0-6, 8-65535 } th dport 1024-65535 goto 0"
    ]
    assert rules_of("deny tcp 10.0.3.0 0.255.0.255 any established") == [
        "meta l4proto 6 ip saddr & 255.0.255.0 == 10.0.3.0 tcp flags & (ack | rst) != 0 goto 0"
    ]
    assert rules_of("deny icmp any any host-unreachable") == ["meta l4proto 1 th sport 769 goto 0"]
    assert rules_of("deny icmp any any unreachable") == ["meta l4proto 1 th sport 768-1023 goto 0"]
    assert rules_of("permit 47 any any") == ["meta l4proto 47 goto 0"]
    assert rules_of("permit udp any lt 0 any") == [], "no port is less than 0"


def test_lines_alike_become_one_map() -> None:
    [rule] = rules_of("".join(f"permit tcp any host 192.0.2.{host} eq 80\n" for host in range(50)))
    assert rule.startswith("meta l4proto 6 ip daddr . th dport vmap { 192.0.2.0 . 80 : goto 0, 192.0.2.1 . 80 : goto 1")
    assert rule.endswith("192.0.2.49 . 80 : goto 49 }")


def test_lines_with_nothing_in_common_share_a_map_though_others_stand_between() -> None:
    pairs = "permit tcp any host 192.0.2.{0} eq 80\ndeny tcp any host 192.0.2.{0}\n"
    rules = rules_of("".join(pairs.format(host) for host in range(50)))
    assert len(rules) == 2
    assert [len(re.findall("goto", rule)) for rule in rules] == [50, 50]


def test_a_few_lines_are_asked_one_by_one() -> None:
    assert len(rules_of("permit tcp any any eq 80\npermit tcp any any eq 81\npermit tcp any any eq 82\n")) == 3


def is_true(match: Match, traffic: Traffic) -> bool:
    """What nft finds, read from the match by other means than those that wrote it."""
    message = traffic.icmp_type << 8 | traffic.icmp_code
    ends = traffic.source, message if traffic.protocol == 1 else traffic.source_port, traffic.destination
    asked: list[int | bytes] = [traffic.protocol, *ends, traffic.destination_port]
    for value, ranges in zip(asked, match.fields, strict=True):
        number = value if isinstance(value, int) else int.from_bytes(value, "big")
        if ranges is not None and not any(first <= number <= last for first, last in ranges):
            return False
    for field, mask, wanted in re.findall(r"ip ([sd])addr & (\S+) == (\S+)", match.more):
        address = traffic.source if field == "s" else traffic.destination
        bits = (bytes(map(int, text.split("."))) for text in (mask, wanted))
        if bytes(one & other for one, other in zip(address, next(bits), strict=True)) != next(bits):
            return False
    return "flags" not in match.more or bool(traffic.tcp_flags & 0x14)


few_addresses = st.builds(lambda high, low: Address(bytes((10, 0, high, low))), st.integers(0, 3), st.integers(0, 3))


def traffic_near(entries: Iterable[ExtendedEntry]) -> st.SearchStrategy[Traffic]:
    """Packets of addresses and ports that lines speak of."""
    hosts: list[int] = []
    ports = [0, 65_535]
    for entry in entries:
        for match in matches_of(entry):
            for field, found in ((1, hosts), (3, hosts), (2, ports), (4, ports)):
                found += [number for ends in match.fields[field] or () for number in ends]
    address = st.sampled_from(hosts or [1]).map(lambda number: Address(number.to_bytes(4, "big"))) | few_addresses
    port = st.sampled_from(ports)
    ported = st.builds(
        Traffic, st.sampled_from([6, 17]), address, address, port, port, st.sampled_from([0x02, 0x10, 0x04])
    )
    icmp = st.builds(
        lambda source, target, kind, code: Traffic(1, source, target, icmp_type=kind, icmp_code=code),
        address,
        address,
        st.integers(0, 255),
        st.integers(0, 255),
    )
    return ported | icmp | st.builds(Traffic, st.sampled_from([47, 50]), address, address)


@given(st.lists(extended_entries(), min_size=1, max_size=12), st.data())
@settings(max_examples=60)
def test_the_first_line_that_matches_decides(entries: list[ExtendedEntry], data: st.DataObject) -> None:
    lines = [Line(list(matches_of(entry)), str(number)) for number, entry in enumerate(entries)]
    for traffic in data.draw(st.lists(traffic_near(entries), min_size=1, max_size=8)):
        wanted = next((str(number) for number, entry in enumerate(entries) if entry.covers(traffic)), None)
        found = None
        for group in groups_of(lines):
            hits = [line.then for line in group.lines if any(is_true(match, traffic) for match in line.matches)]
            if group.is_map:
                assert len(hits) <= 1, "no two elements of a map are true of one packet"
            if hits:
                found = hits[0]
                break
        assert found == wanted


@given(st.lists(extended_entries(), max_size=8))
@settings(max_examples=40)
def test_elements_of_a_map_do_not_overlap(entries: list[ExtendedEntry]) -> None:
    for group in groups_of([Line(list(matches_of(entry)), "accept") for entry in entries]):
        boxes = [box for box, _ in group.boxes]
        for index, box in enumerate(boxes):
            for other in boxes[:index]:
                assert any(a[1] < b[0] or b[1] < a[0] for a, b in zip(box, other, strict=True))


def test_a_match_of_anything_is_written_as_nothing() -> None:
    [match] = matches_of(ExtendedEntry(permit=True))
    assert expression(match) == ""


few_ports = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda ends: (min(ends), max(ends)))


@given(st.lists(few_ports, max_size=12))
def test_a_line_comes_behind_all_that_it_overlaps(ranges: list[tuple[int, int]]) -> None:
    lines = [Line([Match((None, None, None, None, (ends,)))], str(number)) for number, ends in enumerate(ranges)]
    groups = groups_of(lines)
    places = [next(place for place, group in enumerate(groups) if line in group.lines) for line in lines]
    for later, (first, last) in enumerate(ranges):
        for earlier, (begin, end) in enumerate(ranges[:later]):
            assert places[earlier] < places[later] or last < begin or end < first
