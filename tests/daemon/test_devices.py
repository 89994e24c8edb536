"""The machine as the daemon sees it: its services, and the addresses its interfaces really have."""

import random
import socket

from doorman.config.reader import read_config
from doorman.daemon.devices import Addresses, services, with_addresses
from doorman.engine.engine import Engine
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import TCP, UDP

CONFIG = """\
interface in0
 ip address 192.168.1.1 255.255.255.0
 ip nat inside
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
access-list 1 permit 192.168.1.0 0.0.0.255
ip nat inside source list 1 interface out0 overload
"""
IN, OUT = address_of("192.168.1.1"), address_of("203.0.113.1")


def test_services_are_the_sockets_that_wait_for_others() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as listener:
        datagrams.bind(("127.0.0.1", 0))
        listener.bind(("127.0.0.1", 0))
        udp, tcp = datagrams.getsockname()[1], listener.getsockname()[1]
        assert (TCP, tcp) not in services()
        listener.listen()
        assert {(UDP, udp), (TCP, tcp)} <= services()
        datagrams.connect(("127.0.0.1", 9))
        assert (UDP, udp) not in services()


def test_the_port_of_a_service_is_no_hosts_name() -> None:
    config = read_config(CONFIG, "test.cfg")
    phone = Endpoint(address_of("192.168.1.10"), 5060)
    engine = Engine(config, random.Random(1).random, delegated=True, reserved={(UDP, 5060)})
    assert engine.state.bindings.bind(UDP, phone)[0].global_.port != 5060
    assert engine.state.bindings.bind(TCP, phone)[0].global_.port == 5060


def test_the_kernels_addresses_count() -> None:
    config = read_config(CONFIG, "test.cfg")
    agreed: Addresses = {"in0": ((IN, 24),), "out0": ((OUT, 24),)}
    assert with_addresses(config, agreed) == (config, [])
    other = address_of("198.51.100.7")
    found, told = with_addresses(config, {**agreed, "out0": ((other, 28),)})
    assert (found.interfaces["out0"].address, found.interfaces["out0"].prefix_length) == (other, 28)
    assert told == ["interface out0: `ip address 203.0.113.1` is not what it has, 198.51.100.7/28"]


def test_an_address_that_is_added_changes_no_name() -> None:
    config = read_config(CONFIG.replace(" ip address 203.0.113.1 255.255.255.0\n", ""), "test.cfg")
    both = ((address_of("203.0.113.9"), 24), (OUT, 24))
    found, _ = with_addresses(config, {"in0": ((IN, 24),), "out0": both})
    assert found.interfaces["out0"].address == address_of("203.0.113.9")


def test_an_interface_without_address_and_one_that_is_not_there_are_told_of() -> None:
    config = read_config(CONFIG, "test.cfg")
    _, told = with_addresses(config, {"in0": ()})
    assert told == ["interface in0 has no address", "interface out0 does not exist"]


def test_an_interface_without_an_address_line_has_the_kernels() -> None:
    config = read_config(CONFIG.replace(" ip address 203.0.113.1 255.255.255.0\n", ""), "test.cfg")
    found, told = with_addresses(config, {"in0": ((IN, 24),), "out0": ((OUT, 24),)})
    assert (found.interfaces["out0"].address, told) == (OUT, [])
