"""What random packets found, see test_kernel_agreement: each a difference of engine and kernel that is one no more."""

import pytest

from doorman.engine.results import Side
from kit.agreement.gateways import INTERFACES
from kit.agreement.steps import DAMAGES, Answer, Begin, Refuse, Step
from kit.agreement.trial import Trial
from kit.packets import udp
from kit.wires import ends_of

HOST, PEER = "192.168.1.7", "198.51.100.7:9"
PORT = INTERFACES + f"\nip nat inside source static tcp {HOST} 80 203.0.113.7 80\n"
NETWORK = INTERFACES + "\nip nat inside source static network 192.168.1.64 203.0.113.64 /29\n"
INSPECTED = (
    INTERFACES
    + """
zone security LAN
zone security WAN
class-map type inspect match-any C
 match protocol tcp
 match protocol udp
 match protocol icmp
policy-map type inspect P
 class type inspect C
  inspect
zone-pair security IN source WAN destination LAN
 service-policy type inspect P
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""
)
STATIC = "ip nat inside source static 192.168.1.5 203.0.113.5\n"
SHARED = "access-list 1 permit 192.168.1.0 0.0.0.255\nip nat inside source list 1 interface out0 overload\n"
OUTGOING = "zone-pair security OUT source LAN destination WAN\n service-policy type inspect P\n"
LENGTHS = 0, 4, 5, 7, 8


@pytest.mark.parametrize("kind", ["tcp", "udp", "echo-request"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_error_about_an_inspected_flow_may_quote_its_ports_alone(trial: Trial, kind: str, damage: str) -> None:
    """Nothing of it is to be translated, and conntrack knows the flow by its ports."""
    flow = Begin(kind, Side.OUTSIDE, PEER, f"{HOST}:5000")
    steps = [step for length in LENGTHS for step in (flow, Refuse(0, "", 3, 0, length, damage=damage))]
    assert not trial.differences(INSPECTED, steps)


@pytest.mark.parametrize("flow", [Begin("tcp", Side.OUTSIDE, PEER, f"{HOST}:5000"),
                                  Begin("udp", Side.OUTSIDE, PEER, f"{HOST}:80")])  # fmt: skip
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_error_of_a_host_with_single_names_may_be_damaged(trial: Trial, flow: Begin, damage: str) -> None:
    steps = [step for length in LENGTHS for step in (flow, Refuse(0, "", 3, 0, length, damage=damage))]
    assert not trial.differences(PORT, steps)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_error_may_go_back_to_a_host_inside_that_has_no_name(trial: Trial, damage: str) -> None:
    flow = Begin("udp", Side.INSIDE, "192.168.1.5:80", "203.0.113.64:80")
    steps = [step for length in LENGTHS for step in (flow, Refuse(0, "", 3, 0, length, damage=damage))]
    assert not trial.differences(NETWORK, steps)


def test_what_a_gateway_gave_back_is_forgotten_with_it(trial: Trial) -> None:
    """Its names linger, and keep out what begins; the next gateway has none of them."""
    pool = "access-list 1 permit any\nip nat pool P 203.0.113.43 203.0.113.43 prefix-length 24\n"
    trial.real.begin(f"{INTERFACES}\n{pool}ip nat inside source list 1 pool P overload\n")
    [left] = trial.real.send(udp("192.168.1.66:5060", "198.51.100.7:5060"), Side.INSIDE)
    name, _ = ends_of(left.packet)
    assert not trial.differences(INTERFACES + "\n", [Begin("udp", Side.INSIDE, "192.168.1.66:9", name)])


def first(kind: str) -> tuple[Begin, Begin]:
    """What the host with a name of its own sends first, and what the other end sends to it."""
    return Begin(kind, Side.INSIDE, "192.168.1.5:9", PEER), Begin(kind, Side.OUTSIDE, PEER, "203.0.113.5:9")


ONE_WAY = INSPECTED.replace("IN source WAN destination LAN", "OUT source LAN destination WAN")
FILTERS = {"nat": INTERFACES + "\n", "out": ONE_WAY, "both": INSPECTED + OUTGOING}


@pytest.mark.parametrize("begins", [0, 1])
@pytest.mark.parametrize("filters", FILTERS)
def test_who_calls_waits_for_the_answer(trial: Trial, filters: str, begins: int) -> None:
    """Until its SYN is answered, an end sends nothing but that, or a reset; what answers is a SYN, too."""
    calls, goes_on = first("tcp")[begins], first("ack")[begins]
    other = first("ack")[1 - begins]
    config = FILTERS[filters] + SHARED + STATIC
    talks: list[list[Step]] = [
        [calls, goes_on, calls, Answer(0), goes_on],
        [calls, other, goes_on],
        [calls, Answer(0), Answer(0), calls, goes_on],
    ]
    for steps in talks:
        assert not trial.differences(config, steps)


@pytest.mark.parametrize("kind", ["echo-request", "timestamp-request"])
@pytest.mark.parametrize("filters", FILTERS)
def test_who_is_asked_does_not_ask(trial: Trial, filters: str, kind: str) -> None:
    """A query of the other end, by the same identifier, is another flow: of a shared name nobody's, or not allowed."""
    config = FILTERS[filters] + SHARED + STATIC
    for asks, back in (first(kind), first(kind)[::-1]):
        assert not trial.differences(config, [asks, back, Answer(0), Answer(1), asks])
    shares = Begin(kind, Side.INSIDE, "192.168.1.10:9", PEER)
    assert not trial.differences(
        config, [shares, Begin("echo-request", Side.OUTSIDE, PEER, "203.0.113.1:9"), Answer(0)]
    )


def test_an_error_may_be_about_an_answer_to_a_host_that_has_names_elsewhere(trial: Trial) -> None:
    rule = "access-list 102 permit ip 10.0.0.0 0.255.255.255 198.51.100.0 0.0.0.255\n"
    pool = "ip nat pool R 203.0.113.44 203.0.113.46 prefix-length 24\nip nat inside source list 102 pool R\n"
    flow = Begin("udp", Side.INSIDE, "10.1.3.3:5000", "203.0.113.70:5000")
    for damage in DAMAGES:
        steps = [step for length in LENGTHS for step in (flow, Answer(0), Refuse(0, "", 3, 0, length, damage=damage))]
        assert not trial.differences(NETWORK + rule + pool, steps)


def test_a_query_identifier_must_be_quoted(trial: Trial) -> None:
    flow = Begin("timestamp-request", Side.OUTSIDE, PEER, f"{HOST}:5000")
    steps = [step for length in LENGTHS for step in (flow, Refuse(0, "", 3, 0, length))]
    assert not trial.differences(PORT, steps)


def test_nobody_has_a_name_of_a_pool_for_outside_hosts_before_it_is_given(trial: Trial) -> None:
    pool = "ip nat pool OUT 172.16.0.1 172.16.0.2 prefix-length 24\nip nat outside source list 7 pool OUT\n"
    early = Begin("echo-request", Side.INSIDE, "192.168.1.6:9", "172.16.0.1:9")
    comes = Begin("udp", Side.OUTSIDE, PEER, "192.168.1.6:5000")
    assert not trial.differences(f"{INTERFACES}\n{pool}access-list 7 permit any\n", [early, comes, early])
