"""RFC 4787, 5382 and 5508, requirement by requirement, in replay; the live gateway is in tests/kernel."""

import pytest

from kit.conformance.expectation import meets
from kit.conformance.table import ROWS, Row
from kit.subjects.replay import Replay


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_replay(row: Row) -> None:
    meets(row, Replay())
