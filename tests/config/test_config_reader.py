"""Files: line ends, sections, and every error at its place."""

import pytest

from doorman.config.errors import ConfigError, ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import read_config


def errors_of(text: str) -> list[ConfigError]:
    with pytest.raises(ConfigErrors) as caught:
        read_config(text, "gw.conf")
    return caught.value.errors


def places(text: str) -> list[tuple[int, int, str]]:
    return [(error.line, error.column, error.message) for error in errors_of(text)]


@pytest.mark.parametrize("text", ["", "\n", "!\r\n! text\r\n\r\n", "end", "\ufeff!\n", "exit\nend\n", "   \t\n"])
def test_a_file_that_says_nothing_is_the_default(text: str) -> None:
    assert read_config(text, "gw.conf") == Config()


def test_crlf_and_indentation_make_no_difference() -> None:
    text = "interface in0\n ip nat inside\nhostname GW\ninterface in1\n ip nat outside\n exit\nend\n"
    plain = read_config(text, "gw.conf")
    assert plain == read_config(text.replace("\n", "\r\n"), "gw.conf")
    assert plain == read_config(text.replace(" ip", "ip\t").replace("ip\t ", "\tip  "), "gw.conf")
    assert set(plain.interfaces) == {"in0", "in1"}


def test_nothing_is_read_after_end() -> None:
    assert read_config("hostname A\nend\nhostname B\nrubbish\n", "gw.conf").hostname == "A"


def test_an_error_is_shown_with_its_line_and_a_caret() -> None:
    [error] = errors_of("hostname GW\n\tip nat foo bar \n")
    assert str(error) == "gw.conf:2:9\n   ip nat foo bar\n          ^\n% Invalid input detected at '^' marker."


def test_what_the_file_holds_cannot_write_to_the_terminal() -> None:
    [error] = errors_of("! \u202e\nhostname \x1b[31m\u20ac x\n")
    shown = "  hostname \\x1b[31m\\u20ac x"
    assert str(error) == f"gw.conf:2:10\n{shown}\n           ^\n% Invalid input detected at '^' marker."
    [error] = errors_of("i \x1b[2J")
    assert error.message == '% Ambiguous command:  "i \x1b[2J"'
    assert "\x1b" not in str(error)


def test_every_error_is_reported_in_order() -> None:
    text = """\
ip nat inside source list 7 interface nowhere overload
ip nat foo
interface in0
 ip address 10.0.0.1
ip nat inside source static udp 10.0.0.5 53 interface in1 53
ip nat inside source list 1 pool Q
access-list 1 permit any
ip nat translation max-entries list 8 100
"""
    assert places(text) == [
        (1, 27, "% Access list 7 does not exist"),
        (1, 39, "% Interface nowhere does not exist"),
        (2, 8, "% Invalid input detected at '^' marker."),
        (4, 22, "% Incomplete command."),
        (5, 55, "% Interface in1 does not exist"),
        (6, 34, "% Pool Q does not exist"),
        (8, 37, "% Access list 8 does not exist"),
    ]


def test_what_is_named_may_come_later_in_the_file() -> None:
    read_config("ip nat inside source list 1 interface out0\ninterface out0\naccess-list 1 permit any\n", "gw.conf")


def test_a_rule_that_was_taken_back_needs_nothing() -> None:
    text = "ip nat inside source list 1 pool Q\nno ip nat inside source list 1 pool Q\n"
    assert read_config(text, "gw.conf") == Config()


def test_an_interface_and_its_address_are_the_same_static() -> None:
    text = """\
interface out0
 ip address 192.0.2.1 255.255.255.0
ip nat inside source static tcp 10.0.0.5 80 interface out0 80
ip nat inside source static tcp 10.0.0.6 80 192.0.2.1 80
"""
    message = "% similar static entry (tcp 10.0.0.5:80 -> out0:80) already exists"
    assert places(text) == [(4, 55, message)]


def test_a_refused_line_changes_nothing_and_blames_the_word() -> None:
    text = "ip nat pool P 192.0.2.9 192.0.2.1 prefix-length 24\n"
    assert places(text) == [(1, 25, "% End address less than start address")]


def test_a_line_too_long_is_shown_in_part() -> None:
    [error] = errors_of(f"hostname {'x' * 5_000}")
    assert error.message == "% Line is longer than 1024 characters"
    assert max(map(len, str(error).splitlines())) < 250


@pytest.mark.parametrize("text", ["\x00", "interface \x00", "access-list 1 remark a\x0bb", "hostname a\rb"])
def test_control_characters_are_errors(text: str) -> None:
    assert len(errors_of(text)) == 1
