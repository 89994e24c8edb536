"""What random packets found, see test_kernel_agreement: each a difference of engine and kernel that is one no more."""

import pytest

from doorman.engine.results import Side
from kit.agreement.gateways import INTERFACES
from kit.agreement.steps import DAMAGES, Begin, Refuse
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
