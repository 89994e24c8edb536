"""`doorman run` with two VRFs that have the same addresses inside: a call in each at the same time, with its media."""

import socket
from contextlib import ExitStack
from pathlib import Path

from kit.dns import answer, lines, query, read
from kit.lab import eventually
from kit.sip import request
from kit.vrf import OVERLOAD, OWN_OUTSIDES
from kit.vrf_live import (
    GATEWAY,
    PEER,
    PHONE,
    VRFS,
    Daemon,
    Network,
    Talk,
    answered,
    is_refused,
    listening,
    network,
    serving,
    talks,
    udp_socket,
)
from kit.waiting import DEADLINE


def test_calls_of_one_address_in_each_vrf_behind_one_outside(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    stack.callback(daemon.end)
    both = talks(net, stack)
    for step in (Talk.invite, Talk.accept, Talk.hear):
        for talk in both:
            step(talk)
    assert both[0].name != both[1].name
    assert both[0].signals_from != both[1].signals_from
    for talk in both:
        shown = daemon.ask(f"show alg sip calls vrf {talk.vrf}")
        assert shown.count("confirmed") == 1
        assert f"{PEER}:{talk.mouth.getsockname()[1]}" in shown
        assert f"{talk.name[0]}:{talk.name[1]}" in daemon.ask(f"show ip nat translations vrf {talk.vrf}")
    assert daemon.ask("show alg sip calls").count("confirmed") == 2

    daemon.kill()  # and go on where it was
    for talk in both:
        talk.hear()
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    stack.callback(daemon.end)
    for talk in both:
        talk.hear()
        assert daemon.ask(f"show alg sip calls vrf {talk.vrf}").count("confirmed") == 1
    both[0].hang_up()
    assert daemon.ask("show alg sip calls vrf red").count("confirmed") == 0
    assert daemon.ask("show alg sip calls vrf blue").count("confirmed") == 1
    both[1].hear()
    assert is_refused(both[1].ear), "an ICMP error about a name of ours"
    both[1].hang_up()
    assert daemon.ask("show alg sip calls").count("confirmed") == 0


def test_calls_of_one_address_in_each_vrf_with_an_outside_of_its_own(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=False)
    with serving(net, tmp_path, OWN_OUTSIDES):
        both = talks(net, stack)
        for step in (Talk.invite, Talk.accept, Talk.hear, Talk.hang_up):
            for talk in both:
                step(talk)
        assert both[0].name == both[1].name == (GATEWAY, 4000)


def test_everything_else_of_two_vrfs_behind_one_outside(stack: ExitStack, tmp_path: Path) -> None:
    """Ordinary flows, static entrances, signalling over TCP, and what operators show and clear."""
    statics = "".join(
        f"ip nat inside source static udp {PHONE} 7000 interface out0 1700{index} vrf {vrf}\n"
        for index, vrf in enumerate(VRFS)
    )
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD + statics) as daemon:
        server = udp_socket(stack, net.peers["red"], PEER, 9000)
        seen = {}
        for vrf in VRFS:
            host = udp_socket(stack, net.phones[vrf], PHONE, 8000)
            host.sendto(vrf.encode(), (PEER, 9000))
            said, seen[vrf] = server.recvfrom(2048)
            server.sendto(b"back to " + said, seen[vrf])
            assert host.recv(2048) == f"back to {vrf}".encode()
            assert is_refused(host)
        assert seen["red"] != seen["blue"]
        for index, vrf in enumerate(VRFS):
            host = udp_socket(stack, net.phones[vrf], PHONE, 7000)
            server.sendto(vrf.encode(), (GATEWAY, 17000 + index))
            said, sender = host.recvfrom(2048)
            assert (said, sender) == (vrf.encode(), (PEER, 9000))
            host.sendto(b"answer", sender)
            assert server.recvfrom(2048) == (b"answer", (GATEWAY, 17000 + index))
        _connect(net, stack)
        assert "17000" in daemon.ask("show ip nat translations vrf red")
        assert "17000" not in daemon.ask("show ip nat translations vrf blue")
        daemon.ask("clear ip nat translation * vrf red")
        assert f"{PEER}:9000" not in daemon.ask("show ip nat translations vrf red")
        assert f"{PEER}:9000" in daemon.ask("show ip nat translations vrf blue")
        more = f"ip nat inside source static udp {PHONE} 7001 {GATEWAY} 17009 vrf blue"
        assert "%" not in daemon.ask("configure terminal", more, "end")
        host = udp_socket(stack, net.phones["blue"], PHONE, 7001)
        server.sendto(b"now", (GATEWAY, 17009))
        assert host.recv(2048) == b"now"
        assert "out0" not in daemon.ask("show vrf")
        assert "red0" in daemon.ask("show vrf red")


