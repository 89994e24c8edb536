"""What a `show` command gives: values, from which text or JSON is made line by line, however many they are."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from doorman.config.errors import printable

Lines = Iterator[str | None]
"""Lines, and None for one that is kept back, so that whoever prints can pause there."""


class Output(NamedTuple):
    """The result of a `show` command.

    Attributes:
        data: a JSON object, or a list or iterator of such, with None for one that is not shown.
        lines: makes text of them.
    """

    data: Any
    lines: Callable[[Any], Lines]


def text_lines(output: Output) -> Lines:
    """The lines for a terminal: whatever came from the network is printable ASCII behind this."""
    for line in output.lines(output.data):
        yield line if line is None or (line.isascii() and line.isprintable()) else printable(line)


def json_lines(command: str, output: Output) -> Lines:
    """One JSON object, {"command": …, "data": …}, with each element of a list on a line of its own."""
    head = f'{{"command": {json.dumps(command)}, "data": '
    if isinstance(output.data, dict):
        yield f"{head}{json.dumps(output.data)}}}"
        return
    yield head + "["
    last: str | None = None
    for element in output.data:
        if element is None:
            yield None
            continue
        if last is not None:
            yield last + ","
        last = json.dumps(element)
    if last is not None:
        yield last
    yield "]}"


def told(made: object) -> Output:
    """The result of a command that shows nothing but may have a few words to say."""
    words = [str(word) for word in made] if isinstance(made, list) else []
    return Output({"told": words}, lambda found: iter(found["told"]))
