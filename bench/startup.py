"""How long `doorman check` takes, from nothing to the end, on a file of twenty lines.

As an operator has it: what Python compiles of the program is kept from the first run on, wherever that may be written.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from figures import figure
from traffic import CONFIG

RUNS = 15


def main() -> None:
    """Print milliseconds, beside those of an interpreter that does nothing."""
    command = Path(sys.executable).with_name("doorman")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.cfg"
        file.write_text(
            CONFIG + "".join(f"ip nat inside source static 10.1.0.{n} 203.0.113.{n}\n" for n in range(40, 49))
        )
        lines = len(file.read_text().splitlines())
        keeping = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        checks = [milliseconds([str(command), "check", str(file)], **keeping) for _ in range(RUNS + 1)][1:]
    bare = [milliseconds([sys.executable, "-c", "pass"]) for _ in range(RUNS)]
    figure("check-startup", median(checks), "ms", "< 150", lines=lines, bare_python=round(median(bare), 1))


def milliseconds(command: list[str], **environment: str) -> float:
    """How long a command takes, with these variables besides."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
