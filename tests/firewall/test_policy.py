"""Flows judged by zone policies: which class covers them, and what each pair of zones says."""

import pytest

from doorman.config.access_lists import Traffic
from doorman.config.reader import read_config
from doorman.config.zones import PolicyClass
from doorman.firewall.interfaces import Interfaces
from doorman.firewall.policy import DENIED, NO_PAIR, Judge, Verdict
from doorman.net.addresses import address_of
from doorman.net.packet import ICMP, TCP, UDP
from doorman.net.routes import UNKNOWN

ZONES = """
zone security A
zone security B
interface a0
 ip address 10.0.0.1 255.255.255.0
 zone-member security A
interface a1
 ip address 10.0.1.1 255.255.255.0
 zone-member security A
interface b0
 ip address 10.0.2.1 255.255.255.0
 zone-member security B
interface n0
 ip address 10.0.3.1 255.255.255.0
interface n1
 ip address 10.0.4.1 255.255.255.0
"""
POLICY = """
policy-map type inspect P
 class type inspect C
  inspect
zone-pair security AB source A destination B
 service-policy type inspect P
"""
LISTS = """
access-list 101 permit ip host 10.0.0.7 any
access-list 7 permit 10.0.2.7
"""


def packet(protocol: int = TCP, port: int = 80, source: str = "10.0.0.7", target: str = "10.0.2.7") -> Traffic:
    ports = (4000, port) if protocol in {TCP, UDP} else (-1, -1)
    return Traffic(protocol, address_of(source), address_of(target), *ports, icmp_type=8 if protocol == ICMP else -1)


def covers(traffic: Traffic, *lines: str, kind: str = "match-all", more: str = "") -> bool:
    """Whether a class of these lines covers a packet."""
    text = f"{LISTS}{more}class-map type inspect {kind} C\n" + "".join(f" match {line}\n" for line in lines)
    verdict = Judge(read_config(text + ZONES + POLICY, "f")).judge("a0", "b0", traffic)
    assert verdict.reason in {"", DENIED}
    return verdict.action == "inspect"


class TestClasses:
    """What a class covers."""

    @pytest.mark.parametrize(
        ("name", "traffic", "covered"),
        [
            ("http", packet(), True),
            ("http", packet(UDP), False),
            ("http", packet(port=81), False),
            ("dns", packet(UDP, 53), True),
            ("dns", packet(TCP, 53), True),
            ("tcp", packet(port=9), True),
            ("udp", packet(port=9), False),
            ("icmp", packet(ICMP), True),
            ("netbios-ns", packet(UDP, 137), True),
            ("user-shop", packet(), False),
        ],
    )
    def test_protocols(self, name: str, traffic: Traffic, covered: bool) -> None:  # noqa: FBT001 - of a table
        assert covers(traffic, f"protocol {name}") == covered

    def test_all_lines_or_any_of_them(self) -> None:
        lines = "protocol http", "access-group 101"
        other = packet(source="10.0.0.8")
        assert covers(packet(), *lines)
        assert not covers(other, *lines)
        assert covers(other, *lines, kind="match-any")
        assert not covers(packet())
        assert not covers(packet(), kind="match-any")

    def test_classes_of_classes(self) -> None:
        inner = "class-map type inspect match-any WEB\n match protocol http\n match protocol https\n"
        lines = "class-map WEB", "access-group 101"
        assert covers(packet(port=443), *lines, more=inner)
        assert not covers(packet(port=22), *lines, more=inner)
        assert not covers(packet(source="10.0.0.8"), *lines, more=inner)

    def test_further_ports_of_some_servers(self) -> None:
        more = "ip port-map http port tcp 8080 list 7\nip port-map user-shop port 9000\n"
        assert covers(packet(port=8080), "protocol http", more=more)
        assert not covers(packet(port=8080, target="10.0.2.8"), "protocol http", more=more)
        assert covers(packet(port=80, target="10.0.2.8"), "protocol http", more=more)
        assert covers(packet(UDP, 9000), "protocol user-shop", more=more)

    def test_an_empty_list_permits_nothing(self) -> None:
        assert not covers(packet(), "access-group name E", more="ip access-list extended E\n")


class TestPairs:
    """What two interfaces say of each other."""

    @staticmethod
    def judged(more: str, ingress: str | None, egress: str | None) -> Verdict:
        text = "class-map type inspect C\n match protocol http\n" + ZONES + POLICY + more
        return Judge(read_config(text, "f")).judge(ingress, egress, packet())

    @pytest.mark.parametrize(
        ("ingress", "egress", "more", "action", "reason"),
        [
            ("a0", "b0", "", "inspect", ""),
            ("b0", "a0", "", "drop", NO_PAIR),
            ("a0", "a1", "", "pass", ""),
            ("n0", "n1", "", "pass", ""),
            ("n0", "a0", "", "drop", NO_PAIR),
            ("a0", "n0", "", "drop", NO_PAIR),
            ("a0", UNKNOWN, "", "drop", NO_PAIR),
            ("a0", None, "", "pass", ""),
            (None, "a0", "", "pass", ""),
            ("n0", None, "", "pass", ""),
            ("n0", "n1", "zone security default\n", "pass", ""),
            ("n0", "a0", "zone security default\n", "drop", NO_PAIR),
            ("a0", None, "zone-pair security S source A destination self\n", "pass", ""),
            ("b0", "a0", "zone-pair security S source B destination A\n", "drop", NO_PAIR),
        ],
    )
    def test_zones(self, ingress: str | None, egress: str | None, more: str, action: str, reason: str) -> None:
        verdict = self.judged(more, ingress, egress)
        assert (verdict.action, verdict.reason) == (action, reason)

    def test_the_first_class_that_covers_decides(self) -> None:
        text = "class-map type inspect C\n match protocol tcp\nclass-map type inspect D\n match protocol http\n"
        policy = POLICY.replace("  inspect\n", "  drop log\n class type inspect D\n  pass\n")
        verdict = Judge(read_config(text + ZONES + policy, "f")).judge("a0", "b0", packet())
        assert verdict == Verdict("drop", "AB", PolicyClass("C", "drop", log=True), DENIED)
        assert verdict.class_map == "C"

    def test_a_policy_without_a_default_class_drops_what_no_class_covers(self) -> None:
        text = "class-map type inspect C\n match protocol dns\n" + ZONES + POLICY
        verdict = Judge(read_config(text, "f")).judge("a0", "b0", packet())
        assert (verdict.action, verdict.class_map, verdict.reason) == ("drop", "class-default", DENIED)
        other = text + "policy-map type inspect P\n class class-default\n  pass\n"
        assert Judge(read_config(other, "f")).judge("a0", "b0", packet()).action == "pass"


def test_hosts_are_behind_the_interface_of_their_network_or_behind_the_one_that_is_left() -> None:
    places = Interfaces(read_config(ZONES, "f"))
    host, far, own = address_of("10.0.0.9"), address_of("192.0.2.1"), address_of("10.0.2.1")
    assert places.between(host, own) == ("a0", None)
    assert places.between(host, far) == ("a0", UNKNOWN)
    outside = Interfaces(read_config(ZONES.replace("interface n1\n", "interface n1\n ip nat outside\n"), "f"))
    assert outside.between(host, far) == ("a0", "n1")
    two = Interfaces(read_config("".join(ZONES.partition("interface a1")[0]) + "interface b0\n", "f"))
    assert two.between(host, far) == ("a0", "b0")
    assert two.between(far, host) == ("b0", "a0")
