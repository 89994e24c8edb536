"""TCP load distribution in the kernel."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.engine.results import Side
from kit.gateway import OVERLOAD
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import tcp, udp
from kit.wires import Wires, ends_of

INSIDE, OUTSIDE = Side
VIRTUAL, CLIENT = "203.0.113.100", "198.51.100.7"
RULES = OVERLOAD + (
    "ip nat pool REAL prefix-length 24 type rotary\n"
    " address 192.168.1.11 192.168.1.12\n address 192.168.1.20 192.168.1.20\n"
    f"access-list 2 permit {VIRTUAL}\n"
    "ip nat inside destination list 2 pool REAL\n"
)


@pytest.fixture
def live(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Live]:
    with ExitStack() as stack:
        yield Live(Wires(new_namespace(), new_namespace(), stack), stack, tmp_path, RULES)


def test_connections_go_round_and_nothing_else_does(live: Live) -> None:
    through = live.wires.through
    for number, host in enumerate(("11", "12", "20", "11")):
        client, real = f"{CLIENT}:{4000 + number}", f"192.168.1.{host}:80"
        came = through(tcp(client, f"{VIRTUAL}:80", data=b"%d" % number), OUTSIDE)
        assert came is not None
        assert ends_of(came) == (client, real)
        answer = through(tcp(real, client, "SA", b"answer %d" % number), INSIDE)
        assert answer is not None
        assert ends_of(answer) == (f"{VIRTUAL}:80", client)
    for packet in (udp(f"{CLIENT}:9", f"{VIRTUAL}:80", b"udp"), tcp(f"{CLIENT}:9", "203.0.113.101:80", data=b"other")):
        left = through(packet, OUTSIDE)
        assert left is None or ends_of(left)[1].startswith("203.0.113.")
    plain = through(tcp("192.168.1.11:80", f"{CLIENT}:1", data=b"begun inside"), INSIDE)
    assert plain is not None
    assert ends_of(plain)[0].startswith("203.0.113.1:")
