"""Addresses that many hosts share; tests/kernel shows that a kernel picks the same."""

from doorman.config.reader import read_config
from doorman.nat.holdings import Holdings
from doorman.nat.rules import Rules
from doorman.nat.sharing import kernels_choice, shared_run
from doorman.net.addresses import address_of, address_text
from kit.gateway import INTERFACES, gateway
from kit.packets import udp

RUN = address_of("203.0.113.20"), address_of("203.0.113.23")
BOTH = INTERFACES + (
    "ip nat pool P 203.0.113.20 203.0.113.22 prefix-length 24\n"
    "access-list 2 permit 192.168.1.10 0.0.0.1\naccess-list 3 permit 192.168.1.0 0.0.0.255\n"
    "ip nat inside source list 2 pool P\nip nat inside source list 3 pool P overload\n"
)


def test_a_kernel_spreads_hosts_over_a_run() -> None:
    chosen = [address_text(kernels_choice(address_of(f"192.168.1.{number}"), RUN)) for number in range(64)]
    assert {chosen.count(f"203.0.113.{number}") > 4 for number in range(20, 24)} == {True}
    assert chosen == [address_text(kernels_choice(address_of(f"192.168.1.{number}"), RUN)) for number in range(64)]


def test_of_a_pool_that_is_leased_from_one_address_is_shared() -> None:
    """A host's own address is no other's, whichever comes first."""
    gate = gateway(BOTH)
    shared = {gate.mapped(udp(f"192.168.1.{number}:5000", "198.51.100.7:9")).partition(":")[0] for number in (12, 13)}
    leased = [gate.mapped(udp(f"192.168.1.{number}:5000", "198.51.100.7:9")) for number in (10, 11)]
    assert shared == {"203.0.113.22"}
    assert leased == ["203.0.113.20:5000", "203.0.113.21:5000"]
    assert gate.inside(udp("192.168.1.14:5000", "198.51.100.7:9")).startswith("outside: udp 203.0.113.22:")


def test_a_kernel_is_given_what_no_static_host_has() -> None:
    config = read_config(BOTH + "ip nat inside source static 192.168.1.5 203.0.113.22\n", "t")
    assert shared_run(config, config.pools["P"]) == (address_of("203.0.113.21"), address_of("203.0.113.21"))
    whole = read_config(BOTH.replace("list 2 pool P", "list 2 pool P overload"), "t")
    assert shared_run(whole, whole.pools["P"]) == (address_of("203.0.113.20"), address_of("203.0.113.22"))
    pool = Rules(whole, Holdings(whole, float, ports_end=32_768)).dynamic[0].pool
    host = address_of("192.168.1.13")
    assert {pool.share(host) for _ in range(5)} == {
        kernels_choice(host, (address_of("203.0.113.20"), address_of("203.0.113.22")))
    }
