"""Two gateways in one kernel do not meet: in namespaces of their own, with the same addresses, or in one namespace."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.calls import Calls
from doorman.lab.errors import LabError
from doorman.lab.gateway import doorman
from doorman.lab.namespaces import address, link, namespace, route
from doorman.lab.phones import Line
from doorman.lab.plans import Plan, from_inside, from_outside
from kit.lab import SHORT, Lab, eventually


def assert_all_came(calls: Calls) -> None:
    [leg] = calls.finish().legs
    for end in leg:
        assert end.received == end.sent > 0


def test_two_namespaces_with_the_same_addresses(make_lab: Callable[..., Lab]) -> None:
    one, other = make_lab(), make_lab()
    with ExitStack() as stack:
        for lab in (one, other):
            stack.enter_context(lab.serving())
        calls = [
            stack.enter_context(one.calling(from_inside(one.network, SHORT))),
            stack.enter_context(other.calling(from_inside(other.network, SHORT))),
        ]
        for lab in (one, other):
            assert len(lab.ask("show alg sip calls")) == 1
            eventually(lambda: len(lab.media_flows()) == 1, "no media, or another's")  # noqa: B023 - used at once
        for each in calls:
            assert_all_came(each)


SECOND = """\
interface in1
 ip address 192.168.2.1 255.255.255.0
 ip nat inside
interface out1
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
access-list 1 permit 192.168.2.0 0.0.0.255
ip nat inside source static 192.168.2.5 192.0.2.5
ip nat inside source list 1 interface out1 overload
"""


def beside(lab: Lab, stack: ExitStack, directory: Path, mode: str) -> Lab:
    """A second inside and a second outside at the same gateway machine."""
    net = lab.network
    inside, outside = (stack.enter_context(namespace(f"{name}-2")) for name in (net.inside, net.outside))
    link((inside, "phone0"), (net.gateway, "in1"))
    link((net.gateway, "out1"), (outside, "phone0"))
    address(inside, "phone0", "192.168.2.10/24", "192.168.2.5/24")
    route(inside, "default", "via", "192.168.2.1")
    address(net.gateway, "in1", "192.168.2.1/24")
    address(net.gateway, "out1", "192.0.2.1/24")
    address(outside, "phone0", "192.0.2.20/32")
    route(outside, "192.0.2.1", "dev", "phone0", "src", "192.0.2.20")
    route(outside, "192.0.2.0/24", "via", "192.0.2.1", "src", "192.0.2.20")
    directory.mkdir()
    made = Lab(net._replace(inside=inside, outside=outside), directory, lab.media)
    made.config.write_text(SECOND + f"ip nat service sip tcp mode {mode}\n")
    return made


def plans(lab: Lab) -> list[Plan]:
    """Out over UDP, and in over TCP."""
    over_tcp = SHORT._replace(transport="tcp")
    return [from_inside(lab.network, SHORT), from_outside(lab.network, over_tcp)]


def plans_of_the_second(lab: Lab) -> list[Plan]:
    """The same, at the second gateway."""
    phone = Line(lab.network.inside, "192.168.2.10", "alice", 20000)
    exchange = Line(lab.network.inside, "192.168.2.5", "reception", 20000)
    outside = Line(lab.network.outside, "192.0.2.20", "bob", 30000)
    over_tcp = SHORT._replace(transport="tcp")
    return [
        Plan(phone, outside, ("192.0.2.20", 5060), "sip:bob@192.0.2.20:5060", SHORT),
        Plan(outside, exchange, ("192.0.2.5", 5060), "sip:reception@192.0.2.5:5060", over_tcp),
    ]


@pytest.mark.parametrize("modes", ["l4f l4f", "vtcp vtcp", "l4f vtcp"])
def test_two_tables_in_one_namespace(lab: Lab, tmp_path: Path, modes: str) -> None:
    mode, other_mode = modes.split()
    lab.configure(f"ip nat service sip tcp mode {mode}")
    with ExitStack() as stack:
        second = beside(lab, stack, tmp_path / "second", other_mode)
        first_gateway = stack.enter_context(lab.serving())
        stack.enter_context(second.serving("--table", "second"))
        for mine, other in zip(plans(lab), plans_of_the_second(second), strict=True):
            with lab.calling(mine) as calls, second.calling(other) as other_calls:
                assert_all_came(calls)
                assert_all_came(other_calls)
        for gateway, foreign in ((lab, "192.168.2."), (second, "192.168.1.")):
            assert len(gateway.ask("show alg sip calls")) == 2
            assert foreign not in str(gateway.ask("show ip nat doors"))
            assert foreign not in str(gateway.ask("show ip nat translations"))
            assert "flows-forgotten" not in gateway.ask("show ip nat statistics")["counters"]["Kernel"]
        with lab.calling(plans(lab)[0]) as calls:
            eventually(lambda: any("192.168.1.10" in flow for flow in lab.media_flows()), "no media")
            second.order("clear ip nat translation *", "reload")
            assert any("192.168.1.10" in flow for flow in lab.media_flows())
            assert_all_came(calls)
        third = ["run", str(second.config), "--socket", str(tmp_path / "s"), "--state-dir", str(tmp_path)]
        with pytest.raises(LabError, match="another gateway has the table second"):
            second.in_gateway(*doorman(*third, "--table", "second"))
        with second.calling(plans_of_the_second(second)[0]) as calls:
            first_gateway.program.terminate_if_running()
            assert_all_came(calls)
        tables = lab.in_gateway("nft", "list", "tables")
        assert "table ip second" in tables
        assert "table ip doorman" not in tables
