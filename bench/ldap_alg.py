"""The LDAP ALG, whole messages at a time: people who register in a directory, look somebody up, and are moved."""

import random

from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Endpoint, address_of
from figures import figure, rate
from traffic import OUTSIDE, config, host

SESSIONS = 2_000
HOSTS = 40
_DIRECTORY = Endpoint(OUTSIDE, 389)
_DN = b"c=-, o=Example, cn=fred@example.com, objectClass=RTPerson"
_BIND, _BOUND = (
    b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x02\x04\x00\x80\x00",
    b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
)
_SHORT = 127
_DONE = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"


def main() -> None:
    """Print messages per second."""
    gateway = config()
    work = []
    for session in range(SESSIONS):
        own = host(session % HOSTS)
        work.append((Endpoint(address_of(own), 20_000 + session), _messages(own)))

    def run() -> int:
        engine = Engine(gateway, random.Random(1).random)
        done = changed = 0
        for number, (client, messages) in enumerate(work):
            now = number * 0.001
            connection = connect(engine, client, _DIRECTORY, Side.INSIDE, now)
            for end, message in messages:
                inspections = connection.receive(message, end, now).inspections
                done += len(inspections)
                changed += bool(inspections[0].outcome.edits)
        if done != SESSIONS * len(work[0][1]) or changed != 2 * SESSIONS:
            raise RuntimeError("the bench does not do what it measures")
        return done

    figure("ldap-alg", rate(run), "messages/s", ">= 10000", messages=len(work[0][1]))


def _messages(own: str) -> list[tuple[End, bytes]]:
    person, other = _person(own), _person("192.0.2.7")
    changes = _element(0x30, *(_element(0x30, b"\x0a\x01\x02", attribute) for attribute in person))
    search = _element(
        0x63, _element(4, _DN), bytes.fromhex("0a01000a0100020100020100010100870b6f626a656374436c6173733000")
    )
    return [
        (End.CLIENT, _BIND),
        (End.SERVER, _BOUND),
        (End.CLIENT, _message(0x68, _element(4, _DN), _element(0x30, *person))),
        (End.SERVER, _DONE),
        (End.CLIENT, _element(0x30, b"\x02\x01\x01", search)),
        (End.SERVER, _message(0x64, _element(4, _DN), _element(0x30, *other))),
        (End.SERVER, _DONE),
        (End.CLIENT, _message(0x66, _element(4, _DN), changes)),
        (End.SERVER, _DONE),
    ]


def _person(address: str) -> list[bytes]:
    """What NetMeeting tells of somebody (MS-TAIL, section 4.1.2)."""
    number = b"%d" % int.from_bytes(address_of(address), "little")
    told = [
        (b"cn", b"fred@example.com"), (b"givenname", b"Fred"), (b"surname", b"Example"), (b"location", b"Here"),
        (b"rfc822mailbox", b"fred@example.com"), (b"comment", b"Participant"), (b"c", b"-"), (b"sipaddress", number),
        (b"sport", b"1720"), (b"sflags", b"1"), (b"ssecurity", b"21912384"), (b"ilsA26214430", b"0"),
        (b"ilsA26279966", b"84020942"), (b"ilsA32833566", b"1"), (b"ilsA32964638", b"1"), (b"ilsA39321630", b"2"),
    ]  # fmt: skip
    return [_element(0x30, _element(4, kind), _element(0x31, _element(4, value))) for kind, value in told]


def _message(tag: int, *contents: bytes) -> bytes:
    return _element(0x30, b"\x02\x01\x01", _element(tag, *contents))


def _element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = (len(content).bit_length() + 7) // 8
    length = len(content).to_bytes(size, "big")
    if len(content) > _SHORT:
        length = bytes((0x80 + size,)) + length
    return bytes((tag,)) + length + content


if __name__ == "__main__":
    main()
