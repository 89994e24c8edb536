"""Entries of conntrack as flows through the NAT."""

import pytest

from doorman.dataplanes.netfilter.flow import Flow
from doorman.dataplanes.netfilter.kernel_flows import flows_of
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.net.packet import ICMP, TCP, UDP
from kit.packets import endpoint

PHONE, NAME, PEER = "192.168.1.10:4000", "203.0.113.1:4000", "198.51.100.20:6000"
OTHER, OTHER_NAME = "192.168.1.11:4000", "203.0.113.1:4002"


def shown(  # noqa: PLR0913 - a flow's ends and what else is known of it
    sender: str, receiver: str, reply_sender: str, reply_receiver: str, protocol: int = UDP, *, mark: int = 0
) -> list[str]:
    ends = endpoint(sender), endpoint(receiver), endpoint(reply_sender), endpoint(reply_receiver)
    flows = flows_of(Flow(protocol, *ends, mark, 0, 0, 0, 0, 0, 0, 0, 0))
    return [f"{flow.begun.name} {flow.inside_local} {flow.inside_global} {flow.outside}" for flow in flows]


@pytest.mark.parametrize("protocol", [UDP, ICMP])
def test_from_each_side(protocol: int) -> None:
    assert shown(PHONE, PEER, PEER, NAME, protocol) == [f"INSIDE {PHONE} {NAME} {PEER}"]
    assert shown(PEER, NAME, PHONE, PEER, protocol) == [f"OUTSIDE {PHONE} {NAME} {PEER}"]


def test_without_translation_there_is_none() -> None:
    assert shown(PHONE, PEER, PEER, PHONE) == []


def test_a_leg_of_the_proxy_is_none() -> None:
    assert shown(PHONE, PEER, "192.168.1.1:15060", PHONE, TCP, mark=PROXIED) == []
    assert shown("203.0.113.1:40000", PEER, PEER, NAME, TCP, mark=PROXIED) == []


def test_a_hairpin_is_two() -> None:
    assert shown(PHONE, OTHER_NAME, OTHER, NAME) == [
        f"INSIDE {PHONE} {NAME} {OTHER_NAME}",
        f"OUTSIDE {OTHER} {OTHER_NAME} {NAME}",
    ]


def test_a_hairpin_of_a_host_without_a_name_of_its_own() -> None:
    assert shown(PHONE, OTHER_NAME, OTHER, PHONE) == [f"OUTSIDE {OTHER} {OTHER_NAME} {PHONE}"]
