"""Memos: they never have more than they may."""

from doorman.net.memo import remember


def test_what_is_remembered_is_there() -> None:
    memo: dict[str, int] = {}
    assert remember(memo, "one", 1) == 1
    assert memo == {"one": 1}


def test_one_that_is_full_begins_again() -> None:
    memo: dict[int, int] = {}
    for number in range(7):
        remember(memo, number, -number, 3)
        assert len(memo) <= 3
    assert memo == {6: -6}