def test_a_vrf_comes_and_goes_while_another_is_in_a_call(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD) as daemon:
        red, blue = talks(net, stack)
        for talk in (red, blue):
            talk.invite()
            talk.accept()
        assert "%" not in daemon.ask("configure terminal", "interface red0", "no ip nat inside", "end")
        blue.hear()
        eventually(lambda: "doorman.red" not in net.gateway.run("nft", "list", "tables"), "the table is still there")
        assert "%" not in daemon.ask("configure terminal", "interface red0", "ip nat inside", "end")
        assert "10.0.0.10" not in daemon.ask("show ip nat translations vrf red")
        blue.hear()
        red.invite()
        red.accept()
        red.hear()
        for talk in (red, blue):
            assert daemon.ask(f"show alg sip calls vrf {talk.vrf}").count("confirmed") == 1


def test_signalling_over_tcp_without_a_proxy(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD + "ip nat service sip tcp mode vtcp\n"):
        _connect(net, stack)


def test_a_transfer_of_one_address_in_each_vrf(stack: ExitStack, tmp_path: Path) -> None:
    """Active FTP: the server calls back each client where it was told to, to one port of one address inside."""
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD):
        server = listening(stack, net.peers["red"], PEER, 21)
        told = {}
        for vrf in VRFS:
            data = listening(stack, net.phones[vrf], PHONE, 50000)
            control, client = _control(net, vrf, stack, server)
            client.sendall(b"PORT 10,0,0,10,195,80\r\n")
            *address, high, low = control.recv(200).removeprefix(b"PORT ").strip().split(b",")
            assert address == [b"203", b"0", b"113", b"1"]
            control.sendall(b"200 ok\r\n")
            assert client.recv(200) == b"200 ok\r\n"
            told[vrf] = data, int(high) * 256 + int(low)
        for vrf, (data, port) in told.items():
            with net.peers[vrf].inside():
                sent = stack.enter_context(socket.create_connection((GATEWAY, port), DEADLINE, (PEER, 0)))
            sent.sendall(vrf.encode())
            came, _ = data.accept()
            stack.enter_context(came)
            came.settimeout(DEADLINE)
            assert came.recv(200) == vrf.encode()


def _control(net: Network, vrf: str, stack: ExitStack, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a control connection from port 40000."""
    with net.phones[vrf].inside():
        client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    client.bind((PHONE, 40000))
    client.settimeout(DEADLINE)
    client.connect((PEER, 21))
    control, _ = server.accept()
    stack.enter_context(control)
    control.settimeout(DEADLINE)
    control.sendall(b"220 ready\r\n")
    assert client.recv(200) == b"220 ready\r\n"
    return control, client


def test_signalling_while_the_gateway_is_gone_and_a_vrf_that_is_no_more(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    both = talks(net, stack)
    both[0].invite()
    daemon.kill()
    for talk in both:  # the first has a name, the second gets one of the kernel's
        talk.phone.sendto(b"OPTIONS sip:nobody SIP/2.0\r\n\r\n", (PEER, 5060))
        said, sender = talk.server.recvfrom(2048)
        assert said.startswith(b"OPTIONS")
        talk.server.sendto(b"SIP/2.0 200 OK\r\n\r\n", sender)
        assert talk.phone.recv(2048).startswith(b"SIP/2.0 200")
    assert "table ip doorman.blue" in net.gateway.run("nft", "list", "tables")
    only_red = "\n".join(line for line in OVERLOAD.splitlines() if "vrf blue" not in line)
    with serving(net, tmp_path, f"{only_red}\nno interface blue0\n"):
        tables = net.gateway.run("nft", "list", "tables")
        assert "table ip doorman.red" in tables
        assert "doorman.blue" not in tables


def _connect(net: Network, stack: ExitStack) -> None:
    """A connection from the same port in each VRF, with a message each way."""
    listener = listening(stack, net.peers["red"], PEER, 5060)
    names = set()
    for vrf in VRFS:
        with net.phones[vrf].inside():
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        client.bind((PHONE, 30000))
        client.settimeout(DEADLINE)
        client.connect((PEER, 5060))
        server, name = listener.accept()
        stack.enter_context(server)
        server.settimeout(DEADLINE)
        names.add(name)
        client.sendall(request("OPTIONS", call_id=vrf).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
        told = server.recv(4096)
        assert b"10.0.0.10" not in told
        server.sendall(answered(told, "v=0"))
        assert b"10.0.0.10" in client.recv(4096)
    assert len(names) == len(VRFS)


def test_dns_of_one_address_in_each_vrf_behind_one_outside(stack: ExitStack, tmp_path: Path) -> None:
    """The kernel carries it, looked at or not: its answers come as those of any ordinary flow."""
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD):
        server = udp_socket(stack, net.peers["red"], PEER, 53)
        for vrf in VRFS:
            host = udp_socket(stack, net.phones[vrf], PHONE, 5353)
            host.sendto(query("www.example.com").to_wire(), (PEER, 53))
            asked, seen = server.recvfrom(2048)
            server.sendto(answer(read(asked), "www.example.com. 60 IN A 192.0.2.7").to_wire(), seen)
            assert lines(read(host.recv(2048))) == ["www.example.com. 60 IN A 192.0.2.7"]
