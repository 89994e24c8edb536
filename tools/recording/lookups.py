"""Which lookups in DNS are recorded: real servers on either side, asked by dig from the other."""

from collections.abc import Callable, Mapping
from pathlib import Path

from doorman.lab.dns import dnsmasq, named
from doorman.lab.network import INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, PROXY, Network
from doorman.lab.programs import running

_SECONDS = 10.0
_HOSTS = {"pbx.example.org": INSIDE_EXCHANGE, "www.example.org": PROXY}
_ZONES = {
    "example.net": {
        "pbx": ("A", INSIDE_EXCHANGE),
        "phone": ("A", INSIDE_PHONE),
        "alias": ("CNAME", "pbx"),
    },
    "1.168.192.in-addr.arpa": {"5": ("PTR", "pbx.example.net.")},
}


def dns_lookups(network: Network, directory: Path) -> None:
    """A phone inside asks dnsmasq outside, and a host outside asks named at the exchange: by name, and in reverse."""
    with (
        dnsmasq(network.outside, OUTSIDE_PHONE, directory, _HOSTS),
        named(network.inside, INSIDE_EXCHANGE, directory, _ZONES),
    ):
        for number, words in enumerate(
            (["www.example.org"], ["pbx.example.org"], ["-x", INSIDE_EXCHANGE], ["pbx.example.org", "+tcp"])
        ):
            _ask(f"inside-{number}", network.inside, INSIDE_PHONE, OUTSIDE_PHONE, words, directory)
        for number, words in enumerate((["alias.example.net"], ["phone.example.net"], ["-x", INSIDE_EXCHANGE])):
            _ask(f"outside-{number}", network.outside, PROXY, INSIDE_EXCHANGE, words, directory)


def _ask(name: str, namespace: str, sender: str, server: str, words: list[str], directory: Path) -> None:  # noqa: PLR0913, PLR0917 - who asks whom for what
    command = ["dig", "-b", sender, f"@{server}", "+time=3", "+tries=1", *words]
    with running(f"dig-{name}", namespace, command, directory) as client:
        client.finish(_SECONDS)


LOOKUPS: Mapping[str, Callable[[Network, Path], None]] = {"dns-lookups": dns_lookups}
"""The recordings by the name of the capture."""
