"""`doorman run` with names that outside hosts have inside, and with virtual hosts, in two VRFs behind one outside."""

import socket
from contextlib import ExitStack
from pathlib import Path

from kit.dns import answer, lines, query, read
from kit.sip import request, sdp
from kit.vrf import OVERLOAD
from kit.vrf_live import (
    GATEWAY,
    PEER,
    PHONE,
    VRFS,
    Network,
    answered,
    listening,
    network,
    serving,
    udp_socket,
)
from kit.waiting import DEADLINE

ALIAS, LEASED = "10.99.0.20", "203.0.113.33"
OUTSIDE_NAMES = OVERLOAD + (
    "ip nat pool OUT 10.98.0.1 10.98.0.9 prefix-length 24\naccess-list 7 permit 203.0.113.32 0.0.0.15\n"
    + "".join(
        f"ip nat outside source static {PEER} {ALIAS} vrf {vrf}\n"
        f"ip nat outside source list 7 pool OUT vrf {vrf}\n"
        f"ip nat inside source static udp {PHONE} 7000 {GATEWAY} 1700{number} vrf {vrf}\n"
        for number, vrf in enumerate(VRFS)
    )
)
TWIN = "10.0.0.7"
OVERLAP = OVERLOAD + (
    f"ip nat pool OUT 10.98.0.1 10.98.0.9 prefix-length 24\naccess-list 7 permit {TWIN}\n"
    + "".join(f"ip nat outside source list 7 pool OUT vrf {vrf} add-route\n" for vrf in VRFS)
)
ADDED = OVERLOAD + (
    f"ip nat outside source static {LEASED} {ALIAS} vrf red add-route\n"
    "ip nat outside source static network 203.0.114.0 10.97.0.0 /24 vrf red add-route\n"
)
REAL = "10.0.0.11", "10.0.0.12"
VIRTUAL = {"red": "203.0.113.100", "blue": "203.0.113.101"}
VIRTUAL_HOSTS = (
    OVERLOAD
    + f"ip nat pool REAL {REAL[0]} {REAL[1]} prefix-length 24 type rotary\n"
    + "".join(
        f"access-list {number} permit {VIRTUAL[vrf]}\nip nat inside destination list {number} pool REAL vrf {vrf}\n"
        for number, vrf in enumerate(VRFS, 20)
    )
)


