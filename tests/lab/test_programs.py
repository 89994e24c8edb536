"""Programs in a namespace: nothing of them is left when their block is."""

from pathlib import Path

from doorman.lab.namespaces import namespace
from doorman.lab.processes import process
from doorman.lab.programs import running


def test_what_a_program_leaves_running_ends_with_it(lab_name: str, tmp_path: Path) -> None:
    leaves = ["sh", "-c", "sleep 1000 & echo $!"]
    with namespace(lab_name) as inside, running("parent", inside, leaves, tmp_path) as parent:
        parent.finish(5)
        left = int((tmp_path / "parent.log").read_text())
        assert process(left) is not None
    assert process(left) is None
