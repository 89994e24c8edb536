"""The configuration examples of the documents that the gateway is modelled on, as printed: each of them loads, is
rendered back, and does what the text beside it says, on real packets.

Addresses and interfaces are mapped onto those of the test's gateway, and what an example takes for granted (interfaces,
a rule of NAT, the access list that it names) stands before it. Prompts are left out, as an operator types none.

hosts 10.0.0.10, .11     gateway 203.0.113.1     servers and phones 198.51.100.0/24
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from scapy.layers.inet import IP, TCP

from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.engine.results import Side
from kit.live import Live
from kit.packets import esp, ike, shown, tcp, udp
from kit.sip import INTERFACES, OVERLOAD, answer, request, sdp
from kit.subjects.sweep import Sweep

INSIDE, OUTSIDE = Side
A, B, GATE = "10.0.0.10", "10.0.0.11", "203.0.113.1"
SERVER, PHONE = "198.51.100.7", "198.51.100.20"
_PROMPT = re.compile(r"^Device(\(\S+\))?[>#] ?", re.MULTILINE)
VTCP = "ip nat service sip tcp mode vtcp\n"
"""The gateway of these tests has no proxy."""


class Example(NamedTuple):
    """An example.

    Attributes:
        text: as printed.
        before: what it takes for granted.
        mapped: what of the text stands for what of the test's gateway.
        does: sees that the gateway does what the document says.
    """

    text: str
    before: str
    does: Callable[[Live], None]
    mapped: tuple[tuple[str, str], ...] = ()

    @property
    def config(self) -> str:
        """What the gateway is given."""
        text = _PROMPT.sub("", self.text)
        for printed, ours in self.mapped:
            assert printed in text
            text = text.replace(printed, ours)
        return self.before + text


def left(live: Live, side: Side, *packets: bytes) -> list[str]:
    """What leaves when these arrive."""
    return [shown(packet) for packet in live.packets(side, *packets)]


def sip_is_translated_at(port: int) -> Callable[[Live], None]:
    """`Enables NAT support for SIP` at a TCP port: the message's own addresses are translated."""

    def does(live: Live) -> None:
        client, server = f"{A}:40000", f"{PHONE}:{port}"
        [syn] = live.packets(INSIDE, tcp(client, server))
        name = f"{IP(syn).src}:{IP(syn)[TCP].sport}"
        live.packets(
            OUTSIDE, bytes(IP(src=PHONE, dst=GATE) / TCP(sport=port, dport=IP(syn)[TCP].sport, flags="SA", ack=1))
        )
        sent = request(host=A, body=sdp(A)).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        packets = [IP(packet) for packet in live.packets(INSIDE, _segment(client, server, sent))]
        [came] = [packet for packet in packets if packet.dst == PHONE]
        data = bytes(came[TCP].payload)
        assert (f"{came.src}:{came[TCP].sport}", came[TCP].dport) == (name, port)
        assert f"c=IN IP4 {GATE}\r\n".encode() in data
        assert A.encode() not in data

    return does


def _segment(sender: str, receiver: str, data: bytes) -> bytes:
    read = IP(tcp(sender, receiver, "PA", data))
    read[TCP].seq, read[TCP].ack = 1, 1
    del read.chksum, read[TCP].chksum
    return bytes(read)


def zones_let_sip_out_alone(live: Live) -> None:
    """`inspect` enables stateful inspection; all else between zones is dropped by default, also what comes."""
    assert not left(live, INSIDE, udp(f"{A}:5000", f"{PHONE}:53"))
    assert not left(live, OUTSIDE, udp(f"{PHONE}:5060", f"{A}:5060"))
    [sent] = live.out(request(host=A, body=sdp(A)), f"{A}:5060", f"{PHONE}:5060")
    assert sent.sender == f"{GATE}:5060"
    [ok] = live.in_(answer(body=sdp(PHONE, 6000)), f"{PHONE}:5060", sent.sender)
    assert ok.receiver == f"{A}:5060"
    assert left(live, OUTSIDE, udp(f"{PHONE}:6000", f"{GATE}:4000")) == [f"udp {PHONE}:6000 > {A}:4000"]
    assert not left(live, OUTSIDE, udp(f"{SERVER}:6000", f"{GATE}:4000"))


def esp_leads_to(host: str) -> Callable[[Live], None]:
    """Tunnels through the address of an interface, to a host that answers there; outside hosts have other addresses."""

    def does(live: Live) -> None:
        far = "203.0.113.200"
        assert left(live, OUTSIDE, esp(far, GATE, 0x1001)) == [f"esp {far} > {host} spi 00001001"]
        assert left(live, INSIDE, esp(host, far, 0x2002)) == [f"esp {GATE} > {far} spi 00002002"]
        assert left(live, OUTSIDE, udp("198.51.100.9:7", "203.0.113.5:7")) == ["udp 10.99.0.1:7 > 10.0.0.5:7"]
        assert left(live, INSIDE, udp("10.0.0.5:7", "10.99.0.1:7")) == ["udp 203.0.113.5:7 > 198.51.100.9:7"]

    return does


def ike_keeps_its_port(live: Live) -> None:
    """`Preserves the UDP port in IKE packets`: source and incoming port are 500, for several clients."""
    for host, spi in ((A, 0xA1), (B, 0xB1)):
        sent = udp(f"{host}:500", f"{SERVER}:500", ike(spi))
        assert left(live, INSIDE, sent) == [f"udp {GATE}:500 > {SERVER}:500"]
    for host, spi in ((B, 0xB1), (A, 0xA1)):
        came = udp(f"{SERVER}:500", f"{GATE}:500", ike(spi, 0x51))
        assert left(live, OUTSIDE, came) == [f"udp {SERVER}:500 > {host}:500"]


