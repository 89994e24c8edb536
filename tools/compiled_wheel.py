"""The build hook of a compiled wheel: mypyc makes extension modules of what every signalling message passes.

    HATCH_BUILD_HOOK_ENABLE_CUSTOM=true uv pip install .     (`make compiled`; needs a C compiler and Python's headers)

Without the hook the wheel is pure Python, and does the same. The sources are in both: what is not compiled here is
Python there, and tracebacks show it.
"""

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from platform import python_version
from shutil import rmtree
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution

SOURCES = Path("src/doorman")
LAYERS = "net", "wire", "stream", "algs", "nat", "firewall", "engine"
"""Packages of which all is compiled."""
FURTHER = (
    "timers.py",
    "dataplanes/netfilter/elements.py",
    "dataplanes/netfilter/events.py",
    "dataplanes/netfilter/flow.py",
    "dataplanes/netfilter/messages.py",
    "dataplanes/netfilter/needs.py",
    "dataplanes/netfilter/netlink.py",
    "dataplanes/netfilter/packet_log.py",
    "dataplanes/netfilter/packed.py",
    "dataplanes/netfilter/queue.py",
    "dataplanes/netfilter/queued_packet.py",
    "dataplanes/netfilter/tables.py",
    "dataplanes/netfilter/tun.py",
    "daemon/edge.py",
    "daemon/growth.py",
    "daemon/journal.py",
    "daemon/keeper.py",
    "daemon/segments.py",
    "daemon/shut_doors.py",
    "daemon/traffic.py",
)
INTERPRETED = {"__init__.py", "settings.py", "registry.py", "makers.py"}
"""Read once: there is nothing to be gained; and mypyc has no class variables in frozen dataclasses with slots.

What hands addresses of memory to the kernel (ctypes) stays Python, too: compiled code lets go of a value after its last
mention.
"""


class CompiledWheel(BuildHookInterface[Any]):
    """Puts the extension modules into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, before the wheel is packed."""
        del version
        work = Path(self.root, "build", f"compiled-{python_version()}").resolve()
        rmtree(work, ignore_errors=True)  # what is newer than its source may be of other flags
        for module in _compile(work):
            build_data["force_include"][str(module)] = str(module.relative_to(work / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _on_all_processors(compiler: Any) -> None:  # noqa: ANN401 - setuptools has no types
    """Let a compiler take as many files at once as there are processors: `parallel` does that with extensions only."""
    one_by_one = compiler.compile

    def at_once(sources: list[str], **options: object) -> list[str]:
        with ThreadPoolExecutor(cpu_count()) as pool:
            objects = pool.map(lambda source: one_by_one([source], **options), sources)
            return [path for paths in objects for path in paths]

    compiler.compile = at_once


def _compile(work: Path) -> list[Path]:
    """Compile what is to be compiled, as the tree `lib` in a directory; the files.

    Most of the time of compiled code is spent in the interpreter's own functions: optimising it further doubles the
    time of the build, and gains 2 %. A file of C for each module: as one file, they took three times as long.
    """
    modules = [path for layer in LAYERS for path in sorted((SOURCES / layer).rglob("*.py"))]
    modules += [SOURCES / name for name in FURTHER]
    paths = [str(path) for path in modules if path.name not in INTERPRETED]
    extensions = mypycify(
        ["--config-file=pyproject.toml", *paths],
        opt_level="1",
        debug_level="0",
        group_name="doorman",
        multi_file=True,
        target_dir=str(work),
    )
    command = Distribution({"name": "doorman", "ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib = str(work / "lib")
    command.build_temp = str(work / "objects")
    command.parallel = cpu_count()  # an extension for each module, which loads its part of the one that has all
    command.ensure_finalized()
    build = command.build_extensions

    def build_at_once() -> None:
        _on_all_processors(command.compiler)
        build()

    command.build_extensions = build_at_once
    command.run()
    return [Path(path) for path in command.get_outputs()]
