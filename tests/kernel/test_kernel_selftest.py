"""Hosts that are not there: the kernel cannot tell them from real ones, and nothing of them stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from doorman.config.reader import read_config
from doorman.net.addresses import Address, Endpoint, address_of, parse_prefix
from doorman.selftest.errors import CannotTest
from doorman.selftest.outlet import Outlet
from doorman.selftest.stand_in import standing_in
from doorman.selftest.vacancy import answering, vacant
from kit.namespaces import Namespace, connect
from kit.tun import Device
from kit.waiting import until

NewNamespace = Callable[[], Namespace]
HERE, THERE = "10.9.0.1/29", "10.9.0.6/29"
NEAR, FAR = address_of("10.9.0.5"), address_of("192.0.2.53")
CONFIG = "ip nat inside source list 1 interface out overload\naccess-list 1 permit 10.9.0.2\ninterface out\n"
OWN = CONFIG.replace("10.9.0.2", "10.9.0.1")


def state(namespace: Namespace) -> tuple[str, ...]:
    """All that standing in may change."""
    routes, neighbours = ("-4", "route", "show", "table", "all"), ("-4", "neigh")
    return namespace.run("ls", "/sys/class/net"), namespace.run("ip", *routes), namespace.run("ip", *neighbours)


@contextmanager
def interface(gateway: Namespace, kind: str) -> Iterator[str]:
    """An interface of some kind, for the gateway's outside."""
    if kind == "tun":
        device = Device(gateway, "10.7.0.1", "10.7.0.2")
        yield "tun0"
        device.close()
        return
    if kind == "bridge":
        gateway.run("ip", "link", "add", "other0", "type", "bridge")
    elif kind == "macvlan":
        gateway.run("ip", "link", "add", "wire0", "up", "type", "veth", "peer", "name", "wire1")
        gateway.run("ip", "link", "set", "wire1", "up")
        gateway.run("ip", "link", "add", "link", "wire0", "name", "other0", "type", "macvlan", "mode", "bridge")
    gateway.run("ip", "address", "add", "10.7.0.1/24", "dev", "other0")
    gateway.run("ip", "link", "set", "other0", "up")
    yield "other0"


@pytest.mark.parametrize("kind", ["tun", "bridge", "macvlan"])
def test_the_kernel_takes_them_for_real(new_namespace: NewNamespace, kind: str) -> None:
    """A datagram comes in on one interface, is forwarded, and leaves by the other, and the answer likewise."""
    gateway, inside = new_namespace(), new_namespace()
    inner, _ = connect(gateway, HERE, inside, THERE)
    gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=1")
    with interface(gateway, kind) as outer:
        rule = f'iifname "{inner}" oifname "{outer}" counter accept; iifname "{outer}" oifname "{inner}" accept'
        chain = f"type filter hook forward priority 0; policy drop; {rule};"
        gateway.run("nft", f"table inet t {{ chain f {{ {chain} }}; }}")
        before = state(gateway)
        with (
            gateway.inside(),
            standing_in("test-in", NEAR, inner) as near,
            standing_in("test-out", FAR, outer) as far,
        ):
            with Outlet(inner, FAR) as passed:
                near.send(1, Endpoint(FAR, 2), b"other")
                assert passed.read(0.05) is None  # it came in there
            near.send(1, Endpoint(FAR, 2), b"hello")
            got = far.receive(2, lambda data: data == b"hello", 2.0)
            assert got == (Endpoint(NEAR, 1), Endpoint(FAR, 2), b"hello")
            assert far.receive(2, lambda _: True, 0.05) is None
            far.send(2, Endpoint(NEAR, 1), b"back")
            assert near.receive(1, lambda _: True, 2.0) == (Endpoint(FAR, 2), Endpoint(NEAR, 1), b"back")
            with pytest.raises(CannotTest, match="is another selftest running"), standing_in("test-in", NEAR, inner):
                pass
        assert "counter packets 2 " in gateway.run("nft", "list", "ruleset")
        assert state(gateway) == before


def test_a_route_that_was_left_is_no_hindrance(new_namespace: NewNamespace) -> None:
    gateway, inside = new_namespace(), new_namespace()
    inner, _ = connect(gateway, HERE, inside, THERE)
    gateway.run("ip", "route", "add", "192.0.2.53", "dev", inner, "proto", "190")
    with gateway.inside(), standing_in("test-in", FAR, inner):
        assert "192.0.2.53 dev" in gateway.run("ip", "route")
    assert "192.0.2.53 dev" not in gateway.run("ip", "route")


def test_an_interface_that_is_not_there(new_namespace: NewNamespace) -> None:
    gateway = new_namespace()
    with gateway.inside(), pytest.raises(OSError, match="No such device"), standing_in("test-in", FAR, "none"):
        pass


def test_an_address_is_vacant_if_nobody_answers(new_namespace: NewNamespace) -> None:
    gateway, inside = new_namespace(), new_namespace()
    inner, end = connect(gateway, HERE, inside, THERE)
    config, network = read_config(CONFIG, "test.cfg"), parse_prefix(HERE)
    own, neighbour = (address_of(text.partition("/")[0]) for text in (HERE, THERE))
    hosts = [address_of(f"10.9.0.{number}") for number in (2, 3, 4, 5)]
    with gateway.inside():
        until(lambda: answering(inner, [neighbour, *hosts]) == {neighbour})

        def found() -> Address | None:
            return vacant(config, inner, network, [own])

        assert found() == hosts[0]  # the one that a rule is about
        config.dynamic_sources.clear()
        assert found() == hosts[-1]
        static = read_config(f"{OWN}ip nat inside source static 10.9.0.5 192.0.2.9\n", "test.cfg")
        assert vacant(static, inner, network, [own]) == hosts[-2]
        inside.run("ip", "address", "add", "10.9.0.5/29", "dev", end)
        assert found() == hosts[-2]
        assert vacant(config, inner, parse_prefix("10.9.0.1/31"), [own]) is None
