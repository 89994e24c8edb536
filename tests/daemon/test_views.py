"""What several parts of a gateway say of themselves, as one."""

from doorman.daemon.views import summed


def test_one_part_says_what_it_says() -> None:
    assert summed([{"a": 1, "b": [1, 1]}]) == {"a": 1, "b": [1, 1]}


def test_numbers_are_added_and_lists_joined() -> None:
    one = {"hits": 1, "drops": {"x": 2}, "rows": [{"name": "INVITE", "total": 1}], "mappings": [{"list": "1"}]}
    other = {
        "hits": 5,
        "drops": {"x": 1, "y": 4},
        "rows": [{"name": "INVITE", "total": 2}],
        "mappings": [{"list": "2"}],
    }
    assert summed([one, other]) == {
        "hits": 6,
        "drops": {"x": 3, "y": 4},
        "rows": [{"name": "INVITE", "total": 3}],
        "mappings": [{"list": "1"}, {"list": "2"}],
    }


def test_an_interface_that_several_share_is_one() -> None:
    assert summed([{"outside": ["out0"]}, {"outside": ["out0", "out1"]}]) == {"outside": ["out0", "out1"]}


def test_what_one_does_not_know_is_what_the_other_knows() -> None:
    assert summed([{"left": None, "on": True}, {"left": 3, "on": True}]) == {"left": 3, "on": True}