def esp_waits_for_no_answer(live: Live) -> None:
    """`NAT entries are immediately placed in the translation table`: two tunnels begin before either is answered."""
    for host, spi in ((A, 0x1001), (B, 0x1002)):
        assert left(live, INSIDE, esp(host, SERVER, spi)) == [f"esp {GATE} > {SERVER} spi {spi:08x}"]
    for host, spi in ((B, 0x1002), (A, 0x1001)):
        assert left(live, OUTSIDE, esp(SERVER, GATE, spi)) == [f"esp {SERVER} > {host} spi {spi:08x}"]


def esp_waits_for_an_answer(live: Live) -> None:
    """`ESP entries … are normally delayed … until a reply is received`: one host at a time begins with a server."""
    assert left(live, INSIDE, esp(A, SERVER, 0x1001)) == [f"esp {GATE} > {SERVER} spi 00001001"]
    assert not left(live, INSIDE, esp(B, SERVER, 0x1002))
    assert left(live, OUTSIDE, esp(SERVER, GATE, 0x9999)) == [f"esp {SERVER} > {A} spi 00009999"]
    assert left(live, INSIDE, esp(B, SERVER, 0x1002)) == [f"esp {GATE} > {SERVER} spi 00001002"]


LIST_10 = OVERLOAD + "access-list 10 permit any\n"
INSPECTION = """
class-map type inspect match-any sip-class1
  match protocol sip
  !
policy-map type inspect sip-policy
  class type inspect sip-class1
    inspect
  !
class class-default
"""
ZONE_PAIR = """
zone security zone1
!
zone security zone2
!
zone-pair security in-out source zone1 destination zone2
  service-policy type inspect sip-policy
!
interface gigabitethernet 0/0/0
  zone security zone1
!
interface gigabitethernet 0/1/1
  zone security zone2
"""
THROUGH_NAT = """
ip nat pool outside 192.0.2.1 192.0.2.14 netmask 255.255.255.0
ip nat outside source list 1 pool mypool
access-list 1 permit 192.0.2.3 0.0.0.255
ip nat inside source static esp 192.0.2.23 interface gigabitethernet 0/0/0
ip nat inside source static esp 192.0.2.21 interface gigabitethernet 0/0/1
"""
SECOND = "interface out1\n ip address 192.0.2.129 255.255.255.128\n ip nat outside\n"
OUTSIDE_HOSTS = (
    *(("pool outside", "pool mypool"), ("192.0.2.1 192.0.2.14", "10.99.0.1 10.99.0.14")),
    *(("192.0.2.3 ", "198.51.100.3 "), ("192.0.2.23", A), ("192.0.2.21", B)),
)
"""The pool has two names in the document, one where it is made and another where it is used."""
STATIC = INTERFACES.partition("access-list")[0] + SECOND + "ip nat inside source static 10.0.0.5 203.0.113.5\n"


EXAMPLES = {
    "SIP at TCP port 5060": Example(
        "Device> enable\nDevice# configure terminal\n"
        "Device(config)# ip nat service sip tcp port 5060\nDevice(config)# end\n",
        OVERLOAD + VTCP,
        sip_is_translated_at(5060),
    ),
    "SIP at TCP port 8000": Example(
        "Device# configure terminal\nDevice(config)# ip nat service sip tcp port 8000\nDevice(config)# end\n",
        OVERLOAD + VTCP,
        sip_is_translated_at(8000),
    ),
    "SIP between zones": Example(
        INSPECTION + ZONE_PAIR,
        OVERLOAD,
        zones_let_sip_out_alone,
        (("gigabitethernet 0/0/0", "in0"), ("gigabitethernet 0/1/1", "out0")),
    ),
    "ESP through NAT, the first interface": Example(
        THROUGH_NAT,
        STATIC,
        esp_leads_to(A),
        (*OUTSIDE_HOSTS, ("gigabitethernet 0/0/0", "out0"), ("gigabitethernet 0/0/1", "out1")),
    ),
    "ESP through NAT, the second interface": Example(
        THROUGH_NAT,
        STATIC,
        esp_leads_to(B),
        (*OUTSIDE_HOSTS, ("gigabitethernet 0/0/0", "out1"), ("gigabitethernet 0/0/1", "out0")),
    ),
    "the preserved port": Example("ip nat service list 10 IKE preserve-port\n", LIST_10, ike_keeps_its_port),
    "SPI matching": Example("ip nat service list 10 esp spi-match\n", LIST_10, esp_waits_for_no_answer),
    "SPI matching, switched off": Example(
        "ip nat service list 10 esp spi-match\nno ip nat service list 10 esp spimatch\n",
        LIST_10,
        esp_waits_for_an_answer,
        (("spimatch", "spi-match"),),  # a misprint: the hyphen of a line's end
    ),
    "SPI matching on endpoints": Example(
        "crypto ipsec nat-transparency spi-matching\n", LIST_10 + "ip nat service list 10 esp spi-match\n",
        esp_waits_for_no_answer,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_loads_is_rendered_back_and_does_what_its_text_says(
    make: Callable[..., Live], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    example = EXAMPLES[name]
    read = read_config(example.config, "example.cfg")
    assert read_config(render(read), "rendered.cfg") == read
    live = make(example.config)
    sweep = Sweep(live.wires)
    monkeypatch.setattr(live.wires, "sync", lambda side: [one.packet for one in sweep.rest(side)])
    example.does(live)
