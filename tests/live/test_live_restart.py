"""A gateway that ends in the middle of calls, well or not, and is started again: nobody on the phone notices."""

from collections.abc import Callable

import pytest

from doorman.lab.gateway import Gateway
from doorman.lab.plans import from_inside, to_registered
from doorman.lab.stream import Stream
from kit.holding import holding
from kit.lab import SHORT, Lab, eventually

A_WHILE = SHORT._replace(seconds=0.6)
LONGER = SHORT._replace(seconds=2.5)
"""Until the call is held: a gateway is there again by then, on a slow machine, too. Without one it would go by."""


def kill(gateway: Gateway) -> None:
    gateway.program.kill()


def terminate(gateway: Gateway) -> None:
    gateway.program.terminate_if_running()


both_ways = pytest.mark.parametrize(("end", "options"), [(kill, []), (terminate, ["--keep-table"])])


def goes_on(*streams: Stream) -> None:
    """Media comes to each of these streams, a while from now still."""
    already = [stream.counts().received for stream in streams]
    eventually(
        lambda: all(stream.counts().received > before + 10 for stream, before in zip(streams, already, strict=True)),
        "media stopped",
    )


@both_ways
def test_a_call_goes_on_with_all_its_messages(lab: Lab, end: Callable[[Gateway], None], options: list[str]) -> None:
    with lab.serving(*options) as gateway, holding(lab, from_inside(lab.network, LONGER), 0.3) as call:
        call.wait_for("media 1")
        first, second, callee = call.streams
        call.wait_for_media(callee)
        end(gateway)
        goes_on(first, callee)
        with lab.serving(*options):
            goes_on(first, callee)
            assert not call.calls.has_ended()
            call.wait_for("held 1")
            call.wait_for("media 2")
            first.stop()
            call.wait_for_media(second)
            call.finish()
            call.stop()
            assert [call["state"] for call in lab.ask("show alg sip calls")] == ["ended"]
    assert callee.counts().lost == first.counts().lost == second.counts().lost == 0
    assert callee.counts().received == first.counts().sent + second.counts().sent
    assert callee.counts().sent == first.counts().received + second.counts().received


@both_ways
@pytest.mark.parametrize("transport", ["tcp", "vtcp"])
def test_the_media_of_a_call_over_tcp_go_on(
    lab: Lab, end: Callable[[Gateway], None], options: list[str], transport: str
) -> None:
    played = lab.over(transport, A_WHILE)._replace(seconds=30.0)
    with lab.serving(*options) as gateway, lab.calling(from_inside(lab.network, played)) as calls:
        streams = calls.caller.streams[1], calls.callee.streams[1]
        goes_on(*streams)
        end(gateway)
        goes_on(*streams)
        with lab.serving(*options):
            goes_on(*streams)
            assert [call["state"] for call in lab.ask("show alg sip calls")] == ["confirmed"]
    for stream in streams:
        assert stream.counts().lost == 0


@both_ways
@pytest.mark.parametrize("transport", ["udp", "tcp", "vtcp"])
def test_a_registered_phone_is_still_reached(
    lab: Lab, end: Callable[[Gateway], None], options: list[str], transport: str
) -> None:
    played = lab.over(transport)
    with lab.serving(*options) as gateway:
        plan = to_registered(lab.network, lab.directory, played)
        end(gateway)
    with lab.serving(*options):
        [leg] = lab.place(plan).legs
    for counts in leg:
        assert counts.received == counts.sent


def test_a_gateway_that_is_asked_to_end_takes_its_table_along(lab: Lab) -> None:
    before = lab.in_gateway("nft", "list", "ruleset")
    with lab.serving() as gateway:
        assert "table ip doorman" in lab.in_gateway("nft", "list", "ruleset")
        terminate(gateway)
        assert lab.in_gateway("nft", "list", "ruleset") == before
        assert not gateway.socket.exists()
