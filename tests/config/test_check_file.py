"""`doorman check`: exit codes, summary and messages."""

import subprocess
import sys
from pathlib import Path

import pytest

from doorman.algs.registry import ENTRIES
from doorman.cli.check import LARGEST_FILE, check_file

ALGS = """\
  algs on tcp: sip 5060, ftp 21, rtsp 554 8554, netbios-ssn 139, ldap 389 1002, rcmd 512 514, dns 53
  algs on udp: sip 5060, netbios-ns 137, netbios-dgm 138, tftp 69, dns 53
"""
NONE = "".join(f"no ip nat service {alg}\n" for alg in ENTRIES)

GOOD = """\
hostname GW
interface in0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface out0
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
ip nat inside source list 1 interface out0 overload
ip nat inside source static tcp 10.0.0.5 80 interface out0 80
access-list 1 permit 10.0.0.0 0.0.0.255
end
"""


def check(tmp_path: Path, data: bytes) -> int:
    path = tmp_path / "gw.conf"
    path.write_bytes(data)
    return check_file(path)


def test_a_good_file_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, GOOD.encode()) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(
        f"{tmp_path}/gw.conf: 11 lines, no errors\n"
        "  interfaces: in0 10.0.0.1/24 inside, out0 192.0.2.1/24 outside\n"
        "  translation: list 1 to out0 overload, 1 static\n"
        "  access lists: 1 standard 1 line\n"
        f"{ALGS}"
    )


def test_an_empty_file_and_lines_after_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, b"") == 0
    assert capsys.readouterr().out.splitlines()[1:3] == ["  interfaces: none", "  translation: none"]
    assert check(tmp_path, f"{NONE}end\nrubbish\n".encode()) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  1 line after 'end' not read",
        "  interfaces: none",
        "  translation: none",
        "  algs: none",
    ]


def test_errors_go_to_standard_error_with_line_and_caret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, b"hostname GW\nip nat foo\nip nat\n") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    name = tmp_path / "gw.conf"
    assert shown.err == (
        f"{name}:2:8\n  ip nat foo\n         ^\n% Invalid input detected at '^' marker.\n"
        f"{name}:3:8\n  ip nat\n         ^\n% Incomplete command.\n"
        f"{name}: 2 errors\n"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hostname GW\nhostname \xff\n", "not a text in UTF-8: byte 0xff in line 2"),
        (b"!" * (LARGEST_FILE + 1), f"larger than {LARGEST_FILE} bytes, which no configuration is"),
    ],
    ids=["not UTF-8", "too large"],
)
def test_what_is_no_configuration_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, reason: str
) -> None:
    assert check(tmp_path, data) == 2
    assert capsys.readouterr().err == f"{tmp_path}/gw.conf: {reason}\n"


def test_what_cannot_be_read_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_file(tmp_path / "missing\x1b") == 2
    assert check_file(tmp_path) == 2
    missing = f"{tmp_path}/missing\\x1b: No such file or directory\n"
    assert capsys.readouterr().err == f"{missing}{tmp_path}: Is a directory\n"


def test_a_check_starts_fast_because_it_imports_little() -> None:
    script = "import sys, doorman.cli.check; print(*(m for m in ('typer', 'rich', 'asyncio') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_warnings_leave_a_file_good_unless_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, b"router ospf 1\nhostname GW\n") == 0
    shown = capsys.readouterr()
    name = tmp_path / "gw.conf"
    warning = "% Warning: not a command of this gateway; the line is passed over"
    assert shown.err == f"{name}:1:1\n  router ospf 1\n  ^\n{warning}\n"
    assert shown.out.splitlines()[0] == f"{name}: 2 lines, no errors, 1 warning"
    assert check_file(tmp_path / "gw.conf", strict=True) == 2
    assert capsys.readouterr().err.endswith(f"% Invalid input detected at '^' marker.\n{name}: 1 error\n")
