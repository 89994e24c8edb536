"""Settings of ALGs: `ip nat service sip c-timeout 5`, one command each, from a table for each ALG.

The words of a command are what `render` writes, and its value, as typed, is what the ALG is given. The `no` form goes
back to the default, which is that of the profile.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from doorman.algs.settings import Setting
from doorman.config.command import Command
from doorman.config.model import Config, ServiceProfile, settings_at_first


def commands_of(alg: str, settings: tuple[Setting, ...], texts: Mapping[str, str]) -> tuple[Command, ...]:
    """The commands for the settings of an ALG."""
    return tuple(
        Command(
            setting.line or f"ip nat service {alg} {setting.words} ~ {setting.value}",
            {**texts, **setting.help},
            described(partial(_switch_on if setting.line else _set, alg, setting.field), setting.effect),
            described(partial(_reset, alg, setting.field), "Go back to the default."),
        )
        for setting in settings
    )


def start_from(config: Config, profile: ServiceProfile | None) -> None:
    """Let all that was at its default be at that of another profile."""
    before, after = settings_at_first(config.profile), settings_at_first(profile)
    for alg, settings in config.settings.items():
        moved: dict[str, Any] = {
            field.name: getattr(after[alg], field.name)
            for field in fields(settings)
            if getattr(settings, field.name) == getattr(before[alg], field.name)
        }
        config.settings[alg] = replace(settings, **moved)


def lines_of(config: Config, alg: str, settings: tuple[Setting, ...]) -> list[str]:
    """The commands that lead from the settings at first to those there are."""
    now, at_first = config.settings[alg], settings_at_first(config.profile)[alg]
    return [
        setting.line or f"ip nat service {alg} {setting.words} {getattr(now, setting.field)}"
        for setting in settings
        if getattr(now, setting.field) != getattr(at_first, setting.field)
    ]


def _set(alg: str, field: str, config: Config, **values: int | str) -> tuple[str, str]:
    """Set a field to the one value that was typed, or to the words that were; give which it is."""
    typed = list(values.values())
    changed: dict[str, Any] = {field: typed[0] if len(typed) == 1 else " ".join(map(str, typed))}
    config.settings[alg] = replace(config.settings[alg], **changed)
    return alg, field


def _switch_on(alg: str, field: str, config: Config) -> tuple[str, str]:
    switched: dict[str, Any] = {field: True}
    config.settings[alg] = replace(config.settings[alg], **switched)
    return alg, field


def _reset(alg: str, field: str, config: Config) -> None:
    changed: dict[str, Any] = {field: getattr(settings_at_first(config.profile)[alg], field)}
    config.settings[alg] = replace(config.settings[alg], **changed)


def described(function: Callable[..., object], text: str) -> Callable[..., object]:
    """The function with what it does as its description, for the reference."""
    function.__doc__ = text
    return function
