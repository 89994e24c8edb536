"""Edits: their order, and what they make of bytes."""

from doorman.net.edits import Edit, apply_edits, growth


def test_bytes_that_no_edit_names_stay() -> None:
    edits = [Edit(0, 3, b"two", "a"), Edit(4, 4, b"new ", "b"), Edit(4, 8, b"", "c"), Edit(9, 10, b"42", "d")]
    assert apply_edits(b"one word 1.", edits) == b"two new  42."
    assert growth(edits) == len(b"two new  42.") - len(b"one word 1.")


def test_they_are_carried_out_from_the_first_byte_on_and_put_in_before_they_replace() -> None:
    replaced, put_in, first = Edit(4, 6, b"x", "a"), Edit(4, 4, b"y", "b"), Edit(1, 4, b"z", "c")
    assert sorted([replaced, put_in, first]) == [first, put_in, replaced]


def test_those_of_a_part_are_moved_to_where_it_stands() -> None:
    edit = Edit(1, 2, b"B", "a rule").moved(2)
    assert apply_edits(b"--abc", [edit]) == b"--aBc"
    assert repr(edit) == "Edit(3, 4, b'B', 'a rule')"
