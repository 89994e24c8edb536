"""The redirect's table, which has an owner: it goes when it is to end, and can come again."""

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter import nft
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.redirect import Redirect
from kit.namespaces import Namespace

CONFIG = """
interface inside
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface outside
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
"""
LEADING = Setting("doorman", 5060, 15060, timeouts=True)


@pytest.mark.parametrize("known", [True, False])
def test_it_ends_whether_the_socket_of_its_owner_is_known_or_not(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    if not known:
        monkeypatch.setattr(nft, "_sockets", set)
    config = read_config(CONFIG, "test")
    with namespace.inside():
        redirect = Redirect("doorman")
        for _ in range(2):
            assert redirect.lead(config, LEADING)
            assert namespace.run("nft", "list", "tables") == "table ip doorman-proxy\n"
            redirect.end()
            assert namespace.run("nft", "list", "tables") == ""
        redirect.close()
