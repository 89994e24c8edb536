"""People in a directory of NetMeeting: their addresses on either side of a gateway; pyasn1 reads what comes out."""

import random
from collections.abc import Callable

import pytest

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from kit.ldap import DN, Attributes, added, element, found, message, modified, number, person, structure, told
from kit.packets import endpoint
from kit.sip import NO_NAT, OVERLOAD, POOL, STATIC

CLIENT, DIRECTORY = "10.0.0.10:40000", "198.51.100.20:389"
SERVED = STATIC + "ip nat inside source static 10.0.0.11 203.0.113.101\n"
"""The directory is inside, and so is one of its people."""


class Directory:
    """A connection to a directory.

    Args:
        config: of the gateway.
        inside: whether the directory is, and its client outside.
    """

    def __init__(self, config: str, *, inside: bool = False, port: int = 389, engine: Engine | None = None) -> None:
        self.engine = engine or Engine(read_config(config, "test.cfg"), random.Random(7).random)
        ends = ("198.51.100.20:50000", f"203.0.113.100:{port}") if inside else (CLIENT, f"198.51.100.20:{port}")
        side = Side.OUTSIDE if inside else Side.INSIDE
        self.connection: Connection = connect(self.engine, endpoint(ends[0]), endpoint(ends[1]), side, 1000.0)

    def asks(self, data: bytes) -> bytes:
        """What the directory gets of what its client sends."""
        return self.connection.receive(data, End.CLIENT, 1000.0).data

    def answers(self, data: bytes) -> bytes:
        """What the client gets."""
        return self.connection.receive(data, End.SERVER, 1000.0).data


both = pytest.mark.parametrize("write", [added, modified])
Write = Callable[..., bytes]


@both
@pytest.mark.parametrize("port", [389, 1002])
@pytest.mark.parametrize(
    ("config", "name"), [(OVERLOAD, "203.0.113.1"), (POOL, "203.0.113.10"), (STATIC, "203.0.113.100")]
)
def test_a_client_tells_of_itself_by_its_address_outside(config: str, name: str, port: int, write: Write) -> None:
    directory = Directory(config, port=port)
    assert directory.asks(write(person("10.0.0.10"))) == write(person(name))
    assert not directory.engine.state.notes


def test_the_number_is_written_as_netmeeting_does() -> None:
    """MS-TAIL: 10.70.41.96 is 1613317642 (section 2.2.3), 192.168.0.224 is 3758139584 (section 4.1.2)."""
    assert (number("10.70.41.96"), number("192.168.0.224")) == ("1613317642", "3758139584")
    config = STATIC.replace("10.0.0.10 203.0.113.100", "10.70.41.96 192.168.0.224").replace(
        "10.0.0.0 0.0.0.255", "10.0.0.0 0.255.255.255"
    )
    engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
    connection = connect(engine, endpoint("10.70.41.96:4000"), endpoint(DIRECTORY), Side.INSIDE, 1000.0)
    sent = connection.receive(added({"sipaddress": ["1613317642"]}), End.CLIENT, 1000.0).data
    assert told(sent) == {"sipaddress": ["3758139584"]}


def test_what_it_finds_of_itself_is_its_own_address_again() -> None:
    for config, name in ((OVERLOAD, "203.0.113.1"), (STATIC, "203.0.113.100")):
        directory = Directory(config)
        directory.asks(added(person("10.0.0.10")))
        assert directory.answers(found(person(name))) == found(person("10.0.0.10"))
        assert directory.answers(found(person("192.0.2.7"))) == found(person("192.0.2.7"))


def test_a_port_goes_with_its_address() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random)
    connect(engine, endpoint("10.0.0.11:1720"), endpoint(DIRECTORY), Side.INSIDE, 1000.0)
    directory = Directory(OVERLOAD, engine=engine)
    sent = told(directory.asks(added(person("10.0.0.10", 1720))))
    [port] = sent["sport"]
    assert sent["sipaddress"] == [number("203.0.113.1")]
    assert port != "1720"
    assert directory.answers(found(person("203.0.113.1", int(port)))) == found(person("10.0.0.10", 1720))
    # The neighbour, who has that port outside, is found by it.
    assert directory.answers(found(person("203.0.113.1", 1720))) == found(person("10.0.0.11", 1720))
    assert not list(engine.state.doors)


def test_where_no_port_is_left_the_host_is_named_all_the_same() -> None:
    config = STATIC.replace("ip nat inside source static", "ip nat inside source static tcp").replace(
        "10.0.0.10 203.0.113.100", "10.0.0.10 40000 203.0.113.1 40000"
    )
    directory = Directory(config)
    sent = told(directory.asks(added(person("10.0.0.10", 1720))))
    assert (sent["sipaddress"], sent["sport"]) == ([number("203.0.113.1")], ["1720"])


