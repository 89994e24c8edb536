"""Print what RFC 4787, 5382 and 5508 ask of a NAT, and what Doorman and the kernel's own NAT do about it.

make rfc-table              prints it
make rfc-table WRITE=1      puts it into docs/rfc.md, in the place of the one that is there
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "tests"))

from kit.conformance.beds import NAMES, subject  # noqa: E402 - found in the folder above
from kit.conformance.table import rendered  # noqa: E402

DOCUMENT = _ROOT / "docs" / "rfc.md"
BEGINS = "<!-- from here on: make rfc-table -->\n"


def main() -> int:
    """Measure, and print or write; 1 where that needs more than there is."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="write docs/rfc.md; as root")
    given = options.parse_args()
    is_root = os.geteuid() == 0
    if not is_root:
        print("Live gateways and the kernel's NAT are measured in network namespaces: run it as root.", file=sys.stderr)
    with ExitStack() as stack, tempfile.TemporaryDirectory() as directory:
        subjects = [subject(name, stack, Path(directory)) if is_root or name == "replay" else name for name in NAMES]
        table = "\n".join(rendered(subjects)) + "\n"
    if not given.write:
        print(table, end="")
        return 0
    if is_root:
        before = DOCUMENT.read_text(encoding="utf-8").partition(BEGINS)[0]
        DOCUMENT.write_text(f"{before}{BEGINS}\n{table}", encoding="utf-8")
    return not is_root


if __name__ == "__main__":
    sys.exit(main())
