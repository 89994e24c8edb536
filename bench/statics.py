"""How long 10,000 lines take: static translations to a gateway that is ready, lines of lists to rules for a kernel."""

import random
import time
from collections.abc import Iterator
from statistics import median

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.ruleset import set_up
from doorman.engine.engine import Engine
from figures import figure
from traffic import CONFIG

COUNT = 10_000
RUNS = 5
APPLIED = "interface inside\n ip access-group L in\n"


def main() -> None:
    """Print seconds for hosts, for ports of one address, and for both with a name shared by two."""
    for name, lines in (("hosts", hosts), ("ports", ports), ("extendable", extendable)):
        text = CONFIG + "\n".join(lines()) + "\n"
        taken = sorted(loading(text) for _ in range(RUNS))
        figure("static-translations-load", median(taken), "s", "< 2", kind=name, count=COUNT)
    for name, lines in (("hosts", list_of_hosts), ("networks", list_of_networks), ("group", group)):
        text = CONFIG + APPLIED + "\n".join(lines()) + "\n"
        both = [reading_and_rendering(text) for _ in range(RUNS)]
        figure("access-list-read", median(read for read, _ in both), "s", "< 2", kind=name, count=COUNT)
        figure("access-list-render", median(render for _, render in both), "s", "< 2", kind=name, count=COUNT)


def loading(text: str) -> float:
    """Seconds until the gateway is ready."""
    start = time.perf_counter()
    config = read_config(text, "bench")
    Engine(config, random.Random(1).random)
    assert len(config.statics) == COUNT
    return time.perf_counter() - start


def reading_and_rendering(text: str) -> tuple[float, float]:
    """Seconds until the lines of a list are read, and until the kernel's rules for them are written."""
    start = time.perf_counter()
    config = read_config(text, "bench")
    read = time.perf_counter()
    set_up(config, Setting("bench", 5060, 0, timeouts=True))
    assert len(config.access_lists["L"].entries) + len(config.object_groups) in {COUNT, 2}
    return read - start, time.perf_counter() - read


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


def list_of_hosts() -> Iterator[str]:
    """Each with a port."""
    yield "ip access-list extended L"
    for number in range(COUNT):
        yield f" permit tcp host {_address(172, number)} any eq {number + 1}"


def list_of_networks() -> Iterator[str]:
    """Networks and ranges of ports, many of which overlap."""
    yield "ip access-list extended L"
    for number in range(COUNT):
        action = "permit" if number % 2 else "deny"
        yield f" {action} tcp {_address(16, number * 4)} 0.0.0.3 any range {number + 1} {number + 50}"


def group() -> Iterator[str]:
    """One line with a group of hosts."""
    yield "object-group network G"
    for number in range(COUNT):
        yield f" host {_address(172, number * 2)}"
    yield "ip access-list extended L"
    yield " permit ip object-group G any"


def _address(first: int, number: int) -> str:
    return f"{first}.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


if __name__ == "__main__":
    main()
