"""What becomes of signalling while nobody inspects it."""

import pytest

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.render import render


@pytest.mark.parametrize(
    ("text", "failures", "fails_open"),
    [
        ("", {}, True),
        ("ip nat service sip fail-open\n", {"sip": "fail-open"}, True),
        ("ip nat service sip fail-closed\n", {"sip": "fail-closed"}, False),
        ("ip nat service sip fail-open\nip nat service sip fail-closed\n", {"sip": "fail-closed"}, False),
        ("ip nat service sip fail-closed\nno ip nat service sip fail-open\n", {"sip": "fail-closed"}, False),
        ("ip nat service sip fail-closed\nno ip nat service sip fail-closed\n", {}, True),
        ("ip nat service sip fail-closed\nno ip nat service sip\n", {"sip": "fail-closed"}, True),
        ("ip nat service sip fail-closed\nno ip nat service sip udp port 5060\n", {"sip": "fail-closed"}, True),
        (
            "ip nat service sip fail-closed\nno ip nat service sip udp port 5060\nip nat service sip tcp mode vtcp\n",
            {"sip": "fail-closed"},
            False,
        ),
        ("ip nat service profile rfc4787\nip nat service sip fail-closed\n", {"sip": "fail-closed"}, True),
    ],
)
def test_it_is_read_and_rendered(text: str, failures: dict[str, str], fails_open: bool) -> None:  # noqa: FBT001
    config = read_config(text, "test.cfg")
    assert config.failures == failures
    assert config.fails_open == fails_open
    assert read_config(render(config), "rendered") == config
    for alg, failure in failures.items():
        assert config.failure(alg) == failure
        assert f"ip nat service {alg} {failure}\n" in render(config)


def test_the_default() -> None:
    assert Config().failure("sip") == "fail-open"
    assert "fail-" not in render(Config())
