"""The FTP ALG, whole lines at a time: sessions with an active transfer each, their doors and states included."""

import random

from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Endpoint, address_of
from figures import figure, rate
from traffic import OUTSIDE, config, host

SESSIONS = 1_500
HOSTS = 40
_SERVER = Endpoint(OUTSIDE, 21)


def main() -> None:
    """Print messages per second."""
    gateway = config()
    work = []
    for session in range(SESSIONS):
        client = Endpoint(address_of(host(session % HOSTS)), 20_000 + session)
        work.append((client, list(_lines(host(session % HOSTS), 30_000 + session))))

    def run() -> int:
        engine = Engine(gateway, random.Random(1).random)
        done = 0
        for number, (client, lines) in enumerate(work):
            now = number * 0.001
            connection = connect(engine, client, _SERVER, Side.INSIDE, now)
            for end, line in lines:
                done += len(connection.receive(line, end, now).inspections)
        if done != SESSIONS * len(work[0][1]) or len(engine.state.doors) != SESSIONS:
            raise RuntimeError("the bench does not do what it measures")
        return done

    figure("ftp-alg", rate(run), "messages/s", ">= 10000", messages=len(work[0][1]))


def _lines(client: str, port: int) -> list[tuple[End, bytes]]:
    announced = f"PORT {client.replace('.', ',')},{port // 256},{port % 256}\r\n".encode()
    asked = [b"USER anonymous\r\n", b"PASS guest@example.org\r\n", b"TYPE I\r\n", announced, b"RETR file\r\n"]
    answers = [b"331 who?\r\n", b"230 welcome\r\n", b"200 ok\r\n", b"200 ok\r\n", b"150 here it comes\r\n"]
    lines = [(End.SERVER, b"220 ready\r\n")]
    for question, answer in zip(asked, answers, strict=True):
        lines += [(End.CLIENT, question), (End.SERVER, answer)]
    return [*lines, (End.SERVER, b"226 done\r\n")]


if __name__ == "__main__":
    main()
