"""Calls of a real telephone inside: baresip, with media of its own and its own count."""

import pytest

from doorman.lab.plans import from_inside
from doorman.lab.telephone import place_from_telephone, place_to_telephone, registered_telephone
from kit.lab import PACKETS, SHORT, Lab


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_telephone_calls(lab: Lab, transport: str) -> None:
    with lab.serving():
        plan = from_inside(lab.network, SHORT._replace(transport=transport))
        [leg] = place_from_telephone(plan, lab.directory, lab.media).legs
    assert leg.callee.sent == leg.caller.received == PACKETS
    assert leg.callee.received == leg.caller.sent >= PACKETS


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_registered_telephone_is_called(lab: Lab, transport: str) -> None:
    played = SHORT._replace(transport=transport)
    with lab.serving(), registered_telephone(lab.network, lab.directory, played) as (plan, phone):
        [leg] = place_to_telephone(plan, phone, lab.directory, lab.media).legs
    assert leg.caller.sent == leg.callee.received == PACKETS
    assert leg.caller.received == leg.callee.sent >= PACKETS