def test_one_outside_host_has_one_name_in_each_vrf(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    net.peers["red"].run("ip", "address", "add", f"{LEASED}/32", "dev", "lo")
    net.gateway.run("ip", "route", "add", f"{LEASED}/32", "via", PEER, "dev", "out0")
    with serving(net, tmp_path, OUTSIDE_NAMES) as daemon:
        server = udp_socket(stack, net.peers["red"], PEER, 9000)
        signals = udp_socket(stack, net.peers["red"], PEER, 5060)
        leased = udp_socket(stack, net.peers["red"], LEASED, 9001)
        for number, vrf in enumerate(VRFS):
            host = udp_socket(stack, net.phones[vrf], PHONE, 8000)
            host.sendto(vrf.encode(), (ALIAS, 9000))
            said, seen = server.recvfrom(2048)
            assert (said, seen[0]) == (vrf.encode(), GATEWAY)
            server.sendto(b"back", seen)
            assert host.recvfrom(2048) == (b"back", (ALIAS, 9000))
            _call(stack, net, vrf, signals)
            ear = udp_socket(stack, net.phones[vrf], PHONE, 7000)
            leased.sendto(b"unknown until now", (GATEWAY, 17000 + number))
            said, sender = ear.recvfrom(2048)
            assert said == b"unknown until now"
            assert sender[0].startswith("10.98.0.")
            ear.sendto(b"answer", sender)
            assert leased.recvfrom(2048) == (b"answer", (GATEWAY, 17000 + number))
            assert ALIAS in daemon.ask(f"show ip nat translations vrf {vrf}")


def _call(stack: ExitStack, net: Network, vrf: str, signals: socket.socket) -> None:
    """A phone calls the name that the peer has inside, and is answered by that."""
    phone = udp_socket(stack, net.phones[vrf], PHONE, 5060)
    phone.sendto(request(body=sdp()).replace(PEER.encode(), ALIAS.encode()), (ALIAS, 5060))
    told, seen = signals.recvfrom(4096)
    assert ALIAS.encode() not in told
    assert PHONE.encode() not in told
    signals.sendto(answered(told, sdp(PEER, 6000)), seen)
    heard = phone.recv(4096)
    assert f"c=IN IP4 {ALIAS}".encode() in heard
    assert f"Contact: <sip:bob@{ALIAS}:5060>".encode() in heard


def reals(stack: ExitStack, net: Network, vrf: str, port: int) -> dict[str, socket.socket]:
    """The real hosts of a VRF, listening."""
    return {address: listening(stack, net.phones[vrf], address, port) for address in REAL}


def with_real_hosts(stack: ExitStack) -> Network:
    net = network(stack, shared=True)
    for vrf in VRFS:
        for address in REAL:
            net.phones[vrf].run("ip", "address", "add", f"{address}/32", "dev", "lo")
            net.gateway.run("ip", "route", "add", address, "via", PHONE, "dev", f"{vrf}0", "table", _table(vrf))
        net.peers["red"].run("ip", "route", "add", f"{VIRTUAL[vrf]}/32", "via", GATEWAY)
    return net


def _table(vrf: str) -> str:
    return {"red": "101", "blue": "102"}[vrf]


def connected(stack: ExitStack, net: Network, vrf: str, port: int) -> socket.socket:
    """A client of the virtual host of a VRF."""
    with net.peers[vrf].inside():
        return stack.enter_context(socket.create_connection((VIRTUAL[vrf], port), DEADLINE))


def accepted(stack: ExitStack, listeners: dict[str, socket.socket], address: str) -> socket.socket:
    server, _ = listeners[address].accept()
    server.settimeout(DEADLINE)
    return stack.enter_context(server)


def test_a_virtual_host_in_each_vrf_has_the_same_real_ones(stack: ExitStack, tmp_path: Path) -> None:
    net = with_real_hosts(stack)
    with serving(net, tmp_path, VIRTUAL_HOSTS):
        listeners = {vrf: reals(stack, net, vrf, 8080) for vrf in VRFS}
        outside = listening(stack, net.peers["red"], PEER, 8081)
        for address in REAL:
            for vrf in VRFS:
                client = connected(stack, net, vrf, 8080)
                server = accepted(stack, listeners[vrf], address)
                client.sendall(vrf.encode())
                assert server.recv(100) == vrf.encode()
                server.sendall(b"back")
                assert client.recv(100) == b"back"
                with net.phones[vrf].inside():  # what a real host begins is its own
                    own = stack.enter_context(socket.create_connection((PEER, 8081), DEADLINE, (address, 0)))
                came, seen = outside.accept()
                stack.enter_context(came)
                assert seen[0] == GATEWAY
                came.sendall(b"hello")
                assert own.recv(100) == b"hello"


def test_messages_of_real_hosts_are_translated(stack: ExitStack, tmp_path: Path) -> None:
    """SIP over TCP and FTP, by the proxy: what a real host says of itself is its name outside, and leads to it."""
    net = with_real_hosts(stack)
    with serving(net, tmp_path, VIRTUAL_HOSTS):
        for vrf in VRFS:
            listeners = reals(stack, net, vrf, 5060)
            client = connected(stack, net, vrf, 5060)
            server = accepted(stack, listeners, REAL[0])
            invite = request("OPTIONS", call_id=vrf).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
            client.sendall(invite.replace(PHONE.encode(), PEER.encode()).replace(b"atlanta", b"biloxi"))
            told = server.recv(4096)
            server.sendall(answered(told, sdp(REAL[0], 6000)).replace(PEER.encode() + b":5060>", b"10.0.0.11:5060>"))
            heard = client.recv(4096)
            assert heard.startswith(b"SIP/2.0 200")
            assert heard.count(GATEWAY.encode()) == 3
            assert b"10.0.0.1" not in heard
            listeners = reals(stack, net, vrf, 21)
            client = connected(stack, net, vrf, 21)
            server = accepted(stack, listeners, REAL[1])
            server.sendall(b"220 ready\r\n")
            assert client.recv(200) == b"220 ready\r\n"
            client.sendall(b"PASV\r\n")
            assert server.recv(200) == b"PASV\r\n"
            data = listening(stack, net.phones[vrf], REAL[1], 50000)
            server.sendall(b"227 Entering Passive Mode (10,0,0,12,195,80).\r\n")
            *address, high, low = client.recv(200).partition(b"(")[2].partition(b")")[0].split(b",")
            told_name = b".".join(address).decode(), int(high) * 256 + int(low)
            assert told_name[0] == GATEWAY
            with net.peers[vrf].inside():
                sent = stack.enter_context(socket.create_connection(told_name, DEADLINE))
            came, _ = data.accept()
            stack.enter_context(came)
            sent.sendall(b"data")
            came.settimeout(DEADLINE)
            assert came.recv(100) == b"data"


def test_an_outside_host_with_an_address_of_the_inside_is_found_by_its_name(stack: ExitStack, tmp_path: Path) -> None:
    """Overlapping networks: DNS tells the inside by which name, and the routes to that lead there."""
    net = network(stack, shared=True)
    net.peers["red"].run("ip", "address", "add", f"{TWIN}/32", "dev", "lo")
    for vrf in VRFS:
        net.phones[vrf].run("ip", "address", "add", f"{TWIN}/32", "dev", "lo")  # somebody else inside has it, too
        net.gateway.run("ip", "route", "add", "10.98.0.0/24", "via", PEER, "dev", "out0", "table", _table(vrf))
    with serving(net, tmp_path, OVERLAP) as daemon:
        names = udp_socket(stack, net.peers["red"], PEER, 53)
        twin = udp_socket(stack, net.peers["red"], TWIN, 9000)
        for vrf in VRFS:
            client = udp_socket(stack, net.phones[vrf], PHONE, 5353)
            question = query("twin.example.com")
            client.sendto(question.to_wire(), (PEER, 53))
            asked, seen = names.recvfrom(2048)
            names.sendto(answer(read(asked), f"twin.example.com. 60 IN A {TWIN}").to_wire(), seen)
            [line] = lines(read(client.recv(2048)))
            name = line.split()[-1]
            assert name.startswith("10.98.0.")
            host = udp_socket(stack, net.phones[vrf], PHONE, 8000)
            host.sendto(vrf.encode(), (name, 9000))
            said, seen = twin.recvfrom(2048)
            assert (said, seen[0]) == (vrf.encode(), GATEWAY)
            twin.sendto(b"back", seen)
            assert host.recvfrom(2048) == (b"back", (name, 9000))
        assert "lookup 50" in net.gateway.run("ip", "rule")
        assert "%" not in daemon.ask("configure terminal", "no ip nat outside source list 7 pool OUT vrf red", "end")
        assert net.gateway.run("ip", "rule").count("lookup 50") == 1


def test_routes_to_names_of_outside_hosts_are_added_and_removed(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    for target in (f"{LEASED}/32", "203.0.114.0/24"):
        net.gateway.run("ip", "route", "add", target, "via", PEER, "dev", "out0", "table", "101")

    def routes() -> str:
        return net.gateway.run("ip", "route", "show", "table", "101")

    with serving(net, tmp_path, ADDED, kept=False) as daemon:
        assert f"{ALIAS} via {PEER} dev out0" in routes()
        assert f"10.97.0.0/24 via {PEER} dev out0" in routes()
        less = f"no ip nat outside source static {LEASED} {ALIAS} vrf red"
        assert "%" not in daemon.ask("configure terminal", less, "end")
        assert ALIAS not in routes()
        assert "10.97.0.0/24" in routes()
    assert "10.97.0.0/24" not in routes()
    assert f"{LEASED} via {PEER}" in routes()