def test_a_directory_inside() -> None:
    directory = Directory(SERVED, inside=True)
    assert directory.asks(added(person("198.51.100.20"))) == added(person("198.51.100.20"))
    assert directory.answers(found(person("10.0.0.11", 1720))) == found(person("203.0.113.101", 1720))
    assert directory.answers(found(person("10.0.0.10"))) == found(person("203.0.113.100"))
    assert directory.answers(found(person("10.0.0.12"))) == found(person("10.0.0.12"))


def test_an_outside_host_has_its_name_inside_there() -> None:
    directory = Directory(SERVED + "ip nat outside source static 198.51.100.20 10.9.9.9\n", inside=True)
    assert directory.asks(added(person("198.51.100.20"))) == added(person("10.9.9.9"))
    assert directory.answers(found(person("10.9.9.9"))) == found(person("198.51.100.20"))


@pytest.mark.parametrize("kind", ["sipAddress", "SIPADDRESS", "ipAddress", "ipaddress", "sipaddress;lang-en"])
def test_the_names_of_attributes_in_any_case_and_with_options(kind: str) -> None:
    sent = Directory(STATIC).asks(added({kind: [number("10.0.0.10")], "Port": ["1720"]}))
    assert told(sent) == {kind: [number("203.0.113.100")], "Port": ["1720"]}


OTHER: list[Attributes] = [
    {"sipaddress": ["10.0.0.10"]},
    {"sipaddress": [b"\n\0\0\n"]},
    {"sipaddress": ["-1"]},
    {"sipaddress": ["167772170 "]},
    {"sipaddress": ["4462739466"]},
    {"sipaddress": [""]},
    {"sipaddress": []},
    {"xsipaddress": [number("10.0.0.10")]},
    {"cn": [number("10.0.0.10")], "comment": ["sipaddress"]},
    {"sport": ["1720"], "comment": ["ipaddress"]},
]


@both
@pytest.mark.parametrize("attributes", OTHER, ids=str)
def test_what_is_no_number_or_no_such_attribute_stays(attributes: Attributes, write: Write) -> None:
    assert Directory(STATIC).asks(write(attributes)) == write(attributes)


def test_several_addresses_are_named_one_by_one() -> None:
    told_of = {"sipaddress": [number(one) for one in ("10.0.0.10", "192.0.2.7", "10.0.0.11")], "sport": ["1720"]}
    directory = Directory(SERVED)
    sent = told(directory.asks(added(told_of)))
    assert sent["sipaddress"] == [number(one) for one in ("203.0.113.100", "192.0.2.7", "203.0.113.101")]
    assert sent["sport"] == ["1720"]


def test_other_operations_pass_whatever_they_say() -> None:
    directory = Directory(STATIC)
    entry = person("10.0.0.10")
    assertion = element(0x30, element(4, b"sipaddress"), element(4, str(entry["sipaddress"][0]).encode()))
    compare = message(element(0x6E, element(4, DN), assertion))
    unknown = message(element(0x7E, b"sipaddress" + bytes(20)))
    delete = message(element(0x4A, DN + b"sipaddress=1613317642"))
    for data in (compare, unknown, delete):
        assert directory.asks(data) == data


def test_another_host_gets_no_name_because_a_message_says_so() -> None:
    directory = Directory(OVERLOAD)
    sent = directory.asks(added(person("10.0.0.99", 1720)))
    assert sent == added(person("10.0.0.99", 1720))
    assert directory.engine.state.notes == {"address-left": 1}
    assert len(list(directory.engine.state.bindings)) == 1


def test_without_a_translation_nothing_is_done_or_noted() -> None:
    directory = Directory(NO_NAT)
    assert directory.asks(added(person("10.0.0.10"))) == added(person("10.0.0.10"))
    assert not directory.engine.state.notes


@both
@pytest.mark.parametrize("size", [0, 2, 3, 5])
def test_lengths_of_every_element_are_right(size: int, write: Write) -> None:
    """Lengths grow past 127 and 255, each at another of them; `size`: of length fields, also longer than needed."""
    config = STATIC.replace("10.0.0.10 203.0.113.100", "7.0.0.0 203.0.113.255")
    engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
    connection = connect(engine, endpoint("7.0.0.0:4000"), endpoint(DIRECTORY), Side.INSIDE, 1000.0)
    for filling in range(150):
        before = {"cn": ["x" * filling], "sipaddress": ["7"], "comment": ["y"]}
        after = before | {"sipaddress": [number("203.0.113.255")]}
        sent = connection.receive(write(before, size), End.CLIENT, 1000.0).data
        assert sent == write(after, size)
        back = connection.receive(found(after, size), End.SERVER, 1000.0).data
        if filling % 30 == 0:
            assert structure(sent) == structure(write(after))
            assert structure(back) == structure(found(before))


def test_messages_are_counted_by_operation() -> None:
    directory = Directory(STATIC)
    directory.asks(added(person("10.0.0.10")) + modified(person("10.0.0.10")))
    directory.answers(found(person("203.0.113.100")))
    assert dict(directory.engine.inspector.messages["ldap"]) == {
        "addRequest": 1,
        "modifyRequest": 1,
        "searchResEntry": 1,
    }
