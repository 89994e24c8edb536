"""How a block of a configuration begins, whatever it is about."""

from collections.abc import Iterator


def opening(line: str, description: str) -> Iterator[str]:
    """Its first line, and what the operator says of it if he does."""
    yield line
    if description:
        yield f" description {description}"
