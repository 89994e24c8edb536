"""What transcripts do not show: JSON, laziness, two operators at once, and what is bounded."""

import json
import logging
from pathlib import Path

import pytest

from doorman.cli.gateway import NotApplied, Selection
from doorman.cli.shell.modes import PRIVILEGED, USER
from doorman.cli.shell.session import ShellSession
from doorman.cli.shell.terminal import MOST_TOPICS
from doorman.config.command import CommandError
from doorman.config.reader import read_config
from doorman.net.addresses import Endpoint
from kit.packets import endpoint, udp
from kit.shell import FakeGateway, typed
from kit.sip import PEER, PHONE, request


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


def privileged(gateway: FakeGateway, told: list[str] | None = None) -> ShellSession:
    session = ShellSession(gateway, (told if told is not None else []).append)
    typed(session, "enable")
    return session


def shows() -> list[str]:
    """Every `show` command, without its options."""
    grammars = [command.grammar for command in PRIVILEGED.commands]
    return [grammar.partition(" [")[0] for grammar in grammars if grammar.startswith("show ")]


def refusal(session: ShellSession, line: str, *, as_json: bool = False) -> str:
    with pytest.raises(CommandError) as error:
        typed(session, line, as_json=as_json)
    return error.value.message


# JSON


FIREWALL = """
class-map type inspect WEB
 match protocol http
policy-map type inspect P
 class type inspect WEB
  inspect
zone security LAN
zone security WAN
zone-pair security OUT source LAN destination WAN
 service-policy type inspect P
"""


@pytest.mark.parametrize("command", shows())
def test_every_show_has_json(command: str, gateway: FakeGateway) -> None:
    gateway.config.firewall = read_config(FIREWALL, "test.cfg").firewall
    gateway.call()
    gateway.transfer()
    gateway.watch()
    gateway.flood()
    gateway.attack()
    text = typed(privileged(gateway), f" {command} ", as_json=True)
    found = json.loads(text)
    assert found["command"] == command
    assert found["data"] or command in {"show debugging", "show alg sip traces", "show vrf", "show nat64 translations"}
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_json_of_a_table_has_a_line_for_each_entry(gateway: FakeGateway) -> None:
    gateway.call()
    lines = typed(privileged(gateway), "show ip nat translations verbose", as_json=True).splitlines()
    assert lines[0] == '{"command": "show ip nat translations verbose", "data": ['
    assert json.loads(lines[-2])["by"] == "kernel"
    assert lines[-1] == "]}"
    assert len(lines) == 5


