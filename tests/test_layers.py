"""Layers: a package imports only from those before it, and the core touches nothing outside itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "doorman"
LAYERS = (
    *("net", "wire", "stream", "timers", "memory", "algs", "config", "nat", "firewall", "engine"),
    *("dataplanes", "lab", "selftest", "cli", "daemon", "main", "__main__"),
)
PURE = {"net", "wire", "stream", "timers", "algs", "nat", "firewall", "engine"}
WORLD = {"asyncio", "datetime", "logging", "os", "random", "secrets", "socket", "subprocess", "threading", "time"}
MODULES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield node.module or ""


def layer_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_layers_before_its_own(path: Path) -> None:
    own = layer_of(path)
    if own == "__init__":
        return
    assert own in LAYERS, f"{own} has no place in the order of layers"
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == "doorman" and rest:
            assert LAYERS.index(rest.partition(".")[0]) <= LAYERS.index(own), name


@pytest.mark.parametrize("layer", sorted(PURE))
def test_the_core_has_no_clock_no_chance_and_no_world(layer: str) -> None:
    for path in MODULES:
        if layer_of(path) == layer:
            assert not WORLD & {name.partition(".")[0] for name in imported(path)}, path
