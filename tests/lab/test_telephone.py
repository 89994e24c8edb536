"""Calls of a real telephone inside; nothing is translated."""

from pathlib import Path

import pytest

from doorman.lab.media import Station
from doorman.lab.network import network
from doorman.lab.phones import Played
from doorman.lab.plans import from_inside
from doorman.lab.telephone import place_from_telephone, place_to_telephone, registered_telephone

SHORT = Played(seconds=0.4)
PACKETS = 20


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_telephone_calls(lab_name: str, tmp_path: Path, media: Station, transport: str) -> None:
    answered = []
    with network(lab_name, reachable_inside=True) as net:
        plan = from_inside(net, SHORT._replace(transport=transport))
        report = place_from_telephone(plan, tmp_path, media, lambda: answered.append(plan))
    (leg,) = report.legs
    assert answered == [plan]
    assert report.has_two_way_media
    assert leg.callee.sent == leg.caller.received == PACKETS
    assert leg.callee.received == leg.caller.sent >= PACKETS
    assert len(leg.callee.senders) == 1


def test_a_registered_telephone_is_called(lab_name: str, tmp_path: Path, media: Station) -> None:
    with (
        network(lab_name, reachable_inside=True) as net,
        registered_telephone(net, tmp_path, SHORT) as (plan, phone),
    ):
        report = place_to_telephone(plan, phone, tmp_path, media)
    (leg,) = report.legs
    assert report.has_two_way_media
    assert leg.caller.sent == leg.callee.received == PACKETS
    assert plan.target.startswith("sip:alice")
