"""Random SIP and media, in any order, from both sides: the tables agree all the time, and in the end are empty."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from kit.sip import OVERLOAD, POOL
from kit.traffic import QUICK, Traffic

STATIC_HOST = "ip nat inside source static 10.0.0.10 203.0.113.100\n"
STATIC_PORTS = "".join(
    f"ip nat inside source static udp 10.0.0.10 {port} interface out0 {port}\n" for port in (5060, 4000, 4001)
)


@pytest.mark.parametrize(
    "config",
    [OVERLOAD, POOL, OVERLOAD + STATIC_HOST, OVERLOAD + STATIC_PORTS],
    ids=["overload", "pool", "static host", "static ports"],
)
def test_the_tables_agree_after_every_packet_and_are_empty_in_the_end(config: str) -> None:
    class TrafficHere(Traffic):
        def __init__(self) -> None:
            super().__init__(config)

    run_state_machine_as_test(TrafficHere, settings=QUICK)
