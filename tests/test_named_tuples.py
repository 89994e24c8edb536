"""Named tuples that are made without their class being asked (`new_tuple`): they have all their values.

No type checker sees what they are made of, nor that a class has got another field since.
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import doorman

SOURCES = Path(doorman.__file__).parent


def made() -> Iterator[tuple[str, int, str, int]]:
    """The places where they are made: module, line, class, and how many values it is given."""
    for path in sorted(SOURCES.rglob("*.py")):
        text = path.read_text()
        if "new_tuple(" not in text:
            continue
        module = ".".join(("doorman", *path.relative_to(SOURCES).with_suffix("").parts))
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "new_tuple"):
                continue
            kind, values = node.args
            assert isinstance(kind, ast.Name), f"{module}, line {node.lineno}"
            assert isinstance(values, ast.Tuple), f"{module}, line {node.lineno}"
            yield module, node.lineno, kind.id, len(values.elts)


@pytest.mark.parametrize(("module", "line", "kind", "count"), list(made()))
def test_they_have_all_their_values(module: str, line: int, kind: str, count: int) -> None:
    fields = getattr(importlib.import_module(module), kind)._fields
    assert len(fields) == count, f"{module}, line {line}: {kind} has {fields}"
