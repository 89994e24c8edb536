"""The DNS ALG alone: answers to varied names, a few of which have addresses that are to be translated.

Of 40 answers, 24 are an outside server's to hosts inside with public addresses (1 to 4 records, half of them behind an
alias), 8 are its answers about hosts inside by their global addresses, 6 are an inside server's, whose addresses are
all translated, and 2 are about addresses in reverse. Questions would be faster: they have no records.
"""

import random
from struct import pack

from doorman.algs.api import Direction, Message, Path, apply_edits
from doorman.config.reader import read_config
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.views import Inward, Outward
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import UDP
from figures import figure, rate
from traffic import CONFIG, OUTSIDE, host

MESSAGES = 20_000
STATICS = 200
_SERVERS = "".join(f"ip nat inside source static {host(n)} 203.0.114.{n + 1}\n" for n in range(STATICS))
_OUT, _IN = Direction
_PUBLIC = 24


def main() -> None:
    """Print messages per second."""
    gateway = read_config(CONFIG + _SERVERS, "bench")
    work, changed = _work(random.Random(1))

    def run() -> int:
        state = State(gateway, random.Random(1).random)
        inspector = Inspector(gateway.services)
        names, done = state.names, 0
        for data, direction, client, server in work:
            if direction == _IN:
                path = Path(server, client, server, client)
                nat: Inward | Outward = Inward(names, path)
            else:
                path = Path(client, server, client, server)
                nat = Outward(names, client.address)
            outcome = inspector.ask("dns", Message(data, direction, UDP, path, 0.0), nat)
            if outcome.edits:
                done += apply_edits(data, outcome.edits) != data
        if done != changed:
            raise RuntimeError("the bench does not do what it measures")
        return len(work)

    figure("dns-alg", rate(run), "messages/s", ">= 100000", messages=len(work), translated=changed)


def _work(chance: random.Random) -> tuple[list[tuple[bytes, Direction, Endpoint, Endpoint]], int]:
    """The messages, each with its way and its ends, and how many of them are translated."""
    work = []
    changed = 0
    for number in range(MESSAGES):
        client = Endpoint(address_of(host(300 + number % 40)), 1024 + number)
        server = Endpoint(OUTSIDE, 53)
        count, which = chance.randint(1, 4), number % 40
        known = [chance.randrange(STATICS) for _ in range(count)]
        if which < _PUBLIC:
            public = [bytes([chance.randrange(64, 127), *chance.randbytes(3)]) for _ in range(count)]
            work.append((_answer(number, public, alias=which % 2 == 0), _IN, client, server))
        elif which < _PUBLIC + 8:
            changed += 1
            work.append(
                (_answer(number, [bytes([203, 0, 114, n + 1]) for n in known], alias=False), _IN, client, server)
            )
        elif which < _PUBLIC + 14:
            changed += 1
            inside = Endpoint(address_of(host(0)), 53)
            local: list[bytes] = [address_of(host(n)) for n in known]
            work.append((_answer(number, local, alias=False), _OUT, inside, Endpoint(OUTSIDE, 1024 + number)))
        else:
            work.append((_reverse(number, known[0] + 1), _IN, client, server))
            changed += 1
    return work, changed


def _answer(number: int, addresses: list[bytes], *, alias: bool) -> bytes:
    """A response with A records, and the EDNS record that most have."""
    head = pack(">6H", number & 0xFFFF, 0x8180, 1, len(addresses) + alias, 0, 1)
    parts = [head, _name(f"host{number}.department{number % 7}.example.org"), b"\0\1\0\1"]
    owner = b"\xc0\x0c"
    if alias:
        target = _name(f"edge{number % 97}.cdn.example.net")
        parts.append(owner + pack(">HHIH", 5, 1, 300, len(target)))
        owner = (0xC000 | sum(map(len, parts))).to_bytes(2, "big")
        parts.append(target)
    parts += [owner + pack(">HHIH", 1, 1, 60, 4) + address for address in addresses]
    return b"".join([*parts, b"\0\0\x29\x04\xd0\0\0\0\0\0\0"])


def _reverse(number: int, last: int) -> bytes:
    """An answer about an address in reverse."""
    target = _name(f"host{number}.example.org")
    head = pack(">6H", number & 0xFFFF, 0x8180, 1, 1, 0, 0) + _name(f"{last}.114.0.203.in-addr.arpa") + b"\0\x0c\0\1"
    return head + b"\xc0\x0c" + pack(">HHIH", 12, 1, 300, len(target)) + target


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


if __name__ == "__main__":
    main()
