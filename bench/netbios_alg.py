"""The NetBIOS ALGs, packets through the whole engine: hosts that register, and announce themselves in datagrams."""

import random
from struct import pack

from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, Endpoint, address_of
from figures import figure, rate
from traffic import OUTSIDE, config, host, udp

MESSAGES = 20_000
HOSTS = 400
_NAME = b"\x20EGFCEFEECACACACACACACACACACACACA\x00"


def main() -> None:
    """Print messages per second."""
    gateway = config()
    work = [_packet(number) for number in range(MESSAGES)]

    def run() -> int:
        engine = Engine(gateway, random.Random(1).random)
        for number, packet in enumerate(work):
            result = engine.receive(packet, Side.INSIDE, number * 0.0001)
            if result.fate != Fate.FORWARDED or not result.inspections[0].outcome.edits:
                raise RuntimeError("the bench does not do what it measures")
        return MESSAGES

    figure("netbios-alg", rate(run), "messages/s", ">= 10000", bytes=len(work[0]))


def _packet(number: int) -> bytes:
    own = address_of(host(number % HOSTS))
    service = 137 + number // HOSTS % 2
    payload = _registration(own) if service == 137 else _announcement(own)  # noqa: PLR2004 - the name service
    return udp(Endpoint(own, service), Endpoint(OUTSIDE, service), payload)


def _registration(own: Address) -> bytes:
    """A registration request (RFC 1002, section 4.2.2)."""
    question = _NAME + pack(">HH", 0x20, 1)
    return (
        pack(">HHHHHH", 7, 0x2900, 1, 0, 0, 1) + question + b"\xc0\x0c" + pack(">HHIHH", 0x20, 1, 300_000, 6, 0) + own
    )


def _announcement(own: Address) -> bytes:
    """A datagram of the length that a browser announcement has (section 4.4.2)."""
    return pack(">BBH4sHHH", 0x11, 2, 7, own, 138, 187, 0) + _NAME * 2 + bytes(119)


if __name__ == "__main__":
    main()
