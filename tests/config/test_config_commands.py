"""Every command does what it says, and its no form takes it back."""

import inspect
from collections.abc import Callable
from typing import Unpack, get_args, get_origin, get_type_hints

import pytest

from doorman.algs.registry import DEFAULT_PORTS, ENTRIES, Service
from doorman.algs.sip.settings import SipSettings
from doorman.config.access_lists import AccessEntry, AccessList
from doorman.config.command import Command, CommandError, InvalidInputError
from doorman.config.distinct import Distinct
from doorman.config.errors import ConfigErrors
from doorman.config.grammar import parameter_name, parse_grammar, variables
from doorman.config.model import (
    Config,
    DynamicSource,
    Interface,
    Pool,
    Timeouts,
)
from doorman.config.modes import CONFIGURE, END, LEAVING, SUBMODES, Mode
from doorman.config.reader import read_config
from doorman.config.render import render
from doorman.config.session import Session
from doorman.config.statics import StaticHost, StaticPort, Statics
from doorman.net.addresses import Endpoint, address_of

NETBIOS = {"netbios-ns": "udp", "netbios-dgm": "udp", "netbios-ssn": "tcp"}

COMMANDS = [
    command for mode in (CONFIGURE, *SUBMODES.values()) for command in mode.commands if command not in (*LEAVING, END)
]
REFUSED = {"ip nat enable"}
"""Commands that are there to say that they are not supported."""
BASE = """
vrf definition red
interface in0
interface out0
access-list 1 permit any
object-group network NN
object-group service SS
class-map type inspect match-any CC
policy-map type inspect PP
zone security ZZ
class-map type inspect sip match-any SC
class-map type inspect ftp match-any FC
ip nat pool P 192.0.2.10 192.0.2.20 prefix-length 24
"""


def after(*lines: str) -> Config:
    session = Session(read_config(BASE, "base"))
    for line in "\n".join(lines).split("\n"):
        session.execute(line)
    return session.config


PAIR = "zone-pair security ZP source ZZ destination self"

