"""libnftables: what is refused, in whose words, and that nothing of it was done."""

from collections.abc import Iterator

import pytest

from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.hooks import remove_tables
from doorman.dataplanes.netfilter.netlink import Netlink
from doorman.dataplanes.netfilter.nft import Nft, NftError
from kit.namespaces import Namespace

TABLE = "add table ip t\nadd map ip t m { type ipv4_addr : ipv4_addr; }\nadd element ip t m { 10.0.0.1 : 10.0.0.2 }\n"


@pytest.fixture
def nft(namespace: Namespace) -> Iterator[Nft]:
    with namespace.inside():
        made = Nft()
        yield made
        made.close()


def test_a_script_is_carried_out(nft: Nft, namespace: Namespace) -> None:
    assert nft.run(TABLE) == ""
    assert "10.0.0.1 : 10.0.0.2" in namespace.run("nft", "list", "ruleset")
    assert nft.run("list table ip t") == namespace.run("nft", "list", "ruleset")
    assert nft.run("list table ip t", json=True).startswith('{"nftables"')
    assert nft.run("list tables") == "table ip t\n"


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ("add rule ip t nowhere accept", "No such file or directory"),
        ("add element ip t m { 10.0.0.1 : 10.0.0.3 }", "File exists"),
        ("add chain ip t c { nonsense }", "syntax error, unexpected"),
        ('add rule ip t c iifname "GigabitEthernet0/0/0"', "String exceeds maximum length"),
    ],
)
def test_one_that_is_refused_changes_nothing_and_says_why(nft: Nft, namespace: Namespace, bad: str, text: str) -> None:
    nft.run(TABLE)
    before = namespace.run("nft", "list", "ruleset")
    with pytest.raises(NftError, match=text) as refused:
        nft.run(f"add chain ip t c\n{bad}\nadd chain ip t d\n")
    assert "\n" not in str(refused.value)
    assert namespace.run("nft", "list", "ruleset") == before
    nft.run("add chain ip t d")


def test_a_check_changes_nothing(nft: Nft, namespace: Namespace) -> None:
    nft.check(TABLE)
    with pytest.raises(NftError, match="No such file"):
        nft.check("add rule ip t nowhere accept")
    assert namespace.run("nft", "list", "ruleset") == ""
    nft.run(TABLE)
    assert namespace.run("nft", "list", "ruleset")


def test_one_that_is_closed_says_so(nft: Nft) -> None:
    nft.close()
    nft.close()
    assert nft.is_closed
    for use in (nft.run, nft.check):
        with pytest.raises(NftError, match="closed"):
            use(TABLE)


def test_a_long_script(nft: Nft, namespace: Namespace) -> None:
    elements = ", ".join(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255} : 10.0.0.2" for number in range(20_000))
    nft.run("add table ip t\nadd map ip t m { type ipv4_addr : ipv4_addr; }\nadd element ip t m { " + elements + " }\n")
    assert namespace.run("nft", "list", "map", "ip", "t", "m").count(" : 10.0.0.2") == 20_000


def test_tables_are_removed_whether_they_are_there_or_not(nft: Nft, namespace: Namespace) -> None:
    nft.run("add table ip t\nadd table ip6 t\nadd table ip u\n")
    with namespace.inside(), Netlink() as netlink:
        remove_tables(netlink, "t", ipv6=False)
        assert sorted(nft.run("list tables").splitlines()) == ["table ip u", "table ip6 t"]
        for _ in range(2):
            remove_tables(netlink, "t", ipv6=True)
            assert nft.run("list tables") == "table ip u\n"


def test_the_socket_of_the_library_owns_what_was_made_with_an_owner(nft: Nft, namespace: Namespace) -> None:
    nft.run("add table ip t { flags owner; }")
    with namespace.inside():
        with Netlink() as other, pytest.raises(NetlinkError, match="Operation not permitted"):
            remove_tables(other, "t", ipv6=False)
        with Netlink(nft.link()) as owner:
            remove_tables(owner, "t", ipv6=False)
    assert nft.run("list tables") == ""
    nft.run(TABLE)
