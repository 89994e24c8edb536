"""The features of the kernel that the gateway uses: what for, and where they come from if they are missing."""

from typing import NamedTuple

from doorman.dataplanes.netfilter.marks import OURS
from doorman.dataplanes.netfilter.requirements.attempts import (
    OWNED,
    Attempt,
    append_rule,
    bind_queue,
    dump_conntrack,
    find_xt_nfqueue,
    make_vrf,
    nft,
    rule,
)


class Feature(NamedTuple):
    """A feature that is there if one of its attempts succeeds; the first that does is the one used."""

    name: str
    purpose: str
    module: str
    """Empty if it is never a module."""
    options: str
    """What the kernel must have been configured with."""
    attempts: tuple[Attempt, ...]
    required: bool = True

    @property
    def mend(self) -> str:
        """How to get it."""
        kernel = f"a kernel with {self.options}"
        return f"modprobe {self.module}; if there is no such module, {kernel}" if self.module else kernel


_NAMES = "add map ip T m { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; flags timeout; }"
_NAME = "add element ip T m { 192.0.2.1 . udp . 5060 timeout 30s : 192.0.2.2 . 5060 }"
_DNAT = rule("dnat ip to ip daddr . meta l4proto . th dport map @m", "nat hook prerouting priority dstnat")
_SNAT = rule("snat ip to ip saddr . meta l4proto . th sport map @m", "nat hook postrouting priority srcnat")
_REDIRECT = rule("meta l4proto tcp redirect to :5060", "nat hook prerouting priority dstnat - 1")
_LEGS = "add map ip T m { type inet_service : ipv4_addr . inet_service; flags timeout; }"
_LEG = rule("snat ip to tcp sport map @m", "nat hook postrouting priority srcnat")
_COUNTED = ("add counter ip T n", *rule('counter name "n" meta l4proto . th dport vmap { 17 . 1-9 : accept }'))
_TIMEOUT = "add ct timeout ip T u { protocol udp; l3proto ip; policy = { unreplied : 300, replied : 300 }; }"

FEATURES = (
    Feature(
        "nft tables",
        "all rules of the gateway",
        "nf_tables",
        "CONFIG_NF_TABLES and CONFIG_NF_TABLES_IPV4",
        (nft("made and removed"),),
    ),
    Feature(
        "nft maps with timeouts",
        "doors and bindings",
        "nf_tables",
        "CONFIG_NF_TABLES and CONFIG_NF_TABLES_IPV4",
        (nft("address . protocol . port", _NAMES, _NAME),),
    ),
    Feature("nft dnat by map", "doors", "nft_chain_nat", "CONFIG_NFT_NAT", (nft("prerouting", _NAMES, *_DNAT),)),
    Feature("nft snat by map", "bindings", "nft_chain_nat", "CONFIG_NFT_NAT", (nft("postrouting", _NAMES, *_SNAT),)),
    Feature(
        "nft conntrack mark",
        "telling the gateway's own flows from others",
        "nft_ct",
        "CONFIG_NFT_CT and CONFIG_NF_CONNTRACK_MARK",
        (nft("set and read", *rule(f"ct mark set ct mark or {OURS:#x}")),),
    ),
    Feature(
        "nft fib expression",
        "telling packets to this machine from forwarded ones",
        "nft_fib_ipv4",
        "CONFIG_NFT_FIB_IPV4 and CONFIG_NFT_FIB_INET",
        (nft("address type", *rule("fib daddr type local accept")),),
    ),
    Feature(
        "NFQUEUE rule",
        "signalling over UDP",
        "nft_queue",
        "CONFIG_NFT_QUEUE (or CONFIG_NFT_COMPAT and CONFIG_NETFILTER_XT_TARGET_NFQUEUE)",
        (
            nft("nft queue", *rule("queue num 0 bypass")),
            Attempt("xt target NFQUEUE through nft_compat", make=append_rule, where="namespace"),
            Attempt("xt target NFQUEUE known to nft_compat", make=find_xt_nfqueue, where="host"),
        ),
    ),
    Feature(
        "nfnetlink_queue",
        "signalling over UDP",
        "nfnetlink_queue",
        "CONFIG_NFNETLINK_QUEUE",
        (Attempt("bound", make=bind_queue),),
    ),
    Feature(
        "ctnetlink",
        "seeing and ending the kernel's sessions",
        "nf_conntrack_netlink",
        "CONFIG_NF_CT_NETLINK",
        (Attempt("dumped", make=dump_conntrack),),
    ),
    Feature("nft redirect", "signalling over TCP", "nft_redir", "CONFIG_NFT_REDIR", (nft("prerouting", *_REDIRECT),)),
    Feature(
        "nft snat by port",
        "signalling over TCP: each end sees the other's address",
        "nft_chain_nat",
        "CONFIG_NFT_NAT",
        (nft("postrouting", _LEGS, *_LEG),),
    ),
    Feature(
        "nft table with owner",
        "signalling over TCP: the redirect ends with the gateway",
        "",
        "CONFIG_NF_TABLES, 5.12 or newer",
        (Attempt("made and removed", (f"add table ip {OWNED} {{ flags owner; }}", f"delete table ip {OWNED}")),),
    ),
    Feature(
        "nft notrack",
        "signalling over TCP, if it is configured to be changed on its way (vtcp)",
        "nft_ct",
        "CONFIG_NFT_CT",
        (nft("output", *rule("meta mark 1 notrack", "filter hook output priority raw")),),
        required=False,
    ),
    Feature(
        "nft reject",
        "signalling over TCP, if it is configured to be changed on its way (vtcp)",
        "nft_reject_ipv4",
        "CONFIG_NFT_REJECT_IPV4, 5.9 or newer",
        (nft("prerouting", *rule("meta l4proto tcp reject with tcp reset")),),
        required=False,
    ),
    Feature(
        "nft conntrack timeouts",
        "the timeouts of the configuration; without it flows the kernel translates keep the kernel's",
        "nfnetlink_cttimeout",
        "CONFIG_NF_CONNTRACK_TIMEOUT",
        (nft("udp", _TIMEOUT, *rule('ct timeout set "u"')),),
        required=False,
    ),
    Feature(
        "nft counters and verdict maps",
        "access lists of interfaces, and the zone-based firewall",
        "nft_objref",
        "CONFIG_NF_TABLES, 4.10 or newer",
        (nft("counted and led on", *_COUNTED),),
        required=False,
    ),
    Feature(
        "nft log to programs",
        "telling of packets, where a line of an access list or a class of a policy has `log`",
        "nfnetlink_log",
        "CONFIG_NFT_LOG and CONFIG_NETFILTER_NETLINK_LOG",
        (nft("logged", *rule('log prefix "T" snaplen 128 group 9')),),
        required=False,
    ),
    Feature(
        "nft conntrack labels and limits",
        "the zone-based firewall",
        "nft_connlimit",
        "CONFIG_NF_CONNTRACK_LABELS, CONFIG_NFT_CONNLIMIT and CONFIG_NFT_LIMIT",
        (nft("set and counted", *rule("ct count over 9 limit rate over 9 bytes/second ct label set 0")),),
        required=False,
    ),
    Feature(
        "conntrack zones",
        "VRF",
        "nft_ct",
        "CONFIG_NF_CONNTRACK_ZONES",
        (nft("set", *rule("ct zone set 1", "filter hook prerouting priority raw")),),
        required=False,
    ),
    Feature(
        "VRF devices",
        "VRF",
        "vrf",
        "CONFIG_NET_VRF",
        (Attempt("made", make=make_vrf, where="namespace"),),
        required=False,
    ),
)
