"""Half-open sessions: which count, which end where there are too many, and what is said of it."""

from doorman.config.reader import read_config
from doorman.config.zones import Firewall
from doorman.daemon.half_open import HalfOpen, limits_half_open
from doorman.dataplanes.netfilter.flow import ASSURED, SEEN_REPLY, Flow
from doorman.net.packet import TCP, UDP
from kit.packets import endpoint

PLACE, NUMBER = ("OUT", "WEB"), 5


def firewall(*limits: str, name: str = "FEW") -> Firewall:
    text = (
        "class-map type inspect WEB\n match protocol http\n"
        f"parameter-map type inspect {name}\n tcp synwait-time 30\n"
        + "".join(f" {limit}\n" for limit in limits)
        + f"policy-map type inspect P\n class type inspect WEB\n  inspect{'' if name == 'global' else ' ' + name}\n"
        "zone security A\nzone security B\n"
        "zone-pair security OUT source A destination B\n service-policy type inspect P\n"
    )
    return read_config(text, "test.cfg").firewall


def flow(number: int, left: int, *, protocol: int = TCP, status: int = 0, server: str = "198.51.100.9:80") -> Flow:
    """A flow that was used last so long ago that it lives for `left` seconds yet."""
    client, receiver = endpoint(f"10.0.0.10:{number}"), endpoint(server)
    return Flow(protocol, client, receiver, receiver, client, 0, 0, number, left, status, 0, 0, 0, 0, NUMBER)


def ended(flows: list[Flow], limited: Firewall, watch: HalfOpen | None = None) -> tuple[list[int], list[str]]:
    found = (watch or HalfOpen()).excess(flows, limited, {PLACE: NUMBER}, {PLACE: 0})
    return [one.sender.port for one in found.ended], found.said


def test_the_oldest_end_until_so_many_remain() -> None:
    flows = [flow(1, 25), flow(2, 5), flow(3, 29), flow(4, 12)]
    limited = firewall("max-incomplete high 3", "max-incomplete low 2")
    watch = HalfOpen()
    assert ended(flows, limited, watch) == (
        [2, 4],
        ["%FW-4-ALERT_ON: (parameter-map:FEW):getting aggressive, count (4/3)"],
    )
    assert ended(flows[:3], limited, watch) == ([], [])
    assert ended(flows[:1], limited, watch)[1] == ["%FW-4-ALERT_OFF: (parameter-map:FEW):calming down, count (1/2)"]
    assert ended(flows, firewall("max-incomplete high 3", "alert off"))[1] == []


def test_what_was_answered_does_not_count() -> None:
    limited = firewall("max-incomplete high 1")
    assert (
        ended([flow(1, 9), flow(2, 8, status=ASSURED), flow(3, 7, protocol=UDP, status=SEEN_REPLY)], limited)[0] == []
    )
    assert ended([flow(1, 9), flow(2, 8, status=SEEN_REPLY)], limited)[0] == [2]


def test_one_server_has_no_more_than_so_many() -> None:
    limited = firewall("tcp max-incomplete host 2")
    flows = [flow(number, 20 - number) for number in range(1, 5)]
    assert ended([*flows, flow(9, 1, server="198.51.100.8:80")], limited)[0] == [4, 3]


def test_the_global_map_counts_all() -> None:
    limited = firewall("max-incomplete high 1", name="global")
    assert ended([flow(1, 9), flow(2, 8)], limited)[0] == [2]


def test_limits_are_looked_for_only_where_there_are_some() -> None:
    assert limits_half_open(firewall("max-incomplete high 1"))
    assert limits_half_open(firewall("tcp max-incomplete host 9"))
    assert limits_half_open(firewall("one-minute high 9"))
    assert not limits_half_open(firewall("sessions maximum 9"))


def test_where_many_begin_in_a_minute_one_ends_for_each_until_few_do() -> None:
    limited, watch = firewall("one-minute high 10", "one-minute low 6"), HalfOpen()
    flows = [flow(number, 30 - number) for number in range(1, 9)]

    def second(begun: int) -> tuple[list[int], list[str]]:
        found = watch.excess(flows, limited, {PLACE: NUMBER}, {PLACE: begun})
        return [one.sender.port for one in found.ended], found.said

    assert second(100) == ([], []), "what began before is not of this minute"
    assert second(109) == ([], [])
    told = "%FW-4-ALERT_{}: (parameter-map:FEW):{}, current 1-min rate ({})"
    assert second(112) == ([8, 7, 6], [told.format("ON", "getting aggressive", "12/10")])
    assert second(113) == ([8], [])
    for _ in range(57):
        assert second(113) == ([], [])
    assert second(114) == ([], [told.format("OFF", "calming down", "5/6")])
    assert second(3) == ([], []), "the counters were cleared"


def test_a_server_with_too_many_gets_no_more_for_a_while() -> None:
    limited = firewall("tcp max-incomplete host 2 block-time 3")
    flows = [flow(number, 20 - number) for number in range(1, 4)]
    found = HalfOpen().excess(flows, limited, {PLACE: NUMBER}, {PLACE: 3})
    assert [one.sender.port for one in found.ended] == [3, 2, 1]
    assert found.blocked == {endpoint("198.51.100.9:80").address: 180}
    assert HalfOpen().excess(flows[:2], limited, {PLACE: NUMBER}, {PLACE: 2}).blocked == {}
