"""Access lists: what they match, by an oracle of its own; numbers, comments, and how IOS writes them."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorman.config.access_lists import (
    ALL_ONES,
    ANY,
    AccessEntry,
    AccessList,
    ExtendedEntry,
    HostGroup,
    Hosts,
    Ports,
    ServiceMatch,
    Traffic,
)
from doorman.config.command import CommandError
from doorman.config.distinct import Distinct
from doorman.config.errors import ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.render_lists import access_list_blocks
from doorman.config.session import Session
from doorman.net.addresses import Address, address_of
from kit.configurations import any_port, entries, extended_entries, ipv4, matched_ports

TCP, UDP, ICMP = 6, 17, 1


def after(*lines: str) -> Config:
    session = Session(Config())
    for line in lines:
        session.execute(line)
    return session.config


def written(config: Config) -> list[str]:
    return [line for block in access_list_blocks(config.access_lists.values()) for line in block]


class TestMatching:
    """Against an evaluation that is written otherwise: with networks of the ipaddress module, and bit by bit."""

    @staticmethod
    def holds(end: Hosts, address: Address) -> bool:
        wildcard = int(ipaddress.IPv4Address(end.wildcard))
        if wildcard & (wildcard + 1) == 0:
            network = ipaddress.ip_network((bytes(end.address), 32 - wildcard.bit_length()))
            return ipaddress.ip_address(bytes(address)) in network
        bits = (f"{int.from_bytes(one, 'big'):032b}" for one in (end.address, end.wildcard, address))
        return all(free == "1" or wanted == has for wanted, free, has in zip(*bits, strict=True))

    @staticmethod
    def reaches(ports: Ports, port: int) -> bool:
        first, last = ports.values[0], ports.values[-1]
        chosen = {
            "eq": set(ports.values),
            "neq": set(range(65_536)) - set(ports.values),
            "gt": set(range(first + 1, 65_536)),
            "lt": set(range(first)),
            "range": set(range(first, last + 1)),
        }
        return port in chosen[ports.operator]

    def carries(self, service: ServiceMatch, packet: Traffic) -> bool:
        conditions = []
        if service.protocols != (0,):
            conditions.append(packet.protocol in service.protocols)
        if service.source_ports:
            conditions.append(self.reaches(service.source_ports, packet.source_port))
        if service.destination_ports:
            conditions.append(self.reaches(service.destination_ports, packet.destination_port))
        if service.icmp:
            kind, code = service.icmp
            conditions.append(kind == packet.icmp_type and (code is None or code == packet.icmp_code))
        return all(conditions)

    def agrees(self, entry: ExtendedEntry, packet: Traffic) -> bool:
        assert isinstance(entry.service, ServiceMatch)
        return (
            self.carries(entry.service, packet)
            and self.holds(hosts(entry.source), packet.source)
            and self.holds(hosts(entry.destination), packet.destination)
            and (not entry.established or bool(packet.tcp_flags & 0x10 or packet.tcp_flags & 0x04))
        )

    @settings(max_examples=300)
    @given(extended_entries(), st.data())
    def test_a_line_matches_what_agrees_with_all_of_it(self, line: ExtendedEntry, data: st.DataObject) -> None:
        packet = data.draw(packets([line]))
        assert line.covers(packet) == self.agrees(line, packet)

    @given(st.lists(extended_entries(), max_size=5, unique=True), st.data())
    def test_the_first_line_that_matches_decides(self, lines: list[ExtendedEntry], data: st.DataObject) -> None:
        packet = data.draw(packets(lines))
        expected = False
        for line in lines:
            if self.agrees(line, packet):
                expected = line.permit
                break
        found = AccessList("E", Distinct(lines), extended=True).match(packet)
        assert (found is not None and lines[found].permit) == expected

    @given(st.lists(entries(), max_size=5, unique=True), st.integers(0, 2**32 - 1), st.data())
    def test_a_standard_list_looks_at_sources(self, lines: list[AccessEntry], noise: int, data: st.DataObject) -> None:
        near = (
            data.draw(st.sampled_from(lines)) if lines else AccessEntry(permit=True, address=ipv4(0), wildcard=ipv4(0))
        )
        source = ipv4(int.from_bytes(near.address, "big") | noise & int.from_bytes(near.wildcard, "big"))
        agree = [line for line in lines if self.holds(Hosts(line.address, line.wildcard), source)]
        listed = AccessList("1", Distinct(lines))
        assert listed.permits(source) == (bool(agree) and agree[0].permit)
        found = listed.match(Traffic(UDP, source, address_of("192.0.2.1")))
        assert (None if found is None else lines[found]) == next(iter(agree), None)

    @given(matched_ports, st.data())
    def test_ports(self, ports: Ports, data: st.DataObject) -> None:
        port = data.draw(st.sampled_from(ports.values).flatmap(around))
        assert (port in ports) == self.reaches(ports, port)
        assert -1 not in ports

    @pytest.mark.parametrize("flags", range(64))
    def test_established_is_ack_or_rst(self, flags: int) -> None:
        line = ExtendedEntry(permit=True, service=ServiceMatch((TCP,)), established=True)
        packet = Traffic(TCP, ipv4(1), ipv4(2), 1, 2, flags)
        fin, syn, rst, push, ack, urgent = (bool(flags >> bit & 1) for bit in range(6))
        assert line.covers(packet) == (rst or ack), (fin, syn, push, urgent)

    def test_no_list_of_ipv4_is_about_ipv6(self) -> None:
        everyone = AccessEntry(permit=True, address=ipv4(0), wildcard=ALL_ONES)
        assert not AccessList("1", Distinct([everyone])).permits(address_of("2001:db8::1"))


def near_to(end: Hosts, noise: int) -> Address:
    return ipv4(int.from_bytes(end.address, "big") | noise & int.from_bytes(end.wildcard, "big"))


def hosts(end: Hosts | HostGroup) -> Hosts:
    assert isinstance(end, Hosts)
    return end


def around(port: int) -> st.SearchStrategy[int]:
    return st.integers(max(port - 1, 0), min(port + 1, 65_535))


@st.composite
def packets(draw: st.DrawFn, lines: list[ExtendedEntry]) -> Traffic:
    """Packets that are often near to what some line wants."""
    near = draw(st.sampled_from(lines)) if lines else ExtendedEntry(permit=True)
    service = near.service
    assert isinstance(service, ServiceMatch)
    protocol = service.protocols[0] or draw(st.sampled_from((ICMP, TCP, UDP, 47, 50)))
    source, destination = (
        near_to(draw(st.sampled_from((end, end, end, ANY))), draw(st.integers(0, 2**32 - 1)))
        for end in (hosts(near.source), hosts(near.destination))
    )
    packet = Traffic(protocol, source, destination)
    if protocol == ICMP:
        kind, code = service.icmp or (8, 0)
        others = st.integers(0, 255)
        return packet._replace(icmp_type=draw(st.just(kind) | others), icmp_code=draw(st.just(code or 0) | others))
    if protocol not in {TCP, UDP}:
        return packet
    ports = [
        draw(any_port if wanted is None else any_port | st.sampled_from(wanted.values).flatmap(around))
        for wanted in (service.source_ports, service.destination_ports)
    ]
    flags = draw(st.integers(0, 63)) if protocol == TCP else 0
    return packet._replace(source_port=ports[0], destination_port=ports[1], tcp_flags=flags)


class TestWriting:
    def test_as_ios_writes_it(self) -> None:
        config = after(
            "access-list 101 permit tcp host 10.0.0.1 10.1.2.3 0.0.0.255 eq 80",
            "access-list 101 permit 17 10.0.0.1 0.0.0.0 10.0.0.1 255.255.255.255 log",
            "access-list 101 remark the web",
            "access-list 101 deny tcp any range 20 21 any gt 1023 established log-input",
            "access-list 101 permit udp any eq 514 53 any neq 500",
            "access-list 101 permit icmp any any 8",
            "access-list 101 permit icmp any any 3 4",
            "access-list 101 permit icmp any any 200 7",
            "access-list 101 permit 112 any any",
        )
        assert written(config) == [
            "access-list 101 permit tcp host 10.0.0.1 10.1.2.0 0.0.0.255 eq www",
            "access-list 101 permit udp host 10.0.0.1 any log",
            "access-list 101 remark the web",
            "access-list 101 deny tcp any range ftp-data ftp any gt 1023 established log-input",
            "access-list 101 permit udp any eq syslog domain any neq isakmp",
            "access-list 101 permit icmp any any echo",
            "access-list 101 permit icmp any any packet-too-big",
            "access-list 101 permit icmp any any 200 7",
            "access-list 101 permit 112 any any",
        ]

    def test_a_named_list_has_a_block_and_numbers_only_where_they_were_chosen(self) -> None:
        lines = ("ip access-list extended WEB", "permit tcp any any eq 443", "deny ip any any")
        assert written(after(*lines)) == [
            "ip access-list extended WEB",
            " permit tcp any any eq 443",
            " deny ip any any",
        ]
        assert written(after(*lines, "15 permit esp any any")) == [
            "ip access-list extended WEB",
            " 10 permit tcp any any eq 443",
            " 15 permit esp any any",
            " 20 deny ip any any",
        ]

    def test_lines_are_one_list_however_they_are_typed(self) -> None:
        config = after("access-list 7 permit 10.0.0.1", "ip access-list standard 7", "deny any")
        assert written(config) == ["access-list 7 permit 10.0.0.1", "access-list 7 deny any"]
        assert read_config(render(config), "again") == config


class TestNumbers:
    LINES = ("ip access-list standard S", "permit 10.0.0.1", "remark two", "permit 10.0.0.2")

    def test_a_line_goes_where_its_number_says_and_comments_stay_with_their_line(self) -> None:
        assert written(after(*self.LINES, "12 deny any"))[1:] == [
            " 10 permit 10.0.0.1",
            " 12 deny any",
            " remark two",
            " 20 permit 10.0.0.2",
        ]

    def test_by_itself_a_line_is_ten_after_the_last(self) -> None:
        assert after(*self.LINES, "25 deny 10.0.0.3", "deny any").access_lists["S"].sequence == Distinct(
            (10, 20, 25, 35)
        )

    def test_the_same_line_under_another_number_changes_nothing(self) -> None:
        assert after(*self.LINES, "15 permit 10.0.0.1") == after(*self.LINES)

    def test_resequence(self) -> None:
        config = after(*self.LINES, "15 deny any", "ip access-list resequence S 100 5")
        assert config.access_lists["S"].sequence == Distinct((100, 105, 110))
        config = after(*self.LINES, "no 10", "exit", "ip access-list resequence S 10 10")
        assert not config.access_lists["S"].numbers

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("10 deny any", "% Duplicate sequence number"),
            ("no 15", "% Specified entry does not exist"),
            ("no deny any", "% Access list S has no such line"),
            ("ip access-list extended S", "% Access-list type conflicts with prior definition"),
            ("no ip access-list extended S", "% Access-list type conflicts with prior definition"),
            ("no ip access-list standard T", "% Access list T does not exist"),
            ("ip access-list resequence S 2147483647 10", "% Exceeded maximum sequence number"),
        ],
    )
    def test_what_is_refused(self, line: str, message: str) -> None:
        with pytest.raises(CommandError) as refused:
            after(*self.LINES, line)
        assert refused.value.message == message

    def test_numbers_end(self) -> None:
        with pytest.raises(CommandError) as refused:
            after(*self.LINES, "2147483640 deny 10.0.0.3", "deny any")
        assert refused.value.message == "% Exceeded maximum sequence number"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("access-list 101 permit tcp any any eq htpt", "htpt"),
        ("access-list 101 permit tcp host 10.0.0.300 any", "10.0.0.300"),
        ("access-list 101 permit tcp any any range 80 20", "20"),
        ("access-list 101 permit udp any any established", "established"),
        ("access-list 101 permit icmp any any eq 80", "eq"),
        ("access-list 101 permit tcp any any eq 1 2 3 4 5 6 7 8 9 10 11", "11"),
        ("access-list 101 permit ip any any eq 80", "eq"),
        ("access-list 101 permit 256 any any", "256"),
        ("access-list 101 permit any", "any"),
        ("access-list 200 permit ip any any", "200"),
        ("access-list 1 permit ip any any", "ip"),
        ("ip access-list standard 101", "101"),
        ("ip access-list extended 4you", "4you"),
    ],
)
def test_an_error_shows_the_word_that_is_wrong(line: str, wrong: str) -> None:
    with pytest.raises(CommandError) as refused:
        after(line)
    assert line[refused.value.column :].startswith(wrong)


class TestWhichHostsAreMeant:
    NAT = "interface out0\nip nat inside source list 101 interface out0\n"

    def test_an_extended_list_that_looks_at_sources_only(self) -> None:
        lists = "access-list 101 deny ip host 10.0.0.1 any\naccess-list 101 permit ip 10.0.0.0 0.0.0.255 any\n"
        listed = read_config(self.NAT + lists, "test").access_lists["101"]
        assert [listed.permits(address_of(f"10.0.0.{last}")) for last in (1, 2)] == [False, True]
        assert not listed.permits(address_of("10.0.1.1"))

    @pytest.mark.parametrize("line", ["permit tcp any any", "deny ip any host 10.0.0.1", "permit udp any any eq 53"])
    def test_one_that_looks_at_more_is_of_use_to_sources_of_the_inside_alone(self, line: str) -> None:
        lists = f"access-list 101 {line}\n"
        assert read_config(self.NAT + lists, "test").dynamic_sources
        pool = "ip nat pool P 10.9.0.1 10.9.0.9 prefix-length 24\n"
        with pytest.raises(ConfigErrors) as refused:
            read_config(pool + "ip nat outside source list 101 pool P\n" + lists, "test")
        assert "test:2:28" in str(refused.value)
        assert "% Access list 101 looks at more than source addresses" in str(refused.value)

    def test_nor_is_it_of_use_to_a_setting(self) -> None:
        config = after("access-list 101 deny tcp any any", "access-list 101 permit ip any any")
        assert config.settings_with_lists["sip"].listed("101") is None
        with pytest.raises(ConfigErrors, match="looks at more than source addresses"):
            read_config(render(config).replace("end", "ip nat service sip trusted-media 101"), "test")

    @pytest.mark.parametrize(
        ("lists", "message"),
        [
            ("", "% Access list PHONES does not exist"),
            ("ip access-list extended PHONES\n permit tcp any any\n", "% Access list PHONES looks at more than source"),
        ],
    )
    def test_nor_to_a_limit_of_translations(self, lists: str, message: str) -> None:
        with pytest.raises(ConfigErrors) as refused:
            read_config(f"ip nat translation max-entries list PHONES 9\n{lists}", "test")
        assert "test:1:37" in str(refused.value)
        assert message in str(refused.value)
