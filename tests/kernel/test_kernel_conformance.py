"""RFC 4787, 5382 and 5508, requirement by requirement: the live gateway, and the kernel's own NAT beside it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from kit.conformance.beds import subject
from kit.conformance.expectation import meets
from kit.conformance.table import ROWS, Row
from kit.subjects.subject import Subject


@pytest.fixture(scope="module", params=["live", "kernel NAT"])
def bed(root: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:  # noqa: ARG001 - its check
    with ExitStack() as stack:
        yield subject(request.param, stack, tmp_path_factory.mktemp("conformance"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_gateway(bed: Subject, row: Row) -> None:
    meets(row, bed)
