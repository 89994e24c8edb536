"""Time-outs as objects of nft."""

from hypothesis import given
from hypothesis import strategies as st

from doorman.config.model import Config, Timeouts
from doorman.dataplanes.netfilter.lifetimes import media_timeout, timeouts_of
from kit.configurations import port_timeouts, seconds

ANY = st.builds(Timeouts, *[seconds] * 8, ports=port_timeouts)


def test_what_cisco_has_by_default() -> None:
    tcp, udp, dns = timeouts_of(Timeouts())
    assert (tcp.protocol, tcp.match) == ("tcp", "meta l4proto tcp")
    assert "established : 86400" in tcp.policy
    assert "syn_sent : 60" in tcp.policy
    assert "fin_wait : 60" in tcp.policy
    assert (udp.match, udp.policy) == ("meta l4proto udp", "policy = { unreplied : 300, replied : 300 };")
    assert (dns.match, dns.policy) == ("udp dport 53", "policy = { unreplied : 60, replied : 60 };")
    assert media_timeout(Config()).policy == "policy = { unreplied : 120, replied : 120 };"


def test_never_is_as_long_as_the_kernel_knows() -> None:
    tcp, udp = timeouts_of(Timeouts(tcp=None, udp=None, dns=None, pptp=None))
    assert "established : 536870" in tcp.policy
    assert "replied : 536870" in udp.policy


def test_a_port_of_its_own_counts_last() -> None:
    found = list(timeouts_of(Timeouts(ports=(("tcp", 53, 7), ("udp", 53, None)))))
    assert [(timeout.name, timeout.match) for timeout in found[-2:]] == [
        ("tcp_53_7_60_60", "tcp dport 53"),
        ("udp_53_536870_60_60", "udp dport 53"),
    ]


@given(ANY, ANY)
def test_what_differs_has_another_name(one: Timeouts, other: Timeouts) -> None:
    """An object cannot be changed: under one name there must never be two."""
    media = media_timeout(Config())
    policies: dict[str, tuple[str, str]] = {media.name: (media.protocol, media.policy)}
    for timeout in [*timeouts_of(one), *timeouts_of(other)]:
        assert policies.setdefault(timeout.name, (timeout.protocol, timeout.policy)) == (
            timeout.protocol,
            timeout.policy,
        )
        assert len(timeout.name) < 128
