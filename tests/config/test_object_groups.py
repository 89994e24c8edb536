"""Object groups: what they hold, in lines of access lists and for NAT, and that none is lost while it is used."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.config.access_lists import ExtendedEntry, HostGroup, Hosts, Traffic
from doorman.config.command import CommandError
from doorman.config.model import Config
from doorman.config.object_groups import Range
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.session import Session
from doorman.net.addresses import address_of
from kit.configurations import addresses
from kit.gateway import INTERFACES, gateway
from kit.packets import udp

GROUPS = """\
object-group network SERVERS
 host 10.0.0.5
 range 10.0.1.7 10.0.1.9
object-group network HOSTS
 description all of ours
 192.168.0.0 255.255.0.0
 group-object SERVERS
object-group service CALLS
 tcp-udp eq 5060 5061
 udp source gt 1023 range 16384 32767
 icmp echo
 esp
"""


def after(*lines: str) -> Config:
    session = Session(read_config(GROUPS, "base"))
    for line in lines:
        session.execute(line)
    return session.config


def packet(protocol: int, source: str, ports: tuple[int, int] = (-1, -1), icmp: int = -1) -> Traffic:
    return Traffic(protocol, address_of(source), address_of("198.51.100.7"), *ports, 0, icmp, 0)


@pytest.mark.parametrize(
    ("traffic", "permitted"),
    [
        (packet(6, "10.0.0.5", (1, 5060)), True),
        (packet(17, "10.0.1.8", (1, 5061)), True),
        (packet(17, "192.168.77.1", (1024, 20000)), True),
        (packet(17, "192.168.77.1", (1023, 20000)), False),
        (packet(1, "192.168.77.1", icmp=8), True),
        (packet(1, "192.168.77.1", icmp=0), False),
        (packet(50, "192.168.77.1"), True),
        (packet(50, "10.0.1.10"), False),
        (packet(6, "10.0.0.6", (1, 5060)), False),
    ],
)
def test_a_line_means_all_that_its_groups_hold(traffic: Traffic, permitted: bool) -> None:  # noqa: FBT001 - a table
    config = after("access-list 101 permit object-group CALLS object-group HOSTS any")
    assert (config.lists["101"].match(traffic) is not None) == permitted
    turned = traffic._replace(source=traffic.destination, destination=traffic.source)
    config = after("access-list 101 permit object-group CALLS any object-group HOSTS")
    assert (config.lists["101"].match(turned) is not None) == permitted


@given(st.tuples(addresses, addresses).map(sorted), addresses, st.integers(-1, 1))
def test_a_range_is_all_from_the_first_to_the_last(ends: list[bytes], other: bytes, near: int) -> None:
    first, last = (int.from_bytes(end, "big") for end in ends)
    found = Range(address_of(str(ipaddress.ip_address(first))), address_of(str(ipaddress.ip_address(last)))).hosts
    members = tuple(found)
    for number in (int.from_bytes(other, "big"), first + near, last + near, (first + last) // 2):
        if 0 <= number < 2**32:
            address = address_of(str(ipaddress.ip_address(number)))
            assert (address in HostGroup("R", members)) == (first <= number <= last)


def test_a_group_may_change_while_it_is_used() -> None:
    config = after("access-list 101 permit object-group CALLS object-group HOSTS any")
    session = Session(config)
    for line in ("object-group network SERVERS", "no host 10.0.0.5"):
        session.execute(line)
    assert config.lists["101"].match(packet(50, "10.0.0.5")) is None
    assert config.lists["101"].match(packet(50, "10.0.1.7")) == 0


def test_nat_of_a_group() -> None:
    lists = "access-list 101 deny ip host 192.168.1.66 any\naccess-list 101 permit ip object-group PHONES any\n"
    group = "object-group network PHONES\n range 192.168.1.10 192.168.1.70\n"
    gate = gateway(INTERFACES + group + lists + "ip nat inside source list 101 interface out0 overload\n")
    assert gate.inside(udp("192.168.1.10:5000", "198.51.100.7:53")).startswith("outside: udp 203.0.113.1")
    assert gate.inside(udp("192.168.1.66:5000", "198.51.100.7:53")).startswith("passed outside")
    assert gate.inside(udp("192.168.1.71:5000", "198.51.100.7:53")).startswith("passed outside")


def test_as_ios_writes_it_and_each_group_after_those_it_holds() -> None:
    config = read_config(GROUPS, "test")
    written = render(config).split("!\n")
    assert written[1:4] == [
        "object-group service CALLS\n tcp-udp eq 5060 5061\n udp source gt 1023 range 16384 32767\n icmp echo\n esp\n",
        "object-group network SERVERS\n host 10.0.0.5\n range 10.0.1.7 10.0.1.9\n",
        "object-group network HOSTS\n description all of ours\n 192.168.0.0 255.255.0.0\n group-object SERVERS\n",
    ]
    assert read_config(render(config), "again") == config


def test_lines_are_alike_that_use_the_same_group() -> None:
    one, other = (ExtendedEntry(permit=True, source=HostGroup("G", members)) for members in ((), (Hosts(),)))
    assert one == other


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("access-list 101 permit ip object-group NONE any",), "% Object-group NONE of type network does not exist"),
        (("access-list 101 permit ip any object-group CALLS",), "% Object-group CALLS of type network does not exist"),
        (("access-list 101 permit object-group HOSTS any any",), "% Object-group HOSTS of type service does not exist"),
        (("object-group service HOSTS",), "% Object-group HOSTS is of type network"),
        (("no object-group network SERVERS",), "% Object-group SERVERS is in use by HOSTS"),
        (
            ("access-list 101 permit object-group CALLS any any", "no object-group service CALLS"),
            "% Object-group CALLS is in use by 101",
        ),
        (("object-group network SERVERS", "group-object HOSTS"), "% A group cannot hold itself"),
        (("object-group network SERVERS", "group-object SERVERS"), "% A group cannot hold itself"),
        (("object-group network SERVERS", "group-object CALLS"), "% Object-group CALLS of type network does not exist"),
        (("object-group network SERVERS", "10.0.0.1 255.255.255.0"), "% Bad mask for address 10.0.0.1"),
        (("object-group network SERVERS", "range 10.0.0.9 10.0.0.1"), "% Bad range, 10.0.0.1 is before 10.0.0.9"),
        (("object-group network SERVERS", "no host 10.9.9.9"), "% Object-group SERVERS has no such member"),
        (("object-group service CALLS", "tcp range 9 1"), "% Bad port range, it ends before it begins"),
    ],
)
def test_what_is_refused(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        after(*lines)
    assert refused.value.message == message