DONE_AND_UNDONE = [
    ("", "hostname GW", "no hostname"),
    ("", "hostname GW", "no hostname GW"),
    ("", "vrf definition blue", "no vrf definition blue"),
    ("", "ip vrf blue", "no ip vrf blue"),
    ("vrf definition blue", "rd 65000:1", "no rd"),
    ("vrf definition blue", "description those of the second floor", "no description"),
    ("vrf definition blue", "address-family ipv4", "no address-family ipv4"),
    ("vrf definition blue", "address-family ipv6", "no address-family ipv6"),
    ("interface in0", "vrf forwarding red", "no vrf forwarding"),
    ("interface in0", "ip vrf forwarding red", "no ip vrf forwarding red"),
    ("", "interface new0", "no interface new0"),
    ("interface in0", "ip address 10.0.0.1 255.255.255.0", "no ip address"),
    ("interface in0", "ip address 10.0.0.1 255.255.255.0", "no ip address 10.0.0.1 255.255.255.0"),
    ("interface in0", "ip nat inside", "no ip nat inside"),
    ("interface in0", "ip nat outside", "no ip nat outside"),
    ("interface in0", "ip access-group 101 in", "no ip access-group 101 in"),
    ("interface in0", "ip access-group WEB out", "no ip access-group WEB out"),
    ("interface in0", "description a long  text", "no description"),
    ("interface in0", "shutdown", "no shutdown"),
    ("interface in9", "ip address dhcp", "no ip address dhcp"),
    (
        "interface in0",
        "ip address 10.99.0.1 255.255.255.0 secondary",
        "no ip address 10.99.0.1 255.255.255.0 secondary",
    ),
    ("", "route-map N permit 20", "no route-map N permit 20"),
    ("route-map R deny 5", "match ip address 1 NAMED", "no match ip address NAMED 1"),
    ("route-map R deny 5", "match interface out0", "no match interface out0"),
    ("route-map R deny 5", "match ip next-hop 7", "no match ip next-hop 7"),
    ("route-map R deny 5", "match community 7", "no match community 7"),
    ("route-map R deny 5", "set metric 7", "no set metric 7"),
    ("route-map R deny 5", "description why", "no description"),
    ("", "ip nat inside source route-map R pool P", "no ip nat inside source route-map R pool P"),
    ("", "ip nat outside source static 192.0.2.9 10.99.0.9", "no ip nat outside source static 192.0.2.9 10.99.0.9"),
    (
        "",
        "ip nat outside source static tcp 192.0.2.9 80 10.99.0.9 8080 add-route no-payload",
        "no ip nat outside source static tcp 192.0.2.9 80 10.99.0.9 8080",
    ),
    (
        "",
        "ip nat outside source static network 192.0.3.0 10.99.0.0 /24 extendable add-route no-payload",
        "no ip nat outside source static network 192.0.3.0 10.99.0.0 255.255.255.0",
    ),
    ("", "ip nat outside source list 1 pool P add-route", "no ip nat outside source list 1 pool P"),
    ("", "ip nat inside destination list 1 pool P", "no ip nat inside destination list 1"),
    ("", "ip nat inside destination list 1 pool P", "no ip nat inside destination list 1 pool P"),
    *(
        ("interface in0", f"ip nat service {alg} mode {mode}", f"no ip nat service {alg} mode")
        for alg in ENTRIES
        for mode in ("full", "pinhole-only", "observe", "off")
    ),
    ("", "access-list 2 permit any", "no access-list 2"),
    ("", "access-list 1 deny host 10.0.0.1", "no access-list 1 deny 10.0.0.1"),
    ("", "access-list 2 remark who: everyone!", "no access-list 2 remark who: everyone!"),
    ("", "access-list 2 permit any log", "no access-list 2"),
    ("", "access-list 101 permit ip any any", "no access-list 101"),
    ("", "access-list 101 deny 41 any any log-input", "no access-list 101 deny 41 any any log-input"),
    ("", "access-list 101 permit tcp any any eq www 443", "no access-list 101 permit tcp any any eq 80 443"),
    ("", "access-list 101 permit udp any any range 1 domain", "no access-list 101 permit udp any any range 1 53"),
    (
        "",
        "access-list 101 permit icmp any any 3 13",
        "no access-list 101 permit icmp any any administratively-prohibited",
    ),
    ("", "access-list 101 remark who: everyone!", "no access-list 101 remark who: everyone!"),
    ("", "ip access-list standard S", "no ip access-list standard S"),
    ("", "ip access-list extended E", "no ip access-list extended E"),
    ("ip access-list standard S", "permit 10.0.0.0 0.0.0.255", "no permit 10.0.0.0 0.0.0.255"),
    ("ip access-list standard S", "5 deny any", "no 5"),
    ("ip access-list standard S", "remark why", "no remark why"),
    ("ip access-list extended E", "7 permit ospf any any", "no permit ospf any any"),
    ("ip access-list extended E", "permit tcp host 10.0.0.1 gt 1023 any established", "no 10"),
    ("ip access-list extended E", "permit tcp any any lt 9", "no permit tcp any any lt discard"),
    ("ip access-list extended E", "permit udp any neq 53 any", "no permit udp any neq domain any"),
    ("ip access-list extended E", "permit icmp any any echo", "no permit icmp any any 8"),
    ("ip access-list extended E", "remark why", "no remark why"),
    ("", "access-list 101 permit object-group SS any any", "no access-list 101 permit object-group SS any any"),
    ("ip access-list extended E", "permit object-group SS object-group NN any", "no 10"),
    ("ip access-list extended E", "permit object-group SS any any", "no permit object-group SS any any"),
    ("", "object-group network N", "no object-group network N"),
    ("", "object-group service S", "no object-group service S"),
    ("object-group network N", "description the phones", "no description"),
    ("object-group network N", "10.0.0.0 255.0.0.0", "no 10.0.0.0 255.0.0.0"),
    ("object-group network N", "range 10.0.0.1 10.0.0.9", "no range 10.0.0.1 10.0.0.9"),
    ("object-group network N", "group-object NN", "no group-object NN"),
    ("object-group service S", "description calls", "no description"),
    ("object-group service S", "group-object SS", "no group-object SS"),
    ("object-group service S", "tcp eq www", "no tcp eq 80"),
    ("object-group service S", "udp source gt 1023 range 1 9", "no udp source gt 1023 range 1 9"),
    ("object-group service S", "tcp-udp eq 5060 5061", "no tcp-udp eq 5060 5061"),
    ("object-group service S", "icmp echo", "no icmp 8"),
    ("object-group service S", "esp", "no 50"),
    ("", "ip nat pool Q 192.0.2.30 192.0.2.40 netmask 255.255.255.0", "no ip nat pool Q"),
    (
        "",
        "ip nat pool Q 192.0.2.30 192.0.2.40 netmask 255.255.255.0",
        "no ip nat pool Q 192.0.2.30 192.0.2.40 netmask 255.255.255.0",
    ),
    ("ip nat pool Q prefix-length 24", "address 192.0.2.1 192.0.2.9", "no address 192.0.2.1 192.0.2.9"),
    ("", "ip nat translation max-entries 5", "no ip nat translation max-entries"),
    ("", "ip nat translation max-entries all-host 5", "no ip nat translation max-entries all-host 5"),
    ("", "ip nat translation max-entries host 10.0.0.5 7", "no ip nat translation max-entries host 10.0.0.5"),
    ("", "ip nat translation max-entries list 1 9", "no ip nat translation max-entries list 1"),
    (
        "ip nat service list 2 esp spi-match",
        "ip nat service list 1 esp spi-match",
        "no ip nat service list 1 esp spi-m",
    ),
    ("", "ip nat service list NAMED IKE preserve-port", "no ip nat service list NAMED ike preserve-port"),
    ("", "crypto ipsec nat-transparency spi-matching", "no crypto ipsec nat-transparency spi-matching"),
    (
        "",
        "ip nat inside source static esp 10.0.0.5 interface out0",
        "no ip nat inside source static esp 10.0.0.5 interface out0",
    ),
    ("no ip nat service ipsec-esp enable", "ip nat service ipsec-esp enable", "no ip nat service ipsec-esp enable"),
    ("", "ip nat translation max-entries list NAMED 9", "no ip nat translation max-entries list NAMED"),
    ("", "ip nat translation max-entries all-vrf 9", "no ip nat translation max-entries all-vrf"),
    ("", "ip nat translation max-entries vrf red 9", "no ip nat translation max-entries vrf red"),
    ("", "ip nat inside source list 1 pool P vrf red overload", "no ip nat inside source list 1 pool P vrf red"),
    (
        "",
        "ip nat inside source static 10.0.0.5 192.0.2.5 vrf red match-in-vrf extendable no-payload",
        "no ip nat inside source static 10.0.0.5 192.0.2.5 vrf red",
    ),
    ("", "ip nat pool Q netmask 255.255.255.0 type generic", "no ip nat pool Q"),
    ("", "ip nat inside source list NAMED pool P", "no ip nat inside source list NAMED pool P"),
    ("", "ip nat inside source list 1 pool P", "no ip nat inside source list 1 pool P"),
    ("", "ip nat inside source list 1 interface out0 overload", "no ip nat inside source list 1 interface out0"),
    ("", "ip nat inside source list 1 pool P overload", "no ip nat inside source list 1 pool P overload"),
    ("", "ip nat inside source static 10.0.0.5 192.0.2.5", "no ip nat inside source static 10.0.0.5 192.0.2.5"),
    (
        "",
        "ip nat inside source static udp 10.0.0.5 53 192.0.2.5 5353",
        "no ip nat inside source static udp 10.0.0.5 53 192.0.2.5 5353",
    ),
    (
        "",
        "ip nat inside source static tcp 10.0.0.5 80 interface out0 80",
        "no ip nat inside source static tcp 10.0.0.5 80 interface out0 80",
    ),
    (
        "",
        "ip nat inside source static network 10.1.0.0 192.0.2.0 /24 extendable no-payload",
        "no ip nat inside source static network 10.1.0.0 192.0.2.0 255.255.255.0",
    ),
    (
        "",
        "ip nat inside source static network 10.1.0.0 192.0.2.0 /24 route-map M extendable",
        "no ip nat inside source static network 10.1.0.0 192.0.2.0 /24",
    ),
    ("", "ip nat service profile rfc4787", "no ip nat service profile rfc4787"),
    ("", "ip nat service profile ios", "no ip nat service profile ios"),
    *(
        ("", f"ip nat service sip {words} {value}", f"no ip nat service sip {words}")
        for words, values in (
            ("inactive-media-timeout", (10, 2550)),
            ("maximum-call-duration", (3, 7200)),
            ("t1-interval", (501, 5000)),
            ("t4-interval", (6, 10)),
            ("c-timeout", (4, 10)),
            ("hold", ("retain",)),
            ("max-streams", (1, 64)),
            ("max-message-size", (65535,)),
            ("oversized", ("pass",)),
            ("tcp mode", ("vtcp",)),
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("unknown-message", ("permit", "permit nat-applied", "permit routed")),
            ("quota calls", (1, 1000000)),
            ("quota incoming-calls", (1, 1000000)),
            ("quota headers", (16, 4096)),
            ("quota header-length", (128,)),
            ("quota values", (16, 65535)),
            ("quota doors", (2, 4096)),
            ("quota signalling-doors", (1, 256)),
            ("protect deny-time", (0, 3600)),
            ("protect threshold", (1, 10000)),
            ("protect period", (1, 3600)),
            ("protect rate", (1, 100000)),
            ("protect against", ("everyone",)),
            ("protect servers", (1, 1999, 2699, "PHONES")),
            ("trusted-media", (1, "PHONES")),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    *(
        ("", f"ip nat service ftp {words} {value}", f"no ip nat service ftp {words}")
        for words, values in (
            ("max-message-size", (65535,)),
            ("oversized", ("pass",)),
            ("tcp mode", ("vtcp",)),
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("data-timeout", (5, 3600)),
            ("quota commands", (16, 4096)),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    *(
        ("", f"ip nat service tftp {words} {value}", f"no ip nat service tftp {words}")
        for words, values in (
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("data-timeout", (5, 3600)),
            ("quota requests", (16, 4096)),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    *(
        ("", f"ip nat service rcmd {words} {value}", f"no ip nat service rcmd {words}")
        for words, values in (
            ("tcp mode", ("vtcp",)),
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("data-timeout", (5, 3600)),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    *(
        ("", f"ip nat service dns {words} {value}", f"no ip nat service dns {words}")
        for words, values in (
            ("max-message-size", (8192,)),
            ("oversized", ("pass",)),
            ("tcp mode", ("vtcp",)),
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    *(
        ("", f"ip nat service rtsp {words} {value}", f"no ip nat service rtsp {words}")
        for words, values in (
            ("max-message-size", (65535,)),
            ("oversized", ("pass",)),
            ("tcp mode", ("vtcp",)),
            ("malformed", ("pass", "pass nat-applied", "pass routed")),
            ("session-timeout", (10, 86400)),
            ("quota streams", (1, 64)),
            ("quota sessions", (1, 1000000)),
            ("quota requests", (16, 4096)),
            ("mode", ("pinhole-only", "observe", "off")),
        )
        for value in values
    ),
    ("", "ip nat service rcmd tcp port 513", "no ip nat service rcmd tcp port 513"),
    ("", "no ip nat service rcmd", "ip nat service rcmd"),
    ("", "ip nat service rcmd fail-closed", "no ip nat service rcmd fail-closed"),
    ("", "ip nat service dns udp port 5353", "no ip nat service dns udp port 5353"),
    ("", "ip nat service dns tcp port 5353", "no ip nat service dns tcp port 5353"),
    ("", "no ip nat service dns", "ip nat service dns"),
    ("", "ip nat service dns fail-closed", "no ip nat service dns fail-closed"),
    ("", "ip nat service dns-reset-ttl", "no ip nat service dns-reset-ttl"),
    *(
        (
            "",
            f"no ip nat service alg {service.transport} {service.alg}",
            f"ip nat service alg {service.transport} {service.alg}",
        )
        for service in DEFAULT_PORTS
    ),
    ("", "ip nat service tftp udp port 6969", "no ip nat service tftp udp port 6969"),
    ("", "no ip nat service tftp", "ip nat service tftp"),
    ("", "ip nat service tftp fail-closed", "no ip nat service tftp fail-closed"),
    ("", "ip nat service rtsp tcp port 1554", "no ip nat service rtsp tcp port 1554"),
    ("", "no ip nat service rtsp tcp port 8554", "ip nat service rtsp tcp port 8554"),
    ("", "no ip nat service rtsp", "ip nat service rtsp"),
    ("", "ip nat service rtsp fail-closed", "no ip nat service rtsp fail-closed"),
    ("", "ip nat service ftp tcp port 2121", "no ip nat service ftp tcp port 2121"),
    ("", "no ip nat service ftp", "ip nat service ftp"),
    ("", "ip nat service ftp fail-closed", "no ip nat service ftp fail-closed"),
    *(
        ("", f"ip nat service {alg} {words}", f"no ip nat service {alg} {words.rpartition(' ')[0]}")
        for alg, transport in NETBIOS.items()
        for words in (
            *("malformed pass", "mode observe"),
            *(("max-message-size 65535", "oversized pass", "tcp mode vtcp") if transport == "tcp" else ()),
        )
    ),
    *(("", f"ip nat service {alg} malformed pass routed", f"no ip nat service {alg} malformed") for alg in NETBIOS),
    *(
        ("", f"ip nat service {alg} {transport} port 1039", f"no ip nat service {alg} {transport} port 1039")
        for alg, transport in NETBIOS.items()
    ),
    *(("", f"no ip nat service {alg}", f"ip nat service {alg}") for alg in NETBIOS),
    *(("", f"ip nat service {alg} fail-closed", f"no ip nat service {alg} fail-closed") for alg in NETBIOS),
    *(
        ("", f"ip nat service ldap {words}", f"no ip nat service ldap {word}")
        for words, word in (
            ("max-message-size 65535", "max-message-size"),
            ("malformed pass", "malformed"),
            ("malformed pass nat-applied", "malformed"),
            ("mode observe", "mode"),
            ("tcp mode vtcp", "tcp mode"),
            ("tcp port 3268", "tcp port 3268"),
            ("fail-closed", "fail-closed"),
        )
    ),
    ("", "no ip nat service ldap", "ip nat service ldap"),
    ("", "ip nat service sip udp port 5080", "no ip nat service sip udp port 5080"),
    ("", "no ip nat service sip", "ip nat service sip"),
    ("", "ip nat service sip fail-closed", "no ip nat service sip fail-closed"),
    ("", "no ip nat service sip tcp port 5060", "ip nat service sip tcp port 5060"),
    *(
        ("", f"ip nat translation {which} {value}", f"no ip nat translation {which}")
        for which in (
            "timeout",
            "tcp-timeout",
            "udp-timeout",
            "icmp-timeout",
            "dns-timeout",
            "finrst-timeout",
            "syn-timeout",
        )
        for value in (17, "never")
    ),
    ("", "ip nat translation udp-timeout 17", "no ip nat translation udp-timeout 17"),
    ("", "ip nat translation port-timeout udp 69 30", "no ip nat translation port-timeout udp 69"),
    ("", "ip nat translation port-timeout tcp 22 never", "no ip nat translation port-timeout tcp 22 never"),
    ("", "class-map type inspect C", "no class-map type inspect match-all C"),
    ("", "class-map type inspect match-any C", "no class-map type inspect C"),
    ("class-map type inspect C", "match protocol SIP", "no match protocol sip"),
    ("class-map type inspect C", "match protocol user-shop", "no match protocol user-shop"),
    ("class-map type inspect C", "match access-group 101", "no match access-group 101"),
    ("class-map type inspect C", "match access-group name WEB", "no match access-group name WEB"),
    ("class-map type inspect C", "match class-map CC", "no match class-map CC"),
    ("class-map type inspect C", "description who calls", "no description"),
    ("", "policy-map type inspect P", "no policy-map type inspect P"),
    ("policy-map type inspect P", "class type inspect CC", "no class type inspect CC"),
    ("policy-map type inspect P", "class class-default", "no class class-default"),
    ("policy-map type inspect P", "description from us", "no description"),
    *(
        ("policy-map type inspect P\nclass type inspect CC", done, undone)
        for done, undone in (
            ("inspect", "no inspect"),
            ("inspect SLOW", "no inspect SLOW"),
            ("pass", "no pass"),
            ("pass log", "no pass log"),
            ("drop", "no drop"),
            ("drop log", "no drop"),
            ("inspect\npolice rate 64000 burst 2000", "no inspect"),
        )
    ),
    ("policy-map type inspect P\nclass type inspect CC\ninspect", "police rate 8000", "no police"),
    (
        "policy-map type inspect P\nclass type inspect CC\ninspect",
        "service-policy sip SP",
        "no service-policy sip SP",
    ),
    ("", "parameter-map type regex BAD", "no parameter-map type regex BAD"),
    ("parameter-map type regex BAD", 'pattern "sip:.*@[a-z]+"', "no pattern sip:.*@[a-z]+"),
    ("", "class-map type inspect sip match-all C", "no class-map type inspect sip C"),
    *(
        ("class-map type inspect sip C", f"match {match}", f"no match {match}")
        for match in (
            "request method INVITE",
            "not req-resp header via length gt 300",
            "response header Via count gt 5",
            "request header user-agent regex BAD",
            "request uri length gt 200",
            "not request uri regex BAD",
            "content type application/sdp",
            "content type regex BAD",
            "content length gt 4000",
            "max-forwards gt 70",
            "protocol-violation",
            "not unknown header",
        )
    ),
    ("class-map type inspect sip C", "description odd ones", "no description"),
    ("", "class-map type inspect ftp match-any C", "no class-map type inspect ftp C"),
    ("class-map type inspect ftp C", "match request-command DELE  rmd", "no match request-command dele rmd"),
    ("class-map type inspect ftp C", "description no loss", "no description"),
    ("", "policy-map type inspect ftp FP", "no policy-map type inspect ftp FP"),
    ("policy-map type inspect ftp FP", "class type inspect ftp FC", "no class type inspect ftp FC"),
    ("policy-map type inspect ftp FP", "description of lines", "no description"),
    *(
        ("policy-map type inspect ftp FP\nclass type inspect ftp FC", word, f"no {word}")
        for word in ("allow", "reset", "log")
    ),
    ("", "policy-map type inspect sip SP", "no policy-map type inspect sip SP"),
    ("policy-map type inspect sip SP", "class type inspect sip SC", "no class type inspect sip SC"),
    ("policy-map type inspect sip SP", "description of messages", "no description"),
    *(
        ("policy-map type inspect sip SP\nclass type inspect sip SC", word, f"no {word}")
        for word in ("allow", "reset", "log")
    ),
    ("", "zone security Z", "no zone security Z"),
    ("zone security Z", "description ours", "no description"),
    ("", "zone-pair security ZP source ZZ destination self", "no zone-pair security ZP"),
    ("", "zone-pair security ZP source default destination ZZ", "no zone-pair security ZP source x destination y"),
    (PAIR, "service-policy type inspect PP", "no service-policy type inspect PP"),
    (PAIR, "description to us", "no description"),
    ("interface in0", "zone-member security ZZ", "no zone-member security ZZ"),
    ("interface in0", " zone security ZZ", " no zone security ZZ"),
    ("", "parameter-map type inspect SLOW", "no parameter-map type inspect SLOW"),
    ("", "parameter-map type inspect-global", "no parameter-map type inspect global"),
    *(
        ("parameter-map type inspect SLOW", f"{words} {value}", f"no {words}")
        for words, value in (
            ("dns-timeout", 6),
            ("icmp idle-time", 11),
            ("max-incomplete low", 400),
            ("max-incomplete high", 500),
            ("one-minute low", 400),
            ("one-minute high", 500),
            ("sessions maximum", 100),
            ("tcp finwait-time", 6),
            ("tcp idle-time", 600),
            ("tcp synwait-time", 20),
            ("tcp max-incomplete host", "50 block-time 2"),
            ("udp idle-time", 60),
            ("alert", "off"),
            ("audit-trail", "on"),
            ("log dropped-packets", ""),
            ("log dropped-packets", "enable"),
            ("description", "patient"),
        )
    ),
    ("", "ip port-map sip port udp 5080", "no ip port-map sip port udp 5080"),
    ("", "ip port-map user-shop port 8000 list 1", "no ip port-map user-shop port 8000 list 1"),
    ("", "nat64 prefix stateful 2001:db8:64::/96", "no nat64 prefix stateful 2001:db8:64::/96"),
    ("", "nat64 v4 pool SIX 203.0.113.10 203.0.113.20", "no nat64 v4 pool SIX"),
    ("", "nat64 v6v4 list HOSTS interface in0 overload", "no nat64 v6v4 list HOSTS interface in0"),
    ("", "nat64 v6v4 static 2001:db8::1 203.0.113.9", "no nat64 v6v4 static 2001:db8::1 203.0.113.9"),
    ("interface in0", "nat64 enable", "no nat64 enable"),
    ("", "ipv6 access-list HOSTS", "no ipv6 access-list HOSTS"),
    ("ipv6 access-list HOSTS", "permit ipv6 2001:db8::/32 any", "no permit ipv6 2001:db8::/32 any"),
    ("ipv6 access-list HOSTS", "remark mind the step", "no remark mind the step"),
    ("ipv6 access-list HOSTS", "sequence 7 deny ipv6 host 2001:db8::1 any", "no sequence 7"),
]


@pytest.mark.parametrize(("mode", "done", "undone"), DONE_AND_UNDONE)
def test_the_no_form_takes_back_what_the_command_did(mode: str, done: str, undone: str) -> None:
    assert after(mode, done) != after(mode)
    assert after(mode, done, undone) == after(mode)


def mode_of(line: str) -> Mode:
    session = Session(read_config(BASE, "base"))
    for one in line.split("\n"):
        session.execute(one)
    return session.mode


RESEQUENCE = "ip access-list resequence ACL:access-list FIRST:1-2147483647 STEP:1-2147483647"


def test_every_command_is_in_the_table_with_its_no_form() -> None:
    tried = {(RESEQUENCE, False)}  # what numbers there were before, nobody knows
    for mode, *lines in DONE_AND_UNDONE:
        for line in "\n".join(lines).split("\n"):
            parsed = mode_of(mode).tree.parse(line)
            tried.add((parsed.command.grammar, parsed.negated))
    wanted = {(command.grammar, False) for command in COMMANDS if command.run and command.grammar not in REFUSED}
    wanted |= {(command.grammar, True) for command in COMMANDS if command.undo}
    assert tried == wanted


def takes(function: Callable[..., object], names: set[str]) -> bool:
    """Whether a function takes these variables, and no others unless it takes any, or some of a `TypedDict`."""
    parameters = inspect.signature(function).parameters.values()
    own = {parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            if get_origin(parameter.annotation) is not Unpack:
                return bool(names)
            (words,) = get_args(parameter.annotation)
            return own <= names <= own | get_type_hints(words).keys()
    return names == own


@pytest.mark.parametrize("command", COMMANDS, ids=[command.grammar for command in COMMANDS])
def test_the_functions_take_the_variables_of_the_grammar(command: Command) -> None:
    head, tail = parse_grammar(command.grammar)
    if command.run:
        assert takes(command.run, {parameter_name(name) for name in variables(head + tail)})
        assert inspect.getdoc(command.run)
    if command.undo:
        assert takes(command.undo, {parameter_name(name) for name in variables(head)})
        assert inspect.getdoc(command.undo)


class TestProfiles:
    def test_ios_has_fewer_streams(self) -> None:
        assert sip_of(after()).max_streams == 12
        assert sip_of(after("ip nat service profile ios")).max_streams == 5

    def test_what_was_said_is_kept(self) -> None:
        config = after(
            "ip nat service sip max-streams 8", "ip nat service sip c-timeout 4", "ip nat service profile ios"
        )
        assert (sip_of(config).max_streams, sip_of(config).c_timeout) == (8, 4)

    def test_no_form_of_a_setting_goes_back_to_the_profile(self) -> None:
        config = after(
            "ip nat service profile ios", "ip nat service sip max-streams 8", "no ip nat service sip max-streams"
        )
        assert sip_of(config).max_streams == 5

    def test_from_one_to_another(self) -> None:
        config = after("ip nat service profile ios", "ip nat service profile rfc4787")
        assert sip_of(config).max_streams == 12
        assert config == after("ip nat service profile rfc4787")

    def test_only_its_own_is_taken_back(self) -> None:
        assert after("ip nat service profile ios", "no ip nat service profile rfc4787").profile == "ios"


def sip_of(config: Config) -> SipSettings:
    settings = config.settings["sip"]
    assert isinstance(settings, SipSettings)
    return settings


@pytest.mark.parametrize(
    "line",
    [
        "ip nat service sip t1-interval 499",
        "ip nat service sip t4-interval 11",
        "ip nat service sip c-timeout 2",
        "ip nat service sip max-message-size 8191",
        "ip nat service sip max-message-size 65536",
        "ip nat service sip unknown-message drop routed",
        "ip nat service sip malformed permit",
        "ip nat service profile cisco",
    ],
)
def test_out_of_range(line: str) -> None:
    with pytest.raises(InvalidInputError):
        after(line)


def test_the_mode_of_an_interface_and_that_of_all_are_two() -> None:
    config = after("ip nat service sip mode observe", "interface in0", "ip nat service sip mode off")
    assert (config.settings["sip"].mode, config.interfaces["in0"].modes) == ("observe", (("sip", "off"),))
    config = after("interface in0", "ip nat service sip mode off", "exit", "ip nat service sip mode observe")
    assert (config.settings["sip"].mode, config.interfaces["in0"].modes) == ("observe", (("sip", "off"),))
    assert read_config(render(config), "again") == config


def test_a_setting_that_names_a_list_which_does_not_exist() -> None:
    for setting in ("protect servers", "trusted-media"):
        with pytest.raises(ConfigErrors) as refused:
            read_config(f"ip nat service sip {setting} 7\n", "gateway.cfg")
        assert str(refused.value).endswith("% Access list 7 does not exist")
        read_config(f"ip nat service sip {setting} 7\naccess-list 7 permit host 10.0.0.9\n", "gateway.cfg")


def test_a_whole_configuration() -> None:
    config = read_config(
        """\
hostname GW
interface in0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface gigabitethernet 0/0/0
 description to the world
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
access-list 1 remark phones
access-list 1 permit 10.0.0.77 0.0.0.255
access-list 1 deny any
ip nat pool P 192.0.2.10 192.0.2.20 netmask 255.255.255.0
ip nat inside source list 1 interface GigabitEthernet0/0/0 overload
ip nat inside source static 10.0.0.5 192.0.2.5
ip nat inside source static tcp 10.0.0.6 80 interface gi0/0/0 8080
ip nat service sip tcp port 8000
no ip nat service sip udp port 5060
ip nat translation udp-timeout 120
ip nat translation tcp-timeout never
ip nat translation port-timeout udp 69 30
end
""",
        "gw.conf",
    )
    outside = "GigabitEthernet0/0/0"
    assert config == Config(
        hostname="GW",
        interfaces={
            "in0": Interface("in0", address_of("10.0.0.1"), 24, "inside"),
            outside: Interface(outside, address_of("192.0.2.1"), 24, "outside", "to the world"),
        },
        access_lists={
            "1": AccessList(
                "1",
                Distinct(
                    (
                        AccessEntry(permit=True, address=address_of("10.0.0.0"), wildcard=address_of("0.0.0.255")),
                        AccessEntry(
                            permit=False, address=address_of("0.0.0.0"), wildcard=address_of("255.255.255.255")
                        ),
                    )
                ),
                ((0, "phones"),),
            )
        },
        pools={"P": Pool("P", ((address_of("192.0.2.10"), address_of("192.0.2.20")),), 24)},
        dynamic_sources=[DynamicSource("1", None, outside, overload=True)],
        statics=Statics(
            [
                StaticHost(address_of("10.0.0.5"), address_of("192.0.2.5")),
                StaticPort("tcp", Endpoint(address_of("10.0.0.6"), 80), None, outside, 8080),
            ]
        ),
        services={
            **DEFAULT_PORTS,
            Service("sip", "tcp"): frozenset({5060, 8000}),
            Service("sip", "udp"): frozenset(),
        },
        timeouts=Timeouts(udp=120, tcp=None, ports=(("udp", 69, 30),)),
    )


def test_the_profile_switches_all_off_and_later_lines_some_on() -> None:
    config = after("ip nat service profile rfc4787", "ip nat service sip udp port 5080")
    assert set(config.services.values()) == {frozenset(), frozenset({5080})}


def test_a_removed_line_leaves_remarks_before_the_same_lines() -> None:
    config = after(
        "access-list 3 permit 10.0.0.1",
        "access-list 3 remark two",
        "access-list 3 permit 10.0.0.2",
        "no access-list 3 permit 10.0.0.1",
    )
    two = AccessEntry(permit=True, address=address_of("10.0.0.2"), wildcard=address_of("0.0.0.0"))
    assert config.access_lists["3"] == AccessList("3", Distinct([two]), ((0, "two"),))


def test_an_interface_that_is_shut_down_has_no_side() -> None:
    config = after("interface in0", "ip address 10.0.0.1 255.255.255.0", "ip nat inside")
    assert [str(network) for network in config.networks("inside")] == ["10.0.0.0/24"]
    assert after("interface in0", "ip address 10.0.0.1 255.0.0.0", "ip nat inside", "shutdown").networks("inside") == []


@pytest.mark.parametrize(
    ("abbreviated", "full"),
    [
        ("ip nat ins so li 1 int out0 over", "ip nat inside source list 1 interface out0 overload"),
        ("ip na p Q 192.0.2.1 192.0.2.9 p 24", "ip nat pool Q 192.0.2.1 192.0.2.9 prefix-length 24"),
        ("IP NAT TR U 20", "ip nat translation udp-timeout 20"),
        ("ip nat translation timeout 20", "ip nat translation timeout 20"),
        ("ac 2 p h 10.0.0.1", "access-list 2 permit host 10.0.0.1"),
        ("no ip n se si ud p 5060", "no ip nat service sip udp port 5060"),
        ("host GW", "hostname GW"),
    ],
)
def test_abbreviations(abbreviated: str, full: str) -> None:
    assert after(abbreviated) == after(full)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("out0", "out0"),
        ("eth0.100", "eth0.100"),
        ("vlan10", "vlan10"),
        ("vlan 10", "Vlan10"),
        ("GigabitEthernet0/0/0", "GigabitEthernet0/0/0"),
        ("gigabitethernet 0/0/0", "GigabitEthernet0/0/0"),
        ("gi 0/0/0", "GigabitEthernet0/0/0"),
        ("Gi0/0/0.12", "GigabitEthernet0/0/0.12"),
        ("gigabitethernet1", "GigabitEthernet1"),
        ("loopback 0", "Loopback0"),
        ("t 0/0", None),
        ("vlan", None),
        ("gi 0", None),
    ],
)
def test_names_of_interfaces(typed: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(InvalidInputError):
            after(f"interface {typed}")
    else:
        assert name in after(f"interface {typed}").interfaces


def test_a_name_with_a_blank_is_read_inside_a_rule() -> None:
    [rule] = after("ip nat inside source static tcp 10.0.0.5 80 interface gi 0/0/0 80").statics.ports
    assert (rule.interface, rule.global_port) == ("GigabitEthernet0/0/0", 80)
    [rule] = after("ip nat inside source static tcp 10.0.0.5 80 interface lan 80").statics.ports
    assert (rule.interface, rule.global_port) == ("lan", 80)


@pytest.mark.parametrize(
    "lines",
    [
        "ip nat service sip tcp port 8000",
        "ip nat service sip tcp port 5060\nend",
        "interface gigabitethernet 0/0/0",
        "interface gigabitethernet 0/1/1",
        "ip nat pool outside 192.0.2.1 192.0.2.14 netmask 255.255.255.0",
        "access-list 1 permit 192.0.2.3 0.0.0.255",
    ],
)
def test_commands_of_ciscos_documents_load(lines: str) -> None:
    read_config(lines, "documents")


def test_nat_on_a_stick_is_refused() -> None:
    session = Session(read_config(BASE + "interface in0\n ip nat inside\n", "base"))
    session.execute("interface in0")
    session.execute("ip nat inside")
    with pytest.raises(CommandError, match="% in0 is on the inside already: NAT on a stick is not supported") as both:
        session.execute("ip nat outside")
    assert both.value.column == 7
    with pytest.raises(CommandError, match=r"% NAT on a stick \(ip nat enable\) is not supported"):
        session.execute("ip nat enable")
    session.execute("no ip nat inside")
    session.execute("ip nat outside")
    assert session.config.interfaces["in0"].nat == "outside"
