"""A network with IPv6 alone inside, a server with IPv4 alone outside, and between them a gateway with NAT64.

host 2001:db8:1::5 … 2001:db8:1::1   lan0  gateway  out0   203.0.113.1 … 203.0.113.20 server
"""

import subprocess
import sys
from contextlib import ExitStack
from typing import NamedTuple

from kit.namespaces import Namespace, connect
from kit.vrf_live import attach

HOST, OTHER, ROUTER = "2001:db8:1::5", "2001:db8:1::9", "2001:db8:1::1"
SERVER = "203.0.113.20"
GATEWAY, NAME = "203.0.113.1", "203.0.113.9"
PREFIX = "2001:db8:64::/96"
SERVER_V6 = "2001:db8:64::cb00:7114"
"""How the host calls the server."""

CONFIG = f"""\
interface lan0
 nat64 enable
interface out0
 ip address {GATEWAY} 255.255.255.0
 ip nat outside
nat64 prefix stateful {PREFIX}
nat64 v6v4 list HOSTS interface out0 overload
nat64 v6v4 static {OTHER} {NAME}
ipv6 access-list HOSTS
 permit ipv6 2001:db8:1::/64 any
"""


class Network(NamedTuple):
    """The namespaces; `host` has two addresses, of which one is in a static rule."""

    host: Namespace
    gateway: Namespace
    server: Namespace


def network(stack: ExitStack) -> Network:
    """Set them up; they are gone with the stack."""

    def namespace() -> Namespace:
        made = Namespace.make()
        stack.callback(made.remove)
        made.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        return made

    host, gateway, server = namespace(), namespace(), namespace()
    attach(gateway, "out0", f"{GATEWAY}/24", server, f"{SERVER}/24")
    here, there = connect(gateway, f"{ROUTER}/64", host, f"{HOST}/64")
    gateway.run("ip", "link", "set", here, "down")
    gateway.run("ip", "link", "set", here, "name", "lan0")
    gateway.run("ip", "link", "set", "lan0", "up")
    gateway.run("ip", "address", "replace", f"{ROUTER}/64", "dev", "lan0")
    host.run("ip", "address", "add", f"{OTHER}/64", "dev", there, "preferred_lft", "0")
    host.run("ip", "route", "add", "default", "via", ROUTER)
    gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    server.run("ip", "route", "add", NAME, "via", GATEWAY)
    return Network(host, gateway, server)


def begin(stack: ExitStack, where: Namespace, *command: str) -> "subprocess.Popen[bytes]":
    """A program in a namespace; it ends with the stack."""
    with where.inside():
        made = subprocess.Popen([*command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end() -> None:
        made.kill()
        made.wait()

    stack.callback(end)
    return made


def web_server(stack: ExitStack, where: Namespace, folder: str, address: str = SERVER) -> None:
    """A server of HTTP at port 8080."""
    begin(stack, where, sys.executable, "-m", "http.server", "8080", "--bind", address, "--directory", folder)
