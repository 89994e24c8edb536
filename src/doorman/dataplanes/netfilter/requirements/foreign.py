"""Rules of others that get in the gateway's way, read from the ruleset (libnftables-json(5)) and from iptables.

They are warnings, since only the operator knows what they are for. Nothing here changes a rule of others.
"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from doorman.dataplanes.netfilter.marks import OURS, PROXIED
from doorman.dataplanes.netfilter.redirect import redirect_table
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, warning
from doorman.dataplanes.netfilter.requirements.host import Host

Item = dict[str, Any]

_NAT_STATEMENTS = {"snat", "dnat", "masquerade", "redirect"}
_NAT_TARGETS = {"SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP"}
_FAMILIES = {"ip", "inet"}
_IPTABLES_TABLES = {"filter", "nat", "mangle", "raw", "security"}
_DROPS = re.compile(r"^:(FORWARD|INPUT) DROP", re.MULTILINE)
_TRANSLATES = re.compile(rf"^-A .*-j (?:{'|'.join(sorted(_NAT_TARGETS))})\b.*$", re.MULTILINE)
_HELPS = re.compile(r"^-A .*-j CT\b.*--helper sip\b.*$", re.MULTILINE)
_INTERFACE = re.compile(r"(?<!! )-[io] (\S+)")

_PERMITTED = {
    "forward": (f"ct mark and {OURS:#x} != 0", f"-m connmark --mark {OURS:#x}/{OURS:#x}"),
    "input": (f"ct mark and {PROXIED:#x} != 0", f"-m connmark --mark {PROXIED:#x}/{PROXIED:#x}"),
}
"""What marks the gateway's own flows at each hook: those through its names, and those that end at the TCP proxy."""


def foreign_rules(host: Host, table: str, interfaces: Sequence[str]) -> Iterator[Finding]:
    """Whatever of others translates, edits, bypasses or drops what the gateway is to see.

    Args:
        host: the machine.
        table: the gateway's own table of family ip, which is passed over.
        interfaces: the gateway's interfaces; rules for other interfaces only are passed over. Empty: all.
    """
    if host.trial.ruleset_unread:
        yield warning("rules of others", f"not read: {host.trial.ruleset_unread}")
        return
    items = [item for item in host.trial.ruleset if not _is_ours(item, table)]
    conflicts = [
        *_translating(host, items, interfaces),
        *_helping(host, items),
        *_offloading(items),
        *_dropping(host, items),
    ]
    yield from conflicts or [found("rules of others", "none in the way", required=False)]


def _translating(host: Host, items: list[Item], interfaces: Sequence[str]) -> Iterator[Finding]:
    places = [_place(rule) for rule in _rules(items) if _translates(rule) and _concerns(rule, interfaces)]
    for match in _TRANSLATES.finditer(host.iptables):
        named = _INTERFACE.findall(match[0])
        if not interfaces or all(_is_one_of(name.replace("+", "*"), interfaces) for name in named):
            places.append(f"iptables: {match[0]}")
    for place in dict.fromkeys(places):
        yield warning(
            "other NAT",
            f"{place} translates packets of these interfaces too; of two translations the first wins",
            "let that rule name only other interfaces, or remove it",
        )


def _helping(host: Host, items: list[Item]) -> Iterator[Finding]:
    helpers = {
        (item["ct helper"]["family"], item["ct helper"]["table"], item["ct helper"]["name"])
        for item in items
        if "ct helper" in item and item["ct helper"]["type"] == "sip"
    }
    detail = "gives SIP to the kernel's own helper, which would edit messages a second time"
    for rule in _rules(items):
        for statement in rule["expr"]:
            used = statement.get("ct helper")
            if used is not None and (not isinstance(used, str) or (rule["family"], rule["table"], used) in helpers):
                place = f"{rule['family']} {rule['table']} {rule['chain']} handle {rule['handle']}"
                yield warning("kernel SIP helper", f"{_place(rule)} {detail}", f"nft delete rule {place}")
    for match in dict.fromkeys(match[0] for match in _HELPS.finditer(host.iptables)):
        yield warning("kernel SIP helper", f"'{match}' {detail}", f"iptables -t raw {match.replace('-A', '-D', 1)}")


def _offloading(items: list[Item]) -> Iterator[Finding]:
    for place in dict.fromkeys(_place(rule) for rule in _rules(items) if _states(rule, {"flow"})):
        yield warning(
            "flow offload",
            f"{place} puts flows on a way past all rules, and past the gateway",
            "let that rule pass over UDP and TCP of the signalling ports",
        )


def _dropping(host: Host, items: list[Item]) -> Iterator[Finding]:
    for chain in (item["chain"] for item in items if "chain" in item):
        if chain.get("policy") == "drop" and chain.get("hook") in _PERMITTED and chain["family"] in _FAMILIES:
            yield _drop(chain["hook"], _place(chain | {"chain": chain["name"]}), _permission(chain))
    for chain_name in _DROPS.findall(host.iptables):
        yield _drop(chain_name.lower(), f"iptables chain {chain_name}", _iptables_permission(chain_name))


def _drop(hook: str, place: str, permission: str) -> Finding:
    what = "forwards" if hook == "forward" else "delivers to this machine, as it does to the TCP proxy,"
    return warning("policy drop", f"{place} drops what the kernel {what} unless a rule there permits it", permission)


def _permission(chain: Item) -> str:
    if chain["family"] == "ip" and chain["table"] in _IPTABLES_TABLES:
        return _iptables_permission(chain["name"])
    matches = _PERMITTED[chain["hook"]][0]
    return f"nft insert rule {chain['family']} {chain['table']} {chain['name']} {matches} accept"


def _iptables_permission(chain: str) -> str:
    return f"iptables -I {chain} {_PERMITTED[chain.lower()][1]} -j ACCEPT"


def _is_ours(item: Item, table: str) -> bool:
    (content,) = item.values()
    base, _, _ = str(content.get("table", content.get("name"))).partition(".")  # behind it is the name of a VRF
    return bool(content.get("family") == "ip" and base in {table, redirect_table(table)})


def _rules(items: list[Item]) -> list[Item]:
    return [item["rule"] for item in items if "rule" in item and item["rule"]["family"] in _FAMILIES]


def _place(rule: Item) -> str:
    return f"table {rule['family']} {rule['table']} chain {rule['chain']}"


def _states(rule: Item, statements: set[str]) -> bool:
    return any(not statements.isdisjoint(statement) for statement in rule["expr"])


def _translates(rule: Item) -> bool:
    targets = {statement["xt"].get("name") for statement in rule["expr"] if "xt" in statement}
    return _states(rule, _NAT_STATEMENTS) or not targets.isdisjoint(_NAT_TARGETS)


def _concerns(rule: Item, interfaces: Sequence[str]) -> bool:
    """Whether a rule may be about one of the interfaces: what it demands of interfaces does not exclude them all."""
    if not interfaces:
        return True
    for statement in rule["expr"]:
        match = statement.get("match", {})
        left = match.get("left")
        key = left.get("meta", {}).get("key") if isinstance(left, dict) else None
        if key in {"iif", "oif", "iifname", "oifname"} and match.get("op") == "==":
            right = match["right"]
            names = right.get("set", []) if isinstance(right, dict) else [right]
            if not any(isinstance(name, str) and _is_one_of(name, interfaces) for name in names):
                return False
    return True


def _is_one_of(pattern: str, interfaces: Sequence[str]) -> bool:
    return any(fnmatchcase(interface, pattern) for interface in interfaces)
