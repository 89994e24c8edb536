"""How long 10,000 static translations take from the text of a configuration to a gateway that is ready."""

import random
import time
from collections.abc import Iterator
from statistics import median

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from figures import figure
from traffic import CONFIG

COUNT = 10_000
RUNS = 5


def main() -> None:
    """Print seconds for hosts, for ports of one address, and for both with a name shared by two."""
    for name, lines in (("hosts", hosts), ("ports", ports), ("extendable", extendable)):
        text = CONFIG + "\n".join(lines()) + "\n"
        taken = sorted(loading(text) for _ in range(RUNS))
        figure("static-translations-load", median(taken), "s", "< 2", kind=name, count=COUNT)


def loading(text: str) -> float:
    """Seconds until the gateway is ready."""
    start = time.perf_counter()
    config = read_config(text, "bench")
    Engine(config, random.Random(1).random)
    assert len(config.statics) == COUNT
    return time.perf_counter() - start


def hosts() -> Iterator[str]:
    """A host each."""
    for number in range(COUNT):
        yield f"ip nat inside source static {_address(172, number)} {_address(100, number)}"


def ports() -> Iterator[str]:
    """A port each, of one address inside and outside."""
    for number in range(COUNT):
        yield f"ip nat inside source static tcp 172.16.0.1 {number + 1} 100.64.0.1 {number + 1024}"


def extendable() -> Iterator[str]:
    """Hosts, and a port of each that has another name too."""
    for number in range(0, COUNT, 2):
        yield f"ip nat inside source static {_address(172, number)} {_address(100, number)} extendable"
        yield f"ip nat inside source static tcp {_address(172, number)} 80 203.0.113.9 {number + 1} extendable"


def _address(first: int, number: int) -> str:
    return f"{first}.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


if __name__ == "__main__":
    main()
