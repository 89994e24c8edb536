"""A call that is changed, held, refused and ended at random: what its ends agreed on has a way, and nothing else."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from kit.conversation import Conversation
from kit.sip import OVERLOAD
from kit.traffic import QUICK


@pytest.mark.parametrize("hold", ["release", "retain"])
def test_what_is_agreed_has_a_way_and_nothing_else(hold: str) -> None:
    class ConversationHere(Conversation):
        def __init__(self) -> None:
            super().__init__(OVERLOAD + f"ip nat service sip hold {hold}\n")

    run_state_machine_as_test(ConversationHere, settings=QUICK)
