"""The limit of open files, raised as far as the system lets us."""

import resource

import pytest

from doorman.daemon.file_limit import raise_file_limit

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "may", "becomes"),
    [
        ((1_024, 4_096), 4_096, (4_096, 4_096)),
        ((1_024, 500_000), 20_000, (20_000, 500_000)),
        ((1_024, INFINITE), 20_000, (20_000, INFINITE)),
        ((500_000, 500_000), 20_000, None),
        ((INFINITE, INFINITE), 20_000, None),
    ],
)
def test_it_is_raised_to_what_is_wanted_or_allowed(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], may: int, becomes: tuple[int, int] | None
) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: made.append(both))
    assert raise_file_limit(20_000) == may
    assert made == ([becomes] if becomes else [])


@pytest.mark.parametrize("error", [PermissionError, ValueError])
def test_where_that_is_forbidden_it_stays(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 4_096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_file_limit(20_000) == 1_024