def test_json_of_an_empty_table_and_of_commands_that_show_nothing(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    assert json.loads(typed(session, "show ip nat doors", as_json=True))["data"] == []
    assert json.loads(typed(session, "clear ip nat statistics", as_json=True))["data"] == {"told": []}
    assert json.loads(typed(session, "debug ip nat", as_json=True))["data"] == {"told": ["IP NAT debugging is on"]}


def test_a_filter_works_on_text_only(gateway: FakeGateway) -> None:
    assert refusal(privileged(gateway), "show version | include x", as_json=True) == (
        "% A filter works on text, not on JSON"
    )


def test_json_behind_do(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    typed(session, "configure terminal")
    assert json.loads(typed(session, "do show version", as_json=True))["command"] == "show version"


# Nothing raw reaches a terminal


@pytest.mark.parametrize("command", shows())
def test_what_messages_say_is_escaped(command: str, gateway: FakeGateway) -> None:
    gateway.config.hostname = "x"
    gateway.attack()
    text = typed(privileged(gateway), command)
    assert all(" " <= character <= "~" or character == "\n" for character in text)


def test_what_is_typed_is_escaped_in_errors(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    with pytest.raises(CommandError) as error:
        typed(session, "c \x1b[2J")
    assert session.explain(error.value) == (r'% Ambiguous command:  "c \x1b[2J"', None)
    assert session.explain(NotApplied("the kernel\nrefuses \x07")) == ("% the kernel\nrefuses \\x07", None)
    assert session.explain(ValueError("another")) is None


# Configuration


def test_a_refusal_of_the_gateway_leaves_all_as_it_was(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    typed(session, "configure terminal")
    before = typed(session, "do show running-config")
    gateway.refusing = "the kernel says no"
    for line in ("interface eth9", "hostname other", "no access-list 1"):
        assert refusal(session, line) == "% the kernel says no"
    assert session.prompt == "Router(config)#"
    assert typed(session, "do show running-config") == before
    assert refusal(session, "do write") == "% the kernel says no"


def test_what_cannot_be_put_to_work_is_refused(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    typed(session, "configure terminal")
    typed(session, "interface out0")
    assert refusal(session, "no ip address") == "% interface out0 of a NAT rule has no address"
    assert gateway.config.interfaces["out0"].address is not None
    assert session.prompt == "Router(config-if)#"


def test_a_line_that_changes_nothing_is_not_applied(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    typed(session, "configure terminal")
    gateway.refusing = "nothing must be applied"
    typed(session, "interface out0")
    typed(session, "ip nat outside")
    assert session.prompt == "Router(config-if)#"


def test_two_operators_configure_at_once(gateway: FakeGateway) -> None:
    first, second = privileged(gateway), privileged(gateway)
    for session in (first, second):
        typed(session, "conf t")
    typed(first, "interface eth9")
    typed(second, "hostname other")
    typed(first, "description mine")
    assert first.prompt == "other(config-if)#"
    assert gateway.config.interfaces["eth9"].description == "mine"
    typed(second, "no interface eth9")
    assert refusal(first, "description gone") == "% Invalid input detected at '^' marker."
    typed(first, "access-list 7 permit any")
    assert first.prompt == "other(config)#"


def test_the_running_configuration_can_be_typed_in(gateway: FakeGateway, tmp_path: Path) -> None:
    gateway.config.pools.clear()
    text = typed(privileged(gateway), "show running-config")
    fresh = FakeGateway(tmp_path / "fresh.cfg", "")
    session = privileged(fresh)
    typed(session, "configure terminal")
    for line in text.splitlines():
        typed(session, line)
    assert session.prompt == "Router#"
    assert typed(session, "show running-config") == text
    assert typed(session, "write").endswith("[OK]\n")


def test_reload_of_a_file_with_errors_changes_nothing(gateway: FakeGateway) -> None:
    gateway.config_path.write_text("hostname new\nip nat foo\n")
    assert refusal(privileged(gateway), "reload") == (
        "gateway.cfg:2:8\n  ip nat foo\n         ^\n% Invalid input detected at '^' marker.\n"
        "% Not reloaded: the running configuration stays"
    )
    assert gateway.config.hostname == "Router"


@pytest.mark.parametrize("content", [None, b"hostname \xff\n"])
def test_a_startup_configuration_that_cannot_be_read(content: bytes | None, gateway: FakeGateway) -> None:
    gateway.config_path.unlink()
    if content is not None:
        gateway.config_path.write_bytes(content)
    reason = "No such file or directory" if content is None else "not a text in UTF-8: byte 0xff in line 1"
    assert refusal(privileged(gateway), "show startup-config") == f"% {gateway.config_path}: {reason}"


# Debugging


def test_debugging_is_of_a_session_and_ends_with_it(gateway: FakeGateway) -> None:
    told: list[str] = []
    session, other = privileged(gateway, told), privileged(gateway)
    typed(session, "debug ip nat sip")
    assert typed(other, "show debugging") == ""
    gateway.register()
    assert told[0].endswith("NAT: SIP: [0] processing REGISTER message")
    assert len(gateway.subscribers) == 1
    typed(session, "debug ip nat")
    assert len(gateway.subscribers) == 1
    session.close()
    assert gateway.subscribers == {}


def test_no_more_than_so_many_conditions(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    for number in range(MOST_TOPICS):
        typed(session, f"debug ip nat sip call-id {number}")
    assert refusal(session, "debug ip nat sip") == "% No more than 32 conditions at once"
    assert typed(session, "show debugging").count("\n") == MOST_TOPICS
    found = json.loads(typed(session, "show debugging", as_json=True))["data"]["debugging"]
    assert found[0] == "sip call-id 0"


def test_a_message_of_no_call_is_shown_of_its_host(gateway: FakeGateway) -> None:
    told: list[str] = []
    session = privileged(gateway, told)
    typed(session, "debug ip nat sip call-id one")
    gateway.inside(udp(PHONE, PEER, request().replace(b"CSeq: 1", b"CSeq: x")))
    assert told == []
    typed(session, "debug ip nat sip host 203.0.113.1")
    gateway.inside(udp(PHONE, PEER, request().replace(b"CSeq: 1", b"CSeq: x")))
    assert [line.partition("[0] ")[2] for line in told] == ["processing malformed message", "message dropped: cseq"]


def test_exit_ends_debugging(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    typed(session, "debug ip nat")
    typed(session, "logout")
    assert session.ended
    assert gateway.subscribers == {}


# What is bounded


def test_a_long_line(gateway: FakeGateway) -> None:
    session = privileged(gateway)
    assert refusal(session, "x" * 1025) == "% Line is longer than 1024 characters"
    typed(session, "configure terminal")
    assert refusal(session, "x" * 1025) == "% Line is longer than 1024 characters"


def test_a_table_is_made_as_it_is_read(gateway: FakeGateway) -> None:
    gateway.crowd(500)
    pieces = ShellSession(gateway, print).execute("show ip nat translations")
    assert [next(pieces)[:3], next(pieces)[:3]] == ["Pro", "udp"]
    gateway.crowd(600)  # the tables change in between
    assert sum(1 for _ in pieces) == 500


def test_what_is_not_shown_gives_way_too(gateway: FakeGateway) -> None:
    gateway.crowd(50)
    session = ShellSession(gateway, print)
    assert list(session.execute("show ip nat translations tcp", as_json=False))[1:51] == [""] * 50
    total = list(session.execute("show ip nat translations total", as_json=False))
    assert total == [""] * 50 + ["Total number of translations: 50\n"]
    assert list(session.execute("show ip nat translations tcp", as_json=True))[1:51] == [""] * 50
    for kind in ("include .", "exclude nothing", "begin Total", "section Total", "count Total"):
        assert len(list(session.execute(f"show ip nat translations tcp | {kind}", as_json=False))) in {52, 53}
    assert json.loads(typed(session, "show ip nat translations udp total", as_json=True))["data"] == [{"total": 50}]


def test_a_filter_gives_way_at_each_line_it_keeps_back(gateway: FakeGateway) -> None:
    gateway.crowd(50)
    pieces = list(ShellSession(gateway, print).execute("show ip nat translations | include nothing"))
    assert pieces == [""] * 52


def test_help_and_completion_of_a_wrong_line(gateway: FakeGateway) -> None:
    session = ShellSession(gateway, print)
    assert session.words("show foo b") == []
    with pytest.raises(CommandError):
        session.help("show foo ")


def test_modes_have_a_help_text_for_each_word() -> None:
    assert USER.tree.completions("")
    assert PRIVILEGED.tree.completions("")


# Which translations `clear` is about


@pytest.mark.parametrize(
    ("selection", "covered"),
    [
        (Selection(), True),
        (Selection(17), True),
        (Selection(6), False),
        (Selection(inside_global=endpoint("203.0.113.1:0")), True),
        (Selection(inside_global=endpoint("203.0.113.1:5060")), True),
        (Selection(inside_global=endpoint("203.0.113.1:5061")), False),
        (Selection(inside_local=endpoint("10.0.0.11:0")), False),
        (Selection(outside_global=endpoint("198.51.100.20:0")), False),
    ],
)
def test_selection(selection: Selection, *, covered: bool) -> None:
    ends: tuple[Endpoint | None, ...] = (endpoint("203.0.113.1:5060"), endpoint("10.0.0.10:5060"), None, None)
    assert selection.covers(17, ends) is covered


# The log


def test_the_log_is_shown_to_who_asks_until_he_goes(gateway: FakeGateway) -> None:
    told: list[str] = []
    session = privileged(gateway, told)

    def log(text: str) -> None:
        gateway.log.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))

    log("nobody asked")
    typed(session, "terminal monitor")
    typed(session, "terminal monitor")
    log("%FW-6-DROP_PKT: \x1b[2J\nand a second line")
    assert [line.partition(" UTC: ")[2] for line in told] == ["%FW-6-DROP_PKT: \\x1b[2J", "and a second line"]
    typed(session, "terminal no monitor")
    log("no more")
    typed(session, "terminal monitor")
    typed(session, "no terminal monitor")
    typed(session, "terminal monitor")
    session.close()
    log("gone")
    assert len(told) == 2
